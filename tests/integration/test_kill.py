"""Unkillable: SIGKILL of node and worker at each stage; one SEG and one SR series, equal to an undisturbed run's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from node.demo.archive import Archive
from tests.support.clients import dcmsend, start_dcmsend
from tests.support.peers import until
from tests.support.service import Service

SEG, SR = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34"
INSTALLATION = "00000000-0000-4000-8000-000000000000"


def make(home: Path, pacs: Archive, *, quiet_s: float = 1.0) -> Service:
    """A node with a known installation, so that UIDs can be compared over runs."""
    node = Service(home, pacs_port=pacs.port, quiet_s=quiet_s)
    node.config.write_text(node.config.read_text().replace('ae_title = "ORTHANC"', f'ae_title = "{pacs.ae_title}"'))
    node.state.mkdir(parents=True, exist_ok=True)
    (node.state / "installation").write_text(INSTALLATION + "\n")
    return node


def results(pacs: Archive) -> dict[str, Dataset]:
    """SOP Instance UID to data set, of all that the archive received; the same UID twice must be the same object."""
    found: dict[str, Dataset] = {}
    for received in pacs.stores:
        ds = pydicom.dcmread(received.path)
        if ds.SOPInstanceUID in found:
            assert found[ds.SOPInstanceUID] == ds
        found[ds.SOPInstanceUID] = ds
    return found


def timeless(ds: Dataset) -> Dataset:
    """A data set without dates and times, which belong to the order of each run."""
    copy = Dataset()
    for element in ds:
        if element.VR in {"DA", "TM", "DT"}:
            continue
        if element.VR == "SQ":
            copy.add_new(element.tag, "SQ", [timeless(item) for item in element.value])
        else:
            copy.add(element)
    return copy


def complete(pacs: Archive) -> bool:
    """Whether both came back."""
    return {SEG, SR} <= {r.sop_class for r in pacs.stores}


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """SOP Instance UID to data set of a run that nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    with Archive("PACS", home / "pacs") as pacs, make(home, pacs) as node:
        dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: complete(pacs), within_s=90, what="SEG and SR")
        return {uid: timeless(ds) for uid, ds in results(pacs).items()}


STAGES = ["load", "organ", "segment", "measure", "predict", "encode"]


def reached(node: Service, marker: str) -> bool:
    """Whether the log tells that a stage began."""
    for line in node.log_bytes().decode(errors="replace").splitlines():
        if marker in STAGES:
            if '"stage.started"' in line and f'"stage": "{marker}"' in line:
                return True
        elif f'"{marker}"' in line:
            return True
    return False


def finish(node: Service, pacs: Archive, undisturbed: dict[str, Dataset]) -> None:
    """Wait for the end and compare with the undisturbed run."""
    until(lambda: complete(pacs), within_s=120, what="SEG and SR")
    found = results(pacs)
    assert {uid: timeless(ds) for uid, ds in found.items()} == undisturbed
    assert len({ds.SeriesInstanceUID for ds in found.values()}) == 2
    assert [job.state for job in node.jobs()] == ["succeeded"]


@pytest.mark.slow
@pytest.mark.parametrize("marker", ["instance.recorded", "job.queued", *STAGES, "job.finished", "delivery.sent"])
def test_the_node_is_killed(marker, data, tmp_path, undisturbed):
    """SIGKILL of the serving process when the log shows the marker; a new start finishes the work."""
    with Archive("PACS", tmp_path / "pacs") as pacs:
        # what was cut off while it was sent must be sent again before it counts as quiet
        node = make(tmp_path, pacs, quiet_s=25 if marker == "instance.recorded" else 1).start()
        sending = start_dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: reached(node, marker), within_s=90, what=marker)
        node.kill()
        sending.wait(30)
        node.start()
        if sending.returncode:  # the scanner was not answered Success for all: it sends again
            dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        finish(node, pacs, undisturbed)
        node.kill()


@pytest.mark.slow
@pytest.mark.parametrize("marker", STAGES)
def test_the_worker_is_killed(marker, data, tmp_path, undisturbed):
    """SIGKILL of the worker process inside a stage; the node counts the attempt and tries again."""
    with Archive("PACS", tmp_path / "pacs") as pacs, make(tmp_path, pacs) as node:
        dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: reached(node, marker), within_s=90, what=marker)
        for pid in node.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        finish(node, pacs, undisturbed)


def test_the_ledger_is_lost(data, tmp_path, undisturbed):
    """With the ledger deleted, a restart rebuilds it from spool and results; what it sends is identical."""
    with Archive("PACS", tmp_path / "pacs") as pacs:
        node = make(tmp_path, pacs).start()
        dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: complete(pacs), within_s=90, what="SEG and SR")
        node.stop()
        first = results(pacs)
        for path in node.state.glob("ledger.sqlite*"):
            path.unlink()
        node.start()
        until(lambda: len(pacs.stores) >= 4, within_s=60, what="the same objects again")
        until(lambda: node.jobs() and node.jobs()[0].state == "succeeded", what="the job")
        assert results(pacs) == first
        assert len(node.jobs()) == 1
        node.kill()
