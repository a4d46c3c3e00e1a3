"""
Glioma on the whole line, with DCMTK as the scanner and Orthanc as the PACS; and a drawing on FLAIR by `radnode run`.

The study is made of one public FLAIR volume (`tests.support.glioma`): derived, spacing assumed. It proves plumbing and
registration, not accuracy on a real T1c.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node import shipped
from node.dicom.segments import Segmentation, read_segmentation
from node.domain.geometry import Geometry
from node.imaging.regrid import onto
from tests.support.clients import dcmsend, judged
from tests.support.drawings import dice
from tests.support.glioma import MOVED, Case, case, motion, study
from tests.support.orthanc import Orthanc, orthanc
from tests.support.pages import printed
from tests.support.peers import until
from tests.support.reports import walk
from tests.support.segmentations import segmentation
from tests.support.series import save
from tests.support.service import Service

GLIOMA = """
[[pipelines]]
name = "glioma"
models = ["glioma-idh", "glioma-1p19q", "glioma-mgmt"]
finding_site = ["12738006", "SCT", "Brain"]
send_to = ["pacs"]
max_study_age_days = 36500
role_wait_s = 2
[pipelines.series.t1c]
modality = "MR"
sequence = "t1"
contrast = true
[pipelines.series.flair]
modality = "MR"
sequence = "flair"
[pipelines.lesion]
from = ["rtstruct", "seg", "seed", "model:glioma-flair"]
min_trust = 0.3
"""

LEAST_DICE = 0.75
"""Of the drawing by `glioma-flair` on this patient; how well it draws on many is measured in its card."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """
    What was sent, and what the PACS held afterwards.

    Attributes:
        alone: What came back by Modality when FLAIR alone had been sent.
        whole: What came back besides when T1c had followed.
        jobs: As the ledger tells them, first revision first.
    """

    sent: dict[str, list[Dataset]]
    alone: dict[str, list[Dataset]]
    whole: dict[str, list[Dataset]]
    jobs: list


@pytest.fixture(scope="module")
def patient(data) -> Case:
    """The arrays that the study is made of."""
    return case(data, "TCGA_DU_5872_19950223")


@pytest.fixture(scope="module")
def line(patient, tmp_path_factory) -> Line:
    """FLAIR by dcmsend, and when the node has given up waiting for T1c, T1c by dcmsend."""
    home, sent = tmp_path_factory.mktemp("glioma"), study(patient)
    for role, series in sent.items():
        save(series, home / role)
    with (
        orthanc(home / "pacs", {}) as pacs,
        Service(
            home / "node", pacs_port=pacs.dicom_port, send=("seg", "sr", "pdf"), pipelines=GLIOMA, quiet_s=2
        ) as node,
    ):
        dcmsend(node.port, home / "flair")
        until(lambda: delivered(node, "refused"), within_s=90, what="the refusal in Orthanc")
        alone = held(pacs)
        dcmsend(node.port, home / "t1c")
        until(lambda: delivered(node, "succeeded"), within_s=240, what="SEG, SR and report in Orthanc")
        before = {ds.SOPInstanceUID for found in alone.values() for ds in found}
        after = {m: [ds for ds in found if ds.SOPInstanceUID not in before] for m, found in held(pacs).items()}
        return Line(sent=sent, alone=alone, whole=after, jobs=sorted(node.jobs(), key=lambda job: job.revision))


def delivered(node: Service, state: str) -> bool:
    """Whether the latest job ended so, and the PACS has taken all of it."""
    ledger = node.ledger()
    try:
        [*_, latest] = sorted(ledger.jobs(), key=lambda job: job.revision) or [None]
        rows = ledger.deliveries(latest.id) if latest else ()
        return latest is not None and latest.state == state and {row.state for row in rows} == {"sent"}
    finally:
        ledger.close()


def held(pacs: Orthanc) -> dict[str, list[Dataset]]:
    """What the PACS holds of each modality that we make."""
    return {m: [pydicom.dcmread(BytesIO(f)) for f in pacs.instances(m)] for m in ("SEG", "SR", "DOC")}


def texts(sr: Dataset) -> str:
    """All texts of a report, a line each."""
    return "\n".join(str(item.TextValue) for item in walk(sr) if item.ValueType == "TEXT")


def page(document: Dataset) -> str:
    """The text of an Encapsulated PDF."""
    return printed(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]).text


def truth(patient: Case, place: Geometry) -> NDArray[np.bool_]:
    """Where the tumour lies in the T1c: the reader's mask after the known displacement, on a grid."""
    displaced = motion(*MOVED, patient.place.point(np.array(patient.flair.shape) / 2))
    return onto(patient.tumour, Geometry(displaced @ patient.place.affine, patient.place.shape), place)


def found_in(path: Path) -> tuple[Segmentation, NDArray[np.bool_], Geometry]:
    """The first segment of a SEG."""
    found = read_segmentation(path)
    return found, *found.mask(1)


@pytest.mark.slow
def test_without_t1c_the_pacs_is_told_why_nothing_was_evaluated(line):
    """A "not evaluated" SR and its page, and no Segmentation."""
    [sr], [document] = line.alone["SR"], line.alone["DOC"]

    assert line.alone["SEG"] == []
    assert (line.jobs[0].state, line.jobs[0].reason_code) == ("refused", "role missing")
    for told in (texts(sr), page(document)):
        assert re.search(r"(?i)not evaluated", told)
        assert "no series fits t1c" in told
    assert sr.StudyInstanceUID == line.sent["flair"][0].StudyInstanceUID


@pytest.mark.slow
def test_t1c_opens_the_study_again_and_the_report_says_so(line):
    """One revision, which names the report that it replaces and what had come."""
    [before], [sr] = line.alone["SR"], line.whole["SR"]
    [predecessor] = sr.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence

    assert [(job.revision, job.state) for job in line.jobs] == [(1, "refused"), (2, "succeeded")]
    assert predecessor.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert "The series that fills t1c arrived." in texts(sr)


@pytest.mark.slow
def test_the_tumour_is_drawn_on_flair_and_written_on_t1c(line, patient, tmp_path):
    """The known displacement is found: the mask lies where the tumour lies in the T1c, as far as it was drawn."""
    [seg], t1c = line.whole["SEG"], line.sent["t1c"][0]
    seg.save_as(tmp_path / "seg.dcm")
    _, mask, place = found_in(tmp_path / "seg.dcm")

    assert seg.FrameOfReferenceUID == t1c.FrameOfReferenceUID != line.sent["flair"][0].FrameOfReferenceUID
    first, second = seg.ReferencedSeriesSequence  # viewers lay it on the first
    assert (first.SeriesInstanceUID, second.SeriesInstanceUID) == (
        t1c.SeriesInstanceUID,
        line.sent["flair"][0].SeriesInstanceUID,
    )
    of_frames = {
        image.ReferencedSOPInstanceUID
        for frame in seg.PerFrameFunctionalGroupsSequence
        for image in frame.DerivationImageSequence[0].SourceImageSequence
    }
    assert of_frames <= {ds.SOPInstanceUID for ds in line.sent["t1c"]}
    assert (seg.Rows, seg.Columns) == (t1c.Rows, t1c.Columns)
    assert np.allclose(place.spacing[1:], t1c.PixelSpacing)
    assert dice(mask, truth(patient, place)) > LEAST_DICE
    assert judged(tmp_path / "seg.dcm") == []


@pytest.mark.slow
def test_the_panel_says_idh_and_1p19q_and_refuses_mgmt(line):
    """Each model's word stands beside the others; MGMT is refused with its measured AUC; the SR says what JSON says."""
    [lesion] = line.jobs[-1].document["lesions"]
    said, told = {p["model"]: p for p in lesion["predictions"]}, texts(line.whole["SR"][0])

    assert lesion["source"] == "model:glioma-flair"
    assert set(said) == {"glioma-idh", "glioma-1p19q", "glioma-mgmt"}
    for model, target in (("glioma-idh", "IDH mutation"), ("glioma-1p19q", "1p/19q codeletion")):
        answered = said[model]["state"] in {"predicted", "borderline"}
        assert answered or said[model]["reason"]
        assert re.search(
            rf"AI-predicted probability of {target}: \d+%" if answered else rf"{target}.*not evaluated", told
        )
    assert said["glioma-mgmt"]["state"] == "not_evaluated"
    assert "no usable signal" in said["glioma-mgmt"]["reason"]
    assert "AI-predicted MGMT promoter methylation: not evaluated. No usable signal: held-out AUC" in told


@pytest.mark.slow
def test_the_page_in_the_pacs_says_what_the_report_says(line):
    """Two answers, one refusal with its reason, and that they are research and replace no molecular test."""
    [document] = line.whole["DOC"]
    told = page(document)

    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"
    for words in (
        "IDH mutation",
        "1p/19q codeletion",
        "MGMT promoter methylation: not evaluated. No usable",
        "RESEARCH",
    ):
        assert words in told
    assert "Not a substitute for molecular testing." in told


@pytest.mark.slow
def test_the_report_tells_how_far_the_head_had_moved(line):
    """The registration is no secret: its distance, and how well it undoes itself, stand in the SR."""
    told = texts(line.whole["SR"][0])
    [(distance, missed)] = re.findall(
        r"(?i)flair was moved by (\d+\.\d) mm.*to lie on t1c .*round-trip error (\d+\.\d) mm", told
    )

    assert 10 < float(distance) < 18
    assert float(missed) < 3


@pytest.mark.slow
def test_a_drawing_on_flair_is_evaluated_on_t1c_by_the_shipped_configuration(patient, tmp_path):
    """Out of the box, with a reader's Segmentation on the FLAIR: carried over by the registration, and told."""
    series = study(patient)
    for role, images in series.items():
        save(images, tmp_path / "in" / role)
    segmentation(tmp_path / "in" / "drawn.dcm", series["flair"], patient.tumour, [{"label": "Tumour"}])
    command = [sys.executable, "-m", "node", "run", str(tmp_path / "in"), "--config", str(shipped.config())]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--json"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [job] = json.loads(done.stdout)["jobs"]
    files = {Path(f["path"]).name: Path(f["path"]) for f in job["files"]}
    _, mask, place = found_in(files["seg.dcm"])
    told = texts(pydicom.dcmread(files["sr.dcm"]))

    assert (job["pipeline"], job["state"], job["lesions"][0]["source"]) == ("glioma", "succeeded", "seg")
    assert dice(mask, truth(patient, place)) > 0.85
    assert "It was drawn on flair and carried over to t1c" in told
