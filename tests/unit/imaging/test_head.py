"""The head is found on MR images of any gain; what is no head is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from node.domain.volume import LoadRules
from node.imaging.ellipsoids import Ellipsoid, Painting, paint
from node.imaging.head import find_head, otsu, shows_head
from node.imaging.intensity import plain_scale, robust_scale
from node.stages.load import load
from tests.support.glioma import case

NARROWEST = "TCGA_HT_7881_19981015"
"""The smallest largest slice of all 89: 159 cm²."""

SKULL = Ellipsoid(centre=(0, 0, 0), radii=(75, 95, 75), value=120)
BRAIN = Ellipsoid(centre=(0, 0, 0), radii=(65, 85, 65), value=60)
VENTRICLE = Ellipsoid(centre=(0, 0, 0), radii=(20, 30, 12), value=5)
HEAD = Painting(shape=(28, 110, 96), spacing=(6.0, 2.0, 2.0), bodies=(SKULL, BRAIN, VENTRICLE), noise=3.0)


def found(painting):
    volume = paint(painting)
    return find_head(volume.voxels, volume.geometry.spacing)


def test_the_head_is_found_with_what_it_encloses():
    """Volume within a twentieth of the ellipsoid's, dark ventricles inside, corners outside."""
    head = found(HEAD)
    assert head.volume_ml == pytest.approx(4 / 3 * np.pi * 75 * 95 * 75 / 1000, rel=0.05)
    assert head.mask[14, 55, 48]
    assert not head.mask[:, 0, 0].any()


def test_gain_and_a_coil_that_sees_one_side_better_do_not_matter():
    """A thousand times the intensity, and a slope of one to three over the image, give nearly the same head."""
    volume, plain = paint(HEAD), found(HEAD)
    slope = np.linspace(0.5, 1.5, 96, dtype=np.float32)
    other = find_head(volume.voxels * 1000 * slope, volume.geometry.spacing)
    assert (other.mask ^ plain.mask).sum() < 0.05 * plain.mask.sum()


def test_a_head_that_the_image_cuts_is_found():
    """The upper half alone is a head."""
    volume = paint(HEAD)
    assert find_head(volume.voxels[14:], volume.geometry.spacing) is not None


@pytest.mark.parametrize(
    "bodies",
    [(), (Ellipsoid(centre=(0, 0, 0), radii=(30, 30, 30), value=100),)],
    ids=["noise", "a small phantom"],
)
def test_what_is_no_head_is_none(bodies):
    """Noise alone, and something the size of an orange."""
    assert found(replace(HEAD, bodies=bodies)) is None


def test_the_slice_of_a_head_is_larger_than_that_of_a_limb():
    """Half a metre of arm has the volume of a head, and is none; the head is one."""
    limb = Ellipsoid(centre=(0, 0, 0), radii=(400, 45, 45), value=100)
    arm = paint(replace(HEAD, shape=(70, 110, 96), bodies=(limb,)))
    assert find_head(arm.voxels, arm.geometry.spacing).volume_ml > 2000
    assert not shows_head(arm.voxels, arm.geometry.spacing)
    head = paint(HEAD)
    assert shows_head(head.voxels, head.geometry.spacing)


def test_real_heads_are_heads(data):
    """FLAIR of 9 patients (the narrowest of all 89 among them) and the T1c of two others."""
    names = sorted((data / "tcga-lgg-flair").glob("*.npz"))
    for name in {*names[::11], *(n for n in names if n.stem == NARROWEST)}:
        found = case(data, name.stem)
        assert shows_head(found.flair, found.place.spacing), name.stem
    for name in ("brain1", "brain2"):
        image = SimpleITK.ReadImage(str(data / "pyradiomics-baseline" / f"{name}_image.nrrd"))
        assert shows_head(SimpleITK.GetArrayFromImage(image).astype(np.float32), image.GetSpacing()[::-1])


def test_a_real_thigh_and_a_real_prostate_are_no_heads(data):
    """What a T1 of the thigh and a prostate phantom show is smaller than a head."""
    thigh = load(sorted((data / "sarcoma-sts002/dicom/STS_002/MR_T1/image").iterdir()), LoadRules()).volume
    assert not shows_head(thigh.voxels, thigh.geometry.spacing)
    image = SimpleITK.ReadImage(str(data / "pyradiomics-baseline/prostate_phantom_subvolume.nrrd"))
    assert not shows_head(SimpleITK.GetArrayFromImage(image).astype(np.float32), image.GetSpacing()[::-1])


def test_a_trunk_is_no_head():
    """Something of twelve litres."""
    trunk = Ellipsoid(centre=(0, 0, 0), radii=(1000, 110, 160), value=100)
    assert found(replace(HEAD, shape=(40, 120, 170), bodies=(trunk,))) is None


def test_an_image_of_one_value_is_none():
    """There is no threshold in it."""
    assert find_head(np.full((12, 60, 60), 7, np.float32), (5.0, 2.0, 2.0)) is None


def test_otsu_splits_two_heaps():
    """The threshold lies between them."""
    draw = np.random.default_rng(3)
    heaps = np.concatenate([draw.normal(10, 2, 5000), draw.normal(50, 5, 2000)]).astype(np.float32)
    assert 17 < otsu(heaps) < 38


def test_the_robust_scale_ignores_what_the_plain_one_follows():
    """Normal values give the same scale by both; a tenth of outliers moves only the plain one."""
    values = np.random.default_rng(4).normal(100, 10, 20000).astype(np.float32)
    assert robust_scale(values) == pytest.approx((100, 10), rel=0.03)
    assert plain_scale(values) == pytest.approx((100, 10), rel=0.03)
    values[::10] = 5000
    assert robust_scale(values) == pytest.approx((100, 11), rel=0.1)
    assert plain_scale(values)[0] > 500
