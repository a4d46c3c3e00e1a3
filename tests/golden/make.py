"""
The golden texts: `python -m tests.golden.make` writes `tests/golden/expected`. Read the difference, then commit it.

One file for each situation, run and kind of result, and one with the report that a terminal shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from node.dicom.envelope import Envelope, device_uid
from node.domain.report import report
from tests.golden.dump import Names, dump
from tests.golden.situations import Situation, situations

EXPECTED = Path(__file__).parent / "expected"


def texts(ran: Mapping[str, Mapping[str, Situation]]) -> dict[str, str]:
    """Path below `EXPECTED` to text; the runs of a situation name their UIDs together."""
    written = {}
    for name, runs in ran.items():
        names = Names()
        for run, situation in runs.items():
            names.known |= {**situation.names, **_devices(situation)}
            folder = f"{name}/{run}-" if run else f"{name}/"
            for kind, ds in situation.result.objects.items():
                written[f"{folder}{kind}.txt"] = dump(ds, names)
            written[f"{folder}report.txt"] = names.within(report(situation.result.findings))
    return written


def kept() -> dict[str, str]:
    """The texts that are in the repository."""
    return {path.relative_to(EXPECTED).as_posix(): path.read_text("utf-8") for path in EXPECTED.rglob("*.txt")}


def _devices(situation: Situation) -> dict[str, str]:
    envelope = Envelope.of(situation.order).naming(situation.result.findings)
    return {envelope.device_uid: "device: the node"} | {device_uid(m): f"device: {m.id}" for m in envelope.models}


def write(made: Mapping[str, str]) -> None:
    """Write the texts, and remove those of situations or kinds that are no more."""
    for stale in kept().keys() - made.keys():
        (EXPECTED / stale).unlink()
    for name, text in made.items():
        path = EXPECTED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        write(texts(situations(Path(scratch))))
