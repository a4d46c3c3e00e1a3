"""Volumes and masks made of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume

AXIAL = np.eye(3)[::-1].copy()
"""Unit steps of (slice, row, column) in LPS of an axial stack."""


def geometry_of(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    *,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: NDArray[np.float64] = AXIAL,
) -> Geometry:
    """A grid; axial unless `axes` says otherwise."""
    return Geometry.of_axes(origin=np.array(origin, float), spacing=spacing, axes=axes, shape=shape)


def volume_of(voxels: NDArray[Any], geometry: Geometry, *, modality: str = "MR", unit: str = "1") -> Volume:
    """A volume that came from nowhere."""
    sources = tuple(Slice(sop_class="1", sop_uid=f"1.{n}", frame=None, path=Path()) for n in range(len(voxels)))
    return Volume(
        voxels=voxels.astype(np.float32),
        geometry=geometry,
        modality=modality,
        unit=unit,
        study_uid="1.2",
        series_uid="1.3",
        frame_uid="1.4",
        slices=sources,
    )


def ball(geometry: Geometry, centre: NDArray[np.float64], radius_mm: float) -> NDArray[np.bool_]:
    """Voxels whose centres lie in a ball around an LPS point."""
    points = geometry.point(np.moveaxis(np.indices(geometry.shape), 0, -1))
    return np.asarray(np.linalg.norm(points - centre, axis=-1) <= radius_mm)


def rotation(angles: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation matrix of three angles (radians) around x, y and z, applied in this order."""
    (a, b, c), (s, t, u) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    y = np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
    z = np.array([[c, -u, 0], [u, c, 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)
