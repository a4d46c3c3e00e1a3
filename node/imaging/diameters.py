"""
Diameters of a lesion: RECIST long and short axis in plane, and the largest in space.

All are taken on the half-level surface of the mask, that is between points half way from a voxel inside to its
neighbour outside. These are the vertices of the marching-cubes mesh at level 0.5, over which IBSI defines the maximum
3-D diameter (L0JK), and the place where a reader sets a caliper: at the edge of the lesion. Distances between voxel
centres are a voxel too short; between voxel corners up to a voxel diagonal too long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist, pdist

from node.domain.findings import Axis
from node.domain.geometry import Geometry
from node.imaging.crop import bounding_box

EIGHT_CONNECTED = np.ones((3, 3), bool)
SAME_MM = 1e-6  #: lengths that differ by less are equal


@dataclass(frozen=True, slots=True)
class InPlane:
    """Long and short axis, and the slice that they lie on."""

    long: Axis
    short: Axis
    slice: int


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """
    Convex outline of one connected part of a lesion on one slice.

    Attributes:
        points: Shape (n, 2): corners in millimetres along (row, column), which are perpendicular (PS3.3 C.7.6.2.1.1).
        ends: The two corners furthest apart.
        length_mm: Their distance.
        area: Voxels of the part.
    """

    slice: int
    points: NDArray[np.float64]
    ends: tuple[int, int]
    length_mm: float
    area: int


def in_plane(mask: NDArray[np.bool_], geometry: Geometry) -> InPlane:
    """
    RECIST 1.1 axes.

    The long axis is the longest distance across any connected part (8 neighbours) of the lesion on any slice; of equal
    ones that of the larger part, then of the lower slice. The short axis is the longest chord perpendicular to it
    across the convex outline of that part. Slices are taken as acquired, whatever their orientation.

    Args:
        mask: Shape (slice, row, column), at least one voxel set.
        geometry: Place of the mask, same shape.

    Raises:
        ValueError: No voxel is set.
    """
    pixel_mm = np.array(geometry.spacing[1:])
    best: _Outline | None = None
    for number in np.flatnonzero(mask.any(axis=(1, 2))):
        best = _longest_on(mask[number], int(number), pixel_mm, best)
    if best is None:
        raise ValueError("an empty mask has no diameter")
    return _axes(best, geometry)


def diameter_3d(mask: NDArray[np.bool_], geometry: Geometry) -> float:
    """
    Maximum 3-D diameter in millimetres (IBSI L0JK): the largest distance between two points of the half-level surface.

    Args:
        mask: Shape (slice, row, column), at least one voxel set.
        geometry: Place of the mask, same shape.

    Raises:
        ValueError: No voxel is set.
    """
    box = bounding_box(mask)
    if box is None:
        raise ValueError("an empty mask has no diameter")
    points = geometry.point(_surface(mask[box.slices]) + box.start)
    return float(pdist(points[ConvexHull(points).vertices]).max())


def _axis(number: int, start: NDArray[np.float64], end: NDArray[np.float64], geometry: Geometry) -> Axis:
    """The line between two points of a slice, in millimetres along (row, column) from its first voxel."""
    index = np.insert(np.stack([start, end]) / geometry.spacing[1:], 0, number, axis=1)
    (a, b, c), (p, q, r) = geometry.point(index).tolist()
    return Axis(length_mm=float(np.linalg.norm(end - start)), start=(a, b, c), end=(p, q, r))


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """
    Indices of the half-level points that first and last cut each grid line through the mask, shape (n, mask.ndim).

    Every other half-level point lies between two of these, so they have the same convex hull.
    """
    points = []
    for axis in range(mask.ndim):
        lines = np.moveaxis(mask, axis, -1)
        hit = lines.any(axis=-1)
        lines, where = lines[hit], np.argwhere(hit).astype(np.float64)
        first, last = lines.argmax(axis=-1) - 0.5, lines.shape[-1] - lines[:, ::-1].argmax(axis=-1) - 0.5
        points += [np.insert(where, axis, ends, axis=1) for ends in (first, last)]
    return np.concatenate(points)


def _longest_on(
    slab: NDArray[np.bool_], number: int, pixel_mm: NDArray[np.float64], best: _Outline | None
) -> _Outline | None:
    """The longer of `best` and the longest part on one slice."""
    parts, _ = ndimage.label(slab, EIGHT_CONNECTED)
    for value, where in enumerate(ndimage.find_objects(parts), start=1):
        first, last = np.array([[s.start, s.stop] for s in where]).T
        if best is not None and ((last - first) * pixel_mm).sum() < best.length_mm:
            continue  # even its way around the corner is shorter: specks cost nothing
        part = parts[where] == value
        outline = _outline(number, (_surface(part) + first) * pixel_mm, int(part.sum()))
        if best is None or _rank(outline) > _rank(best):
            best = outline
    return best


def _rank(outline: _Outline) -> tuple[float, int]:
    return round(outline.length_mm, 6), outline.area


def _outline(number: int, points: NDArray[np.float64], area: int) -> _Outline:
    corners = points[ConvexHull(points).vertices]
    corners = corners[np.lexsort(corners.T[::-1])]
    distances = cdist(corners, corners)
    equal = distances >= distances.max() - SAME_MM  # of symmetric pairs the first in reading order, on any machine
    first, last = np.unravel_index(int(equal.argmax()), distances.shape)
    return _Outline(number, corners, (int(first), int(last)), float(distances[first, last]), area)


def _axes(outline: _Outline, geometry: Geometry) -> InPlane:
    start, end = (outline.points[i] for i in outline.ends)
    along = (end - start) / np.linalg.norm(end - start)
    turned = np.stack([along, [-along[1], along[0]]])
    low, high = (at @ turned + start for at in _widest_chord((outline.points - start) @ turned.T))
    number = outline.slice
    return InPlane(_axis(number, start, end, geometry), _axis(number, low, high, geometry), number)


def _widest_chord(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Ends of the longest chord along the second coordinate of a convex outline; of equal ones the most central.

    Its width is a concave function of the first coordinate with corners at those of the outline: the widest place is
    one of them. The ends of the long axis lie at (0, 0) and (length, 0), and no other corner is as far out.
    """
    corners = corners[np.argsort(corners[:, 0], kind="stable")]
    middle = corners[-1, 0] / 2
    at = np.append(corners[:, 0], middle)
    above, below = (np.interp(at, *_chain(corners, sign)) for sign in (1, -1))
    widths = above - below
    widest = int(np.where(widths >= widths.max() - SAME_MM, np.abs(at - middle).round(6), np.inf).argmin())
    return np.array([at[widest], below[widest]]), np.array([at[widest], above[widest]])


def _chain(corners: NDArray[np.float64], sign: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners on one side of the long axis, with its two ends."""
    inner = corners[1:-1]
    chain = np.concatenate([corners[:1], inner[sign * inner[:, 1] >= 0], corners[-1:]])
    return chain[:, 0], chain[:, 1]
