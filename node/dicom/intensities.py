"""From stored pixel values to HU, SUVbw or arbitrary intensity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.dicom.functional import flat, is_multiframe, macro, value
from node.dicom.planes import File, Plane
from node.dicom.suv import suv_factor
from node.domain.language import say
from node.errors import Refused

AIR_HU = -1000.0
"""What CT padding becomes."""

TISSUE_HU = (-1000.0, 3071.0)
"""A CT padding value inside this range may be anatomy and is left alone: some writers declare 0 and do not mean it."""

UNITS = {"CT": "HU", "PT": "SUVbw", "MR": "1"}
SUV_CODES = frozenset({"{SUVbw}g/ml", "g/ml{SUVbw}"})
"""UCUM codes of SUVbw in real world value mappings (PS3.16 CID 85)."""

HOUNSFIELD = frozenset({"", "HU", "US"})
"""Rescale Types (0028,1054) that mean HU in a CT image: the attribute may be absent or unspecified (C.8.2.1)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """value = stored x slope + intercept."""

    slope: float
    intercept: float


def suv_of(files: Sequence[File], modality: str) -> float | None:
    """
    SUVbw per rescaled unit of a PET series; None for other modalities, and where mappings in the frames already say.

    Raises:
        Refused: "unsupported image" when SUVbw cannot be computed.
    """
    if modality != "PT" or all(is_multiframe(f.ds) and _real_world(f.ds, 0) for f in files):
        return None
    return suv_factor([flat(f.ds) for f in files])


def scale_of(plane: Plane, modality: str, suv: float | None) -> Scale:
    """
    How the stored values of one plane become values.

    Raises:
        Refused: "unsupported image" when the header does not say what the values mean.
    """
    ds, where = plane.file.ds, plane.file.where
    if modality == "PT" and suv is None:
        mapping = _real_world(ds, plane.index)
        if mapping is None:
            raise Refused("unsupported image", say("a frame has no mapping to SUVbw"), at=where)
        return Scale(float(mapping.RealWorldValueSlope), float(mapping.RealWorldValueIntercept))
    slope, intercept, kind = _rescale(ds, plane.index)
    if modality == "CT" and (slope is None or intercept is None):
        found = say("Rescale Slope or Intercept is absent, so HU are unknown")
        raise Refused("unsupported image", found, at=where)
    if modality == "CT" and kind not in HOUNSFIELD:
        raise Refused("unsupported image", say("CT values are {kind}, not HU", kind=kind), at=where)
    slope = 1.0 if slope is None else slope
    if slope == 0 or not np.isfinite([slope, intercept or 0.0]).all():
        raise Refused("unsupported image", say("Rescale Slope is zero or no number"), at=where)
    factor = suv if suv is not None else 1.0
    return Scale(slope * factor, (intercept or 0.0) * factor)


def to_values(stored: NDArray[Any], ds: Dataset, scale: Scale, modality: str, out: NDArray[np.float32]) -> int:
    """
    Write the values of one plane.

    Args:
        stored: Shape (row, column), as `codecs.decode` returns it.
        ds: Header of the plane's object.
        scale: From `scale_of`.
        modality: CT, MR or PT.
        out: Same shape; receives values in the modality's unit.

    Returns:
        How many pixels were padding and got the value of air (CT) or zero.
    """
    padding = _padded(stored, ds, scale, modality)  # before anything is turned back: it is told as it is stored
    if modality == "MR" and ds.get("PhotometricInterpretation") == "MONOCHROME1":
        stored = _inverted(stored, ds)
    np.multiply(stored, np.float32(scale.slope), out=out, casting="unsafe")
    if scale.intercept:
        out += np.float32(scale.intercept)
    if padding is None:
        return 0
    out[padding] = AIR_HU if modality == "CT" else 0.0
    return int(np.count_nonzero(padding))


def _padded(stored: NDArray[Any], ds: Dataset, scale: Scale, modality: str) -> NDArray[np.bool_] | None:
    limits = _padding(ds)
    if limits is None or (modality == "CT" and _tissue(limits, scale)):
        return None
    return np.asarray((stored >= limits[0]) & (stored <= limits[1]))


def _tissue(limits: tuple[int, int], scale: Scale) -> bool:
    return any(TISSUE_HU[0] <= v * scale.slope + scale.intercept <= TISSUE_HU[1] for v in limits)


def _real_world(ds: Dataset, index: int) -> Dataset | None:
    item = macro(ds, index, "RealWorldValueMappingSequence")
    if item is None or "RealWorldValueSlope" not in item or "RealWorldValueIntercept" not in item:
        return None
    units = item.get("MeasurementUnitsCodeSequence") or ()
    return item if units and str(units[0].get("CodeValue")) in SUV_CODES else None


def _rescale(ds: Dataset, index: int) -> tuple[float | None, float | None, str]:
    if is_multiframe(ds):
        found = [
            value(ds, index, "PixelValueTransformationSequence", keyword)
            for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType")
        ]
    else:
        found = [ds.get("RescaleSlope"), ds.get("RescaleIntercept"), ds.get("RescaleType")]
    slope, intercept = (None if v in (None, "") else float(v) for v in found[:2])
    return slope, intercept, str(found[2] or "")


def _padding(ds: Dataset) -> tuple[int, int] | None:
    """Smallest and largest stored value that means nothing (PS3.3 C.7.5.1.1.2)."""
    first, last = (_as_stored(ds, ds.get(k)) for k in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if first is None:
        return None
    return (first, first) if last is None else (min(first, last), max(first, last))


def _as_stored(ds: Dataset, number: Any) -> int | None:
    """Padding is written as US or SS, often as the wrong one of the two."""
    if not isinstance(number, int):
        return None
    bits = int(ds.get("BitsAllocated") or 16)
    raw = number & ((1 << bits) - 1)
    return raw - (1 << bits) if ds.get("PixelRepresentation") and raw >> (bits - 1) else raw


def _inverted(stored: NDArray[Any], ds: Dataset) -> NDArray[Any]:
    """Bright for dark: MONOCHROME1 shows the smallest value as white (PS3.3 C.7.6.3.1.2)."""
    top = (1 << int(ds.get("BitsStored") or 16)) - 1
    return (-1 if ds.get("PixelRepresentation") else top) - stored.astype(np.int32)
