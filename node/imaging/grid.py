"""Millimetre morphology, and the coarse grid on which whole organs are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]

_FAR_MM = 1e4  #: spacing between slices that makes a distance map see each slice by itself


@dataclass(frozen=True, slots=True)
class Coarse:
    """
    How a volume was shrunk by averaging whole blocks of voxels.

    Attributes:
        shape: Voxels of the fine grid along (slice, row, column).
        factors: Block size along the same axes.
        spacing: Millimetres between voxels of the coarse grid.
    """

    shape: tuple[int, int, int]
    factors: tuple[int, int, int]
    spacing: Spacing

    @property
    def voxel_ml(self) -> float:
        """Volume of one coarse voxel, in millilitres."""
        return float(np.prod(self.spacing)) / 1000

    def expand(self, mask: Bools) -> Bools:
        """A coarse mask on the fine grid: each block takes the value of its voxel."""
        for axis, factor in enumerate(self.factors):
            mask = np.repeat(mask, factor, axis=axis)
        missing = [(0, max(0, n - m)) for n, m in zip(self.shape, mask.shape, strict=True)]
        if any(after for _, after in missing):
            mask = np.pad(mask, missing, mode="edge")
        z, y, x = self.shape
        return mask[:z, :y, :x]


def shrink(voxels: Floats, spacing: Spacing, target_mm: float) -> tuple[Floats, Coarse]:
    """
    Average blocks so that voxels measure about `target_mm`; never makes a grid finer.

    A last incomplete block is dropped, and stands for its neighbour when a mask is expanded again.

    Args:
        voxels: Shape (slice, row, column).
        spacing: Millimetres along the same axes.
        target_mm: Wanted distance between coarse voxels.
    """
    z, y, x = (int(min(max(1, round(target_mm / s)), n)) for s, n in zip(spacing, voxels.shape, strict=True))
    image = SimpleITK.BinShrink(SimpleITK.GetImageFromArray(voxels), [x, y, z])
    sizes = (spacing[0] * z, spacing[1] * y, spacing[2] * x)
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return SimpleITK.GetArrayFromImage(image), Coarse(shape, (z, y, x), sizes)


def distance_to(mask: Bools, spacing: Spacing) -> Floats:
    """
    Millimetres from every voxel centre to the nearest centre of the mask; infinite when the mask is empty.

    Exact Euclidean distance on an anisotropic grid (Maurer et al., IEEE TPAMI 2003;25:265).
    """
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    signed = SimpleITK.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    distance: Floats = SimpleITK.GetArrayFromImage(signed)
    # The map is zero on the mask's outermost voxels and negative inside: outside it is the distance to a centre.
    return np.maximum(distance, 0, out=distance)


def dilate(mask: Bools, spacing: Spacing, radius_mm: float) -> Bools:
    """Voxels whose centre lies within `radius_mm` of the mask."""
    return distance_to(mask, spacing) <= radius_mm


def erode(mask: Bools, spacing: Spacing, radius_mm: float) -> Bools:
    """Voxels of the mask further than `radius_mm` from every voxel outside; the border of the image does not erode."""
    return mask & (distance_to(~mask, spacing) > radius_mm)


def opened(mask: Bools, spacing: Spacing, radius_mm: float) -> Bools:
    """What a ball of this radius can reach without leaving the mask."""
    return mask & dilate(erode(mask, spacing, radius_mm), spacing, radius_mm)


def closed(mask: Bools, spacing: Spacing, radius_mm: float) -> Bools:
    """The mask and every gap that a ball of this radius cannot enter."""
    return mask | ~dilate(~dilate(mask, spacing, radius_mm), spacing, radius_mm)


def in_plane(spacing: Spacing) -> Spacing:
    """A spacing that keeps the operations above within each slice."""
    return (_FAR_MM, spacing[1], spacing[2])


def fill_slices(mask: Bools) -> Bools:
    """Fill what is enclosed within each slice."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


def label_slices(mask: Bools) -> tuple[NDArray[np.int32], int]:
    """Number the components (corners count as contact) of each slice by itself; 0 is the background."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = True
    labels, count = ndimage.label(mask, structure)
    return labels, int(count)


def components(mask: Bools, *, min_voxels: int = 1) -> Iterator[tuple[Box, Bools]]:
    """
    Face-connected components, largest first (ties by position).

    Yields:
        The bounding box in the mask, and the component inside that box.
    """
    labels, count = ndimage.label(mask)
    if not count:
        return
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number] < min_voxels:
            return
        box = boxes[number]
        yield box, labels[box] == number + 1


def placed(part: Bools, box: Box, shape: tuple[int, ...]) -> Bools:
    """A component on the whole grid."""
    whole = np.zeros(shape, bool)
    whole[box] = part
    return whole
