"""A radiologist's report comes with the study, or after it: `lung-alk` answers from it and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from node.demo.archive import Archive
from node.demo.patient import chest_ct
from tests.integration.test_arrivals import settled
from tests.integration.test_folder import evaluate, radnode
from tests.integration.test_kill import make, results
from tests.support.clients import dcmsend, judged
from tests.support.drawings import circle, structure_set
from tests.support.peers import until
from tests.support.readings import (
    ABSENT,
    ATTENUATION,
    CENTRAL,
    CN2,
    EFFUSION,
    N_CATEGORY,
    PLACE,
    PRESENT,
    SOLID,
    UNDETERMINED,
    evaluation,
    own,
    reading,
    saved,
)
from tests.support.reports import texts

CONFIG = """
[node]
language = "LANGUAGE"
[peers.pacs]
ae_title = "PACS"
host = "127.0.0.1"
port = 104
[destinations.pacs]
peer = "pacs"
send = ["seg", "sr", "text-sr", "pdf"]
[[pipelines]]
name = "lung"
organ = "lung"
models = ["lung-egfr", "lung-alk"]
max_study_age_days = 36500
send_to = ["pacs"]
[pipelines.series.ct]
modality = "CT"
[pipelines.lesion]
from = ["rtstruct"]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[Path, list[Dataset]]:
    """A synthetic chest CT with its tumour drawn by hand, and the headers of its images."""
    folder = tmp_path_factory.mktemp("study")
    made = chest_ct(folder / "ct", seed=5, slices=75)
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in made.paths]
    x, y, z = made.centre_lps
    planes = [float(h.ImagePositionPatient[2]) for h in headers]
    rings = [
        circle((x, y, plane), float(np.sqrt(11**2 - (plane - z) ** 2)), [1, 0, 0], [0, 1, 0])
        for plane in planes
        if abs(plane - z) < 10.5
    ]
    first = headers[0]
    structure_set(
        folder / "rtstruct.dcm",
        [{"name": "GTV-1", "type": "GTV", "contours": rings, "frame_uid": first.FrameOfReferenceUID}],
        frame_uid=first.FrameOfReferenceUID,
        sop_uids=[h.SOPInstanceUID for h in headers],
        StudyInstanceUID=first.StudyInstanceUID,
        PatientID=first.PatientID,
        PatientName=first.PatientName,
        PatientBirthDate=first.PatientBirthDate,
        PatientSex=first.PatientSex,
    )
    return folder, headers


def with_reports(study: tuple[Path, list[Dataset]], folder: Path, *reports: Dataset) -> Path:
    """The study in a folder of its own, with these reports."""
    folder.mkdir()
    for number, each in enumerate(reports):
        saved(each, folder / f"report{number}.dcm")
    for path in study[0].rglob("*.dcm"):
        (folder / f"{path.parent.name}-{path.name}").symlink_to(path)
    return folder


def alk(document: dict) -> dict:
    """What `lung-alk` said of the one lesion."""
    [job] = document["jobs"]
    assert job["state"] == "succeeded", job["reason"]
    [lesion] = job["lesions"]
    return next(p for p in lesion["predictions"] if p["model"] == "lung-alk")


def file(document: dict, name: str) -> Dataset:
    """A result object."""
    [path] = [f["path"] for f in document["jobs"][0]["files"] if Path(f["path"]).name == name]
    return pydicom.dcmread(path)


def config(language: str = "en") -> str:
    """config.toml."""
    return CONFIG.replace("LANGUAGE", language)


def test_lung_alk_answers_from_the_report_that_came_with_the_study(study, tmp_path):
    """Its origin stands beside the answer in the document, the SR, the text SR and the report for a person."""
    report = reading(
        study[1],
        [(ATTENUATION, SOLID), (PLACE, CENTRAL), (N_CATEGORY, CN2)],
        whole=[evaluation(EFFUSION, ABSENT), evaluation(own("Pleural metastasis"), UNDETERMINED)],
        ContentDate="20261120",
        ContentTime="101500",
        VerificationFlag="VERIFIED",
    )
    folder = with_reports(study, tmp_path / "in", report)
    document = evaluate(folder, tmp_path / "out", config())
    said = alk(document)
    origin = f"reader's SR {report.SOPInstanceUID} of 2026-11-20 10:15, verified"

    assert said["state"] == "predicted", said["reason"]
    assert said["inputs"] == {
        "solid": {"value": "yes", "source": origin},
        "central": {"value": "yes", "source": origin},
        "nodal_stage": {"value": "n2", "source": origin},
        "effusion": {"value": "no", "source": origin},
    }
    assert said["missing_inputs"] == ["lymphangitic", "pleural_metastasis", "lung_metastasis"]
    assert said["probability"] > 0.045
    used = f"Inputs used: solid yes, central yes, nodal stage N2, pleural effusion no [{origin}]."
    gap = f"Pleural metastasis is missing: 'Undetermined' is no answer that is understood ({origin})."
    for printed in ("\n".join(texts(file(document, "sr.dcm"))), "\n".join(texts(file(document, "text-sr.dcm")))):
        assert used in printed
        assert gap in printed
    evidence = file(document, "sr.dcm").CurrentRequestedProcedureEvidenceSequence
    named = {s.ReferencedSOPInstanceUID for e in evidence for r in e.ReferencedSeriesSequence
             for s in r.ReferencedSOPSequence}  # fmt: skip
    assert report.SOPInstanceUID in named
    assert judged(Path(document["jobs"][0]["files"][1]["path"])) == []

    text = radnode("run", folder, "--out", tmp_path / "again", "--config", tmp_path / "out" / "config.toml").stdout
    assert used in " ".join(text.split())


def test_the_clinical_file_wins_and_a_device_is_no_reader(study, tmp_path):
    """In German: one value from the file, one from the report of a person, none from that of a program."""
    report = reading(study[1], [(ATTENUATION, SOLID), (PLACE, CENTRAL)], ContentDate="20261120", ContentTime="101500")
    program = reading(study[1], [(N_CATEGORY, CN2)], device=True)
    table = tmp_path / "clinical.csv"
    table.write_text(f"PatientID,solid\n{study[1][0].PatientID},no\n")
    folder = with_reports(study, tmp_path / "in", report, program)
    document = evaluate(folder, tmp_path / "out", config("de"), "--clinical", table)
    inputs = alk(document)["inputs"]
    assert {name: each["value"] for name, each in inputs.items()} == {"solid": "no", "central": "yes"}
    printed = "\n".join(texts(file(document, "sr.dcm")))
    assert f"zentral ja [Befund-SR {report.SOPInstanceUID}, Datum 2026-11-20 10:15, nicht verifiziert]" in printed
    assert "solide nein [klinische Datei, Zeile 2]" in printed


def test_a_report_that_comes_later_makes_one_revision(study, tmp_path):
    """CT and drawing first: ALK is not evaluated. Then the radiologist reads: revision 2 has an answer and says why."""
    report = reading(
        study[1],
        whole=[evaluation(ATTENUATION, SOLID), evaluation(EFFUSION, PRESENT)],
        finding=own("Chest"),
        ContentDate="20261120",
        ContentTime="101500",
    )
    with Archive("PACS", tmp_path / "pacs") as pacs:
        node = make(tmp_path, pacs)
        node.config.write_text(node.config.read_text().replace('["lung-egfr"]', '["lung-alk"]'))
        with node:
            dcmsend(node.port, study[0])
            until(lambda: settled(node), within_s=120, what="the first revision")
            dcmsend(node.port, saved(report, tmp_path / "report.dcm"))
            until(lambda: settled(node, jobs=2), within_s=120, what="the second revision")
            until(lambda: len(reports(pacs)) == 2, within_s=60, what="both reports in the archive")
            dcmsend(node.port, *(store.path for store in pacs.stores))  # a PACS that routes everything back
            until(lambda: settled(node, jobs=2), within_s=60, what="our own objects to be known as ours")
    before, after = ("\n".join(texts(sr)) for sr in sorted(reports(pacs), key=lambda sr: sr.SeriesDescription))
    assert "AI-predicted ALK rearrangement: not evaluated" in before
    assert "A reader's report states other findings (pleural effusion, solid)." in after
    assert "AI-predicted probability of ALK rearrangement" in after
    assert f"[reader's SR {report.SOPInstanceUID} of 2026-11-20 10:15, not verified]" in after


def reports(pacs: Archive) -> list[Dataset]:
    """The reports that the archive received, without the key-slice ones."""
    return [ds for ds in results(pacs).values() if ds.Modality == "SR" and "key-slice" not in ds.SeriesDescription]
