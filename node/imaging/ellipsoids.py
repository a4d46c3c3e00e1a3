"""Images made of ellipsoids in noise: small, exact, the same on every machine; what golden cases and tests draw on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipsoid:
    """
    One body; later ones are painted over earlier ones.

    Attributes:
        centre: Millimetres (z, y, x) from the middle of the image, in LPS: to the head, the back, the left.
        radii: Millimetres along the same axes.
        value: Intensity.
    """

    centre: Point
    radii: Point
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """
    An axial image around the origin.

    Attributes:
        shape: Voxels (slice, row, column).
        spacing: Millimetres along the same axes.
        bodies: What is in it; around them it is 0.
        noise: Standard deviation of Gaussian noise, whose absolute value is kept as an MR magnitude is (Rice).
        seed: Of the noise.
        modality: Modality (0008,0060).
    """

    shape: tuple[int, int, int]
    spacing: Point
    bodies: tuple[Ellipsoid, ...]
    noise: float = 0.0
    seed: int = 1
    modality: str = "MR"


def paint(painting: Painting) -> Volume:
    """The image as a volume, slices from the feet to the head, edges of half a voxel's softness."""
    middles = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(painting.shape, painting.spacing, strict=True)]
    voxels = np.zeros(painting.shape, np.float32)
    for body in painting.bodies:
        share = np.clip(_depth(middles, body) / painting.spacing[1] + 0.5, 0, 1)
        voxels += share * (np.float32(body.value) - voxels)
    if painting.noise:
        voxels += np.random.default_rng(painting.seed).normal(0, painting.noise, voxels.shape).astype(np.float32)
        voxels = np.abs(voxels)
    origin = np.array([middles[2][0], middles[1][0], middles[0][0]])
    axes = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    geometry = Geometry.of_axes(origin=origin, spacing=painting.spacing, axes=axes, shape=painting.shape)
    return volume_from(voxels, geometry, modality=painting.modality)


def volume_from(voxels: NDArray[np.float32], geometry: Geometry, *, modality: str, notes: Sequence[str] = ()) -> Volume:
    """A volume that came from no file."""
    nowhere = Slice(sop_class="", sop_uid="", frame=None, path=Path())
    return Volume(
        voxels=voxels, geometry=geometry, modality=modality, unit="HU" if modality == "CT" else "1", study_uid="",
        series_uid="", frame_uid="", slices=(nowhere,) * len(voxels), slice_thickness_mm=geometry.spacing[0],
        notes=tuple(notes),
    )  # fmt: skip


def _depth(middles: Sequence[NDArray[np.floating[Any]]], body: Ellipsoid) -> NDArray[np.float32]:
    """Depth below the surface in mm; exact for a sphere."""
    z, y, x = ((m - c) / r for m, c, r in zip(middles, body.centre, body.radii, strict=True))
    squares = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2
    return np.asarray((1 - np.sqrt(squares)) * min(body.radii), np.float32)
