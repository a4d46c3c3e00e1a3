"""A head-like phantom, and the same head after a known motion in another contrast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.geometry import Geometry
from node.domain.volume import Volume
from tests.support.volumes import geometry_of, rotation, volume_of

BASE = (-105.0, -115.0, -70.0)

LESION_AT = np.array([-34.0, 12.0, 22.0])  #: LPS of the middle of the lesion
LESION_MM = np.array([16.0, 19.0, 14.0])  #: its half axes along x, y and z

_NOISE = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=(76, 76, 76)), 2.0)
_FOLDS = _NOISE / _NOISE.std()
"""Folds of about 10 mm, one value each 4 mm from -150 mm on along x, y and z: without them a head is nearly a ball."""


def head(spacing: tuple[float, float, float] = (5.0, 1.8, 1.8), size_mm: float = 210.0) -> Volume:
    """Skull, brain, ventricles and gyri-like texture; axial, on a grid of thick slices."""
    shape = (round(140 / spacing[0]), round(size_mm / spacing[1]), round(size_mm / spacing[2]))
    place = geometry_of(shape, spacing, origin=BASE)
    return volume_of(_tissue(place.point(np.moveaxis(np.indices(shape), 0, -1))), place)


def displaced(
    fixed: Volume,
    *,
    angles: tuple[float, float, float],
    shift: tuple[float, float, float],
    spacing: tuple[float, float, float] = (3.0, 1.4, 1.4),
) -> tuple[Volume, NDArray[np.float64]]:
    """
    The head on another grid after a motion, with its contrast turned round.

    Returns:
        The volume, and the motion (4 × 4): LPS of a point of the head in `fixed` to its LPS in the volume.
    """
    middle = fixed.geometry.point(np.array(fixed.geometry.shape) / 2)
    motion = np.eye(4)
    motion[:3, :3] = rotation(angles)
    motion[:3, 3] = middle - motion[:3, :3] @ middle + np.array(shift)
    shape = (round(150 / spacing[0]), round(220 / spacing[1]), round(220 / spacing[2]))
    place = geometry_of(shape, spacing, origin=(-110.0, -112.0, -72.0))
    return volume_of(turned(shown(_tissue, place, motion)), place), motion


def shown(tissue, place: Geometry, motion: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a function of LPS points looks like on a grid after a motion."""
    points = place.point(np.moveaxis(np.indices(place.shape), 0, -1))
    return np.asarray(tissue((points - motion[:3, 3]) @ motion[:3, :3]), np.float32)


def turned(voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Another contrast: what was dark within the head is bright; air stays dark."""
    return np.where(voxels > 60, 900 - 0.7 * voxels + 8 * np.sqrt(np.abs(voxels)), 0.2 * voxels).astype(np.float32)


def _tissue(points: NDArray[np.float64]) -> NDArray[np.float32]:
    x, y, z = points[..., 0], points[..., 1] + 8, points[..., 2]
    radius = np.sqrt((x / 72) ** 2 + (y / 88) ** 2 + (z / 68) ** 2)
    texture = 90 * ndimage.map_coordinates(_FOLDS, np.moveaxis((points + 150) / 4, -1, 0), order=1)
    value = np.where(radius < 0.9, 420 + texture, 0.0)
    for side in (-1, 1):
        ventricle = ((x - side * 14) / 7) ** 2 + ((y + 6) / 26) ** 2 + ((z - 8) / 12) ** 2 < 1
        value = np.where(ventricle, 120.0, value)
    lesion = np.linalg.norm((points - LESION_AT) / LESION_MM, axis=-1) < 1
    value = np.where(lesion & (radius < 0.9), 760.0, value)
    value = np.where((radius >= 0.94) & (radius < 1.0), 640.0, value)
    return np.asarray(ndimage.gaussian_filter(value, 0.6), np.float32)
