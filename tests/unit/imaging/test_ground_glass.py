"""Ground glass is measured in the lesion, not in its rim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from node.domain.geometry import Geometry
from node.imaging.ground_glass import ground_glass, reader_class

PIXEL = 0.8
FINE = 8  #: sub-slices that one slice averages


def lesion(slice_mm, radius, solid_radius, seed=0):
    """A sphere in lung: ground glass around a solid core, averaged over each slice, blurred, noisy."""
    n = int(2.6 * radius / PIXEL) + 8
    count = int(np.ceil((2 * radius + 16) / slice_mm))
    z = (np.arange(count * FINE) - (count * FINE - 1) / 2) * slice_mm / FINE
    y = (np.arange(n) - n / 2 + 0.3) * PIXEL
    distance = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + y**2).astype(np.float32)
    hu = np.select([distance < solid_radius, distance < radius], [35.0, -600.0], -860.0)
    hu = hu.reshape(count, FINE, n, n).mean(axis=1)
    hu = ndimage.gaussian_filter(hu, (0, 0.6 / PIXEL, 0.6 / PIXEL))
    hu += np.random.default_rng(seed).normal(0, 20, hu.shape)
    geometry = Geometry.of_axes(
        origin=np.zeros(3), spacing=(slice_mm, PIXEL, PIXEL), axes=np.eye(3)[::-1], shape=hu.shape
    )
    return hu.astype(np.float32), geometry


def drawn(hu, threshold):
    """The lesion as someone draws it who stops at this density."""
    labels, _ = ndimage.label(ndimage.gaussian_filter(hu, (0, 1, 1)) > threshold)
    return labels == labels[tuple(n // 2 for n in hu.shape)]


@pytest.mark.parametrize("slice_mm", [0.7, 1.25, 2.5, 3.0, 5.0])
@pytest.mark.parametrize("threshold", [-400, -500, -600, -750])
@pytest.mark.parametrize("grown", [-1, 0, 1])
def test_a_solid_sphere_is_class_zero_however_it_is_drawn(slice_mm, threshold, grown):
    """
    Whatever the slice thickness, the threshold and a voxel more or less, a solid nodule has no ground glass.
    """
    hu, geometry = lesion(slice_mm, 15, 15)
    mask = drawn(hu, threshold)
    if grown:
        mask = (ndimage.binary_dilation if grown > 0 else ndimage.binary_erosion)(mask)

    found = ground_glass(hu, mask, geometry)

    assert found.reader_class == "0%"
    assert found.fraction < 0.01


@pytest.mark.parametrize("slice_mm", [0.7, 2.5, 5.0])
def test_pure_ground_glass_is_the_highest_class(slice_mm):
    """
    A sphere without a solid part is ground glass throughout.
    """
    hu, geometry = lesion(slice_mm, 12, 0)

    assert ground_glass(hu, drawn(hu, -750), geometry).reader_class == "100%"


def test_a_part_solid_lesion_lies_in_between_and_rises_with_its_halo():
    """
    The thicker the halo around the same lesion, the larger the share.
    """
    shares = []
    for solid in (11, 9, 6):
        hu, geometry = lesion(1.25, 14, solid)
        shares.append(ground_glass(hu, drawn(hu, -750), geometry).fraction)

    assert 0 < shares[0] < shares[1] < shares[2] < 1
    assert shares[1] == pytest.approx(1 - 9**3 / 12**3, abs=0.12)  # the rim of 2 mm taken off by hand


def test_a_vessel_through_ground_glass_is_not_counted():
    """
    A rod of 2 mm through pure ground glass leaves the class at 100 %.
    """
    hu, geometry = lesion(1.25, 12, 0)
    middle = hu.shape[1] // 2
    hu[:, middle - 1 : middle + 1, middle - 1 : middle + 1] = 40

    assert ground_glass(hu, drawn(hu, -750), geometry).reader_class == "100%"


def test_too_little_left_is_missing_with_the_reason():
    """
    A nodule of 6 mm is all rim: nothing is claimed, and the reason has numbers.
    """
    hu, geometry = lesion(1.25, 3, 3)

    found = ground_glass(hu, drawn(hu, -400), geometry)

    assert found.fraction is None
    assert found.reader_class == ""
    assert "mL" in found.why_missing


@pytest.mark.parametrize(
    ("share", "name"),
    [(0.0, "0%"), (0.1, ">0-25%"), (0.4, "25-50%"), (0.6, "50-75%"), (0.9, "75-<100%"), (1.0, "100%")],
)
def test_a_share_maps_to_the_reader_s_class(share, name):
    """
    Each class of the table has its share.
    """
    assert reader_class(share) == name
