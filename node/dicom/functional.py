"""Functional groups of multi-frame objects (PS3.3 C.7.6.16): one value of one frame, shared or its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from node.domain.series import Frame

UNIFORM_GROUPS = (
    "PixelMeasuresSequence",
    "PlaneOrientationSequence",
    "PixelValueTransformationSequence",
    "CTImageFrameTypeSequence",
    "CTReconstructionSequence",
    "CTAcquisitionTypeSequence",
    "CTXRayDetailsSequence",
    "MRImageFrameTypeSequence",
    "MRTimingAndRelatedParametersSequence",
    "MREchoSequence",
    "MRModifierSequence",
    "ContrastBolusUsageSequence",
    "PETFrameTypeSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
"""Macros whose values describe a series when all frames agree."""

FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")


def is_multiframe(ds: Dataset) -> bool:
    """Whether the object keeps what describes its planes in functional groups."""
    return "PerFrameFunctionalGroupsSequence" in ds or "SharedFunctionalGroupsSequence" in ds


def frame_count(ds: Dataset) -> int:
    """Number of image planes: Number of Frames (0028,0008), 1 where absent."""
    return int(ds.get("NumberOfFrames") or 1)


def macro(ds: Dataset, frame: int, sequence: str) -> Dataset | None:
    """The first item of one functional group macro for a frame (from 0): its own one, else the shared one."""
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        items = ds.get(groups) or ()
        found = items[index].get(sequence) if index < len(items) else None
        if found:
            item: Dataset = found[0]
            return item
    return None


def value(ds: Dataset, frame: int, sequence: str, keyword: str) -> Any:
    """One value of one frame (from 0), None where absent or empty."""
    item = macro(ds, frame, sequence)
    found = item.get(keyword) if item is not None else None
    return None if found in (None, "") else found


def frame_places(ds: Dataset) -> tuple[Frame, ...]:
    """Places of all planes in frame order; empty as soon as one of them states none."""
    if not is_multiframe(ds):
        if frame_count(ds) > 1:
            return ()
        frames = [frame_of(ds.get("ImagePositionPatient"), ds.get("ImageOrientationPatient"))]
    else:
        frames = [
            frame_of(
                value(ds, n, "PlanePositionSequence", "ImagePositionPatient"),
                value(ds, n, "PlaneOrientationSequence", "ImageOrientationPatient"),
            )
            for n in range(frame_count(ds))
        ]
    known = tuple(frame for frame in frames if frame is not None)
    return known if len(known) == len(frames) else ()


def frame_of(position: Any, orientation: Any) -> Frame | None:
    """A place from Image Position and Image Orientation (Patient); None unless both are whole and finite."""
    try:
        x, y, z = (float(v) for v in position or ())
        a, b, c, d, e, f = (float(v) for v in orientation or ())
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, (x, y, z, a, b, c, d, e, f))):
        return None
    return Frame((x, y, z), (a, b, c, d, e, f))


def uniform_items(ds: Dataset) -> Iterator[Dataset]:
    """Items of the describing macros: shared ones first, then those that frames have of their own and all alike."""
    for item in ds.get("SharedFunctionalGroupsSequence") or ():
        yield from (item[name][0] for name in UNIFORM_GROUPS if item.get(name))
    own = ds.get("PerFrameFunctionalGroupsSequence") or ()
    for name in UNIFORM_GROUPS:
        items = [group[name][0] for group in own if group.get(name)]
        if items and len(items) == len(own) and all(item == items[0] for item in items[1:]):
            yield items[0]


def flat(ds: Dataset) -> Dataset:
    """
    A multi-frame object as if it were a single-frame one: its top level, completed by what all frames agree on.

    A single-frame object is returned as it is.
    """
    if not is_multiframe(ds):
        return ds
    merged = Dataset()
    for item in uniform_items(ds):
        for tag in tuple(item.keys()):
            if tag not in merged:
                merged[tag] = item[tag]
    for tag in tuple(ds.keys()):
        merged[tag] = ds[tag]
    return merged
