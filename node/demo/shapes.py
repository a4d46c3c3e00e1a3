"""Solid shapes painted into a field of Hounsfield units, with soft edges as a scanner sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Canvas:
    """
    A field of HU on a regular axial grid.

    Attributes:
        hu: Shape (slice, row, column), painted in place.
        spacing: Millimetres along (slice, row, column).
        origin: Millimetres (z, y, x) of voxel (0, 0, 0); x to the left, y to the back, z to the head (LPS).
    """

    hu: Floats
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Millimetres along z, y and x, shaped to broadcast over `hu`."""
        z, y, x = (
            (o + s * np.arange(n)).astype(np.float32)
            for o, s, n in zip(self.origin, self.spacing, self.hu.shape, strict=True)
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def window(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Canvas | None:
        """The part of the canvas (a view) between two corners (z, y, x) in millimetres; None when it is empty."""
        first = np.floor((low - self.origin) / self.spacing).astype(int)
        last = np.ceil((high - self.origin) / self.spacing).astype(int) + 1
        first, last = np.maximum(first, 0), np.minimum(last, self.hu.shape)
        if (last <= first).any():
            return None
        z, y, x = (slice(a, b) for a, b in zip(first, last, strict=True))
        corner = np.asarray(self.origin) + first * np.asarray(self.spacing)
        return Canvas(self.hu[z, y, x], self.spacing, (float(corner[0]), float(corner[1]), float(corner[2])))

    def paint(self, depth: Floats, hu: float | Floats) -> None:
        """Replace what lies inside a surface: `depth` is the distance to it in mm, positive inside, edges 1 mm soft."""
        share = np.clip(depth / 1.0 + 0.5, 0, 1)
        self.hu[...] += share * (hu - self.hu)

    def paint_over(self, depth: Floats, hu: float) -> None:
        """The same, only where it makes things denser: a vessel in lung, not in a heart."""
        share = np.clip(depth / 1.0 + 0.5, 0, 1)
        np.maximum(self.hu, self.hu + share * (hu - self.hu), out=self.hu)


def ellipsoid(canvas: Canvas, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Floats:
    """Depth below the surface of an ellipsoid, in mm (to first order near the surface)."""
    squares = [((axis - c) / r) ** 2 for axis, c, r in zip(canvas.axes, centre, radii, strict=True)]
    depth: Floats = ((1 - np.sqrt(squares[0] + squares[1] + squares[2])) * min(radii)).astype(np.float32)
    return depth


def cone(canvas: Canvas, start: NDArray[np.float64], end: NDArray[np.float64], radii: tuple[float, float]) -> Floats:
    """Depth below the surface of a round-ended cone from `start` to `end` (z, y, x), in mm."""
    axis = end - start
    offsets = [a - s for a, s in zip(canvas.axes, start.astype(np.float32), strict=True)]
    along = sum(o * np.float32(v) for o, v in zip(offsets, axis, strict=True)) / np.float32(
        max(float(axis @ axis), 1e-6)
    )
    along = np.clip(along, 0, 1)
    squares = sum((o - along * np.float32(v)) ** 2 for o, v in zip(offsets, axis, strict=True))
    depth: Floats = (radii[0] + along * (radii[1] - radii[0]) - np.sqrt(squares)).astype(np.float32)
    return depth


def tube(
    canvas: Canvas, start: NDArray[np.float64], end: NDArray[np.float64], radii: tuple[float, float], hu: float
) -> None:
    """Paint a vessel or spicule where it is denser than what is there."""
    reach = max(radii) + 1
    if part := canvas.window(np.minimum(start, end) - reach, np.maximum(start, end) + reach):
        part.paint_over(cone(part, start, end, radii), hu)


def hollow(canvas: Canvas, start: NDArray[np.float64], end: NDArray[np.float64], radius: float, wall_mm: float) -> None:
    """Paint an airway: a wall of soft tissue around free air."""
    reach = radius + wall_mm + 1
    if part := canvas.window(np.minimum(start, end) - reach, np.maximum(start, end) + reach):
        depth = cone(part, start, end, (radius, radius))
        part.paint_over(depth + wall_mm, 30.0)
        part.paint(depth, -1000.0)
