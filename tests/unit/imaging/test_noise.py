"""More noise than picture."""

from __future__ import annotations

import numpy as np
import pytest

from node.imaging.noise import LEAST, coherence

PICTURE = np.repeat(np.repeat(np.random.default_rng(0).normal(0, 1, (12, 16, 16)), 8, 1), 8, 2)


def noisy(deviation):
    """The picture, whose neighbours are nearly all alike, under white noise."""
    return (PICTURE + np.random.default_rng(1).normal(0, deviation, PICTURE.shape)).astype(np.float32)


@pytest.mark.parametrize("deviation", [0.0, 0.5, 1.0, 3.0])
def test_it_is_the_share_of_the_picture_in_the_variance(deviation):
    """Up to the edges of the picture itself, where neighbours differ."""
    assert coherence(noisy(deviation)) == pytest.approx(0.875 / (1 + deviation**2), abs=0.04)


def test_it_does_not_depend_on_the_unit():
    """HU, arbitrary units of MR, SUV: a correlation has none."""
    assert coherence(1000 * noisy(0.3) - 500) == pytest.approx(coherence(noisy(0.3)), abs=1e-3)


def test_empty_slices_do_not_count():
    """A stack may begin and end in air; nothing but air is no noise."""
    voxels = noisy(0.1)
    voxels[:3] = voxels[-3:] = 0
    assert coherence(voxels) > LEAST
    assert coherence(np.zeros((5, 8, 8), np.float32)) == 1.0
