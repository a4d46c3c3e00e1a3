"""A mask from one grid to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.domain import sources
from node.domain.geometry import Geometry
from node.domain.language import Said, figure, joined, say


def onto(mask: NDArray[np.bool_], own: Geometry, target: Geometry) -> NDArray[np.bool_]:
    """
    A mask as seen from the voxel centres of another grid (nearest neighbour).

    A target voxel is set when the voxel of `own` that holds its centre is set. Where the centres coincide this is a
    copy, whatever the order of axes and slices. Both arrays are (slice, row, column).

    Args:
        mask: Shape `own.shape`.
        own: Where the mask lies.
        target: Grid to answer on.

    Returns:
        Shape `target.shape`.
    """
    out = np.zeros(target.shape, bool)
    reach = _reach(mask, own, target)
    if reach is None:
        return out
    start, stop = reach
    step = own.inverse[:3, :3] @ target.affine[:3, :3]  # own index per step of a target axis
    origin = own.index(target.affine[:3, 3])
    rows, columns = np.arange(start[1], stop[1]), np.arange(start[2], stop[2])
    plane = step[:, 1, None, None] * rows[:, None] + step[:, 2, None, None] * columns
    for k in range(start[0], stop[0]):
        index = _nearest(plane + (origin + step[:, 0] * k)[:, None, None])
        inside = np.all((index >= 0) & (index < np.array(own.shape)[:, None, None]), axis=0)
        index[:, ~inside] = 0
        out[k, start[1] : stop[1], start[2] : stop[2]] = mask[tuple(index)] & inside
    return out


def changes(mask: NDArray[np.bool_], own: Geometry, carried: NDArray[np.bool_], target: Geometry) -> tuple[str, ...]:
    """What the way of a mask to another grid changed, as sentences; none where it is a copy."""
    index, inside = _seen(mask, own, target)
    notes = list(_lost(inside))
    if np.abs(index - np.round(index)).max() > 0.01 or int(inside.sum()) != int(carried.sum()):
        spacing = joined([figure(s, 2) for s in own.spacing], " × ")
        before, after = mask.sum() * own.voxel_ml, carried.sum() * target.voxel_ml
        notes.append(
            say(
                "The segment has a grid of its own ({spacing} mm); it was carried over voxel centre by voxel centre "
                "({before:.2f} mL there, {after:.2f} mL here).",
                spacing=spacing,
                before=float(before),
                after=float(after),
            )
        )
    return tuple(notes)


def carried(
    mask: NDArray[np.bool_], own: Geometry, target: Geometry, roles: tuple[str, str]
) -> tuple[NDArray[np.bool_], Said]:
    """A mask on the grid of the measured series, and how it came there; `roles`: drawn on, measured."""
    there = onto(mask, own, target)
    before, after = (float(m.sum()) * place.voxel_ml for m, place in ((mask, own), (there, target)))
    return there, sources.brought(*roles, before, after)


def cut_off(mask: NDArray[np.bool_], own: Geometry, target: Geometry) -> tuple[str, ...]:
    """What of a mask has no place on another grid, as a sentence; none where all of it has."""
    return _lost(_seen(mask, own, target)[1])


def _lost(inside: NDArray[np.bool_]) -> tuple[str, ...]:
    """The same, of which voxels of the mask lie on the other grid."""
    return sources.cut_off(1 - float(inside.mean()))


def _seen(mask: NDArray[np.bool_], own: Geometry, target: Geometry) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Index on the target of every voxel of a mask, shape (voxel, 3), and which of them lie on it."""
    index = target.index(own.point(np.argwhere(mask).astype(np.float64)))
    return index, np.asarray(((index >= -0.5) & (index <= np.array(target.shape) - 0.5)).all(axis=1))


def _nearest(index: NDArray[np.float64]) -> NDArray[np.intp]:
    """Nearest whole index; a centre half-way between two voxels goes to the upper one on every platform."""
    return np.floor(np.round(index, 6) + 0.5).astype(np.intp)


def _reach(
    mask: NDArray[np.bool_], own: Geometry, target: Geometry
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Start and stop of the target voxels that the set part of the mask can touch."""
    bounds = []
    for axis in range(3):
        found = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(found):
            return None
        bounds.append((found[0] - 0.5, found[-1] + 0.5))
    corners = np.array([[z, y, x] for z in bounds[0] for y in bounds[1] for x in bounds[2]])
    seen = target.index(own.point(corners))
    start = np.clip(np.floor(seen.min(axis=0)), 0, target.shape).astype(np.intp)
    stop = np.clip(np.ceil(seen.max(axis=0)) + 1, 0, target.shape).astype(np.intp)
    return (start, stop) if (start < stop).all() else None
