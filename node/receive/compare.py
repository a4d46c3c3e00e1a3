"""Two versions of one instance: do they show the same, or do they contradict each other? Never asked in the door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from node.dicom.content import same_content
from node.domain.series import Stored
from node.errors import InstanceUnreadable
from node.store.ledger import Ledger

log = structlog.get_logger()

BATCH = 256


def compare_versions(ledger: Ledger, root: Path, *, stop: Callable[[], bool] = lambda: False) -> int:
    """
    Compare every version that nobody has compared yet with the earlier ones of its instance.

    Args:
        root: What the ledger's paths are taken from.
        stop: Asked after each comparison: whether something more urgent waits.

    Returns:
        How many were compared.
    """
    count = 0
    while waiting := ledger.unjudged(limit=BATCH):
        for version, _ in waiting:
            _compare(ledger, root, version)
            count += 1
            if stop():
                return count
    return count


def _compare(ledger: Ledger, root: Path, version: Stored) -> None:
    """Find the first version that shows the same as this one."""
    this, known = version.instance, ledger.versions(version.instance.sop_uid)
    content = this.digest
    for former in known:
        shows_itself = former.content == former.instance.digest
        if shows_itself and former.instance.digest != this.digest and _same(root / former.path, root / version.path):
            content = former.content
            break
    conflict = content != known[0].content
    ledger.judge(this.sop_uid, this.digest, content=content, conflict=conflict)
    if conflict:
        log.warning("instance.conflicted", sop_uid=this.sop_uid, study_uid=this.study_uid, digest=this.digest)


def _same(one: Path, other: Path) -> bool:
    try:
        return same_content(one, other)
    except InstanceUnreadable:
        return False  # what nobody can compare must not pass for the same
