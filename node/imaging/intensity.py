"""Intensities on a scale that does not depend on a scanner's gain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from node.domain.language import say
from node.imaging.grid import Floats

MAD = 1.4826  #: median absolute deviation to standard deviation, for a normal distribution
SAMPLE = 2_000_000  #: values that a median is taken of; every n-th of a larger image


def robust_scale(values: Floats) -> tuple[float, float]:
    """Centre and spread that outliers do not move: median, and median absolute deviation times 1.4826."""
    some = _some(values)
    centre = float(np.median(some))
    return centre, MAD * float(np.median(np.abs(some - centre)))


def plain_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation."""
    return float(np.mean(values, dtype=np.float64)), float(np.std(values, dtype=np.float64))


def sample_scale(voxels: NDArray[np.float32]) -> tuple[float, float]:
    """
    Mean and standard deviation (n - 1, as SimpleITK's Normalize has it), slice by slice to spare memory.

    Args:
        voxels: Shape (slice, row, column).

    Raises:
        ValueError: The image has one value only.
    """
    mean = float(voxels.mean(dtype=np.float64))
    squares = sum(float(np.square(plane.astype(np.float64) - mean).sum()) for plane in voxels)
    if squares == 0:
        raise ValueError(say("the image has one value only and cannot be normalised"))
    return mean, math.sqrt(squares / (voxels.size - 1))


def range_scale(values: Floats) -> tuple[float, float]:
    """Smallest value, and the way from it to the largest."""
    low = float(np.min(values))
    return low, float(np.max(values)) - low


def _some(values: Floats) -> Floats:
    return values[:: max(1, len(values) // SAMPLE)]
