"""Resampling along axes keeps places and means, and comes back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from node.imaging.reslice import Reslice
from node.imaging.splines import Splines, Way


def ramp(shape, spacing):
    """Each voxel holds its place along the three axes, in mm from the middle, added up."""
    z, y, x = (np.arange(n) * s - (n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    return (z[:, None, None] + 2 * y[None, :, None] - x[None, None, :]).astype(np.float32)


@pytest.mark.parametrize("new", [(2.0, 1.0, 1.0), (5.0, 2.5, 1.7), (1.5, 0.4, 3.0)])
def test_a_ramp_stays_the_same_ramp(new):
    """Both grids share their centre, and away from the edge a linear image is the same on either."""
    reslice = Reslice.to((20, 30, 40), (3.0, 1.1, 0.9), new)
    forward = reslice.forward(ramp((20, 30, 40), (3.0, 1.1, 0.9)))
    expected = ramp(reslice.new_shape, new)
    inner = tuple(slice(int(np.ceil(6 / s)), -int(np.ceil(6 / s))) for s in new)
    assert forward.shape == reslice.new_shape
    assert np.allclose(forward[inner], expected[inner], atol=1e-3)


def test_what_becomes_coarser_is_averaged_and_does_not_alias():
    """Stripes of one voxel become their mean on a grid four times as coarse."""
    stripes = np.tile(np.array([0.0, 100.0], np.float32), 20)[None, None].repeat(2, 0).repeat(2, 1)
    coarse = Reslice.to((2, 2, 40), (1.0, 1.0, 1.0), (1.0, 1.0, 4.0)).forward(stripes)
    assert coarse.shape == (2, 2, 10)
    assert np.allclose(coarse, 50, atol=8)


def test_the_same_grid_is_a_copy():
    """No step changes a value where nothing is to be done."""
    values = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
    assert (Reslice.to((4, 5, 6), (1.5, 2.0, 0.7), (1.5, 2.0, 0.7)).forward(values) == values).all()


@pytest.mark.parametrize("slab", [1, 3, 64])
def test_the_way_back_covers_the_source_whatever_is_held_at_a_time(slab):
    """Planes come in order, cover the source once, and hold what went forward where it is smooth."""
    reslice = Reslice.to((20, 30, 40), (3.0, 1.1, 0.9), (2.0, 1.6, 1.6))
    values = ramp((20, 30, 40), (3.0, 1.1, 0.9))
    starts, planes = zip(*reslice.back(reslice.forward(values), slab=slab), strict=True)
    back = np.concatenate(planes)
    assert list(starts) == list(range(0, 20, slab))
    assert back.shape == values.shape
    assert np.allclose(back[3:-3, 4:-4, 4:-4], values[3:-3, 4:-4, 4:-4], atol=1e-2)


def placed(reslice, voxels, middles):
    """Linear values (scipy's) at the target's voxels, whose index 0 lies where `middles` says."""
    at = np.indices(reslice.new_shape).astype(float)
    steps = np.array(reslice.new_spacing) / np.array(reslice.spacing)
    index = [m + a * s for m, a, s in zip(middles, at, steps, strict=True)]
    return ndimage.map_coordinates(voxels.astype(float), index, order=1, mode="nearest")


def test_a_grid_fills_the_source_or_begins_with_its_first_voxel():
    """Sizes and values as nnU-Net (edges of the image meet) and MONAI (first voxels meet) have them, both ways."""
    voxels = ndimage.gaussian_filter(np.random.default_rng(4).normal(size=(9, 14, 11)), 1).astype(np.float32)
    fill = Reslice.to((9, 14, 11), (3.0, 1.0, 1.1), (2.5, 1.5, 2.0), smooth=False, fit="fill")
    assert fill.new_shape == (11, 9, 6)  # 10.8, 9.3 and 6.05
    edges = [(n * s / m / s - 1) / 2 for n, s, m in zip((9, 14, 11), (3.0, 1.0, 1.1), fill.new_shape, strict=True)]
    np.testing.assert_allclose(fill.forward(voxels), placed(fill, voxels, edges), atol=1e-5)
    first = Reslice.to((9, 14, 11), (3.0, 1.0, 1.1), (2.5, 1.5, 2.0), smooth=False, fit="first")
    assert first.new_shape == (11, 10, 6)  # 10.6, 9.67 and 6.5
    np.testing.assert_allclose(first.forward(voxels), placed(first, voxels, (0, 0, 0)), atol=1e-5)
    planes = np.concatenate([part for _, part in first.back(first.forward(voxels))])
    back = Reslice(first.new_shape, first.new_spacing, first.shape, first.spacing, smooth=False, first=True)
    np.testing.assert_allclose(planes, placed(back, first.forward(voxels), (0, 0, 0)), atol=1e-5)


@pytest.mark.parametrize(("spacing", "new", "across"), [
    ((4.0, 1.0, 1.1), (2.0, 1.0, 1.0), 0),
    ((2.0, 1.0, 1.1), (1.0, 0.9, 4.0), 2),
    ((2.0, 1.0, 1.1), (2.5, 1.0, 1.0), None),
    ((4.0, 4.0, 1.0), (4.0, 1.0, 1.0), None),
    ((3.6, 1.2, 1.2), (1.0, 1.0, 1.0), None),
])  # fmt: skip
def test_slices_are_thick_on_the_first_grid_that_has_any(spacing, new, across):
    """Two equally long sides are no slices, as in nnU-Net; nor is what is three times as long, by its quotient."""
    way = Splines(order=3, across=0, thick=3.0).way(spacing, new)
    assert (way.across, way.orders) == (across, tuple(0 if axis == across else 3 for axis in range(3)))
    assert Splines(order=3, across=0).way(spacing, new) == Way((3, 3, 3), None)


def test_thick_slices_are_resampled_one_by_one():
    """Cubic within a slice and within its own values, the nearest slice across; and back by the way that is asked."""
    values = np.random.default_rng(2).normal(size=(5, 12, 14)).astype(np.float32)
    splines = Splines(order=3, across=0, thick=3.0)
    reslice = Reslice.to((5, 12, 14), (4.0, 1.0, 1.1), (3.0, 0.8, 0.9), fit="fill", splines=splines,
                         back=Splines(order=1, across=0, thick=3.0))  # fmt: skip
    found = reslice.forward(values)
    assert reslice.new_shape == (7, 15, 17)
    for number, slice_ in enumerate(found):
        own = values[int((number + 0.5) * 5 / 7)].astype(float)
        zoomed = ndimage.zoom(own, (15 / 12, 17 / 14), order=3, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(slice_, np.clip(zoomed, own.min(), own.max()), atol=1e-4)
    back = np.concatenate([planes for _, planes in reslice.back(found)])
    for number, slice_ in enumerate(back):
        own = found[int((number + 0.5) * 7 / 5)].astype(float)
        zoomed = ndimage.zoom(own, (12 / 15, 14 / 17), order=1, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(slice_, zoomed, atol=1e-4)
