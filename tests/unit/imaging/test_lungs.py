"""The lungs on synthetic and real CT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.dicom.contours import read_structure_set
from node.domain.volume import LoadRules, Volume
from node.imaging.lungs import find_lungs
from node.imaging.phantom import Nodule, chest_phantom, volume_of
from node.imaging.rasterise import rasterise
from node.stages.load import load


@pytest.fixture(scope="module")
def phantom() -> Volume:
    return chest_phantom()


def test_both_lungs_are_found_with_their_volume(phantom):
    """
    Two ellipsoids of lung in a body are two lungs of their volume, not cut off.
    """
    lungs = find_lungs(phantom)

    assert lungs is not None
    assert lungs.two
    assert lungs.cut_off == ()
    assert lungs.volume_ml == pytest.approx(2 * 4 / 3 * np.pi * 105 * 80 * 56 / 1000, rel=0.06)
    assert (lungs.mask <= lungs.filled).all()


def test_heart_space_and_outside_air_are_no_lung(phantom):
    """
    Neither the tissue between the lungs nor the air around the patient is filled lung.
    """
    lungs = find_lungs(phantom)
    middle = np.round(phantom.geometry.index(np.array([[0, 0, 0], [0, -130, 0], [0, 100, 20]]))).astype(int)

    assert lungs is not None
    assert not lungs.filled[tuple(middle.T)].any()


def test_a_mass_on_the_pleura_stays_inside_the_filled_lung():
    """
    A mass of 44 mm against the chest wall is left out of the aerated lung, and kept in the filled one.
    """
    volume = chest_phantom([Nodule(centre=(10.0, 0.0, -105.0), radius_mm=22.0)])
    lungs = find_lungs(volume)
    at = tuple(np.round(volume.geometry.index(np.array([-103.0, 0.0, 10.0]))).astype(int))

    assert lungs is not None
    assert not lungs.mask[at]
    assert lungs.filled[at]


@pytest.mark.parametrize(("first", "last", "cut"), [(30, 100, "first slice"), (0, 65, "last slice")])
def test_a_lung_that_goes_on_outside_the_stack_is_cut_off(phantom, first, last, cut):
    """
    A stack that begins or ends in the middle of the lungs says at which end.
    """
    hu = phantom.voxels[first:last]
    part = volume_of(hu, phantom.geometry.crop((first, 0, 0), hu.shape))
    lungs = find_lungs(part)

    assert lungs is not None
    assert lungs.cut_off == (cut,)


def test_one_lung_at_the_border_of_a_cropped_image_is_found(phantom):
    """
    A field of view that holds one lung, and cuts through its front, still shows that lung.
    """
    hu = phantom.voxels[:, 45:, :62]
    lungs = find_lungs(volume_of(hu, phantom.geometry.crop((0, 45, 0), hu.shape)))

    assert lungs is not None
    assert not lungs.two
    assert lungs.volume_ml > 500


def test_noise_of_a_low_dose_scan_changes_little(phantom):
    """
    With ten times the noise the volume stays within 3 %.
    """
    quiet, noisy = find_lungs(phantom), find_lungs(chest_phantom(noise_hu=150))

    assert quiet is not None
    assert noisy is not None
    assert noisy.volume_ml == pytest.approx(quiet.volume_ml, rel=0.03)


def test_gas_in_the_bowel_is_no_lung(phantom):
    """
    An abdomen with large pockets of free air has no lungs.
    """
    hu = np.where(phantom.voxels < -700, -1000, phantom.voxels).astype(np.float32)

    assert find_lungs(replace(phantom, voxels=hu)) is None


def test_a_mattress_is_no_lung(phantom):
    """
    Foam in a shell, below a patient without lungs, has the density of lung, and is none.
    """
    hu = phantom.voxels.copy()
    inside = hu[:, 26:102, 8:120]
    inside[inside < -600] = 30
    hu[:, 102:120, :] = -150
    hu[:, 104:118, 2:-2] = -880

    assert find_lungs(replace(phantom, voxels=hu)) is None


def test_a_thigh_has_no_lungs(data):
    """
    The CT of a thigh on a foam table shows no lung.
    """
    volume = _ct(sorted((data / "sarcoma-sts002").glob("dicom/*/CT/image/*.dcm")))

    assert find_lungs(volume) is None


def test_a_tumour_on_the_chest_wall_lies_in_the_filled_lung(data):
    """
    At least 99 % of the GTV of the IBSI phantom, 360 mL on wall and diaphragm, lies in the filled lung.
    """
    folder = data / "ibsi-ct-phantom" / "dicom"
    volume = _ct(sorted((folder / "image").glob("*.dcm")))
    (structures,) = (folder / "mask").glob("*.dcm")
    gtv = rasterise(read_structure_set(structures).rois[0].contours, volume.geometry).mask
    lungs = find_lungs(volume)

    assert lungs is not None
    assert (gtv & lungs.filled).sum() >= 0.99 * gtv.sum()
    assert lungs.filled.mean() < 0.35


def _ct(paths):
    return load(paths, LoadRules()).volume
