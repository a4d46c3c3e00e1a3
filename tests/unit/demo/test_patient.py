"""The synthetic patient: valid, reproducible, and with a truth that the node's own parts find again."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import numpy as np
import pydicom
import pytest

from node.demo.patient import chest_ct
from node.domain.facts import ModelFacts
from node.domain.volume import LoadRules
from node.imaging.lungs import find_lungs
from node.inference.lung_lesion import LungLesion
from node.stages.load import load
from tests.support.peers import program

TAKEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FACTS = ModelFacts(id="lung-lesion", version="0.0.0", kind="segmenter", digest="", manufacturer="", name="")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return chest_ct(tmp_path_factory.mktemp("demo"), taken=TAKEN)


def test_the_files_are_valid_ct(study):
    """
    Dciodvfy finds neither errors nor warnings in a slice.
    """
    said = subprocess.run([program("dciodvfy"), study.paths[75]], capture_output=True, text=True, check=False).stderr

    assert "Error" not in said
    assert "Warning" not in said


def test_the_header_says_synthetic_and_holds_what_the_egfr_model_needs(study):
    """
    Nobody takes it for a patient, and age, sex and smoking are in it.
    """
    header = pydicom.dcmread(study.paths[0], stop_before_pixels=True)

    assert str(header.PatientName) == "Demo^Synthetic"
    assert "SYNTHETIC" in header.StudyDescription
    assert (header.PatientAge, header.PatientSex, header.SmokingStatus) == ("062Y", "F", "NO")
    assert header.StudyDate == "20261120"


def test_the_tumour_is_found_where_it_was_painted(study):
    """
    The whole of both lungs is in view, and the segmenter draws the tumour within 25 % of its true volume.
    """
    volume = load(study.paths, LoadRules()).volume
    lungs = find_lungs(volume)
    drawing = LungLesion(FACTS)({"ct": volume})
    (mask,) = drawing.masks
    centre = volume.geometry.point(np.argwhere(mask).mean(axis=0))

    assert lungs is not None
    assert lungs.two
    assert lungs.cut_off == ()
    assert drawing.trust > 0.8
    assert mask.sum() * volume.geometry.voxel_ml == pytest.approx(study.volume_ml, rel=0.25)
    assert np.linalg.norm(centre - study.centre_lps) < 3


def test_a_healthy_chest_has_no_lesion_to_trust(tmp_path):
    """
    Without the tumour there is nothing that the segmenter would stand for.
    """
    study = chest_ct(tmp_path, healthy=True, taken=TAKEN)
    drawing = LungLesion(FACTS)({"ct": load(study.paths, LoadRules()).volume})

    assert (study.centre_lps, study.volume_ml) == (None, 0.0)
    assert drawing.trust < 0.5


def test_the_same_call_writes_the_same_bytes_and_another_run_a_new_study(tmp_path):
    """
    Everything follows from the arguments; only `run` makes a new study of the same image.
    """
    small = {"slices": 20, "size": 64, "taken": TAKEN}
    first, again = chest_ct(tmp_path / "a", **small), chest_ct(tmp_path / "b", **small)
    other = chest_ct(tmp_path / "c", run="2", **small)

    assert [p.read_bytes() for p in first.paths] == [p.read_bytes() for p in again.paths]
    assert other.study_uid != first.study_uid
    assert pydicom.dcmread(other.paths[9]).PixelData == pydicom.dcmread(first.paths[9]).PixelData
