"""A lesion grows around the seed that a person placed, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from node.dicom.contours import read_structure_set
from node.errors import Refused
from node.imaging.grow import grow
from node.imaging.rasterise import rasterise
from tests.support.drawings import dice, volume, volume_of

NODULE = np.array([-57.44, 131.23, -520.36])
"""LPS of the LIDC nodule, from its annotation."""


@pytest.fixture(scope="module")
def lidc(data):
    """A real chest CT with one nodule of 2.2 mL, next to vessels."""
    return volume_of(sorted((data / "lidc-0314-ct60/dicom").iterdir()))


def scene(levels, *, spacing=(2.0, 1.0, 1.0), shape=(36, 64, 64), background=-850.0, noise=20.0, modality="CT"):
    """A noisy image with shapes painted into it: (condition on z, y, x in mm from the centre) to level."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    voxels, masks = np.full(shape, float(background)), []
    for where, level in levels:
        masks.append(where(z, y, x))
        voxels[masks[-1]] = level
    voxels = ndimage.gaussian_filter(voxels, [0.6 / s for s in spacing])  # partial volume
    voxels += np.random.default_rng(3).normal(0, noise, shape)
    origin = (axes[2][0], axes[1][0], axes[0][0])
    return volume(voxels, spacing=spacing, origin=origin, modality=modality), masks


def ball(radius):
    """A ball around the centre."""
    return lambda *zyx: sum(v**2 for v in zyx) <= radius**2


def vessel(radius):
    """A tube along x, from the centre to the border of the image."""
    return lambda *zyx: (zyx[0] ** 2 + zyx[1] ** 2 <= radius**2) & (zyx[2] > 0)


def slab(axis, low, high=np.inf):
    """All that lies between two levels along z, y or x."""
    return lambda *zyx: (zyx["zyx".index(axis)] > low) & (zyx["zyx".index(axis)] < high)


@pytest.mark.parametrize("offset", [(0, 0, 0), (3, 0, 0), (-3, 2, 0), (0, 0, -4)])
def test_a_point_in_a_real_nodule_gives_its_volume(lidc, offset):
    """
    From the annotated point, and from points some millimetres off it, the nodule of 2.2 mL grows to within 30 %.
    """
    grown = grow(lidc, (NODULE + offset)[None])

    assert grown.mask.sum() * lidc.geometry.voxel_ml == pytest.approx(2.2, rel=0.3)
    assert np.linalg.norm(lidc.geometry.point(np.argwhere(grown.mask).astype(float)).mean(axis=0) - NODULE) < 4
    assert "from a point" in grown.method


def test_a_line_across_a_real_nodule_gives_its_volume(lidc):
    """
    A long axis drawn across the nodule gives the same lesion as a point in it.
    """
    half = np.array([0, 10, 0])
    ends = np.array([NODULE - half, NODULE + half])

    grown = grow(lidc, ends)

    assert grown.mask.sum() * lidc.geometry.voxel_ml == pytest.approx(2.2, rel=0.3)
    assert dice(grown.mask, grow(lidc, NODULE[None]).mask) > 0.9
    assert "from a line" in grown.method


@pytest.mark.parametrize("slice_mm", [1.0, 2.5, 5.0])
def test_a_nodule_with_a_vessel_is_cut_from_it(slice_mm):
    """
    A 16 mm nodule that a 4 mm vessel runs into comes without the vessel, at any slice thickness.
    """
    image, (tube, nodule) = scene(
        [(vessel(2), 40), (ball(8), 40)],
        spacing=(slice_mm, 1.0, 1.0), shape=(2 * round(36 / slice_mm) + 1, 64, 64))  # fmt: skip

    grown = grow(image, np.zeros((1, 3)))

    assert dice(grown.mask, nodule) > 0.88
    assert (grown.mask & tube & ~nodule).sum() < 0.05 * nodule.sum()


@pytest.mark.parametrize("seed", [[[0, 0, 0]], [[-9, 0, 0], [9, 0, 0]]], ids=["point", "line"])
def test_a_nodule_on_the_chest_wall_is_cut_from_it(seed):
    """
    A nodule that sits on the pleura keeps its own volume: the wall is left out.
    """
    image, (wall, nodule) = scene([(slab("y", 8), 50), (ball(9), 30)])

    grown = grow(image, np.array(seed, float))

    assert grown.mask.sum() == pytest.approx(nodule.sum(), rel=0.3)
    assert (grown.mask & wall & ~nodule).sum() < 0.15 * nodule.sum()


def test_a_ground_glass_nodule_is_found_by_its_own_level():
    """
    A nodule of -600 HU is drawn though it is far below the level of soft tissue.
    """
    image, (nodule,) = scene([(ball(8), -560.0)])

    assert dice(grow(image, np.zeros((1, 3))).mask, nodule) > 0.85


def test_a_cavity_belongs_to_the_lesion():
    """
    A hole that the lesion encloses is filled.
    """
    image, (nodule, _) = scene([(ball(10), 40), (ball(3), -850.0)])

    assert dice(grow(image, np.array([[6.0, 0, 0]])).mask, nodule) > 0.9


@pytest.mark.parametrize(("inside", "outside"), [(900, 400), (200, 500)], ids=["bright", "dark"])
@pytest.mark.parametrize("seed", [[[1, 2, 0]], [[-11, 0, 0], [11, 0, 0]]], ids=["point", "line"])
def test_a_lesion_in_other_images_is_found_by_contrast(inside, outside, seed):
    """
    On MR a bright or dark lesion grows to its border from a point or a line.
    """
    image, (_, lesion) = scene([(slab("x", 24), 1500), (ball(11), inside)], background=outside, noise=25, modality="MR")

    assert dice(grow(image, np.array(seed, float)).mask, lesion) > 0.85


def test_a_real_sarcoma_grows_from_a_point_or_its_long_axis(data):
    """
    On a real CT a soft-tissue tumour without air around it grows to what the surgeon drew; its MR is refused.
    """
    folder = data / "sarcoma-sts002/dicom/STS_002"
    for modality, seeded in (("CT", True), ("MR_T1", False)):
        image = volume_of(sorted((folder / modality / "image").iterdir()))
        [roi] = read_structure_set(folder / modality / "mask/RS.dcm").rois
        truth = rasterise(roi.contours, image.geometry).mask
        point = image.geometry.point(np.argwhere(truth).mean(axis=0))[None]
        if not seeded:  # T1 shows a mixed tumour: a part of it must not pass for the whole
            with pytest.raises(Refused, match="depends on how far one looks"):
                grow(image, point)
            continue
        widest = int(truth.sum(axis=(1, 2)).argmax())
        rows, columns = np.nonzero(truth[widest])
        ends = np.array([(widest, rows[i], columns[i]) for i in (columns.argmin(), columns.argmax())], float)
        assert dice(grow(image, point).mask, truth) > 0.8
        assert dice(grow(image, image.geometry.point(ends)).mask, truth) > 0.8


@pytest.mark.parametrize(
    ("levels", "background", "what"),
    [
        ([], 300.0, "does not stand out"),
        ([(slab("x", -12, 12), 700)], 300.0, "depends on how far"),
    ],
    ids=["nothing there", "a slab without end"],
)
def test_what_cannot_be_told_from_its_surroundings_is_refused(levels, background, what):
    """
    No contrast, or growth that reaches the limit broadly, is refused as of low trust.
    """
    image, _ = scene(levels, background=background, modality="MR")

    with pytest.raises(Refused, match=what) as caught:
        grow(image, np.zeros((1, 3)))

    assert caught.value.code == "low trust"


def test_a_seed_in_the_chest_wall_is_refused(lidc):
    """
    A seed that was put into the body wall does not turn the wall into a lesion.
    """
    with pytest.raises(Refused) as caught:
        grow(lidc, np.array([[-57.0, 100.0, -520.0]]))

    assert caught.value.code == "low trust"


def test_a_seed_outside_the_image_is_a_mismatch(lidc):
    """
    A seed beyond the image does not belong to it.
    """
    with pytest.raises(Refused) as caught:
        grow(lidc, NODULE[None] + 500)

    assert caught.value.code == "contour mismatch"


@pytest.mark.parametrize("level", [300.0, -400.0], ids=["tissue", "consolidation"])
def test_an_image_smaller_than_the_lesion_is_no_proof_of_a_border(level):
    """
    Where the limit sphere lies beyond the image, what fills the image is refused instead of taken for a lesion.
    """
    image, _ = scene([(slab("z", -30, 30), level)], shape=(8, 20, 20), background=level)

    with pytest.raises(Refused) as caught:
        grow(image, np.zeros((1, 3)))

    assert caught.value.code == "low trust"
