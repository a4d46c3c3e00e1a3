"""
Resampling along the axes of an image, and the way back: linear without aliasing, or by splines as a framework does it.

Interpolation by a spline on a regular grid is one matrix for each axis, its prefilter included (Unser, IEEE Signal
Processing Magazine 1999;16(6):22), so that every order goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.imaging.grid import Floats
from node.imaging.splines import LINEAR, STRAIGHT, Splines, Triple, Way

Fit = Literal["cover", "fill", "first"]


DECIMALS = 9  #: of a voxel: what lies on a voxel takes nothing of the next one, however numbers were rounded


@dataclass(frozen=True, slots=True)
class Reslice:
    """
    Two grids with parallel axes, and one centre or one first voxel.

    Attributes:
        shape: Voxels of the source along its three axes.
        spacing: Millimetres between them.
        new_shape: Voxels of the target.
        new_spacing: Millimetres between them.
        smooth: Whether what becomes coarser is smoothed first.
        first: Whether the first voxels lie on one another, and not the centres of the grids.
        going: How values are found on the target; `smooth` is for what is linear.
        returning: How they are found on the source; no order is above 1.
    """

    shape: Triple
    spacing: tuple[float, float, float]
    new_shape: Triple
    new_spacing: tuple[float, float, float]
    smooth: bool = True
    first: bool = False
    going: Way = STRAIGHT
    returning: Way = STRAIGHT

    @classmethod
    def to(
        cls,
        shape: Triple,
        spacing: tuple[float, float, float],
        new: tuple[float, float, float],
        *,
        smooth: bool = True,
        fit: Fit = "cover",
        splines: Splines = LINEAR,
        back: Splines = LINEAR,
    ) -> Reslice:
        """
        A grid over the source.

        Args:
            shape: Voxels of the source.
            spacing: Millimetres between them.
            new: Millimetres between those of the target.
            smooth: Whether what becomes coarser is smoothed first.
            fit: "cover": the coarsest grid of that spacing which covers the source, about its centre; "fill": the
                nearest whole number of voxels, stretched to fill the source (nnU-Net's); "first": from the first voxel
                on, the nearest whole number up to the last (MONAI's).
            splines: How values are found on the target.
            back: How they are found on the source again; no order is above 1.
        """
        ways = splines.way(spacing, new), back.way(new, spacing)
        each = list(zip(shape, spacing, new, strict=True))
        if fit == "fill":
            z, y, x = (max(1, round(s / t * n)) for n, s, t in each)  # halves fall as in nnU-Net
            c, b, a = (n * s / m for n, s, m in zip(shape, spacing, (z, y, x), strict=True))
            return cls(shape, spacing, (z, y, x), (c, b, a), smooth, False, *ways)
        if fit == "first":
            z, y, x = (max(1, round((n - 1) * s / t + 1)) for n, s, t in each)
            return cls(shape, spacing, (z, y, x), new, smooth, True, *ways)
        z, y, x = (max(1, int(np.ceil(n * s / t - 1e-6))) for n, s, t in zip(shape, spacing, new, strict=True))
        return cls(shape, spacing, (z, y, x), new, smooth, False, *ways)

    def forward(self, voxels: Floats) -> Floats:
        """Values of an array of `shape` at the voxels of the target; beyond the source its edge is repeated."""
        ratios = [t / s for s, t in zip(self.spacing, self.new_spacing, strict=True)]
        across, source = self.going.across, voxels
        for axis in np.argsort(ratios)[::-1]:  # what shrinks most comes first: less memory, less work
            if axis != across:
                voxels = _along(voxels, self._weights(int(axis)), int(axis))
        if max(self.going.orders) > 1:
            voxels = _within(voxels, source, across)
        if across is not None:
            voxels = _along(voxels, self._weights(across), across)
        return np.ascontiguousarray(voxels, np.float32)

    def back(self, values: Floats, slab: int = 16) -> Iterator[tuple[int, Floats]]:
        """
        Values of an array of `new_shape` at the voxels of the source, some planes at a time.

        Yields:
            The first plane's number along the first axis, and (planes, rows, columns) from there on.
        """
        inverse = Reslice(
            self.new_shape, self.new_spacing, self.shape, self.spacing, self.smooth, self.first, self.returning
        )
        flat = _along(_along(values, inverse._weights(1), 1), inverse._weights(2), 2)
        weights = inverse._weights(0)
        for start in range(0, self.shape[0], slab):
            yield start, _along(flat, weights[start : start + slab], 0)

    def _weights(self, axis: int) -> NDArray[np.float32]:
        """
        Matrix (target, source) of an axis; where it is linear, after smoothing where the target is coarser.

        The Gaussian's standard deviation is half of what a step grows by, in voxels of the source (as in TorchIO).
        """
        source, target = self.shape[axis], self.new_shape[axis]
        step, order = self.new_spacing[axis] / self.spacing[axis], self.going.orders[axis]
        middles = (0.0, 0.0) if self.first else ((source - 1) / 2, (target - 1) / 2)
        at = np.round(middles[0] + (np.arange(target) - middles[1]) * step, DECIMALS)
        if order == 0 and np.isclose(source / target, step):  # of two equally near voxels that which nnU-Net takes
            at = source / target * (np.arange(target) + 0.5) - 0.5
        if order != 1:
            return _spline(source, at, order)
        weights = np.maximum(0, 1 - np.abs(np.arange(source)[None] - np.clip(at, 0, source - 1)[:, None]))
        if step > 1 and self.smooth:
            weights = ndimage.gaussian_filter1d(weights, (step - 1) / 2, axis=1, mode="nearest")
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _spline(source: int, at: NDArray[np.floating[Any]], order: int) -> NDArray[np.float32]:
    """Matrix (target, source) of a spline through all voxels: what it makes of each voxel alone."""
    each = [ndimage.map_coordinates(one, at[None], order=order, mode="nearest") for one in np.eye(source)]
    return np.stack(each, axis=1).astype(np.float32)


def _within(voxels: Floats, source: Floats, across: int | None) -> Floats:
    """No value beyond those of the source, or of the slice that it comes from: splines overshoot at edges."""
    axes = tuple(axis for axis in range(3) if axis != across)
    return np.clip(voxels, source.min(axis=axes, keepdims=True), source.max(axis=axes, keepdims=True))


def _along(voxels: Floats, weights: NDArray[np.float32], axis: int) -> Floats:
    if weights.shape[0] == weights.shape[1] and np.array_equal(weights, np.eye(len(weights), dtype=np.float32)):
        return voxels
    return np.asarray(np.moveaxis(np.tensordot(weights, voxels, (1, axis)), 0, axis), np.float32)
