"""Trachea and main bronchi on a CT, so that they are not taken for lung."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.imaging.grid import Bools, Box, Coarse, Floats, label_slices

AREA_MM2 = (30.0, 900.0)  #: cross-section of trachea and main bronchi, with room for tracheomegaly
DARK_HU = -850.0  #: free air, thinned by partial volume
SOFT_HU = -400.0
MARGIN = 4  #: voxels around a section in which its surroundings are judged


def airways(hu: Floats, air: Bools, coarse: Coarse) -> Bools:
    """
    Cross-sections of free air that lie in soft tissue, slice by slice.

    Args:
        hu: Shape (slice, row, column).
        air: Voxels that are air or aerated lung, same shape.
        coarse: The grid of both.
    """
    labels, count = label_slices(air)
    area = np.bincount(labels.ravel(), minlength=count + 1) * coarse.spacing[1] * coarse.spacing[2]
    dark = np.bincount(labels[hu < DARK_HU], minlength=count + 1) > 0
    found = np.zeros(air.shape, bool)
    boxes = ndimage.find_objects(labels)
    for number in np.flatnonzero((area > AREA_MM2[0]) & (area < AREA_MM2[1]) & dark):
        if number and _is_tube(labels, int(number), boxes[number - 1], hu):
            found |= labels == number
    return found


def _is_tube(labels: NDArray[np.int32], number: int, box: Box, hu: Floats) -> bool:
    """Whether a section is that of a tube cut across or aslant, surrounded by soft tissue inside the image."""
    plane, rows, columns = box[0].start, box[1], box[2]
    if rows.start < MARGIN or columns.start < MARGIN:
        return False
    around = (
        plane,
        slice(rows.start - MARGIN, rows.stop + MARGIN),
        slice(columns.start - MARGIN, columns.stop + MARGIN),
    )
    section = labels[around] == number
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if section.shape != (height + 2 * MARGIN, width + 2 * MARGIN) or max(height, width) > 3 * min(height, width):
        return False
    ring = ndimage.binary_dilation(section, iterations=3) & ~ndimage.binary_dilation(section)
    return bool((hu[around][ring] > SOFT_HU).mean() > 0.85 and section.sum() > 0.55 * height * width)
