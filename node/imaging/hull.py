"""Convex hulls, slice by slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from node.imaging.grid import Bools


def hull_slices(mask: Bools) -> Bools:
    """
    The convex hull of each slice of a mask of shape (slice, row, column), by voxel centres.

    A slice whose voxels lie on one line stays as it is.
    """
    return np.stack([_hull(plane) for plane in mask])


def _hull(plane: Bools) -> Bools:
    points = _outline(plane)
    if len(points) < 3:
        return plane
    try:
        hull = ConvexHull(points)
    except QhullError:
        return plane
    low, high = points.min(axis=0), points.max(axis=0) + 1
    rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
    inside = np.ones(rows.shape, bool)
    for a, b, c in hull.equations:
        inside &= a * rows + b * columns + c <= 1e-9
    filled = plane.copy()
    filled[low[0] : high[0], low[1] : high[1]] |= inside
    return filled


def _outline(plane: Bools) -> NDArray[np.int_]:
    """First and last voxel of each row: all that a hull can depend on."""
    rows = np.flatnonzero(plane.any(axis=1))
    first = plane[rows].argmax(axis=1)
    last = plane.shape[1] - 1 - plane[rows][:, ::-1].argmax(axis=1)
    return np.unique(np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)]), axis=0)
