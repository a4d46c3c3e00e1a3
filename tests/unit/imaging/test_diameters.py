"""RECIST axes and the 3-D diameter."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from scipy.spatial.distance import pdist

from node.imaging.diameters import diameter_3d, in_plane
from tests.support.volumes import ball, geometry_of, rotation

spacings = st.floats(0.5, 3)
angles = st.tuples(*[st.floats(-3, 3)] * 3)
masks = hnp.arrays(bool, (3, 6, 7), elements=st.booleans())


def half_level_points(mask):
    """Every point half way between a voxel inside and a direct neighbour outside, by its definition."""
    padded = np.pad(mask, 1)
    points = []
    for axis in range(mask.ndim):
        for step in (-1, 1):
            where = np.argwhere(padded & ~np.roll(padded, -step, axis)).astype(float) - 1
            where[:, axis] += step / 2
            points.append(where)
    return np.concatenate(points)


@settings(deadline=None)
@given(mask=masks, spacing=st.tuples(spacings, spacings, spacings), turn=angles)
def test_3d_diameter_is_the_largest_distance_of_all_surface_points(mask, spacing, turn):
    """
    The hull finds what comparing every pair of half-level points finds, on any grid.
    """
    assume(mask.any())
    geometry = geometry_of(mask.shape, spacing, axes=rotation(turn))

    assert diameter_3d(mask, geometry) == pytest.approx(pdist(geometry.point(half_level_points(mask))).max())


@settings(deadline=None)
@given(mask=masks, spacing=st.tuples(spacings, spacings, spacings), turn=angles)
def test_long_axis_is_the_largest_distance_within_a_connected_part(mask, spacing, turn):
    """
    The long axis is what comparing every pair of outline points of every part on every slice finds.
    """
    assume(mask.any())
    geometry = geometry_of(mask.shape, spacing, axes=rotation(turn))
    longest = 0.0
    for plane in mask:
        parts, count = ndimage.label(plane, np.ones((3, 3)))
        for part in range(1, count + 1):
            longest = max(longest, pdist(half_level_points(parts == part) * spacing[1:]).max())

    assert in_plane(mask, geometry).long.length_mm == pytest.approx(longest)


@settings(deadline=None)
@given(mask=masks, spacing=st.tuples(spacings, spacings, spacings), turn=angles)
def test_axes_are_perpendicular_lines_on_the_key_slice(mask, spacing, turn):
    """
    End points lie on the key slice, as far apart as stated, at a right angle; the short axis is not the longer one.
    """
    assume(mask.any())
    geometry = geometry_of(mask.shape, spacing, origin=(-40, 8, 3), axes=rotation(turn))
    found = in_plane(mask, geometry)
    ends = np.array([found.long.start, found.long.end, found.short.start, found.short.end])
    long, short = ends[1] - ends[0], ends[3] - ends[2]

    assert np.allclose(geometry.index(ends)[:, 0], found.slice, atol=1e-6)
    assert np.linalg.norm(long) == pytest.approx(found.long.length_mm)
    assert np.linalg.norm(short) == pytest.approx(found.short.length_mm)
    assert abs(long @ short) < 1e-6 * (1 + found.long.length_mm) ** 2
    assert 0 < found.short.length_mm <= found.long.length_mm + 1e-9


@settings(deadline=None)
@given(mask=masks, spacing=st.tuples(spacings, spacings, spacings), turn=angles)
def test_lengths_do_not_depend_on_how_the_patient_lies(mask, spacing, turn):
    """
    Turning the grid in space turns the end points with it and changes no length.
    """
    assume(mask.any())
    turned = rotation(turn)
    plain = in_plane(mask, geometry_of(mask.shape, spacing))
    other = in_plane(mask, geometry_of(mask.shape, spacing, axes=np.eye(3)[::-1] @ turned.T))

    assert other.long.length_mm == pytest.approx(plain.long.length_mm)
    assert other.short.length_mm == pytest.approx(plain.short.length_mm, abs=1e-6)
    assert np.allclose(np.array(plain.long.start) @ turned.T, other.long.start, atol=1e-6) or np.allclose(
        np.array(plain.long.start) @ turned.T, other.long.end, atol=1e-6
    )


@settings(deadline=None, max_examples=30)
@given(
    spacing=st.tuples(*[st.floats(0.5, 2)] * 3),
    radius=st.floats(8, 14),
    shift=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    turn=angles,
)
def test_ball_has_the_diameter_of_the_ball(spacing, radius, shift, turn):
    """
    All three diameters of a ball are 2 r, to within a voxel, for any spacing and orientation.
    """
    shape = tuple(int(2 * radius / s) + 6 for s in spacing)
    geometry = geometry_of(shape, spacing, axes=rotation(turn))
    mask = ball(geometry, geometry.point(np.array(shape) / 2 + shift), radius)
    found = in_plane(mask, geometry)
    pixel = max(spacing[1:])

    assert found.long.length_mm == pytest.approx(2 * radius, abs=pixel * 1.1)
    assert found.short.length_mm == pytest.approx(2 * radius, abs=pixel * 1.6)
    assert diameter_3d(mask, geometry) == pytest.approx(2 * radius, abs=max(spacing) * 1.1)


def test_single_voxel_measures_one_voxel():
    """
    A voxel is as long as its longer side in plane, and as its longest in space.
    """
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    geometry = geometry_of(mask.shape, (5.0, 0.6, 0.8))
    found = in_plane(mask, geometry)

    assert found.long.length_mm == pytest.approx(0.8)
    assert found.short.length_mm == pytest.approx(0.6)
    assert diameter_3d(mask, geometry) == pytest.approx(5.0)


def test_diamond_has_the_short_axis_of_its_waist():
    """
    A rhombus of 41 by 21 voxels measures just that, and its axes cross in its middle.
    """
    y, x = np.indices((31, 51))
    mask = (np.abs(y - 15) / 10.5 + np.abs(x - 25) / 20.5 <= 1)[None]
    found = in_plane(mask, geometry_of(mask.shape, (1.0, 1.0, 1.0)))

    assert found.long.length_mm == pytest.approx(41)
    assert found.short.length_mm == pytest.approx(21)
    assert np.allclose((np.array(found.short.start) + found.short.end) / 2, (25, 15, 0))


def test_separate_parts_are_not_joined_by_an_axis():
    """
    Two nodules on one slice are measured apart: the long axis is that of the longer one.
    """
    mask = np.zeros((1, 10, 60), bool)
    mask[0, 5, 2:12] = True
    mask[0, 5, 50:55] = True
    found = in_plane(mask, geometry_of(mask.shape, (1.0, 1.0, 1.0)))

    assert found.long.length_mm == pytest.approx(10)
    assert {found.long.start[0], found.long.end[0]} == {1.5, 11.5}


def test_of_equal_axes_the_larger_part_is_shown():
    """
    A bar on slice 0 and an ellipse as long on slice 2: the key slice is that of the ellipse.
    """
    y, x = np.indices((21, 21))
    mask = np.zeros((3, 21, 21), bool)
    mask[2] = (y - 10) ** 2 / 25 + (x - 10) ** 2 / 64 <= 1
    mask[0, 10] = mask[2, 10]
    found = in_plane(mask, geometry_of(mask.shape, (1.0, 1.0, 1.0)))

    assert found.slice == 2


def test_same_mask_gives_the_same_axes():
    """
    Two runs agree to the last bit, whatever else is equal in the lesion.
    """
    geometry = geometry_of((9, 30, 30), (1.0, 0.7, 0.7))
    mask = ball(geometry, geometry.point(np.array([4, 15, 15])), 5.0)

    assert astuple(in_plane(mask, geometry)) == astuple(in_plane(mask.copy(), geometry))


@pytest.mark.parametrize("measure", [in_plane, diameter_3d])
def test_empty_mask_is_an_error(measure):
    """
    Nothing has no diameter.
    """
    with pytest.raises(ValueError, match="empty mask"):
        measure(np.zeros((2, 2, 2), bool), geometry_of((2, 2, 2), (1.0, 1.0, 1.0)))
