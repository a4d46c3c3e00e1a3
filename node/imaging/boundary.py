"""The outer boundary of a lesion on one slice, along the edges of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

EIGHT_CONNECTED = np.ones((3, 3), bool)
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""(row, column) of one pixel edge to the east, south, west and north: a turn to the right is the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """
    A closed polygon.

    Attributes:
        corners: Shape (n, 2), (column, row) with the origin at the top left corner of the first pixel, whose centre is
            at (0.5, 0.5) (PS3.3 C.18.6.1.1): all are whole numbers. Clockwise on the screen from the top left corner
            of the first pixel in reading order; the first corner is repeated at the end.
        parts: How many separate parts there are on the slice; the polygon surrounds the largest.
    """

    corners: NDArray[np.float64]
    parts: int


def boundary(mask: NDArray[np.bool_]) -> Boundary:
    """
    Walk around the largest connected part (8 neighbours, as for the diameters; of equal ones the first in reading
    order). Holes lie inside and have no line of their own. The polygon encloses the part's pixels and holes exactly;
    where two pixels meet only at a corner it passes that corner twice.

    Args:
        mask: Shape (row, column).

    Raises:
        ValueError: No pixel is set.
    """
    labels, parts = ndimage.label(mask, EIGHT_CONNECTED)
    if parts == 0:
        raise ValueError("an empty slice has no boundary")
    largest = 1 + int(np.bincount(labels.ravel())[1:].argmax())
    corners = _walk(ndimage.binary_fill_holes(labels == largest))
    return Boundary(np.array(corners, np.float64)[:, ::-1], parts)


def _walk(part: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """
    Corners as (row, column), the part always at the right hand.

    Turning left wherever that is possible joins pixels that meet at a corner, so that the one walk takes every edge.
    """
    edges = _edges(part)
    row, column = (int(v) for v in np.argwhere(part)[0])
    start, heading = (row, column), 0
    corners = [start]
    while len(corners) == 1 or corners[-1] != start:  # nothing lies above or left of the start: it is passed but once
        row, column = row + STEPS[heading][0], column + STEPS[heading][1]
        turned = next(h for h in ((heading - 1) % 4, heading, (heading + 1) % 4) if (row, column, h) in edges)
        if turned != heading:
            corners.append((row, column))
        heading = turned
    return corners


def _edges(part: NDArray[np.bool_]) -> set[tuple[int, int, int]]:
    """Every pixel edge between inside and outside: (row, column) of the corner that it leaves from, and its heading."""
    inside = np.pad(part, 1)
    core = inside[1:-1, 1:-1]
    beyond = (inside[:-2, 1:-1], inside[1:-1, 2:], inside[2:, 1:-1], inside[1:-1, :-2])  # above, right, below, left
    leaves = ((0, 0), (0, 1), (1, 1), (1, 0))
    return {
        (int(row) + leaves[heading][0], int(column) + leaves[heading][1], heading)
        for heading, neighbour in enumerate(beyond)
        for row, column in np.argwhere(core & ~neighbour)
    }
