"""Ground-glass share of a lesion, measured where its rim cannot pass for ground glass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.findings import GroundGlass
from node.domain.geometry import Geometry
from node.domain.language import say
from node.imaging.grid import Bools, Floats, Spacing, erode, opened

RIM_MM = 2.0
RIM_VOXELS = 1.0  #: the rim is at least this many voxels wide along each axis: thick slices blur over a whole slice
GLASS_HU = (-750.0, -350.0)  #: ground glass; denser is solid, lighter is lung or air
SOLID_HU = -350.0
VESSEL_MM = 2.5  #: thinner solid strands, alone in ground glass, are vessels
LEAST_ML, LEAST_VOXELS = 0.3, 50
SMOOTH_MM = 0.6  #: Gaussian within each slice, so that noise does not carry voxels over a threshold
CLASSES = ("0%", ">0-25%", "25-50%", "50-75%", "75-<100%", "100%")
NONE_BELOW, ALL_ABOVE = 0.02, 0.98  #: what noise leaves of nothing and of everything


def ground_glass(voxels: NDArray[np.float32], mask: NDArray[np.bool_], geometry: Geometry) -> GroundGlass:
    """
    Share of a lesion's inner voxels that is ground glass.

    The edge of a solid nodule passes through every density on its way to lung, so the lesion is first cut back to where
    its surface really is (tissue denser than `GLASS_HU`), then a rim of 2 mm or one voxel along each axis, whichever is
    wider, is taken off; then vessels and air. A halo thinner than the rim is thus not seen.

    Args:
        voxels: CT in HU, shape (slice, row, column).
        mask: The lesion, same shape.
        geometry: Place of both.

    Returns:
        The share and the reader's class; missing when less than 0.3 mL or 50 voxels remain. Agreement of the class
        with a reader's is untested.
    """
    box = _box(mask, geometry.spacing)
    hu, lesion = _smoothed(voxels[box], geometry.spacing), mask[box]
    rim = _rim_spacing(geometry.spacing)
    tissue = lesion & (hu > GLASS_HU[0])
    core = erode(tissue, rim, RIM_MM)
    solid = tissue & (hu > SOLID_HU)
    body = opened(solid, geometry.spacing, VESSEL_MM / 2)
    glass = core & ~solid
    vessels = solid & ~body & core
    counted = (core & body) | glass
    count = int(counted.sum())
    if count < LEAST_VOXELS or count * geometry.voxel_ml < LEAST_ML:
        return _missing(count, geometry.voxel_ml, int(vessels.sum()))
    fraction = float(glass.sum() / count)
    return GroundGlass(fraction=fraction, reader_class=reader_class(fraction))


def reader_class(fraction: float) -> str:
    """The reader's class of a share between 0 and 1."""
    if fraction < NONE_BELOW:
        return CLASSES[0]
    if fraction > ALL_ABOVE:
        return CLASSES[5]
    return CLASSES[1 + int(np.searchsorted((0.25, 0.5, 0.75), fraction, side="left"))]


def _missing(count: int, voxel_ml: float, vessels: int) -> GroundGlass:
    values = {"ml": float(count * voxel_ml), "count": count, "least": LEAST_ML, "voxels": LEAST_VOXELS}
    why = say(
        "only {ml:.2f} mL in {count} voxels remain inside the rim; at least {least} mL and {voxels} voxels are needed",
        **values,
    )
    if vessels:
        why = say(
            "only {ml:.2f} mL in {count} voxels remain inside the rim, {vessels} voxels of vessels apart; at least "
            "{least} mL and {voxels} voxels are needed",
            vessels=vessels,
            **values,
        )
    return GroundGlass(fraction=None, reader_class="", why_missing=why)


def _box(mask: Bools, spacing: Spacing) -> tuple[slice, slice, slice]:
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return slice(0, 1), slice(0, 1), slice(0, 1)
    margins = [2 + round(RIM_MM / s) for s in spacing]
    z, y, x = (slice(max(0, f.start - m), f.stop + m) for f, m in zip(found[0], margins, strict=True))
    return z, y, x


def _smoothed(voxels: Floats, spacing: Spacing) -> Floats:
    smoothed: Floats = ndimage.gaussian_filter(voxels, (0, SMOOTH_MM / spacing[1], SMOOTH_MM / spacing[2]))
    return smoothed


def _rim_spacing(spacing: Spacing) -> Spacing:
    """A spacing in which the rim is 2 mm wide along fine axes, and one voxel along coarse ones."""
    z, y, x = (min(s, RIM_MM / RIM_VOXELS) for s in spacing)
    return z, y, x
