"""The head on an MR image of any weighting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from node.imaging.grid import Bools, Floats, Spacing, closed, components, fill_slices, opened, placed, shrink

GRID_MM = 4.0  #: the head is looked for on a grid of about this size
BINS = 256  #: of the histogram that tissue and air are told apart by
LEAST_CONTRAST = 1.5  #: tissue must be this many times brighter than what surrounds it
SMALLEST_ML = 300.0  #: less is no head; a slab of ten thick slices through one holds more
LEAST_SECTION_CM2 = 120.0
"""A head's largest slice has more: 120 cm² is a circumference of 39 cm, an infant's. Arms, calves and most knees have
less; a whole thigh may have more, so this tells a head from a limb only where it says no."""

LARGEST_ML = 9000.0  #: more is a trunk; a large head with the neck has about six litres


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """
    Where the head lies.

    Attributes:
        mask: Boolean (slice, row, column), on the grid of the image; scalp included, air around it not.
        volume_ml: Its volume.
        section_cm2: Its area in the slice where it is largest.
    """

    mask: Bools
    volume_ml: float
    section_cm2: float


def find_head(voxels: Floats, spacing: Spacing) -> Head | None:
    """
    Find the head on an MR image of any weighting.

    Tissue and air are told apart by Otsu's threshold (IEEE Trans Syst Man Cybern 1979;9:62) on the square root of the
    intensity, so that bright fat does not decide; the largest piece is closed over ventricles, bone and sinuses.

    Args:
        voxels: Shape (slice, row, column), any gain, slices across the head's long axis.
        spacing: Millimetres along (slice, row, column).

    Returns:
        The head, or None when the image shows nothing of its size.
    """
    low, coarse = shrink(voxels, spacing, GRID_MM)
    root = np.sqrt(np.clip(low, 0, np.percentile(low, 99.5)))
    tissue = root > otsu(root)
    if not tissue.any() or tissue.all():
        return None
    if np.median(low[tissue]) < LEAST_CONTRAST * np.median(low[~tissue]):
        return None
    body = opened(tissue, coarse.spacing, 1.5 * GRID_MM)
    box, part = next(components(body), (None, None))
    if box is None or part is None:
        return None
    padded = np.pad(placed(part, box, body.shape), 5, mode="edge")
    mask = fill_slices(closed(padded, coarse.spacing, 3 * GRID_MM)[5:-5, 5:-5, 5:-5])
    volume_ml = float(mask.sum()) * coarse.voxel_ml
    if not SMALLEST_ML <= volume_ml <= LARGEST_ML:
        return None
    section_cm2 = float(mask.sum(axis=(1, 2)).max() * coarse.spacing[1] * coarse.spacing[2]) / 100
    return Head(mask=coarse.expand(mask), volume_ml=volume_ml, section_cm2=section_cm2)


def shows_head(voxels: Floats, spacing: Spacing) -> bool:
    """Whether something in an MR image has the size of a head; arguments as for `find_head`."""
    head = find_head(voxels, spacing)
    return head is not None and head.section_cm2 >= LEAST_SECTION_CM2


def otsu(values: Floats) -> float:
    """The threshold that splits values into the two classes of the smallest spread within (Otsu 1979)."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    below, above = np.cumsum(counts)[:-1], counts.sum() - np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * middles)
    first, second = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below * above * (first - second) ** 2)])
