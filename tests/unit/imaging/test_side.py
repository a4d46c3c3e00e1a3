"""Which lung a lesion lies in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.domain.geometry import Geometry
from node.domain.volume import LoadRules
from node.imaging.lungs import find_lungs
from node.imaging.phantom import SPACING, Nodule, chest_phantom
from node.imaging.side import lung_side
from node.stages.load import load


def ball(volume, centre, radius):
    """Voxels around a point (z, y, x) of the phantom."""
    z, y, x = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(volume.voxels.shape, SPACING, strict=True))
    return (
        (z[:, None, None] - centre[0]) ** 2 + (y[None, :, None] - centre[1]) ** 2 + (x - centre[2]) ** 2
    ) <= radius**2


@pytest.fixture(scope="module")
def chest():
    """A chest with a mass on the left wall and a nodule in the right lung, with its lungs."""
    volume = chest_phantom(
        [
            Nodule(centre=(10.0, 0.0, 105.0), radius_mm=22.0),
            Nodule(centre=(0.0, 10.0, -75.0), radius_mm=9.0),
        ]
    )
    return volume, find_lungs(volume)


def turned(volume):
    """The same patient, in an image whose rows run from the patient's left to the right."""
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.point(np.array([0.0, 0, volume.voxels.shape[2] - 1]))
    affine[:, 2] *= -1
    voxels = np.ascontiguousarray(volume.voxels[:, :, ::-1])
    return replace(volume, voxels=voxels, geometry=Geometry(affine, volume.geometry.shape))


@pytest.mark.parametrize(
    ("centre", "radius", "side"),
    [
        ((10.0, 0.0, 105.0), 22.0, "left"),
        ((0.0, 10.0, -75.0), 9.0, "right"),
        ((0.0, 0.0, 0.0), 15.0, ""),
        ((0.0, -110.0, 75.0), 10.0, ""),
        ((0.0, 0.0, 0.0), 90.0, ""),
    ],
    ids=["on the left wall", "in the right lung", "in the mediastinum", "in the chest wall", "across both"],
)
def test_a_side_is_given_where_one_lung_alone_holds_the_lesion(chest, centre, radius, side):
    """A mass on the pleura and a nodule have one; what lies between, outside or across has none."""
    volume, lungs = chest

    assert lung_side(lungs, ball(volume, centre, radius), volume.geometry) == side


def test_left_is_the_patients_however_the_image_is_turned(chest):
    """With the columns running the other way the same lesion is in the same lung."""
    volume, _ = chest
    other = turned(volume)
    mask = ball(volume, (0.0, 10.0, -75.0), 9.0)[:, :, ::-1]

    assert lung_side(find_lungs(other), mask, other.geometry) == "right"


def test_one_lung_in_view_gives_no_side(chest):
    """A lung that cannot be compared with the other one may be either."""
    volume, lungs = chest
    alone = replace(lungs, each=lungs.each[:1])

    assert lung_side(alone, ball(volume, (0.0, 10.0, -75.0), 9.0), volume.geometry) == ""


def test_the_nodule_of_a_real_ct_lies_in_the_right_lung(data):
    """LIDC-IDRI-0314: x is -57 mm, so it is on the patient's right."""
    volume = load(sorted((data / "lidc-0314-ct60" / "dicom").glob("*.dcm")), LoadRules()).volume
    at = np.round(volume.geometry.index(np.array([-57.44, 131.23, -520.36]))).astype(int)
    mask = np.zeros(volume.voxels.shape, bool)
    mask[tuple(slice(i - 2, i + 3) for i in at)] = True
    lungs = find_lungs(volume)

    assert lung_side(lungs, mask, volume.geometry) == "right"
