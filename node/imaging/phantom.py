"""A small chest made of ellipsoids and rods, on which a model shows that it works as it did when it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume

Point = tuple[float, float, float]

SHAPE = (100, 128, 128)
SPACING = (2.5, 2.75, 2.75)
AIR, LUNG, SOFT = -1000.0, -850.0, 40.0
HILUM = 40.0  #: millimetres from the midline


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodule:
    """A sphere: centre in millimetres (z, y, x) from the middle of the phantom, radius in mm, HU."""

    centre: Point
    radius_mm: float
    hu: float = SOFT


def chest_phantom(nodules: Sequence[Nodule] = (), *, seed: int = 1, noise_hu: float = 15.0) -> Volume:
    """
    Two lungs in a body, vessels that fan out from each hilum, and the nodules asked for; the same on every machine.

    Returns:
        A CT of 100 slices of 2.5 mm, 128 x 128 voxels of 2.75 mm, in HU, LPS-aligned, centred on the origin.
    """
    z, y, x = (((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(SHAPE, SPACING, strict=True))
    grid = (z[:, None, None], y[None, :, None], x[None, None, :])
    hu = np.full(SHAPE, AIR, np.float32)
    _paint(hu, _ellipsoid(grid, (0, 0, 0), (1e6, 105, 155)), SOFT)
    for side in (-1, 1):
        _paint(hu, _ellipsoid(grid, (0, 0, side * 72), (105, 80, 56)), LUNG)
        for angle in np.linspace(0, 2 * np.pi, 9)[:-1]:
            end = (85 * np.sin(angle), 55 * np.cos(angle), side * 88)
            _paint(hu, _rod(grid, (0, 0, side * HILUM), end, 3.5, 1.0), SOFT)
    for nodule in nodules:
        _paint(hu, _ellipsoid(grid, nodule.centre, (nodule.radius_mm,) * 3), nodule.hu)
    hu += np.random.default_rng(seed).normal(0, noise_hu, SHAPE).astype(np.float32)
    origin = np.array([x[0], y[0], z[0]], float)
    axes = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    return volume_of(hu, Geometry.of_axes(origin=origin, spacing=SPACING, axes=axes, shape=SHAPE))


def volume_of(hu: NDArray[np.float32], geometry: Geometry) -> Volume:
    """A CT volume that came from no file."""
    nowhere = Slice(sop_class="", sop_uid="", frame=None, path=Path())
    return Volume(
        voxels=hu,
        geometry=geometry,
        modality="CT",
        unit="HU",
        study_uid="",
        series_uid="",
        frame_uid="",
        slices=(nowhere,) * len(hu),
        slice_thickness_mm=geometry.spacing[0],
    )


def _paint(hu: NDArray[np.float32], depth: NDArray[np.float32], value: float) -> None:
    share = np.clip(depth / 2.5 + 0.5, 0, 1)
    hu += share * (value - hu)


def _ellipsoid(grid: tuple[NDArray[np.float32], ...], centre: Point, radii: Point) -> NDArray[np.float32]:
    """Depth below the surface, in mm; exact for a sphere."""
    squares = sum(((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radii, strict=True))
    depth: NDArray[np.float32] = ((1 - np.sqrt(squares)) * min(radii)).astype(np.float32)
    return depth


def _rod(
    grid: tuple[NDArray[np.float32], ...], start: Point, end: Point, wide: float, thin: float
) -> NDArray[np.float32]:
    """Depth below the surface of a round rod that tapers from `start` to `end`."""
    line = np.subtract(end, start)
    offsets = [axis - s for axis, s in zip(grid, start, strict=True)]
    along = np.clip(sum(o * v for o, v in zip(offsets, line, strict=True)) / float(line @ line), 0, 1)
    squares = sum((o - along * v) ** 2 for o, v in zip(offsets, line, strict=True))
    depth: NDArray[np.float32] = (wide + along * (thin - wide) - np.sqrt(squares)).astype(np.float32)
    return depth
