"""
Closed planar contours to voxels.

A voxel belongs to the drawing when its centre does: even-odd over all contours of one plane, so holes (drawn apart or
as a keyhole) and several components come out as drawn. Slices that carry contours are filled exactly. Slices that lie
between two contour planes take the shape in between (signed distance, linear: Raya and Udupa 1990, Herman 1992).
Contours that are not parallel to the slices are filled on a fine grid of their own and read off there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain import sources
from node.domain.geometry import Geometry
from node.domain.language import say
from node.errors import Refused
from node.imaging.regrid import onto

PARALLEL = 0.2  #: a contour whose points stray less than this (in slices) lies in one slice plane
ON_SLICE = 0.1  #: a contour plane nearer than this (in slices) to a slice was drawn on it
SAME_PLANE_MM = 0.05  #: contours nearer than this are in one plane
PLANAR_MM = 0.5  #: how far the points of a contour may stray from their own plane
BRIDGE = 1.5  #: gaps up to this many contour spacings are bridged, longer ones stay empty
LARGEST_BOX = 150_000_000  #: voxels; a drawing beyond this has coordinates that are no patient's

Outline = NDArray[np.float64]
"""Shape (point, 2): (row, column) in voxel indices."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """
    A drawing on the grid of an image.

    Attributes:
        mask: Shape of the grid, (slice, row, column), at least one voxel set.
        outside: Share of the drawing that lies beyond the image, 0 to 1.
        notes: What a reader must know, sentences.
    """

    mask: NDArray[np.bool_]
    outside: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    at: float  #: slice index
    outlines: tuple[Outline, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Box:
    """A block of voxels of the grid's lattice that holds the drawing; may reach beyond the image."""

    mask: NDArray[np.bool_]
    start: NDArray[np.intp]
    notes: tuple[str, ...]


def rasterise(contours: Sequence[NDArray[np.float64]], geometry: Geometry) -> Raster:
    """
    Fill the contours of one drawing.

    Args:
        contours: Each of shape (point, 3), LPS millimetres, planar, closed by itself.
        geometry: Grid to fill.

    Raises:
        Refused: "contour mismatch": the drawing does not meet the image, holds no voxel centre, or is not planar.
    """
    if not contours:
        raise _mismatch(say("the drawing has no closed contour"))
    index = [geometry.index(c) for c in contours]
    if all(np.ptp(i[:, 0]) <= PARALLEL for i in index):
        box = _fill(index, geometry, ends=None)
    else:
        box = _fill_apart(contours, geometry)
    return _paste(box, geometry)


def even_odd(outlines: Iterable[Outline], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """
    Pixels whose centre lies inside, by the even-odd rule over all outlines.

    A centre on an edge counts as inside where the edge is the lower bound of rows or columns, as outside where it is
    the upper one, so that neighbouring shapes neither overlap nor leave a gap.

    Args:
        outlines: (row, column) indices; pixel centres are whole numbers.
        shape: (row, column).
    """
    toggles = np.zeros((shape[0], shape[1] + 1), np.int64)
    for outline in outlines:
        rows, columns = _crossings(np.round(outline, 6))
        seen = (rows >= 0) & (rows < shape[0])
        np.add.at(toggles, (rows[seen], np.clip(columns[seen], 0, shape[1])), 1)
    return (np.cumsum(toggles[:, :-1], axis=1) & 1).astype(bool)


def _crossings(outline: Outline) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that the edges cross, and the first pixel at or right of each crossing."""
    a, b = outline, np.roll(outline, -1, axis=0)
    low, high = np.minimum(a[:, 0], b[:, 0]), np.maximum(a[:, 0], b[:, 0])
    first = np.ceil(low).astype(np.intp)  # a row is crossed when low <= row < high
    count = np.ceil(high).astype(np.intp) - first
    edge = np.repeat(np.arange(len(a)), count)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    a, b = a[edge], b[edge]
    columns = a[:, 1] + (rows - a[:, 0]) * (b[:, 1] - a[:, 1]) / (b[:, 0] - a[:, 0])
    return rows, np.ceil(np.round(columns, 6)).astype(np.intp)


def _fill(index: Sequence[NDArray[np.float64]], geometry: Geometry, *, ends: float | None) -> _Box:
    """Fill contours that are parallel to the slices. `ends`: how far the end planes reach; None: as they lie."""
    planes, on_slices = _planes(index, geometry.spacing[0])
    at = np.array([p.at for p in planes])
    pitch = float(np.median(np.diff(at))) if len(at) > 1 else 1.0
    ends = (0.0 if on_slices else pitch / 2) if ends is None else ends
    start, shape = _bounds(planes, ends)
    shapes = [even_odd((o - start[1:] for o in p.outlines), (int(shape[1]), int(shape[2]))) for p in planes]
    stack = _Stack(at, shapes, pitch, ends, geometry.spacing[1:])
    mask = np.stack([stack.shape_at(k + int(start[0])) for k in range(shape[0])])
    return _Box(mask, start, _notes(at, pitch, geometry.spacing[0], on_slices=on_slices))


def _planes(index: Sequence[NDArray[np.float64]], slice_mm: float) -> tuple[list[_Plane], bool]:
    """Contours by plane, lowest first, and whether all of them were drawn on slices of the image."""
    at = np.array([i[:, 0].mean() for i in index])
    on_slices = bool(np.all(np.abs(at - np.round(at)) <= ON_SLICE))
    if on_slices:
        at = np.round(at)
    order = np.argsort(at, kind="stable")
    cuts = np.flatnonzero(np.diff(at[order]) > SAME_PLANE_MM / slice_mm) + 1
    groups = np.split(order, cuts)
    return [_Plane(float(at[g].mean()), tuple(index[i][:, 1:] for i in g)) for g in groups], on_slices


def _bounds(planes: Sequence[_Plane], ends: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Start and shape of the block that holds all planes with half a contour spacing at both ends."""
    points = np.concatenate([o for p in planes for o in p.outlines])
    low = np.array([planes[0].at - ends, *points.min(axis=0)])
    high = np.array([planes[-1].at + ends, *points.max(axis=0)])
    if np.abs([low, high]).max() > 1e6 or np.prod(high - low + 3) > LARGEST_BOX:
        raise _mismatch(say("the drawing is far larger than any image"))
    start = np.floor(low).astype(np.intp)
    return start, np.ceil(high).astype(np.intp) - start + 1


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """Filled contour planes: place (slice index), shape, spacing, reach of the end planes (slices), pixel size."""

    at: NDArray[np.float64]
    shapes: Sequence[NDArray[np.bool_]]
    pitch: float
    ends: float
    pixel_mm: tuple[float, float]

    def shape_at(self, k: int) -> NDArray[np.bool_]:
        """
        The drawing on slice k: its own contour, else the shape between two planes, else the end plane's.

        An end plane reaches over [-ends, ends) slices, so that n planes fill n contour spacings.
        """
        at, above = self.at, int(np.searchsorted(self.at, k))
        nearest = int(np.argmin(np.abs(at - k)))
        if abs(at[nearest] - k) <= 1e-3:
            return self.shapes[nearest]
        if 0 < above < len(at) and at[above] - at[above - 1] <= BRIDGE * self.pitch:
            share = float((k - at[above - 1]) / (at[above] - at[above - 1]))
            return _between(self.shapes[above - 1], self.shapes[above], share, self.pixel_mm)
        if -self.ends <= k - at[nearest] < self.ends:
            return self.shapes[nearest]
        return np.zeros_like(self.shapes[0])


def _between(
    lower: NDArray[np.bool_], upper: NDArray[np.bool_], share: float, pixel_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    distance = (1 - share) * _signed_distance(lower, pixel_mm) + share * _signed_distance(upper, pixel_mm)
    return distance > 0


def _signed_distance(shape: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Millimetres to the outline, positive inside; the margin of one pixel keeps an outside in the array."""
    padded = np.pad(shape, 1)
    inside = ndimage.distance_transform_edt(padded, sampling=pixel_mm)
    outside = ndimage.distance_transform_edt(~padded, sampling=pixel_mm)
    signed: NDArray[np.float64] = (inside - outside)[1:-1, 1:-1]
    return signed


def _fill_apart(contours: Sequence[NDArray[np.float64]], geometry: Geometry) -> _Box:
    """Fill contours of another orientation on a grid of their own, half as wide as the finest voxel edge."""
    own, pitch = _own_grid(contours, geometry)
    box = _fill([own.index(c) for c in contours], own, ends=pitch / 2)
    placed = own.crop((int(box.start[0]), int(box.start[1]), int(box.start[2])), box.mask.shape)
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * box.mask.shape
    seen = geometry.index(placed.point(corners))
    start = np.floor(seen.min(axis=0)).astype(np.intp)
    shape = np.ceil(seen.max(axis=0)).astype(np.intp) - start + 1
    if np.prod(shape.astype(float)) > LARGEST_BOX:
        raise _mismatch(say("the drawing is far larger than any image"))
    wide = geometry.crop((int(start[0]), int(start[1]), int(start[2])), (int(shape[0]), int(shape[1]), int(shape[2])))
    apart = float(pitch * own.spacing[0])
    note = say("It was drawn in planes that are not parallel to the slices, {apart:.1f} mm apart.", apart=apart)
    return _Box(onto(box.mask, placed, wide), start, (note,))


def _own_grid(contours: Sequence[NDArray[np.float64]], geometry: Geometry) -> tuple[Geometry, float]:
    """A fine grid whose slices are parallel to the contours and hit their planes; and the planes' pitch on it."""
    normals = [_area_vector(c) for c in contours]
    normal = max(normals, key=np.linalg.norm)
    if np.linalg.norm(normal) < 1e-6:
        raise _mismatch(say("the contours enclose no area"))
    normal = normal / np.linalg.norm(normal)
    heights = [c @ normal for c in contours]
    if max(float(np.ptp(h)) for h in heights) > PLANAR_MM:
        raise _mismatch(say("the contours of one drawing are not planar, or lie in planes of different orientation"))
    levels = np.unique(np.round([h.mean() for h in heights], 2))
    gaps = np.diff(levels)[np.diff(levels) > SAME_PLANE_MM]
    finest = min(geometry.spacing) / 2
    apart = float(np.median(gaps)) if len(gaps) else float(np.abs(geometry.axes @ normal).max() * max(geometry.spacing))
    steps = max(1, int(np.ceil(apart / finest)))
    axis = geometry.axes[int(np.argmin(np.abs(geometry.axes @ normal)))]
    across = axis - (axis @ normal) * normal
    across /= np.linalg.norm(across)
    origin = contours[0].mean(axis=0)
    origin = origin + (levels[0] - origin @ normal) * normal
    axes = np.array([normal, across, np.cross(normal, across)])
    grid = Geometry.of_axes(origin=origin, spacing=(apart / steps, finest, finest), axes=axes, shape=(1, 1, 1))
    return grid, float(steps)


def _area_vector(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newell's normal, as long as the enclosed area."""
    centred = contour - contour.mean(axis=0)
    total: NDArray[np.float64] = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0) / 2
    return total


def _paste(box: _Box, geometry: Geometry) -> Raster:
    """Cut the block to the image and say what was lost."""
    stop = box.start + box.mask.shape
    low, high = np.maximum(box.start, 0), np.minimum(stop, geometry.shape)
    mask = np.zeros(geometry.shape, bool)
    total = int(box.mask.sum())
    if not total:
        raise _mismatch(say("the drawing holds no voxel centre"))
    if (low < high).all():
        there = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        here = tuple(slice(int(a - s), int(b - s)) for a, b, s in zip(low, high, box.start, strict=True))
        mask[there] = box.mask[here]
    inside = int(mask.sum())
    if not inside:
        raise _mismatch(say("the drawing lies wholly outside the image"))
    outside = 1 - inside / total
    return Raster(mask, outside, (*box.notes, *sources.cut_off(outside)))


def _notes(at: NDArray[np.float64], pitch: float, slice_mm: float, *, on_slices: bool) -> tuple[str, ...]:
    gaps = np.diff(at)
    notes = []
    if not on_slices or (gaps[gaps <= BRIDGE * pitch] > 1 + 1e-3).any():
        notes.append(
            say(
                "Contours are {contours:.1f} mm apart and slices {slices:.1f} mm: slices without a contour of their "
                "own take the shape between their neighbours.",
                contours=float(pitch * slice_mm),
                slices=float(slice_mm),
            )
        )
    if missing := int((gaps > BRIDGE * pitch).sum()):
        notes.append(
            say("The drawing is interrupted {count} time(s) along the slices; the gaps were left empty.", count=missing)
        )
    return tuple(notes)


def _mismatch(found: str) -> Refused:
    return Refused("contour mismatch", found, at="rasterise", do="check that the drawing belongs to this series")
