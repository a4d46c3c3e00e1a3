"""Content items of a structured report (PS3.3 C.17.3), made so that every value fits its VR."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from node.dicom import codes
from node.domain.language import TAGS, Language, render
from node.domain.order import Input
from node.domain.volume import Volume

CONTAINS, MODIFIES, HAS_PROPERTIES = "CONTAINS", "HAS CONCEPT MOD", "HAS PROPERTIES"

MOST_CORNERS = 0xFFFE // 8
"""Pairs of FL that fit the 16-bit length of Explicit VR (PS3.5 7.1.2)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that the report refers to. `frame`: 1-based, None for a single-frame object."""

    study_uid: str
    series_uid: str
    sop_class: str
    sop_uid: str
    frame: int | None = None


def reference(header: Dataset) -> Reference:
    """The object with this header."""
    return Reference(
        str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPClassUID), str(header.SOPInstanceUID)
    )


def instance(read: Input) -> Reference:
    """An instance that the job read."""
    return Reference(read.study_uid, read.series_uid, read.sop_class, read.sop_uid)


def text(said: str | Sequence[str], language: Language, name: Code = codes.COMMENT) -> Dataset:
    """A TEXT item with sentences in the reader's language; lines are separated by CR LF (PS3.5 6.1.3)."""
    lines = [said] if isinstance(said, str) else said
    value = "\r\n".join(render(line, language) for line in lines)
    return hd.sr.TextContentItem(name=name, value=value, relationship_type=CONTAINS)


def language_of(language: Language) -> list[Dataset]:
    """TID 1204: the language of what the report says, as a tag of RFC 5646."""
    tag, meaning = TAGS[language]
    return list(hd.sr.LanguageOfContentItemAndDescendants(hd.sr.CodedConcept(tag, "RFC5646", meaning)))


def code(name: Code, value: Code, relationship: str = CONTAINS, children: Sequence[Dataset] = ()) -> Dataset:
    """A CODE item."""
    return _parent(hd.sr.CodeContentItem(name=name, value=value, relationship_type=relationship), children)


def num(
    name: Code,
    value: float | None,
    unit: Code,
    *,
    digits: int = 1,
    relationship: str = CONTAINS,
    why_absent: Code | None = None,
    children: Sequence[Dataset] = (),
) -> Dataset:
    """
    A NUM item, rounded to `digits`.

    None, NaN and the infinities leave Measured Value Sequence empty and say why in Numeric Value Qualifier (CID 42):
    an invented number is worse than none. Minus zero is zero.
    """
    known = value is not None and math.isfinite(value)
    item = hd.sr.NumContentItem(
        name=name, value=round(float(value), digits) + 0.0 if known and value is not None else 0.0, unit=unit,
        relationship_type=relationship,
    )  # fmt: skip
    if not known:
        item.MeasuredValueSequence = []
        reason = why_absent or codes.why_no_number(math.nan if value is None else value)
        item.NumericValueQualifierCodeSequence = [hd.sr.CodedConcept.from_code(reason)]
    return _parent(item, children)


def algorithm(name: str, version: str, parameters: str = "") -> list[Dataset]:
    """TID 4019: the algorithm behind a number, in the words of Contributing Equipment, and its settings."""
    return list(
        hd.sr.AlgorithmIdentification(name=name, version=version, parameters=[parameters] if parameters else None)
    )


def lesion_images(mask: NDArray[np.bool_], volume: Volume) -> list[Reference]:
    """The slices (or frames) that a lesion lies on; `mask` has the shape (slice, row, column) of the volume."""
    at = [volume.slices[int(index)] for index in np.flatnonzero(mask.any(axis=(1, 2)))]
    return [Reference(volume.study_uid, volume.series_uid, s.sop_class, s.sop_uid, s.frame) for s in at]


def source_image(at: Reference) -> Dataset:
    """The image that a segment was drawn on, with the dictionary's spelling of its concept name."""
    frames = None if at.frame is None else [at.frame]
    item = hd.sr.SourceImageForSegmentation(at.sop_class, at.sop_uid, frames)
    item.ConceptNameCodeSequence = [hd.sr.CodedConcept.from_code(codes.SOURCE_IMAGE)]
    return item


def referenced_segment(at: Reference, segment: int, images: Iterable[Reference]) -> Any:
    """
    Segment of our SEG with its source images.

    Made by hand: highdicom 0.28.2's `ReferencedSegment.from_segmentation` fails on a SEG with one segment.
    """
    sources = _merged(images)
    return hd.sr.ReferencedSegment(at.sop_class, at.sop_uid, segment, source_images=sources)


def region(corners: NDArray[np.float64], at: Reference) -> Dataset:
    """
    A closed polygon on an image, as an SCOORD POLYLINE.

    Args:
        corners: Shape (n, 2), (column, row) with the origin at the top left corner of the first pixel (PS3.3
            C.18.6.1.1), the first repeated at the end. More than fit Graphic Data are thinned out evenly.
        at: The image, with its frame where it has frames.
    """
    kept = np.linspace(0, len(corners) - 1, min(len(corners), MOST_CORNERS)).round().astype(int)
    frames = None if at.frame is None else [at.frame]
    image = hd.sr.SourceImageForRegion(at.sop_class, at.sop_uid, frames)
    return hd.sr.ImageRegion(hd.sr.GraphicTypeValues.POLYLINE, corners[kept], image)


def drawn_in(at: Reference) -> Dataset:
    """
    The object that a contour was taken from: a Segmentation is an image, any other one a composite.

    So is a label map: readers that do not know its SOP class (DCMTK 3.6.7) give the whole report up over such an image.
    """
    if at.sop_class == SegmentationStorage:
        return hd.sr.ImageContentItem(codes.SOURCE_OF_MEASUREMENT, at.sop_class, at.sop_uid, relationship_type=CONTAINS)
    return hd.sr.CompositeContentItem(codes.SOURCE_OF_MEASUREMENT, at.sop_class, at.sop_uid, relationship_type=CONTAINS)


def evidence(references: Iterable[Reference], study_uid: str) -> tuple[list[Dataset], list[Dataset]]:
    """
    Items for Current Requested Procedure Evidence (0040,A375) and Pertinent Other Evidence (0040,A385).

    Args:
        references: In any number; every object is listed once, in the order of first mention.
        study_uid: Study of the report; objects of other studies are "other evidence".
    """
    studies: dict[str, dict[str, dict[str, str]]] = {}
    for at in references:
        studies.setdefault(at.study_uid, {}).setdefault(at.series_uid, {})[at.sop_uid] = at.sop_class
    items = {study: _study(study, series) for study, series in studies.items()}
    current = [items.pop(study_uid)] if study_uid in items else []
    return current, list(items.values())


def _parent(item: Dataset, children: Sequence[Dataset]) -> Dataset:
    if children:
        item.ContentSequence = hd.sr.ContentSequence(children)
    return item


def _merged(images: Iterable[Reference]) -> list[Dataset]:
    """One item per object: the frames of a multi-frame one are listed together."""
    merged: dict[str, Dataset] = {}
    for at in images:
        if at.sop_uid not in merged:
            merged[at.sop_uid] = source_image(at)
        elif at.frame is not None:
            sop = merged[at.sop_uid].ReferencedSOPSequence[0]
            known = sop.ReferencedFrameNumber
            sop.ReferencedFrameNumber = [*([known] if isinstance(known, int) else known), at.frame]
    return list(merged.values())


def _study(study_uid: str, series: dict[str, dict[str, str]]) -> Dataset:
    study = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = study_uid, []
    for series_uid, objects in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedSOPSequence = series_uid, []
        for sop_uid, sop_class in objects.items():
            sop = Dataset()
            sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID = sop_class, sop_uid
            item.ReferencedSOPSequence.append(sop)
        study.ReferencedSeriesSequence.append(item)
    return study
