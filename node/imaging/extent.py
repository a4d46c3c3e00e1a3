"""How far masks on one grid reach, so that many of them can be held against one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.imaging.crop import Box, bounding_box


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """
    A mask with its box and size, found once: two masks whose boxes do not meet are told apart without a look at voxels.

    Attributes:
        mask: Shape (slice, row, column), at least one voxel set.
        box: The smallest one around it.
        voxels: How many are set.
    """

    mask: NDArray[np.bool_]
    box: Box
    voxels: int

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Extent:
        """
        Measure a mask.

        Raises:
            ValueError: It has no voxel.
        """
        box = bounding_box(mask)
        if box is None:
            raise ValueError("an empty mask has no extent")
        return cls(mask, box, int(np.count_nonzero(mask[box.slices])))

    def shared(self, other: Extent) -> int:
        """How many voxels two masks of one shape have in common."""
        both = self.box.common(other.box)
        return 0 if both is None else int(np.count_nonzero(self.mask[both.slices] & other.mask[both.slices]))

    def overlap(self, other: Extent) -> float:
        """The same as a share of the smaller mask."""
        return self.shared(other) / min(self.voxels, other.voxels)

    def encloses(self, inner: Extent, share: float) -> bool:
        """Whether this mask is the larger one and holds at least this share of the other."""
        return self.voxels > inner.voxels and self.overlap(inner) >= share
