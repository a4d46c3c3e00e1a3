"""Images that nnU-Net, MONAI and radnode are shown alike; integers throughout, so that they are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AXIAL = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
SAGITTAL = ((-1, 0, 0), (0, 0, -1), (0, 1, 0))
TURNED = ((0, -1, 0), (0, 0, -1), (-1, 0, 0))


@dataclass(frozen=True, kw_only=True)
class Painting:
    """
    An image with a body, two bright pieces in it, and noise.

    Attributes:
        shape: Voxels along (slice, row, column).
        spacing: Millimetres along the same.
        axes: Unit steps of the same in LPS.
        air: Value around the body.
        border: Voxels at each side that hold `air` alone, without noise.
        seed: Of the noise; further channels take the numbers after it.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: tuple[tuple[int, int, int], ...] = AXIAL
    air: int = 0
    border: int = 2
    seed: int = 0

    @property
    def origin(self) -> tuple[float, float, float]:
        """Of the first voxel, in LPS."""
        return -31.0, -17.5, 24.0

    def voxels(self, channel: int = 0) -> NDArray[np.float32]:
        """Shape `shape`."""
        inner = tuple(slice(self.border, n - self.border) for n in self.shape)
        values = np.zeros(self.shape, np.int64)
        values[inner] = np.random.default_rng(self.seed + channel).integers(1, 60, values[inner].shape)
        for centre, reach, value in (((0, 0, 0), 9, 200), ((2, 3, -2), 4, 350 + 90 * channel), ((-3, -3, 4), 3, 420)):
            values += value * self._inside(centre, reach)
        return np.where(values > 0, values + self.air, self.air).astype(np.float32)

    def _inside(self, centre: tuple[int, int, int], reach: int) -> NDArray[np.int64]:
        """An ellipsoid; numbers are twentieths of the image's size, counted from its middle."""
        total = np.zeros(self.shape, np.int64)
        for axis, (size, middle) in enumerate(zip(self.shape, centre, strict=True)):
            at = 20 * (2 * np.arange(size) - size + 1) - 2 * middle * size  # in fortieths of a voxel
            part = (at * at * 1000) // (2 * reach * size) ** 2
            total += np.expand_dims(part, tuple(other for other in range(3) if other != axis))
        return (total <= 1000).astype(np.int64)


PAINTINGS = {
    "thick": Painting(shape=(14, 40, 36), spacing=(5.0, 1.1, 1.2)),
    "masked": Painting(shape=(24, 26, 22), spacing=(1.5, 1.2, 1.35), border=4, seed=10),
    "ct": Painting(shape=(30, 34, 12), spacing=(0.9, 1.0, 4.0), axes=AXIAL, air=-1000, border=0, seed=20),
    "slices": Painting(shape=(10, 44, 38), spacing=(4.4, 1.0, 1.1), seed=30),
    "regions": Painting(shape=(18, 36, 30), spacing=(2.0, 1.3, 1.3), seed=40),
    "turned": Painting(shape=(26, 12, 30), spacing=(1.1, 4.2, 1.0), axes=TURNED, seed=50),
    "folds": Painting(shape=(19, 33, 36), spacing=(2.2, 1.2, 1.25), seed=100),
    "sagittal": Painting(shape=(12, 30, 34), spacing=(3.6, 1.1, 1.0), axes=SAGITTAL, air=-1000, border=0, seed=60),
    "ties": Painting(shape=(30, 24, 22), spacing=(2.0, 0.5, 0.5), seed=80),
    "many": Painting(shape=(16, 30, 32), spacing=(2.5, 1.25, 1.0), air=-1000, border=0, seed=90),
    "channels": Painting(shape=(20, 34, 32), spacing=(2.5, 1.1, 1.1), seed=70),
}
