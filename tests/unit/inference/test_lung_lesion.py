"""The shipped segmenter: finds what stands out, doubts what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.domain.facts import ModelFacts
from node.domain.findings import Drawing
from node.domain.volume import LoadRules, Volume
from node.errors import ModelFailed, Refused
from node.imaging.lungs import find_lungs
from node.imaging.phantom import Nodule, chest_phantom
from node.inference.lung_lesion import LungLesion
from node.inference.package import load_package, shipped_models
from node.stages.load import load

THRESHOLD = 0.5
NODULE = Nodule(centre=(30.0, -10.0, -80.0), radius_mm=11.0)
FACTS = ModelFacts(id="lung-lesion", version="0.0.0", kind="segmenter", digest="", manufacturer="", name="")


@pytest.fixture(scope="module")
def model() -> LungLesion:
    return LungLesion(FACTS)


@pytest.fixture(scope="module")
def drawn(model) -> tuple[Volume, Drawing]:
    """The phantom with the nodule, and what the model draws on it."""
    volume = chest_phantom([NODULE])
    return volume, model({"ct": volume})


def test_a_nodule_is_drawn_with_its_volume_and_trusted(drawn):
    """
    A sphere of 22 mm among vessels is drawn within 10 % of its volume, at its place.
    """
    volume, drawing = drawn
    (mask,) = drawing.masks
    centre = volume.geometry.point(np.argwhere(mask).mean(axis=0))

    assert drawing.trust > THRESHOLD
    assert mask.sum() * volume.geometry.voxel_ml == pytest.approx(4 / 3 * np.pi * 11**3 / 1000, rel=0.1)
    assert np.linalg.norm(centre - [-80, -10, 30]) < 1.5


def test_the_same_image_gives_the_same_drawing(model, drawn):
    """
    Drawing twice gives the same voxels and the same trust.
    """
    volume, first = drawn
    second = model({"ct": volume})

    assert (first.masks[0] == second.masks[0]).all()
    assert (first.trust, first.why) == (second.trust, second.why)


def test_vessels_are_no_lesion(model):
    """
    In lungs with nothing but vessels nothing is trusted.
    """
    assert model({"ct": chest_phantom()}).trust < THRESHOLD


def test_two_alike_are_not_told_apart(model):
    """
    With two nodules of one size, no one says which is the dominant one.
    """
    drawing = model({"ct": chest_phantom([NODULE, replace(NODULE, centre=(-30.0, -10.0, 80.0))])})

    assert drawing.trust < THRESHOLD
    assert "another candidate" in drawing.why


def test_a_tiny_nodule_is_not_trusted(model):
    """
    A nodule of 4 mm is too small to be relied on.
    """
    assert model({"ct": chest_phantom([replace(NODULE, radius_mm=2.0)])}).trust < THRESHOLD


def test_an_image_without_lungs_is_refused(model):
    """
    A body without lungs is the wrong anatomy.
    """
    volume = chest_phantom()
    solid = np.where(volume.voxels < -700, 40, volume.voxels).astype(np.float32)

    with pytest.raises(Refused) as refused:
        model({"ct": replace(volume, voxels=solid)})

    assert refused.value.code == "wrong anatomy"


def test_an_mr_is_refused(model):
    """
    Values that are no Hounsfield units are not looked at.
    """
    with pytest.raises(Refused, match="not CT in HU"):
        model({"mr": replace(chest_phantom(), modality="MR", unit="1")})


@pytest.mark.parametrize("table", [{"softness": 1.0}, {"air": [0.5, 0.5]}, {"soft_hu": "high"}])
def test_a_parameter_that_cannot_be_used_is_named(table):
    """
    A manifest with an unknown or malformed parameter does not open.
    """
    with pytest.raises(ModelFailed, match=next(iter(table))):
        LungLesion(FACTS, table)


def test_the_shipped_package_answers_its_golden_case():
    """
    Every file is the one the manifest names, and the model draws what it drew when it was made.
    """
    load_package(shipped_models() / "lung-lesion").verify()


def test_a_golden_case_that_differs_is_said(model):
    """
    An expectation that the model does not meet comes back in words.
    """
    case = {"name": "healthy", "nodules": [], "expect": {"voxels": 999_999, "centroid_mm": [0, 0, 0], "trust": 1.0}}
    lines = model.check_golden({"cases": [case], "tolerance": {"voxels": 0.1, "centroid_mm": 0.1, "trust": 0.1}})

    assert len(lines) == 3
    assert all(line.startswith("healthy: ") for line in lines)


def test_the_nodule_of_a_real_scan_is_drawn(data, model):
    """
    LIDC-0314: the outline holds the marked point, has 2.2 mL within 30 %, and lies in the filled lung.
    """
    volume = load(sorted((data / "lidc-0314-ct60").rglob("*.dcm")), LoadRules()).volume
    drawing, lungs = model({"ct": volume}), find_lungs(volume)
    (mask,) = drawing.masks
    at = tuple(np.round(volume.geometry.index(np.array([-57.44, 131.23, -520.36]))).astype(int))

    assert drawing.trust > THRESHOLD
    assert mask[at]
    assert mask.sum() * volume.geometry.voxel_ml == pytest.approx(2.2, rel=0.3)
    assert (mask & lungs.filled).sum() >= 0.99 * mask.sum()


def test_a_large_tumour_on_the_diaphragm_is_refused_rather_than_guessed(data, model):
    """
    The IBSI tumour cannot be told from the diaphragm by this method, and it says so by its trust.
    """
    volume = load(sorted((data / "ibsi-ct-phantom" / "dicom" / "image").glob("*.dcm")), LoadRules()).volume

    assert model({"ct": volume}).trust < THRESHOLD
