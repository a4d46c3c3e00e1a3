"""Windows cover every voxel, overlap as asked, and weigh their middle most."""

from __future__ import annotations

import numpy as np
import pytest

from node.inference.windows import bell, boxes, fixed_starts, padding, starts, weights_of


@pytest.mark.parametrize(
    ("size", "window", "overlap"), [(100, 32, 0.5), (33, 32, 0.5), (32, 32, 0.9), (500, 64, 0.25), (7, 3, 0.0)]
)
def test_windows_cover_an_axis_and_overlap_at_least_as_asked(size, window, overlap):
    """The first begins at 0, the last ends at the end, and none leaves a gap."""
    found = starts(size, window, overlap)
    assert (found[0], found[-1]) == (0, size - window)
    steps = np.diff(found)
    assert (steps <= window * (1 - overlap) + 1).all()
    assert (steps > 0).all()


def test_boxes_cover_a_grid():
    """Every voxel lies in at least one."""
    seen = np.zeros((9, 20, 33), int)
    for box in boxes(seen.shape, (4, 8, 16), 0.5):
        assert seen[box].shape == (4, 8, 16)
        seen[box] += 1
    assert seen.min() >= 1


def test_the_middle_of_a_window_weighs_most_and_no_voxel_nothing():
    """One in the middle, symmetric, never zero."""
    weights = bell((1, 17, 33))
    assert weights[0, 8, 16] == weights.max() == pytest.approx(1)
    assert weights.min() > 0
    assert (weights == weights[:, ::-1, ::-1]).all()


def test_windows_at_a_fixed_distance_end_at_the_end():
    """Each begins so far after the one before; the last is moved back, and a small axis has one."""
    assert fixed_starts(21, 8, 0.25) == [0, 6, 12, 13]
    assert fixed_starts(20, 8, 0.25) == [0, 6, 12]
    assert fixed_starts(8, 8, 0.5) == fixed_starts(3, 8, 0.5) == [0]
    assert fixed_starts(5, 4, 0.9) == [0, 1]


def test_a_peak_lies_on_a_voxel_and_even_weights_nowhere():
    """nnU-Net's bell has its middle at n // 2; no weight is nothing."""
    peak = weights_of((4, 9, 1), "peak")
    assert np.unravel_index(peak.argmax(), peak.shape) == (2, 4, 0)
    assert peak[1, 4, 0] == pytest.approx(np.exp(-2))  # one voxel of four, sigma half a voxel
    assert peak.min() > 0
    assert (weights_of((2, 3, 4), "even") == 1).all()
    assert (weights_of((3, 4, 5), "bell") == bell((3, 4, 5))).all()


def test_padding_fills_up_to_one_window():
    """Only what is missing, on both sides."""
    assert padding((5, 40, 30), (8, 32, 33)) == ((1, 2), (0, 0), (1, 2))
