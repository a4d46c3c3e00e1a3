"""
From durable files to known instances: `spool/new` ▸ rows in the ledger ▸ `spool/kept`.

A crash between any two of these steps is healed by doing them again: rows are idempotent, and so are the moves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydicom.filereader import read_file_meta_info

from node.dicom.header import FOREIGN, quiet, read_instance
from node.domain.order import Order
from node.domain.series import Instance
from node.errors import InstanceUnreadable
from node.receive.compare import compare_versions
from node.store import results
from node.store.instances import Arrival
from node.store.ledger import Ledger
from node.store.results import Manifest
from node.store.spool import Spool, is_uid

log = structlog.get_logger()

BATCH = 256
"""Files per transaction."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One file of `new/`: what it is, or why it cannot be read."""

    path: Path
    received_at: datetime
    calling_ae: str
    size_bytes: int
    instance: Instance | None
    reason: str = ""


class Recorder:
    """Only one at a time works on a spool."""

    def __init__(self, ledger: Ledger, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._ledger, self._spool, self._clock = ledger, spool, clock
        self._state_dir = spool.root.parent

    def step(self) -> int:
        """
        Record all that waits in `new/`, then compare versions of one instance until something new arrives.

        Returns:
            How many files and comparisons that were.

        Raises:
            LedgerError: The database failed; what was not recorded still lies in `new/`.
            OSError: The disk failed.
        """
        waiting = self._spool.waiting()
        for batch in _batches(waiting):
            self._record([_read(path, self._clock()) for path in batch])
        return len(waiting) + compare_versions(self._ledger, self._state_dir, stop=lambda: bool(self._spool.waiting()))

    def _record(self, files: Sequence[_Read]) -> None:
        arrivals, moves = [], []
        for file in files:
            if file.instance is None:
                self._reject(file)
                continue
            series = (file.instance.study_uid, file.instance.series_uid)
            arrivals.append(_arrival(file, file.instance, self._spool.root.joinpath("kept", *series, file.path.name)))
            moves.append((file.path, *series))
        self._ledger.record(arrivals)
        self._spool.promote_all(moves)
        if arrivals:
            log.debug("instance.recorded", count=len(arrivals))

    def _reject(self, file: _Read) -> None:
        target = self._spool.root / "rejected" / file.path.name
        relative = target.relative_to(self._state_dir).as_posix()
        self._ledger.unreadable(relative, file.reason, file.calling_ae, file.received_at)
        self._spool.reject(file.path, file.reason)
        log.warning("instance.unreadable", path=relative, calling=file.calling_ae, reason=file.reason)


def rebuild(
    ledger: Ledger,
    spool: Spool,
    results_root: Path,
    clock: Callable[[], datetime],
    destinations: Mapping[str, Collection[str]],
) -> bool:
    """
    Fill a new ledger from what lies in the result folders and in the spool; to be called at every start.

    Results come first, so that our own objects among the received ones are known as ours. All that has a result is to
    be delivered again: the same bytes, since nobody knows what the destinations have. Interrupted, it is done again.

    Args:
        ledger: Just opened.
        spool: Of the same state directory.
        results_root: The folder `results` of the same state directory.
        clock: Gives the present, aware.
        destinations: Name to the kinds of files it takes; others that an order names are passed over.

    Returns:
        False, with nothing done, when the ledger was not new.
    """
    if not ledger.needs_rebuild():
        return False
    jobs = sorted(_orders(results_root), key=lambda each: (each[0].revision, each[0].written_at, each[0].job_id))
    for order, manifest in jobs:
        wanted = {name: destinations[name] for name in order.pipeline.send_to if name in destinations}
        ledger.restore(order, manifest, wanted)
    kept = sorted(spool.kept(), key=lambda path: (path.stat().st_mtime_ns, path.name))
    for batch in _batches(kept):
        read = [_read(path, clock()) for path in batch]
        ledger.record([_arrival(file, file.instance, file.path) for file in read if file.instance is not None])
    _take_up_rejected(ledger, spool, clock)
    ledger.rebuilt()
    if jobs or kept:
        log.info("ledger.rebuilt", count=len(kept), path=str(spool.root))
    return True


def _orders(results_root: Path) -> Iterator[tuple[Order, Manifest]]:
    for order_json, manifest in results.walk(results_root):
        try:
            order = Order.from_json(order_json)
        except ValueError as error:
            log.error("job.lost", job_id=manifest.job_id, reason=f"its order is not readable: {error}")
            continue
        if order.job_id == manifest.job_id:
            yield order, manifest
        else:
            log.error("job.lost", job_id=manifest.job_id, reason="its order belongs to another job")


def _take_up_rejected(ledger: Ledger, spool: Spool, clock: Callable[[], datetime]) -> None:
    for path in sorted((spool.root / "rejected").glob("*.dcm")):
        note = path.with_suffix(".txt")
        reason = note.read_text(encoding="utf-8").strip() if note.exists() else "unknown"
        relative = path.relative_to(spool.root.parent).as_posix()
        ledger.unreadable(relative, reason, _calling_ae(path), _received_at(path, clock()))


def _read(path: Path, now: datetime) -> _Read:
    instance, reason = None, ""
    try:
        instance = read_instance(path)
        for uid in (instance.sop_uid, instance.study_uid, instance.series_uid):
            if not is_uid(uid):
                instance, reason = None, "a UID of instance, series or study is none"
                break
    except InstanceUnreadable as error:
        reason = error.found
    return _Read(path, _received_at(path, now), _calling_ae(path), path.stat().st_size, instance, reason)


def _arrival(file: _Read, instance: Instance, path: Path) -> Arrival:
    """`path`: where the file is or will be kept, below `<state directory>/spool/kept/<study>/<series>`."""
    return Arrival(
        instance=instance,
        path=path.relative_to(path.parents[4]).as_posix(),
        calling_ae=file.calling_ae,
        received_at=file.received_at,
        size_bytes=file.size_bytes,
    )


def _received_at(path: Path, now: datetime) -> datetime:
    """When the file was written: known after a crash too. A clock that was set back must not put it into the future."""
    return min(datetime.fromtimestamp(path.stat().st_mtime, UTC), now)


def _calling_ae(path: Path) -> str:
    """Source Application Entity Title (0002,0016), where the door put it; "" when there is none."""
    try:
        with quiet():
            return str(read_file_meta_info(path).get("SourceApplicationEntityTitle", "")).strip()
    except FOREIGN:
        return ""


def _batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), BATCH):
        yield paths[start : start + BATCH]
