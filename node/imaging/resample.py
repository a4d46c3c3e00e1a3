"""
Resampling onto a grid that the source volume fixes, and the way to SimpleITK.

The target grid covers the source volume and shares its centre ("align by grid centres", IBSI reference manual, chapter
"Image interpolation"), so a voxel's value does not depend on where the lesion lies or how much of the grid is computed.
Values are interpolated trilinearly (IBSI VTM2) and a mask by trilinear interpolation with threshold 0.5: local, without
overshoot, and the method that the IBSI consensus values of configuration C were made with. Because the axes of both
grids are parallel, the interpolation is three one-dimensional ones; any part of the grid comes out bit for bit as in
the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody uses
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.imaging.crop import Box, bounding_box

PARTIAL_VOLUME = 0.5 - 1e-6  #: a voxel half covered belongs to the mask, whatever the last bit says


@dataclass(frozen=True, eq=False)
class Grid:
    """
    A grid parallel to the one of a source volume, with the same centre.

    Attributes:
        source: Grid of the volume that is sampled.
        spacing: Millimetres along (slice, row, column).
        shape: Voxels along (slice, row, column).
    """

    source: Geometry
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]

    @classmethod
    def over(cls, source: Geometry, spacing_mm: float | None) -> Grid:
        """An isotropic grid over the whole source volume; None keeps the source grid itself."""
        if spacing_mm is None:
            return cls(source, source.spacing, source.shape)
        sizes = zip(source.shape, source.spacing, strict=True)
        z, y, x = (max(1, math.ceil(n * s / spacing_mm - 1e-6)) for n, s in sizes)
        return cls(source, (spacing_mm,) * 3, (z, y, x))

    @property
    def whole(self) -> Box:
        """All voxels of the grid."""
        return Box((0, 0, 0), self.shape)

    def positions(self, axis: int, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """Where voxels of this grid lie along an axis, in (fractional) voxel indices of the source."""
        step = self.spacing[axis] / self.source.spacing[axis]
        middle = (self.source.shape[axis] - 1) / 2
        return np.asarray(middle + (numbers - (self.shape[axis] - 1) / 2) * step, np.float64)

    def geometry(self, box: Box) -> Geometry:
        """Place of a box of this grid in the patient."""
        first = np.array([self.positions(axis, np.array([box.start[axis]]))[0] for axis in range(3)])
        return Geometry.of_axes(
            origin=self.source.point(first), spacing=self.spacing, axes=self.source.axes, shape=box.shape
        )

    def around(self, box: Box) -> Box:
        """The voxels of this grid whose value can depend on the voxels of a box of the source."""
        start, stop = [], []
        for axis in range(3):
            at = self.positions(axis, np.arange(self.shape[axis]))
            inside = np.flatnonzero((at > box.start[axis] - 1) & (at < box.stop[axis]))
            start.append(int(inside[0]) if inside.size else 0)
            stop.append(int(inside[-1]) + 1 if inside.size else 0)
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def interpolate(voxels: NDArray[Any], grid: Grid, box: Box) -> NDArray[np.float64]:
    """
    Trilinear values at the voxels of a box of the grid; beyond the source its outermost voxels are repeated.

    Args:
        voxels: Shape of `grid.source`, any numeric type.
        grid: Grid to sample on.
        box: Part of the grid; may reach beyond it.

    Returns:
        Shape `box.shape`.
    """
    weights = [_weights(grid, box, axis) for axis in range(3)]
    part = voxels[tuple(slice(low[0], high[-1] + 1) for low, high, _ in weights)].astype(np.float64)
    for axis, (low, high, share) in enumerate(weights):
        upper = share.reshape([-1 if a == axis else 1 for a in range(3)])
        part = part.take(low - low[0], axis) * (1 - upper) + part.take(high - low[0], axis) * upper
    return part


def interpolate_mask(mask: NDArray[np.bool_], grid: Grid) -> tuple[NDArray[np.bool_], Box] | None:
    """
    The mask on the grid, cropped to its voxels, and where they lie; None when no voxel of the grid is half covered.

    Args:
        mask: Shape of `grid.source`.
        grid: Grid to sample on.
    """
    source_box = bounding_box(mask)
    if source_box is None:
        return None
    near = grid.around(source_box)
    if 0 in near.shape:
        return None
    covered = interpolate(mask, grid, near) >= PARTIAL_VOLUME
    tight = bounding_box(covered)
    if tight is None:
        return None
    z, y, x = near.start
    (a, b, c), (p, q, r) = tight.start, tight.stop
    return covered[tight.slices], Box((a + z, b + y, c + x), (p + z, q + y, r + x))


def to_image(voxels: NDArray[Any], geometry: Geometry) -> sitk.Image:
    """
    The voxels as a SimpleITK image at the same place.

    SimpleITK counts (x, y, z) = (column, row, slice); its world is LPS millimetres as ours, and the columns of its
    direction are the unit steps of x, y and z.

    Args:
        voxels: Shape (slice, row, column).
        geometry: Their place, same shape.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels))
    image.SetOrigin([float(v) for v in geometry.affine[:3, 3]])
    image.SetSpacing(list(geometry.spacing[::-1]))
    direction = geometry.axes[::-1].T.round(12)  # ITK cannot invert a direction with a 1e-300 in it
    image.SetDirection([float(v) for v in direction.ravel()])
    return image


def _weights(grid: Grid, box: Box, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Lower and upper source voxel of each voxel of the box along an axis, and the share of the upper one."""
    last = grid.source.shape[axis] - 1
    at = np.clip(grid.positions(axis, np.arange(box.start[axis], box.stop[axis])), 0, last)
    low = np.floor(at).astype(np.intp)
    return low, np.minimum(low + 1, last), at - low
