"""Which lung a lesion lies in: known from the image, or not said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry, Side
from node.imaging.grid import Bools
from node.imaging.lungs import Lungs

MOST = 0.75  #: share of a lesion that must lie in one lung; the rest of a mass may reach into wall or mediastinum
STRAY = 0.05  #: share that may lie in the other lung: the two outlines meet at the anterior junction
APART_MM = 50.0  #: distance of the lungs' centres from left to right; less is no pair of lungs


def lung_side(lungs: Lungs, mask: Bools, geometry: Geometry) -> Side:
    """
    The lung that holds a lesion.

    Left and right are the patient's (x grows to the left, PS3.3 C.7.6.2.1.1), however the image is turned.

    Args:
        lungs: Found in the same image.
        mask: The lesion, shape (slice, row, column), at least one voxel set.
        geometry: Of the image.

    Returns:
        "left" or "right" where both lungs are in view and the lesion lies in one of them alone; else "": an image that
        shows one lung, a lesion in the mediastinum or in the chest wall give no side.
    """
    if not lungs.two:
        return ""
    first, second = lungs.each[:2]
    across = _centre(first, lungs, geometry)[0] - _centre(second, lungs, geometry)[0]
    if abs(across) < APART_MM:
        return ""
    left, right = (first, second) if across > 0 else (second, first)
    shares = {"left": _share(left, mask, lungs), "right": _share(right, mask, lungs)}
    if shares["left"] >= MOST and shares["right"] <= STRAY:
        return "left"
    return "right" if shares["right"] >= MOST and shares["left"] <= STRAY else ""


def _centre(lung: Bools, lungs: Lungs, geometry: Geometry) -> NDArray[np.float64]:
    """Centre of a lung in LPS millimetres."""
    factors = np.array(lungs.coarse.factors)
    return geometry.point(np.argwhere(lung).mean(axis=0) * factors + (factors - 1) / 2)


def _share(lung: Bools, mask: Bools, lungs: Lungs) -> float:
    """Share of the lesion that lies in a lung."""
    blocks = np.argwhere(mask) // np.array(lungs.coarse.factors)
    at = np.minimum(blocks, np.array(lung.shape) - 1)  # an incomplete last block stands for its neighbour
    return float(lung[tuple(at.T)].mean())
