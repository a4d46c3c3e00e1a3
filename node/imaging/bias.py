"""Slow changes of MR intensity across the image, as coils make them, taken out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk  # noqa: N813 - as its own documentation has it
from numpy.typing import NDArray

from node.domain.volume import Volume
from node.imaging.reorient import to_axial
from node.imaging.resample import to_image

SHRINK = 4
"""The field is smooth: it is fitted on every fourth voxel along each axis, where there are enough."""

FEWEST = 32
"""Voxels along an axis below which it is not shrunk."""

Correct = Callable[[Volume], NDArray[np.float32]]
"""
Voxels of an MR image without its bias field, as `n4` makes them.

The field belongs to the image, not to a contour, and takes half a minute on a large one: whoever measures several
contours hands on a `functools.cache(n4)` that lives as long as the job.
"""


def n4(volume: Volume) -> NDArray[np.float32]:
    """
    N4ITK bias field correction (Tustison et al., IEEE Trans Med Imaging 29:1310, 2010) inside an Otsu mask.

    The field is fitted on the axes in axial order, so that it does not depend on the plane of the acquisition.

    Args:
        volume: An MR image.

    Returns:
        Shape (slice, row, column): voxels divided by the fitted field, which is 1 on average inside the mask.

    Raises:
        ValueError: The image has one value only.
    """
    if np.ptp(volume.voxels) == 0:
        raise ValueError("the image has one value only and its bias field cannot be fitted")
    turn = to_axial(volume.geometry)
    voxels = turn.apply(np.maximum(volume.voxels, 0).astype(np.float32))
    image = to_image(voxels, turn.place(volume.geometry))
    mask = sitk.OtsuThreshold(image, 0, 1, 200)
    factors = [SHRINK if size >= FEWEST else 1 for size in image.GetSize()]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetNumberOfThreads(1)  # sums of several threads come in any order
    corrector.Execute(sitk.Shrink(image, factors), sitk.Shrink(mask, factors))
    field = np.exp(sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image)))
    inside = sitk.GetArrayFromImage(mask).astype(bool)
    return np.asarray(volume.voxels / turn.undo(field / field[inside].mean()), np.float32)
