"""
The glioma pipeline from DICOM to results: roles, registration, a drawing on FLAIR, measures and models on T1c.

The study is made of one public FLAIR volume (`tests.support.glioma`): derived, spacing assumed. It proves plumbing and
registration, not accuracy on a real T1c.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from node.dicom.segments import read_segmentation
from node.imaging.regrid import onto
from tests.support.clients import judged
from tests.support.glioma import MOVED, case, motion, study
from tests.support.series import save

CONFIG = """
[[pipelines]]
name = "glioma"
models = ["glioma-idh", "glioma-1p19q", "glioma-mgmt"]
finding_site = ["12738006", "SCT", "Brain"]
max_study_age_days = 36500
also = ["pdf"]
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


@pytest.fixture(scope="module")
def patient(data):
    """The arrays that the study is made of."""
    return case(data, "TCGA_DU_5872_19950223")


@pytest.fixture(scope="module")
def ran(patient, tmp_path_factory):
    """`radnode run` on the study: the JSON, and the folder of results."""
    home = tmp_path_factory.mktemp("glioma")
    for role, series in study(patient).items():
        save(series, home / "in" / role)
    (home / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "node", "run", str(home / "in"), "--config", str(home / "config.toml")]
    done = subprocess.run(
        [*command, "--out", str(home / "out"), "--json"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [job] = json.loads(done.stdout)["jobs"]
    return job


@pytest.mark.slow
def test_the_tumour_is_drawn_on_flair_and_written_on_t1c(ran, patient):
    """The known displacement is found: the mask lies where the tumour lies in the T1c, as far as it was drawn."""
    assert ran["state"] == "succeeded", ran["reason"]
    [path] = [Path(f["path"]) for f in ran["files"] if f["path"].endswith("seg.dcm")]
    found = read_segmentation(path)
    mask, place = found.mask(1)
    displaced = motion(*MOVED, patient.place.point(np.array(patient.flair.shape) / 2))
    truth = type(patient.place)(displaced @ patient.place.affine, patient.place.shape)
    expected = onto(patient.tumour, truth, place)
    dice = 2 * np.count_nonzero(mask & expected) / (np.count_nonzero(mask) + np.count_nonzero(expected))

    assert dice > 0.75
    assert judged(path) == []


@pytest.mark.slow
def test_the_panel_says_idh_and_1p19q_and_refuses_mgmt(ran):
    """Each model's word stands beside the others; MGMT is refused with its measured AUC; the chosen series are told."""
    [lesion] = ran["lesions"]
    said = {p["model"]: p for p in lesion["predictions"]}

    assert lesion["source"] == "model:glioma-flair"
    assert set(said) == {"glioma-idh", "glioma-1p19q", "glioma-mgmt"}
    assert said["glioma-mgmt"]["state"] == "not_evaluated"
    assert "no usable signal" in said["glioma-mgmt"]["reason"]
    for model in ("glioma-idh", "glioma-1p19q"):
        assert said[model]["state"] in {"predicted", "borderline"} or said[model]["reason"]


@pytest.mark.slow
def test_the_report_tells_how_far_the_head_had_moved(ran):
    """The registration is no secret: its distance, and how well it undoes itself, stand in the SR."""
    [path] = [Path(f["path"]) for f in ran["files"] if Path(f["path"]).name == "sr.dcm"]
    texts = [str(e.value) for e in pydicom.dcmread(path).iterall() if e.keyword == "TextValue"]

    [moved] = [m for text in texts if (m := re.search(r"(?i)flair was moved by (\d+\.\d) mm.*to lie on t1c", text))]
    assert 10 < float(moved[1]) < 18
