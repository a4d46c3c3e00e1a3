"""Axes are put into anatomical order and back, without touching a value."""

from __future__ import annotations

import numpy as np
import pytest

from node.imaging.reorient import AXIAL as AXIAL_ORDER
from node.imaging.reorient import is_orientation, to_axial, turn_to
from tests.support.volumes import AXIAL, geometry_of, rotation

SHAPE = (3, 4, 5)


@pytest.mark.parametrize("letters", ["SPL", "RAS", "LPS", "IAR", "PSL"])
def test_each_axis_runs_towards_its_letter(letters):
    """After the turn, a step along an axis goes to where the letter says."""
    geometry = geometry_of(SHAPE, (3.0, 2.0, 1.0), axes=AXIAL[[1, 2, 0]] * [[-1], [1], [1]])
    points = geometry.point(np.moveaxis(np.indices(SHAPE), 0, -1))
    turn = turn_to(letters, geometry)
    turned = np.stack([turn.apply(points[..., i]) for i in range(3)], -1)
    sign = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
    for axis, letter in enumerate(letters):
        component, direction = sign[letter]
        step = np.diff(turned, axis=axis)[..., component]
        assert (direction * step > 0).all()
        assert direction * step.flat[0] == pytest.approx(turn.sizes(geometry.spacing)[axis])


@pytest.mark.parametrize("letters", ["SPL", "RAS", "AIL"])
def test_undoing_a_turn_gives_the_array_back(letters):
    """There and back is nothing."""
    values = np.arange(60).reshape(SHAPE)
    turn = turn_to(letters, geometry_of(SHAPE, (3.0, 2.0, 1.0), axes=AXIAL[[2, 0, 1]]))
    assert turn.apply(values).shape == turn.sizes(SHAPE)
    assert (turn.undo(turn.apply(values)) == values).all()


def test_the_tilt_is_the_largest_angle_to_what_was_asked_for():
    """A stack turned by 20 degrees around x is tilted by 20 degrees."""
    oblique = geometry_of(SHAPE, (3.0, 2.0, 1.0), axes=AXIAL @ rotation((np.radians(20), 0, 0)))
    assert turn_to("SPL", oblique).tilt_deg == pytest.approx(20)
    assert turn_to("SPL", geometry_of(SHAPE, (3.0, 2.0, 1.0))).tilt_deg == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("letters", ["SP", "SPLR", "SPX", "SSL", "SIL", ""])
def test_what_is_no_orientation_is_told(letters):
    """Too few, unknown or repeated directions."""
    assert not is_orientation(letters)
    with pytest.raises(ValueError, match="no orientation"):
        turn_to(letters, geometry_of(SHAPE, (1.0, 1.0, 1.0)))


@pytest.mark.parametrize("letters", ["SPL", "RAS", "AIL"])
def test_a_turned_voxel_keeps_its_place(letters):
    """The grid of a turned array has the same points of the patient under the same values."""
    geometry = geometry_of(SHAPE, (3.0, 2.0, 1.0), origin=(7.0, -5.0, 3.0), axes=rotation((0.2, 0.1, -0.3))[[2, 0, 1]])
    turn = turn_to(letters, geometry)
    points = geometry.point(np.moveaxis(np.indices(SHAPE), 0, -1))
    turned = turn.place(geometry)
    there = turned.point(np.moveaxis(np.indices(turned.shape), 0, -1))
    assert there == pytest.approx(np.stack([turn.apply(points[..., i]) for i in range(3)], -1))


def test_an_axial_stack_is_in_axial_order():
    """Nothing is turned there, to the last bit."""
    geometry = geometry_of(SHAPE, (3.0, 2.0, 1.0), origin=(7.1, -5.3, 3.7))
    turn = turn_to(AXIAL_ORDER, geometry)
    assert (turn.order, turn.reversed) == ((0, 1, 2), ())
    assert (turn.place(geometry).affine == geometry.affine).all()


@pytest.mark.parametrize("signs", [(1, 1, 1), (1, -1, 1), (-1, 1, -1), (1, -1, -1)])
def test_an_axial_stack_is_not_turned_whichever_way_its_axes_run(signs):
    """A prone patient, or slices from the head down; another plane is turned all the way."""
    axes = AXIAL * np.array(signs)[:, None]
    turn = to_axial(geometry_of(SHAPE, (3.0, 2.0, 1.0), axes=axes))
    assert (turn.order, turn.reversed) == ((0, 1, 2), ())
    sagittal = geometry_of(SHAPE, (3.0, 2.0, 1.0), axes=axes[[2, 0, 1]])
    assert to_axial(sagittal) == turn_to(AXIAL_ORDER, sagittal)
