"""Windows over a grid, and how the answers in them become one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from node.imaging.grid import Floats

Triple = tuple[int, int, int]
Box = tuple[slice, slice, slice]

SIGMA = 0.125  #: of the Gaussian weights, as a share of a window's size (nnU-Net's)


def starts(size: int, window: int, overlap: float) -> list[int]:
    """First voxels of windows that cover an axis evenly and overlap by at least that share."""
    if size <= window:
        return [0]
    steps = int(np.ceil((size - window) / max(1.0, window * (1 - overlap))))
    step = (size - window) / steps
    return [round(i * step) for i in range(steps + 1)]


def fixed_starts(size: int, window: int, overlap: float) -> list[int]:
    """First voxels of windows at a fixed distance; the last is moved back into the axis (as MONAI places them)."""
    if size <= window:
        return [0]
    step = max(1, int(window * (1 - overlap)))
    return [*range(0, size - window, step), size - window]


def boxes(shape: Triple, window: Triple, overlap: float, steps: Literal["even", "fixed"] = "even") -> Iterator[Box]:
    """Windows over a grid that is nowhere smaller than one of them, first axis slowest."""
    place = starts if steps == "even" else fixed_starts
    for corner in product(*(place(n, w, overlap) for n, w in zip(shape, window, strict=True))):
        z, y, x = (slice(c, c + w) for c, w in zip(corner, window, strict=True))
        yield z, y, x


def bell(window: Triple) -> Floats:
    """Weight of each voxel of a window: 1 in its middle, little at its border, nowhere nothing."""
    axes = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / max(SIGMA * n, 0.5)) ** 2) for n in window]
    weights: NDArray[np.float64] = axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :]
    return np.maximum(weights, 1e-3).astype(np.float32)


def weights_of(window: Triple, kind: Literal["bell", "peak", "even"]) -> Floats:
    """Weight of each voxel of a window; "peak" is nnU-Net's bell, whose middle is a voxel."""
    if kind == "even":
        return np.ones(window, np.float32)
    if kind == "bell":
        return bell(window)
    z, y, x = (np.exp(-0.5 * ((np.arange(n) - n // 2) / (SIGMA * n)) ** 2) for n in window)
    weights: NDArray[np.float64] = z[:, None, None] * y[None, :, None] * x[None, None, :]
    return weights.astype(np.float32)


def padding(shape: Triple, window: Triple) -> tuple[tuple[int, int], ...]:
    """How much to add before and after each axis so that one window fits."""
    missing = [max(0, w - n) for n, w in zip(shape, window, strict=True)]
    return tuple((m // 2, m - m // 2) for m in missing)


def grouped(items: Iterator[Box], size: int) -> Iterator[list[Box]]:
    """So many windows at a time; the last group may be smaller."""
    group: list[Box] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
