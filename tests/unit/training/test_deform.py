"""A mask displaced at random until it overlaps with itself as much as was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from node.inference.belief import dice
from node.training.deform import deformed
from tests.support.volumes import ball, geometry_of

SPACING = (3.0, 1.5, 1.5)
PLACE = geometry_of((24, 64, 64), SPACING)
MASK = ball(PLACE, PLACE.point(np.array([12.0, 32.0, 32.0])), 20.0)
ANYWHERE = np.ones_like(MASK)
LEVELS = (0.95, 0.9, 0.8, 0.7)


def displaced(seed=(1,), smooth_mm=10.0, within=ANYWHERE, mask=MASK):
    return list(deformed(mask, within, SPACING, levels=LEVELS, smooth_mm=smooth_mm, seed=seed))


@pytest.mark.parametrize("smooth_mm", [5.0, 10.0, 20.0])
def test_the_dice_that_was_asked_for_is_reached(smooth_mm):
    """To a hundredth, as measured on the masks themselves."""
    found = displaced(smooth_mm=smooth_mm)
    assert [each.asked for each in found] == list(LEVELS)
    for each in found:
        assert dice(each.mask, MASK) == each.dice == pytest.approx(each.asked, abs=0.01)


def test_the_border_moves_both_ways():
    """A field that changes within the tumour adds here and takes away there."""
    for each in displaced(smooth_mm=5.0):
        assert (each.mask & ~MASK).any()
        assert (MASK & ~each.mask).any()


def test_a_seed_is_one_field_and_another_seed_another():
    """The same seed gives the same masks."""
    first, again, other = displaced(), displaced(), displaced(seed=(2,))
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, again, strict=True))
    assert all(dice(a.mask, b.mask) < 0.99 for a, b in zip(first, other, strict=True))


def test_a_rougher_field_makes_a_more_ragged_border():
    """At the same Dice more voxels of the mask lie at its border."""

    def edges(mask):
        return sum(int(np.count_nonzero(np.diff(mask.astype(np.int8), axis=axis))) for axis in range(3))

    assert edges(displaced(smooth_mm=4.0)[-1].mask) > 1.3 * edges(displaced(smooth_mm=20.0)[-1].mask)


def test_nothing_is_drawn_outside_of_the_head():
    """Voxels that are neither the head's nor the first mask's stay empty."""
    head = np.zeros_like(MASK)
    head[:, 34:] = True
    for each in displaced(within=head):
        assert not (each.mask & ~(head | MASK)).any()
        assert each.dice == pytest.approx(each.asked, abs=0.01)


def test_nothing_cannot_be_displaced():
    """An empty mask gives no others."""
    assert displaced(mask=np.zeros_like(MASK)) == []
