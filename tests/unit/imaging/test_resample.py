"""Resampling onto the grid that the source volume fixes."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from node.imaging.crop import Box
from node.imaging.resample import Grid, interpolate, interpolate_mask, to_image
from tests.support.volumes import geometry_of, rotation

spacings = st.floats(0.4, 6)
angles = st.tuples(*[st.floats(-3, 3)] * 3)
OBLIQUE = rotation((0.3, -0.7, 1.1))
NOISE = np.random.default_rng(1).normal(size=(11, 13, 17)).astype(np.float32)


def test_grid_of_the_ibsi_phantom_has_the_size_that_ibsi_states():
    """
    204 x 201 x 60 voxels of 0.977 x 0.977 x 3 mm become 100 x 99 x 90 voxels of 2 mm (configuration C).
    """
    grid = Grid.over(geometry_of((60, 201, 204), (3.0, 0.977, 0.977)), 2.0)

    assert grid.shape == (90, 99, 100)


@settings(deadline=None)
@given(spacing=st.tuples(spacings, spacings, spacings), target=spacings, turn=angles)
def test_grid_shares_the_centre_of_the_source_and_covers_it(spacing, target, turn):
    """
    Both grids have one centre, and no face of the source lies outside the new one.
    """
    source = geometry_of(NOISE.shape, spacing, origin=(10, -20, 30), axes=rotation(turn))
    grid = Grid.over(source, target)
    placed = grid.geometry(grid.whole)
    middles = [g.point((np.array(g.shape) - 1) / 2) for g in (source, placed)]

    assert np.allclose(*middles, atol=1e-6)
    assert placed.spacing == pytest.approx((target,) * 3)
    assert all(n * target >= m * s - 1e-4 for n, m, s in zip(grid.shape, source.shape, spacing, strict=True))
    assert all((n - 1) * target < m * s for n, m, s in zip(grid.shape, source.shape, spacing, strict=True))


def test_source_grid_keeps_its_values():
    """
    Without a new spacing every voxel keeps its value, to the last bit.
    """
    grid = Grid.over(geometry_of(NOISE.shape, (2.5, 0.7, 0.7), axes=OBLIQUE), None)

    assert np.array_equal(interpolate(NOISE, grid, grid.whole), NOISE)


@settings(deadline=None, max_examples=40)
@given(spacing=st.tuples(spacings, spacings, spacings), target=st.floats(0.7, 4), data=st.data())
def test_part_of_the_grid_equals_the_whole_to_the_last_bit(spacing, target, data):
    """
    A value does not depend on how much of the grid is computed.
    """
    grid = Grid.over(geometry_of(NOISE.shape, spacing), target)
    whole = interpolate(NOISE, grid, grid.whole)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in grid.shape)
    box = Box(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, grid.shape, strict=True)))

    assert np.array_equal(interpolate(NOISE, grid, box), whole[box.slices])


@settings(deadline=None, max_examples=40)
@given(spacing=st.tuples(spacings, spacings, spacings), target=st.floats(0.7, 4), turn=angles)
def test_interpolation_agrees_with_simpleitk(spacing, target, turn):
    """
    SimpleITK, asked for the same points of the patient, gives the same trilinear values: place and values are right.
    """
    source = geometry_of(NOISE.shape, spacing, origin=(-5, 7, 90), axes=rotation(turn))
    grid = Grid.over(source, target)
    ours = interpolate(NOISE, grid, grid.whole)
    onto = to_image(np.zeros(grid.shape, np.float64), grid.geometry(grid.whole))
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(to_image(NOISE.astype(np.float64), source), onto, sitk.Transform(), sitk.sitkLinear, np.nan)
    )
    inside = np.isfinite(theirs)  # SimpleITK has no value beyond the outermost voxels

    assert inside.sum() > 0.5 * inside.size
    assert np.abs(ours - theirs)[inside].max() < 1e-4


def test_beyond_the_volume_the_outermost_voxel_is_repeated():
    """
    A box that reaches beyond the grid holds the border values there.
    """
    grid = Grid.over(geometry_of(NOISE.shape, (1.0, 1.0, 1.0)), None)
    box = grid.whole.grown(3)

    assert np.array_equal(interpolate(NOISE, grid, box), np.pad(NOISE, 3, mode="edge"))


def test_mask_takes_the_voxels_that_are_half_covered():
    """
    A slab of 3 mm slices on a 1 mm grid keeps its thickness; its place is given with it.
    """
    mask = np.zeros((7, 5, 5), bool)
    mask[2:4, 1:4, 2] = True
    covered, box = interpolate_mask(mask, Grid.over(geometry_of(mask.shape, (3.0, 1.0, 1.0)), 1.0))

    assert covered.all()
    assert box == Box((6, 1, 2), (12, 4, 3))


def test_mask_that_no_voxel_half_covers_is_none():
    """
    One small voxel vanishes on a coarse grid, and an empty mask stays empty.
    """
    mask = np.zeros((9, 9, 9), bool)
    grid = Grid.over(geometry_of(mask.shape, (1.0, 1.0, 1.0)), 4.0)

    assert interpolate_mask(mask, grid) is None
    mask[4, 5, 6] = True
    assert interpolate_mask(mask, grid) is None


@given(spacing=st.tuples(spacings, spacings, spacings), turn=angles, index=st.tuples(*[st.integers(0, 9)] * 3))
def test_simpleitk_image_lies_where_the_geometry_says(spacing, turn, index):
    """
    SimpleITK maps (column, row, slice) to the LPS point of (slice, row, column), and holds the voxel there.
    """
    geometry = geometry_of(NOISE.shape, spacing, origin=(1, 2, 3), axes=rotation(turn))
    image = to_image(NOISE, geometry)

    assert image.TransformIndexToPhysicalPoint(index[::-1]) == pytest.approx(geometry.point(np.array(index)), abs=1e-9)
    assert image[index[::-1]] == NOISE[index]
