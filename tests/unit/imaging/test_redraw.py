"""A contour drawn again, a little otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from node.imaging.redraw import redrawn, step_mm
from tests.support.volumes import ball, geometry_of


def drawn(spacing, *, shape=(24, 40, 40), radius=8.0, slices=False):
    """Redrawings of a ball by name, and the ball."""
    geometry = geometry_of(shape, spacing)
    mask = ball(geometry, geometry.point(np.array(shape) / 2), radius)
    return mask, {each.name: each.mask for each in redrawn(mask, spacing, slices=slices)}


def test_it_is_drawn_smaller_and_larger_by_one_millimetre():
    """A ball of 8 mm becomes one of about 7 mm and one of about 9 mm, inside and around the first."""
    mask, again = drawn((1.0, 1.0, 1.0))
    assert not (again["smaller"] & ~mask).any()
    assert not (mask & ~again["larger"]).any()
    volumes = [np.count_nonzero(m) * 3 / (4 * np.pi) for m in (again["smaller"], mask, again["larger"])]
    assert np.cbrt(volumes) == pytest.approx([7, 8, 9], abs=0.35)


def test_thick_slices_keep_their_number():
    """Slices 5 mm apart are further than a millimetre: the border moves within each slice only."""
    mask, again = drawn((5.0, 0.5, 0.5), shape=(8, 60, 60), radius=12.0)
    for name in ("smaller", "larger"):
        assert again[name].any(axis=(1, 2)).tolist() == mask.any(axis=(1, 2)).tolist()


def test_it_is_shifted_to_either_side_of_the_diagonal():
    """By a millimetre in rows and columns: two pixels of half a millimetre."""
    mask, again = drawn((1.0, 0.5, 0.5))
    assert np.array_equal(again["shifted one way"], np.roll(mask, (2, 2), (1, 2)))
    assert np.array_equal(again["shifted the other way"], np.roll(mask, (-2, -2), (1, 2)))


def test_slices_are_shifted_where_that_is_asked_for():
    """One slice up and down, beside the four."""
    mask, again = drawn((3.0, 1.0, 1.0), slices=True)
    assert len(again) == 6
    assert np.array_equal(again["one slice up"], np.roll(mask, 1, 0))


def test_what_is_shifted_out_of_the_image_is_lost():
    """It does not come back on the other side."""
    mask = np.zeros((3, 6, 6), bool)
    mask[:, 3:, 3:] = True
    again = {each.name: each.mask for each in redrawn(mask, (1.0, 1.0, 1.0))}
    assert np.count_nonzero(again["shifted one way"]) == 3 * 2 * 2


def test_a_single_voxel_may_vanish():
    """It is yielded empty, so that whoever asks can count it."""
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    assert [each.mask.any() for each in redrawn(mask, (1.0, 1.0, 1.0))] == [False, True, True, True]


def test_no_reader_draws_finer_than_the_image():
    """The step is a millimetre, or the larger side of a pixel."""
    assert step_mm((5.0, 0.5, 0.7)) == 1.0
    assert step_mm((1.0, 1.6, 1.5)) == 1.6
