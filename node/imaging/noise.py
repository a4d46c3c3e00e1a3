"""Whether an image shows anything: neighbouring pixels of a picture resemble one another, those of noise do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.domain.language import say
from node.domain.volume import Volume
from node.errors import Refused

LEAST = 0.5
"""Correlation of neighbouring pixels below which an image is more noise than picture: noise has the larger variance."""

SLICES = 9
"""Slices that are looked at, evenly spread."""


def refuse_noise(volume: Volume) -> None:
    """
    Nothing that is measured in noise means anything, and the inputs of a model need not show it.

    Raises:
        Refused: The image is more noise than picture ("noise").
    """
    if (alike := coherence(volume.voxels)) < LEAST:
        found = say("neighbouring pixels correlate by {alike:.2f} only, less than {least:g}", alike=alike, least=LEAST)
        raise Refused("noise", found, at=f"series {volume.series_uid}")


def coherence(voxels: NDArray[np.float32]) -> float:
    """
    Correlation between each pixel and the next one in its row.

    With white noise of variance n on a picture of variance s whose neighbours are alike it is s / (s + n), whatever the
    unit; the median over slices, so that empty ends do not count.

    Args:
        voxels: Shape (slice, row, column).

    Returns:
        -1 to 1; 1 for an image without contrast, which is not noise.
    """
    chosen = np.unique(np.linspace(0, len(voxels) - 1, SLICES).round().astype(int))
    found = []
    for plane in voxels[chosen].astype(np.float64):
        left, right = plane[:, :-1].ravel(), plane[:, 1:].ravel()
        if left.size > 1 and left.std() > 0 and right.std() > 0:
            found.append(float(np.corrcoef(left, right)[0, 1]))
    return float(np.median(found)) if found else 1.0
