"""Whether two objects with one SOP Instance UID show the same thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from node.dicom.codecs import decode
from node.dicom.functional import frame_count, is_multiframe, macro
from node.dicom.header import FOREIGN, quiet
from node.dicom.references import SEGMENTATIONS
from node.domain.language import say
from node.errors import InstanceUnreadable, Refused

GEOMETRY = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PixelSpacing", "ImagePositionPatient",
    "ImageOrientationPatient", "FrameOfReferenceUID", "RescaleSlope", "RescaleIntercept", "Units",
)  # fmt: skip
"""What gives pixels their place and meaning, beside the functional groups of multi-frame objects."""

FRAME_MACROS = (
    "PixelMeasuresSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelValueTransformationSequence",
)

_SAME_MEANING = {"YBR_RCT": "RGB", "YBR_ICT": "RGB"}

_HEADER_GROUPS = frozenset({0x0002, 0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x300E, 0x4008})
"""Groups that say who, when and how, and that a PACS corrects; 300E is the approval of a structure set."""

_REFERENCES = frozenset({0x00081115, 0x00081140, 0x00082112})
"""Referenced series, images and source images: what an object without pixels is about."""


def same_content(first: Path, second: Path) -> bool:
    """
    Whether two files show the same: for images, the same decoded pixels and geometry in whatever transfer syntax; for
    other objects, the same elements apart from those that say who, when and how; for segmentations, both.

    Raises:
        InstanceUnreadable: One of them is no DICOM file.
    """
    one, other = _read(first), _read(second)
    if one.get("SOPClassUID") != other.get("SOPClassUID"):
        return False
    if ("PixelData" in one) != ("PixelData" in other):
        return False
    if one.get("SOPClassUID") in SEGMENTATIONS or "PixelData" not in one:
        if _substance(one) != _substance(other):
            return False
    elif not _same_geometry(one, other):
        return False
    return "PixelData" not in one or _same_pixels(one, other)


def _read(path: Path) -> Dataset:
    try:
        with quiet():
            return pydicom.dcmread(path)
    except FOREIGN as error:
        found = say("no readable DICOM file ({fault})", fault=type(error).__name__)
        raise InstanceUnreadable(found, at=path.name, do="export it again and resend it") from error


def _substance(ds: Dataset) -> Dataset:
    """What is left when the elements that a PACS may correct are taken away."""
    kept = Dataset()
    with quiet():
        for tag in tuple(ds.keys()):
            if tag in _REFERENCES or not _corrigible(tag.group, tag.element):
                kept[tag] = ds[tag]
    return kept


def _corrigible(group: int, element: int) -> bool:
    request = group == 0x0040 and element < 0xA000  # procedure steps; SR content begins at A000
    return group % 2 == 1 or group in _HEADER_GROUPS or request or (group, element) == (0x7FE0, 0x0010)


def _same_geometry(one: Dataset, other: Dataset) -> bool:
    if frame_count(one) != frame_count(other) or is_multiframe(one) != is_multiframe(other):
        return False
    if any(_comparable(one, keyword) != _comparable(other, keyword) for keyword in GEOMETRY):
        return False
    frames = range(frame_count(one) if is_multiframe(one) else 0)
    return all(macro(one, n, name) == macro(other, n, name) for n in frames for name in FRAME_MACROS)


def _comparable(ds: Dataset, keyword: str) -> Any:
    value = ds.get(keyword)
    if keyword == "PhotometricInterpretation":
        return _SAME_MEANING.get(str(value), str(value))
    if keyword in {"RescaleSlope", "RescaleIntercept"}:
        return float(value) if value not in (None, "") else None
    return value if value not in ("", None) else None


def _same_pixels(one: Dataset, other: Dataset) -> bool:
    if one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID and one.PixelData == other.PixelData:
        return True
    try:
        return np.array_equal(decode(one), decode(other))
    except Refused:  # what cannot be decoded is the same only byte for byte
        return False
