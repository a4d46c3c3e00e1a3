"""The whole line on real CT, with DCMTK as the scanner and Orthanc as the PACS."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from tests.support.clients import dcmsend, judged
from tests.support.orthanc import Orthanc, orthanc
from tests.support.peers import program, until
from tests.support.service import Service

SEG, SR = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34"


@pytest.fixture(scope="module")
def phantom(data, tmp_path_factory):
    """One run of ibsi-ct-phantom with its RTSTRUCT: the node, and Orthanc with what came back."""
    home = tmp_path_factory.mktemp("line")
    with orthanc(home / "pacs", {}) as pacs, Service(home, pacs_port=pacs.dicom_port) as node:
        dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: pacs.series("SR") and pacs.series("SEG"), within_s=90, what="SEG and SR in Orthanc")
        yield node, pacs


def objects(pacs: Orthanc, modality: str) -> list[pydicom.Dataset]:
    """What Orthanc holds of a modality."""
    return [pydicom.dcmread(BytesIO(file)) for file in pacs.instances(modality)]


def test_one_seg_and_one_sr_come_back_into_the_pacs(phantom, data):
    """They carry the study, the patient and the frame of reference of the CT that was sent."""
    _, pacs = phantom
    [seg], [sr] = objects(pacs, "SEG"), objects(pacs, "SR")
    source = pydicom.dcmread(next((data / "ibsi-ct-phantom" / "dicom" / "image").iterdir()), stop_before_pixels=True)
    for result in (seg, sr):
        assert result.StudyInstanceUID == source.StudyInstanceUID
        assert result.PatientID == source.PatientID
        assert result.ContentQualification == "RESEARCH"
    assert (seg.SOPClassUID, sr.SOPClassUID) == (SEG, SR)
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


def test_the_sr_names_volume_prediction_and_its_limits(phantom, tmp_path):
    """A radiologist who reads nothing else reads this; DCMTK's dsrdump is the reader."""
    _, pacs = phantom
    [file] = pacs.instances("SR")
    (tmp_path / "sr.dcm").write_bytes(file)
    text = subprocess.run(
        [program("dsrdump"), "+Pl", str(tmp_path / "sr.dcm")], capture_output=True, text=True, check=True
    ).stdout
    for words in (
        "AI-predicted probability of EGFR mutation",
        "GTV-1",
        "primary NSCLC",
        "ubstitute for molecular testing",
    ):
        assert words in text


def test_dciodvfy_finds_no_error(phantom, tmp_path):
    """The judge of IODs."""
    _, pacs = phantom
    for modality in ("SEG", "SR"):
        for number, file in enumerate(pacs.instances(modality)):
            path = tmp_path / f"{modality}{number}.dcm"
            path.write_bytes(file)
            assert judged(path) == []


def test_only_the_dicom_port_listens_beyond_this_machine(phantom):
    """Every other listening socket of the process tree is bound to loopback; the test's node binds loopback as well."""
    node, _ = phantom
    pids = {node.process.pid, *node.workers()}
    inodes = {link for pid in pids for link in _sockets(pid)}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address = fields[1].split(":")[0]
                assert address in {"0100007F", "00000000000000000000000001000000"}, line


def _sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def test_what_the_pacs_sends_back_starts_no_loop(phantom):
    """Orthanc forwards everything it holds back, ten times: stored, answered Success, and nothing new is made."""
    node, pacs = phantom
    pacs.knows("radnode", "RADNODE", node.port)
    before = [(job.id, job.state, job.updated_at) for job in node.jobs()]
    for _ in range(10):
        sent = pacs.post("/modalities/radnode/store", pacs.get("/instances"))
        assert sent["FailedInstancesCount"] == 0
    until(lambda: not list((node.state / "spool" / "new").iterdir()), what="the recorder")
    ledger = node.ledger()
    assert ledger.due_studies(datetime.now(UTC)) == ()
    ledger.close()
    assert [(job.id, job.state, job.updated_at) for job in node.jobs()] == before
    assert {modality: len(pacs.instances(modality)) for modality in ("SEG", "SR")} == {"SEG": 1, "SR": 1}
