"""The slow shading of MR images taken off by N4 (Tustison et al., IEEE Trans Med Imaging 29:1310, 2010)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody uses

from node.domain.volume import Volume
from node.imaging.resample import to_image

WORKING_MM = 4.0  #: voxel size at which the field is fitted; it varies over centimetres
ITERATIONS = [40, 30, 20]


def unshaded(volume: Volume) -> Volume:
    """
    The volume with its bias field divided out, at the same mean within the patient.

    The field is fitted within the patient (Otsu's threshold, IEEE Trans SMC 9:62, 1979) at a coarse grid and applied at
    the full one. An image without contrast (one value, or nothing above the threshold) comes back as it is.
    """
    image = to_image(np.maximum(volume.voxels, 0), volume.geometry)
    factors = [math.ceil(WORKING_MM / spacing) for spacing in image.GetSpacing()]
    coarse = sitk.BinShrink(image, factors)
    if float(np.ptp(volume.voxels)) == 0:
        return volume
    patient = sitk.OtsuThreshold(coarse, 0, 1, 200)
    inside = sitk.GetArrayFromImage(patient) > 0
    if np.count_nonzero(inside) < 1000:
        return volume
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(ITERATIONS)
    corrector.SetNumberOfThreads(1)  # sums of several threads come in any order
    corrector.Execute(coarse, patient)
    field = np.exp(sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image)))
    voxels = volume.voxels / np.maximum(field, 1e-3)
    here = volume.voxels > np.percentile(volume.voxels, 50)
    gain = float(volume.voxels[here].mean()) / max(float(voxels[here].mean()), 1e-6)
    return replace(volume, voxels=(voxels * gain).astype(np.float32))
