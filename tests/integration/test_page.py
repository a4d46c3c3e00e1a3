"""The report page before validators, and as a person looks at it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from node.page.draw import raster
from node.stages.encode_pdf import encode_pdf
from node.stages.encode_sc import encode_sc
from tests.integration.test_folder import SEARCHING, evaluate
from tests.integration.test_validators import CASES
from tests.support.findings import Case, make_case
from tests.support.pages import overlaps, page_of, printed, refused_case
from tests.support.peers import program

WITH_PAGE = SEARCHING.replace('name = "lung"\n', 'name = "lung"\nalso = ["pdf", "sc"]\n')


def objects(case: Case) -> dict[str, Dataset]:
    """Document and picture of a case."""
    page, volume = page_of(case), None if case.findings.state == "refused" else case.volume
    return {
        "pdf": encode_pdf(page, case.findings, volume, case.headers, case.envelope),
        "sc": encode_sc(raster(page), case.findings, volume, case.headers, case.envelope),
    }


def errors(path: Path) -> list[str]:
    """Errors of dciodvfy."""
    done = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "EncapsulatedPDF" in said or "SCImage" in said  # it knew what it looked at
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("name", [*CASES, "refused CT", "refused MR"])
def test_dciodvfy_finds_no_error(name, tmp_path):
    """Neither in the document nor in the picture, for every kind of source, evaluated or refused."""
    case = CASES[name]() if name in CASES else refused_case(make_case(sop_class=_class(name)).headers)
    for kind, ds in objects(case).items():
        pydicom.dcmwrite(tmp_path / f"{kind}.dcm", ds, enforce_file_format=True)
        assert errors(tmp_path / f"{kind}.dcm") == []


def _class(name: str) -> str:
    from tests.support.series import CT, MR

    return MR if name.endswith("MR") else CT


@pytest.fixture(scope="module")
def lidc(data, tmp_path_factory):
    """Document, picture and JSON of lidc-0314-ct60 as `radnode run` leaves them."""
    out = tmp_path_factory.mktemp("page")
    [job] = evaluate(data / "lidc-0314-ct60" / "dicom", out, WITH_PAGE)["jobs"]
    return job, {Path(f["path"]).stem: pydicom.dcmread(f["path"]) for f in job["files"]}


def test_a_run_leaves_the_page_of_a_real_ct_behind(lidc, tmp_path_factory):
    """One page with the same probability as the JSON; the picture is the page; kept as an artefact to look at."""
    job, files = lidc
    [prediction] = job["lesions"][0]["predictions"]
    pdf = files["pdf"].EncapsulatedDocument
    page = printed(pdf)
    kept = Path(os.environ.get("RADNODE_ARTEFACTS", tmp_path_factory.mktemp("kept")))
    Image.fromarray(files["sc"].pixel_array).save(kept / "report-page.png")

    assert list(files) == ["seg", "sr", "key-sr", "pdf", "sc"]
    assert page.pages == 1
    assert overlaps(page.boxes) == []
    assert f"AI-predicted probability of EGFR mutation: {prediction['probability']:.0%} (95% interval" in page.text
    assert "Window: centre -600, width 1500 HU." in page.text
    assert "axial, whole slice" in page.text
    assert np.array_equal(files["sc"].pixel_array, raster(pdf))


def test_the_page_and_the_report_say_the_same(lidc):
    """The headline of the structured report stands on the page, word for word."""
    _, files = lidc
    from tests.support.reports import texts

    said = next(text for text in texts(files["sr"]) if text.startswith("AI-predicted probability"))
    assert said.split(").")[0] in printed(files["pdf"].EncapsulatedDocument).text


def test_a_drawn_sarcoma_in_mr_has_its_page(data, tmp_path):
    """Intensities in arbitrary units, a lesion of many centimetres, a series that is no CT."""
    config = WITH_PAGE.replace('modality = "CT"', 'modality = "MR"').replace('organ = "lung"\n', "")
    config = config.replace('models = ["lung-egfr"]\n', "")
    folder = data / "sarcoma-sts002" / "dicom" / "STS_002"
    [job] = evaluate(folder, tmp_path, config)["jobs"]
    files = {Path(f["path"]).stem: pydicom.dcmread(f["path"]) for f in job["files"]}
    page = printed(files["pdf"].EncapsulatedDocument)
    kept = Path(os.environ.get("RADNODE_ARTEFACTS", tmp_path))
    Image.fromarray(files["sc"].pixel_array).save(kept / "report-page-mr.png")
    assert job["state"] == "succeeded"
    assert page.pages == 1
    assert overlaps(page.boxes) == []
    assert "arbitrary units" in page.text
