"""What an object refers to: images, series, Frames of Reference. By SOP class, never by walking everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.88."
_PRESENTATIONS = "1.2.840.10008.5.1.4.1.1.11."

Path = tuple[str, ...]

_STRUCTURE_SERIES: Path = (
    "ReferencedFrameOfReferenceSequence",
    "RTReferencedStudySequence",
    "RTReferencedSeriesSequence",
)
_EVIDENCE: Path = ("CurrentRequestedProcedureEvidenceSequence", "ReferencedSeriesSequence")
_FRAME_SOURCES: Path = ("DerivationImageSequence", "SourceImageSequence")


@dataclass(frozen=True, slots=True)
class References:
    """UIDs without repetition, in the order of first mention."""

    instances: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    frames_of_reference: tuple[str, ...] = ()


def find_references(ds: Dataset) -> References:
    """Collect what an RTSTRUCT, SEG, SR or presentation state refers to; nothing for any other object."""
    kind = str(ds.get("SOPClassUID", ""))
    if kind == RTSTRUCT:
        found = _structure_set(ds)
    elif kind in SEGMENTATIONS:
        found = _segmentation(ds)
    elif kind.startswith(_DOCUMENTS):
        found = _document(ds)
    elif kind.startswith(_PRESENTATIONS):
        found = _presentation(ds)
    else:
        return References()
    own = str(ds.get("FrameOfReferenceUID", "") or "")
    frames = tuple(uid for uid in found.frames_of_reference if uid != own)
    return References(found.instances, found.series, frames)


def items(ds: Dataset, path: Path) -> Iterator[Dataset]:
    """All items at the end of a path of sequence keywords."""
    for item in ds.get(path[0]) or ():
        if len(path) == 1:
            yield item
        else:
            yield from items(item, path[1:])


def _uids(ds: Dataset, keyword: str, *paths: Path) -> tuple[str, ...]:
    found = (str(item.get(keyword) or "") for path in paths for item in items(ds, path))
    return tuple(dict.fromkeys(uid for uid in found if uid))


def _structure_set(ds: Dataset) -> References:
    """PS3.3 C.8.8.5 and C.8.8.6."""
    return References(
        _uids(
            ds,
            "ReferencedSOPInstanceUID",
            (*_STRUCTURE_SERIES, "ContourImageSequence"),
            ("ROIContourSequence", "ContourSequence", "ContourImageSequence"),
        ),
        _uids(ds, "SeriesInstanceUID", _STRUCTURE_SERIES),
        tuple(
            dict.fromkeys(
                _uids(ds, "FrameOfReferenceUID", ("ReferencedFrameOfReferenceSequence",))
                + _uids(ds, "ReferencedFrameOfReferenceUID", ("StructureSetROISequence",))
            )
        ),
    )


def _segmentation(ds: Dataset) -> References:
    """PS3.3 C.12.4 (Common Instance Reference) and C.7.6.16.2.6 (Derivation Image)."""
    instances = _uids(
        ds,
        "ReferencedSOPInstanceUID",
        ("ReferencedSeriesSequence", "ReferencedInstanceSequence"),
        ("SourceImageSequence",),
        ("SharedFunctionalGroupsSequence", *_FRAME_SOURCES),
        ("PerFrameFunctionalGroupsSequence", *_FRAME_SOURCES),
    )
    return References(instances, _uids(ds, "SeriesInstanceUID", ("ReferencedSeriesSequence",)))


def _document(ds: Dataset) -> References:
    """PS3.3 C.17.2 (evidence) and C.17.3 (content items of type IMAGE, COMPOSITE, SCOORD3D)."""
    evidence = _uids(ds, "ReferencedSOPInstanceUID", (*_EVIDENCE, "ReferencedSOPSequence"))
    mentioned: list[str] = []
    frames: list[str] = []
    for content in _content(ds):
        if content.get("ValueType") in {"IMAGE", "COMPOSITE"}:
            mentioned.extend(_uids(content, "ReferencedSOPInstanceUID", ("ReferencedSOPSequence",)))
        frames.append(str(content.get("ReferencedFrameOfReferenceUID") or ""))
    return References(
        tuple(dict.fromkeys(evidence + tuple(mentioned))),
        _uids(ds, "SeriesInstanceUID", _EVIDENCE),
        tuple(dict.fromkeys(uid for uid in frames if uid)),
    )


def _content(ds: Dataset) -> Iterator[Dataset]:
    for item in ds.get("ContentSequence") or ():
        yield item
        yield from _content(item)


def _presentation(ds: Dataset) -> References:
    """PS3.3 C.11.11 (relationship) and C.10.5 (graphic annotation)."""
    return References(
        _uids(
            ds,
            "ReferencedSOPInstanceUID",
            ("ReferencedSeriesSequence", "ReferencedImageSequence"),
            ("GraphicAnnotationSequence", "ReferencedImageSequence"),
        ),
        _uids(ds, "SeriesInstanceUID", ("ReferencedSeriesSequence",)),
    )
