"""
A contour drawn again as another hand might have drawn it: a little smaller, larger, or beside itself.

Growing, shrinking and shifting are three of the perturbations by which Zwanenburg et al. (Sci Rep 9:614, 2019) tell
features that last from those that do not. The step is one millimetre, or one pixel where pixels are larger: no reader
draws finer than the image shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.imaging.crop import bounding_box
from node.imaging.grid import dilate, erode

STEP_MM = 1.0
"""How far the border moves."""

Bools = NDArray[np.bool_]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """
    One contour drawn again.

    Attributes:
        name: What was done, in words.
        mask: Shape (slice, row, column) of the first contour; nothing may be left of a small one.
    """

    name: str
    mask: Bools


def redrawn(mask: Bools, spacing: Spacing, *, slices: bool = False) -> Iterator[Redrawn]:
    """
    Draw a contour again: smaller, larger, shifted in the plane to either side of the diagonal.

    The border of a mask moves in three dimensions where slices are no further apart than the step, else within each
    slice.

    Args:
        mask: Shape (slice, row, column), at least one voxel set.
        spacing: Millimetres along the same axes.
        slices: Whether it is also shifted by one slice, up and down.
    """
    box = bounding_box(mask)
    if box is None:
        return
    step = step_mm(spacing)
    near = box.grown(1 + int(np.ceil(step / min(spacing)))).clipped((mask.shape[0], mask.shape[1], mask.shape[2]))
    crop = mask[near.slices]
    rows, columns = (max(1, round(step / s)) for s in spacing[1:])
    parts = [
        ("smaller", erode(crop, spacing, step)),
        ("larger", dilate(crop, spacing, step)),
        ("shifted one way", _shifted(crop, (0, rows, columns))),
        ("shifted the other way", _shifted(crop, (0, -rows, -columns))),
    ]
    if slices:
        parts += [("one slice up", _shifted(crop, (1, 0, 0))), ("one slice down", _shifted(crop, (-1, 0, 0)))]
    for name, part in parts:
        whole = np.zeros(mask.shape, bool)
        whole[near.slices] = part
        yield Redrawn(name, whole)


def step_mm(spacing: Spacing) -> float:
    """How far the border moves on a grid: `STEP_MM`, or the larger side of a pixel where that is more."""
    return max(STEP_MM, *spacing[1:])


def _shifted(mask: Bools, steps: tuple[int, int, int]) -> Bools:
    """The mask moved by whole voxels along (slice, row, column); what leaves the array is lost."""
    moved = np.zeros_like(mask)
    to = tuple(slice(max(n, 0), size + min(n, 0)) for n, size in zip(steps, mask.shape, strict=True))
    of = tuple(slice(max(-n, 0), size + min(-n, 0)) for n, size in zip(steps, mask.shape, strict=True))
    moved[to] = mask[of]
    return moved
