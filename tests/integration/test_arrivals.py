"""However a study arrives, it is analysed once; and while the PACS is away, nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pydicom
import pytest

from node.demo.archive import Archive
from tests.integration.test_kill import complete, make, results
from tests.support.clients import dcmsend, start_dcmsend
from tests.support.peers import until


@pytest.fixture
def pacs(tmp_path):
    """A recording archive."""
    with Archive("PACS", tmp_path / "pacs") as archive:
        yield archive


@pytest.fixture
def node(tmp_path, pacs):
    """A node that sends to it."""
    with make(tmp_path, pacs) as service:
        yield service


def settled(node, jobs: int = 1) -> bool:
    """Whether everything received is recorded and so many jobs are over."""
    ledger = node.ledger()
    try:
        due = ledger.due_studies(datetime.now(UTC)) or list((node.state / "spool" / "new").iterdir())
        over = [job for job in ledger.jobs() if job.state in {"succeeded", "refused", "failed"}]
        return not due and len(over) == jobs and not ledger.queued() and not ledger.running()
    finally:
        ledger.close()


def test_sent_twice_and_by_three_associations_at_once(data, node, pacs):
    """Three scanners' worth of the same study, and once more after the result: one SEG and one SR, once each."""
    folder = data / "ibsi-ct-phantom" / "dicom"
    sending = [start_dcmsend(node.port, folder) for _ in range(3)]
    assert [process.wait(60) for process in sending] == [0, 0, 0]
    until(lambda: complete(pacs), within_s=90, what="SEG and SR")
    dcmsend(node.port, folder)
    until(lambda: settled(node), what="the second arrival to settle")
    assert len(pacs.stores) == 2
    assert [job.revision for job in node.jobs()] == [1]


def test_sent_again_while_it_is_being_analysed(data, node, pacs):
    """Identical instances change nothing, whatever is running."""
    folder = data / "ibsi-ct-phantom" / "dicom"
    dcmsend(node.port, folder)
    until(lambda: b"job.started" in node.log_bytes(), within_s=60, what="the job")
    dcmsend(node.port, folder)
    until(lambda: complete(pacs), within_s=90, what="SEG and SR")
    until(lambda: settled(node), what="the study to settle")
    assert len(pacs.stores) == 2


def test_the_pacs_is_away_for_a_while(data, node, pacs):
    """Results wait and arrive when it is back, SEG first, each once."""
    pacs.leave()
    dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom")
    until(lambda: b"delivery.deferred" in node.log_bytes(), within_s=90, what="a delivery that fails")
    assert pacs.stores == []
    pacs.come_back()
    until(lambda: complete(pacs), within_s=90, what="SEG and SR")
    assert [pydicom.dcmread(store.path).Modality for store in pacs.stores] == ["SEG", "SR"]


def test_the_structure_set_comes_later_and_makes_one_revision(data, node, pacs):
    """CT first: refused for want of a lesion (silently) or answered by the model; with the RTSTRUCT: revision 2."""
    dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom" / "image")
    until(lambda: settled(node), within_s=90, what="the first revision")
    dcmsend(node.port, data / "ibsi-ct-phantom" / "dicom" / "mask")
    until(lambda: settled(node, jobs=2), within_s=90, what="the second revision")

    def revised() -> set[str]:
        return {ds.Modality for ds in results(pacs).values() if "rev 2" in ds.SeriesDescription}

    until(lambda: revised() == {"SEG", "SR"}, within_s=30, what="SEG and SR of the revision")
    assert [job.revision for job in sorted(node.jobs(), key=lambda job: job.revision)] == [1, 2]


def test_sarcoma_by_the_lung_pipeline(data, node, pacs):
    """The thigh CT is refused as wrong anatomy, silently; the MR matches nothing, is kept, and is visible."""
    dcmsend(node.port, data / "sarcoma-sts002" / "dicom" / "STS_002")
    until(lambda: settled(node), within_s=90, what="the refusal")
    [job] = node.jobs()
    assert (job.state, job.reason_code) == ("refused", "wrong anatomy")
    ledger = node.ledger()
    why = [text for case in ledger.cases() for roles in case.explanation["series"].values() for text in roles.values()]
    ledger.close()
    assert any("Modality is MR" in text for text in why)
    assert pacs.stores == []
    kept = {
        pydicom.dcmread(p, stop_before_pixels=True).Modality for p in (node.state / "spool" / "kept").rglob("*.dcm")
    }
    assert kept == {"CT", "MR", "RTSTRUCT"}


def test_two_patients_interleaved_in_one_association(data, node, pacs, tmp_path):
    """Instances of two studies arrive shuffled: each becomes what it is, and the log names neither patient."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number, path in enumerate(sorted((data / "ibsi-ct-phantom" / "dicom").rglob("*.dcm"))):
        ds = pydicom.dcmread(path)
        for patient in ("A", "B"):
            ds.PatientID, ds.PatientName = f"PATIENT-{patient}", "Lovelace^Ada"
            copy = renamed(ds, patient)
            copy.save_as(folder / f"{number:03}{patient}.dcm")
    dcmsend(node.port, folder)
    until(lambda: settled(node, jobs=2), within_s=120, what="two jobs")
    until(lambda: len(pacs.stores) == 4, what="four objects")
    by_patient = {(ds.PatientID, ds.Modality) for ds in results(pacs).values()}
    assert by_patient == {(f"PATIENT-{p}", m) for p in "AB" for m in ("SEG", "SR")}
    assert not any(value in node.log_bytes() for value in (b"PATIENT-", b"Lovelace")), "patient data in the log"


def renamed(ds: pydicom.Dataset, suffix: str) -> pydicom.Dataset:
    """A copy whose study, series, frame and instances have UIDs of their own, references included."""
    number = str(ord(suffix))
    text = pydicom.Dataset.from_json(ds.to_json())

    def walk(item: pydicom.Dataset) -> None:
        for element in item:
            if element.VR == "SQ":
                for each in element.value:
                    walk(each)
            elif element.keyword.endswith("InstanceUID") or "FrameOfReferenceUID" in element.keyword:
                element.value = f"{element.value[:60]}.{number}"

    walk(text)
    text.file_meta = pydicom.dataset.FileMetaDataset()
    text.file_meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    text.file_meta.MediaStorageSOPClassUID, text.file_meta.MediaStorageSOPInstanceUID = (
        text.SOPClassUID,
        text.SOPInstanceUID,
    )
    text.preamble = bytes(128)
    return text
