"""Outer boundaries of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from node.imaging.boundary import boundary


def drawn(*rows):
    """A mask drawn in text."""
    return np.array([[c == "#" for c in row] for row in rows])


def walked(*rows):
    """Corners (column, row) of a drawn mask."""
    return [tuple(map(int, corner)) for corner in boundary(drawn(*rows)).corners]


def area(corners):
    """Signed area of a closed polygon, positive where it runs clockwise on the screen (shoelace formula)."""
    x, y = corners.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def test_one_pixel_is_a_square_around_its_centre():
    """The pixel at row 1, column 2 reaches from (2, 1) to (3, 2): its centre is at a half (PS3.3 C.18.6.1.1)."""
    assert walked("....", "..#.", "....") == [(2, 1), (3, 1), (3, 2), (2, 2), (2, 1)]


def test_a_rectangle_has_four_corners():
    """Straight lines have no corners on their way, at the border of the image as elsewhere."""
    assert walked("###", "###") == [(0, 0), (3, 0), (3, 2), (0, 2), (0, 0)]


def test_every_step_of_the_pixels_is_a_corner():
    """An L has six corners, clockwise from the first pixel in reading order."""
    assert walked("#..", "#..", "###") == [(0, 0), (1, 0), (1, 2), (3, 2), (3, 3), (0, 3), (0, 0)]


def test_a_hole_has_no_line_of_its_own():
    """A ring is bounded as if it were filled."""
    assert walked("###", "#.#", "###") == [(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)]


def test_pixels_that_meet_at_a_corner_belong_together():
    """The corner is passed twice, in either diagonal."""
    assert walked("#.", ".#") == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (1, 2), (1, 1), (0, 1), (0, 0)]
    assert walked(".#", "#.") == [(1, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2), (0, 1), (1, 1), (1, 0)]


def test_the_largest_part_is_taken_and_the_others_are_counted():
    """By pixels; of equal ones the first in reading order."""
    found = boundary(drawn("##....", "......", "...###", "......", "#....."))

    assert found.parts == 3
    assert found.corners.min(axis=0).tolist() == [3, 2]
    assert boundary(drawn("#..", "..#")).corners[0].tolist() == [0, 0]


def test_nothing_has_no_boundary():
    """An empty slice is a mistake of the caller."""
    with pytest.raises(ValueError, match="empty"):
        boundary(np.zeros((4, 4), bool))


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any))
def test_the_polygon_encloses_the_part_and_its_holes(mask):
    """Even-odd around every pixel centre it gives back exactly the pixels, and its area is their number."""
    found = boundary(mask)
    labels, parts = ndimage.label(mask, np.ones((3, 3)))
    largest = 1 + int(np.bincount(labels.ravel())[1:].argmax())
    filled = ndimage.binary_fill_holes(labels == largest)
    x, y = found.corners.T
    upright = x[:-1] == x[1:]
    inside = np.zeros(mask.shape, int)
    for at, low, high in zip(x[:-1][upright], y[:-1][upright], y[1:][upright], strict=True):
        inside[int(min(low, high)) : int(max(low, high)), int(at) :] += 1  # a ray from the left has met this line

    assert np.array_equal(inside % 2 == 1, filled)
    assert area(found.corners) == filled.sum()
    assert found.corners[0].tolist() == found.corners[-1].tolist()
    assert found.parts == parts
