"""Where voxels lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["", "left", "right"]
"""A side of the patient, never of the picture; "" where it is not known."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """
    Maps a voxel index to a point in the patient.

    Attributes:
        affine: Shape (4, 4). Takes (slice, row, column, 1) to LPS millimetres (PS3.3 C.7.6.2.1.1).
        shape: Voxels along (slice, row, column).
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise ValueError(f"affine must be 4 x 4 and finite, not {self.affine!r}")
        if abs(np.linalg.det(self.affine[:3, :3])) < 1e-9:
            raise ValueError("affine is singular: two axes of the grid coincide")

    @classmethod
    def of_axes(
        cls,
        *,
        origin: NDArray[np.float64],
        spacing: tuple[float, float, float],
        axes: NDArray[np.float64],
        shape: tuple[int, int, int],
    ) -> Geometry:
        """
        Build from a first voxel's centre, a spacing and unit axes.

        Args:
            origin: LPS millimetres of voxel (0, 0, 0).
            spacing: Millimetres along (slice, row, column).
            axes: Shape (3, 3); rows are the unit vectors of (slice, row, column) steps in LPS.
            shape: Voxels along (slice, row, column).
        """
        affine = np.eye(4)
        affine[:3, :3] = (np.asarray(axes, float) * np.asarray(spacing, float)[:, None]).T
        affine[:3, 3] = origin
        return cls(affine, shape)

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between voxel centres along (slice, row, column)."""
        s = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(s[0]), float(s[1]), float(s[2])

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """Shape (3, 3): rows are the unit vectors of (slice, row, column) steps in LPS."""
        unit: NDArray[np.float64] = np.divide(
            self.affine[:3, :3], np.asarray(self.spacing, np.float64), dtype=np.float64
        ).T
        return unit

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """Shape (4, 4): LPS millimetres to (slice, row, column, 1)."""
        return np.linalg.inv(self.affine).astype(np.float64)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, in millilitres."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000

    def point(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS millimetres of voxel indices; both of shape (..., 3)."""
        index = np.asarray(index, float)
        return (index @ self.affine[:3, :3].T + self.affine[:3, 3]).astype(np.float64, copy=False)

    def index(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional (slice, row, column) of LPS points; both of shape (..., 3)."""
        point = np.asarray(point, float)
        return (point @ self.inverse[:3, :3].T + self.inverse[:3, 3]).astype(np.float64, copy=False)

    def same_grid(self, other: Geometry, tolerance_mm: float = 1e-2) -> bool:
        """Whether both have the same shape and no corner lies further apart than the tolerance."""
        if self.shape != other.shape:
            return False
        corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * (np.array(self.shape) - 1)
        return bool(np.abs(self.point(corners) - other.point(corners)).max() <= tolerance_mm)

    def crop(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Geometry:
        """The geometry of the sub-grid that begins at voxel `start`."""
        affine = self.affine.copy()
        affine[:3, 3] = self.point(np.asarray(start, float))
        return Geometry(affine, shape)
