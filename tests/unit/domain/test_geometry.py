"""Voxel indices and points in the patient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.geometry import Geometry

SPACINGS = st.tuples(*[st.floats(0.1, 10)] * 3)
POINTS = st.tuples(*[st.floats(-1000, 1000)] * 3)
ANGLES = st.tuples(*[st.floats(-3, 3)] * 2)


def turned(angles, spacing, origin, shape=(4, 5, 6)):
    """A grid that was turned about two axes."""
    (a, b), c, s = angles, np.cos, np.sin
    axes = np.array([[1, 0, 0], [0, c(a), s(a)], [0, -s(a), c(a)]]) @ [[c(b), 0, s(b)], [0, 1, 0], [-s(b), 0, c(b)]]
    return Geometry.of_axes(origin=np.array(origin), spacing=spacing, axes=axes, shape=shape)


@given(angles=ANGLES, spacing=SPACINGS, origin=POINTS, index=st.tuples(*[st.floats(0, 600)] * 3))
def test_index_undoes_point(angles, spacing, origin, index):
    """Going to the patient and back gives the index one came from."""
    geometry = turned(angles, spacing, origin)

    assert np.allclose(index, geometry.index(geometry.point(np.array(index))), atol=1e-6)


@given(angles=ANGLES, spacing=SPACINGS, origin=POINTS)
def test_spacing_axes_and_volume_are_what_the_grid_was_made_of(angles, spacing, origin):
    """A grid knows its spacing, its unit axes and the volume of its voxels, however it is turned."""
    geometry = turned(angles, spacing, origin)

    assert np.allclose(geometry.spacing, spacing)
    assert np.allclose(geometry.axes @ geometry.axes.T, np.eye(3), atol=1e-9)
    assert geometry.voxel_ml == pytest.approx(np.prod(spacing) / 1000)


@given(angles=ANGLES, spacing=SPACINGS, origin=POINTS, start=st.tuples(*[st.integers(0, 3)] * 3))
def test_a_crop_keeps_every_point(angles, spacing, origin, start):
    """Voxel (0, 0, 0) of a crop lies where its first voxel lay before."""
    geometry = turned(angles, spacing, origin)
    crop = geometry.crop(start, (1, 1, 1))

    assert np.allclose(crop.point(np.zeros(3)), geometry.point(np.array(start)))


def test_same_grid_looks_at_every_corner():
    """A spacing that differs in the fourth decimal shows at the far corner of a large grid."""
    shape = (400, 512, 512)
    one = turned((0, 0), (1, 1, 1), (0, 0, 0), shape)

    assert one.same_grid(turned((0, 0), (1, 1, 1), (0, 0, 0.005), shape))
    assert not one.same_grid(turned((0, 0), (1.0001, 1, 1), (0, 0, 0), shape))
    assert not one.same_grid(turned((0, 0), (1, 1, 1), (0, 0, 0), (1, 1, 1)))


@pytest.mark.parametrize("affine", [np.eye(3), np.diag([1.0, 1, 0, 1]), np.full((4, 4), np.nan)])
def test_impossible_grids_are_refused(affine):
    """A grid of the wrong size, without thickness or without numbers cannot be made."""
    with pytest.raises(ValueError, match="affine"):
        Geometry(affine, (1, 1, 1))
