"""Headers of received objects: what the node knows of an instance without looking at its pixels."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import pydicom
import pydicom.config
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from node.dicom.extent import cut_off
from node.dicom.functional import frame_places, uniform_items
from node.dicom.references import find_references
from node.domain.language import say
from node.domain.series import Frame, Instance, Patient
from node.errors import InstanceUnreadable

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote values (design rule 9)

LONGEST_TEXT = 256
"""Longer values take no part in conditions and are not kept."""

MARK = "radnode"
"""Manufacturer's Model Name (0008,1090) of the node in Contributing Equipment of all that it makes (design rule 5)."""

DEFLATED = "1.2.840.10008.1.2.1.99"

FOREIGN = (
    InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, TypeError, LookupError, AttributeError,
    NotImplementedError, OverflowError, RecursionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom raises on data sets that break the rules; it has no error tree of its own."""

FORMER_NAMES = MappingProxyType({"EffectiveEchoTime": "EchoTime", "InversionTimes": "InversionTime"})
"""What Enhanced MR calls a time (PS3.3 C.8.13.5), and what single-frame MR calls it; milliseconds both."""

FORMER_CODES = MappingProxyType(
    {
        ("EchoPulseSequence", "SPIN"): ("SE",),
        ("EchoPulseSequence", "GRADIENT"): ("GR",),
        ("EchoPulseSequence", "BOTH"): ("SE", "GR"),
        ("EchoPlanarPulseSequence", "YES"): ("EP",),
        ("InversionRecovery", "YES"): ("IR",),
    }
)
"""What Enhanced MR says of its sequence (PS3.3 C.8.13.4, C.8.13.5.5), in codes of Scanning Sequence (0018,0020)."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_TEXTLESS = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})


@dataclass(frozen=True, slots=True)
class Header:
    """
    A data set up to its pixels.

    Attributes:
        ds: All elements before Pixel Data (7FE0,0010).
        start: Where the data set begins in the file, after the file meta information.
        pixels: Where Pixel Data begins in the file; None when there is none, or in a deflated file.
    """

    ds: Dataset
    start: int
    pixels: int | None


def read_header(path: Path) -> Dataset:
    """
    Read a data set without its pixels.

    Raises:
        InstanceUnreadable: It is no DICOM file, or it is cut off or broken.
    """
    return open_header(path).ds


def open_header(path: Path) -> Header:
    """
    Read a data set without its pixels, and where they are.

    Raises:
        InstanceUnreadable: It is no DICOM file, or it is cut off or broken.
    """
    with _readable(path), path.open("rb") as file:
        return _open(file, path)


def read_instance(path: Path) -> Instance:
    """
    Read what the node needs to know of a received object; pixels are never decoded.

    Raises:
        InstanceUnreadable: It is no DICOM file, is cut off or broken, or lacks a valid UID.
    """
    with _readable(path), path.open("rb") as file:
        header = _open(file, path)
        file.seek(header.start)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return _instance(header.ds, digest, path)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings in: they quote values of the data set (design rule 9)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Translate what pydicom raises. Its message may quote the data set, so only its kind is told."""
    try:
        with quiet():
            yield
    except FOREIGN as error:
        raise _unreadable(path, say("no readable DICOM file ({fault})", fault=type(error).__name__)) from error


def _unreadable(path: Path, found: str) -> InstanceUnreadable:
    return InstanceUnreadable(found, at=path.name, do="export it again as a DICOM Part 10 file and resend it")


def _open(file: BinaryIO, path: Path) -> Header:
    size = os.fstat(file.fileno()).st_size
    read_preamble(file, force=False)  # InvalidDicomError without the prefix "DICM"
    read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    start = file.tell()
    file.seek(0)
    ds = pydicom.dcmread(file, stop_before_pixels=True)
    if not ds.file_meta.get("TransferSyntaxUID"):
        raise _unreadable(path, say("no Transfer Syntax UID (0002,0010) in the file meta information"))
    deflated = ds.file_meta.TransferSyntaxUID == DEFLATED
    pixels = file.tell() if not deflated and file.tell() < size else None
    if not deflated and cut_off(ds, file, size):
        raise _unreadable(path, say("the file ends after {size} bytes in the middle of the data set", size=size))
    return Header(ds, start, pixels)


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag.group != 2)


def _instance(ds: Dataset, digest: str, path: Path) -> Instance:
    found = find_references(ds)
    return Instance(
        sop_uid=_uid(ds, "SOPInstanceUID", path),
        sop_class=_uid(ds, "SOPClassUID", path),
        series_uid=_uid(ds, "SeriesInstanceUID", path),
        study_uid=_uid(ds, "StudyInstanceUID", path),
        patient=Patient(_text(ds, "PatientID"), _text(ds, "IssuerOfPatientID")),
        modality=_text(ds, "Modality"),
        transfer_syntax=str(ds.file_meta.TransferSyntaxUID),
        frame_uid=_text(ds, "FrameOfReferenceUID"),
        attributes=attributes_of(ds),
        frames=_places(ds),
        references=found.instances,
        referenced_series=found.series,
        referenced_frames=found.frames_of_reference,
        ours=_ours(ds),
        digest=digest,
    )


def _uid(ds: Dataset, keyword: str, path: Path) -> str:
    """A UID that is safe to become part of a path (PS3.5 section 9.1)."""
    uid = _text(ds, keyword)
    if not uid:
        raise _unreadable(path, say("no {keyword}", keyword=keyword))
    if len(uid) > 64 or not _UID.fullmatch(uid):
        raise _unreadable(path, say("{keyword} is no valid UID", keyword=keyword))
    return uid


def _text(ds: Dataset, keyword: str) -> str:
    values = _values(ds, keyword)
    return "\\".join(values).strip(" \0")


def _values(ds: Dataset, key: str | BaseTag) -> tuple[str, ...]:
    """One element as text; empty when absent, not text, or not decodable."""
    try:
        element = ds[key]
    except FOREIGN:
        return ()
    value = element.value
    if value is None or isinstance(value, bytes) or element.VR == "SQ":
        return ()
    many = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    texts = tuple(str(v).strip(" \0") for v in many)
    return () if any("\ufffd" in text for text in texts) or not any(texts) else texts


def attributes_of(ds: Dataset) -> dict[str, tuple[str, ...]]:
    """Keyword to values as text, as `Instance.attributes` holds them; of Enhanced MR under the former names as well."""
    found = _top_level(ds)
    for item in uniform_items(ds):
        for keyword, values in _top_level(item).items():
            found.setdefault(keyword, values)
    frame_type = found.pop("FrameType", ())
    if frame_type and ("ImageType" not in found or "MIXED" in found["ImageType"]):
        found["ImageType"] = frame_type
    for name, values in _former(ds, found):
        if values:
            found.setdefault(name, values)
    return found


def _former(ds: Dataset, found: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What single-frame objects would say where Enhanced ones have another element, or a code, for it."""
    for name, former in FORMER_NAMES.items():
        if name in found:
            yield former, found[name][:1]
    if codes := [code for (name, said), kind in FORMER_CODES.items() if (said,) == found.get(name) for code in kind]:
        yield "ScanningSequence", tuple(codes)
    agents = ds.get("ContrastBolusAgentSequence")
    if agents and found.get("ContrastBolusAgentAdministered") != ("NO",):
        yield "ContrastBolusAgent", _values(agents[0], "CodeMeaning")


def _top_level(ds: Dataset) -> dict[str, tuple[str, ...]]:
    found = {}
    for tag in tuple(ds.keys()):
        keyword = keyword_for_tag(tag)
        if not keyword or (ds.get_item(tag).VR or dictionary_VR(tag)) in _TEXTLESS:
            continue
        values = _values(ds, tag)
        if values and sum(map(len, values)) + len(values) - 1 <= LONGEST_TEXT:
            found[keyword] = values
    return found


def _places(ds: Dataset) -> tuple[Frame, ...]:
    return frame_places(ds) if "Rows" in ds else ()


def _ours(ds: Dataset) -> bool:
    """Whether a radnode made it."""
    makers = [ds, *(ds.get("ContributingEquipmentSequence") or ())]
    return any(_text(maker, "ManufacturerModelName") == MARK for maker in makers)
