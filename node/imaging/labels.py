"""Many masks in one array of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.imaging.crop import bounding_box


def painted(masks: Sequence[NDArray[np.bool_]]) -> tuple[NDArray[Any], bool]:
    """
    Number masks on one grid from 1, and paint a later one over an earlier one.

    Args:
        masks: At least one, each of shape (slice, row, column).

    Returns:
        The numbers, 0 where there is no mask, in the smallest unsigned type that holds them; and whether some voxel
        belongs to several masks.
    """
    labels = np.zeros(masks[0].shape, np.min_scalar_type(len(masks)))
    overlapping = False
    for number, mask in enumerate(masks, start=1):
        box = bounding_box(mask)
        if box is not None:
            near, part = labels[box.slices], mask[box.slices]
            overlapping |= bool(near[part].any())
            near[part] = number
    return labels, overlapping
