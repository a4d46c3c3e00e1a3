"""
Seeds: points and two-point lines by which a person marked a lesion.

They come from measurement groups of an SR (PS3.16 TID 1410, 1411, 1501) whose Finding names a lesion, or from the
graphic annotations of a GSPS (PS3.3 C.10.5) whose layer or text matches a pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.dicom.foreign import PassedOver, reading, unusable
from node.dicom.nature import is_lesion, is_neoplasm, names_neoplasm
from node.dicom.tree import FINDING, GROUP, OBSERVER_TYPE, by_person, children, concept, value, walk
from node.domain.language import say
from node.domain.naming import denied, matches
from node.domain.refusals import NOT_USED
from node.domain.volume import Volume

WHAT = say("SR or presentation state")
TRACKING_ID, TRACKING_UID = ("DCM", "112039"), ("DCM", "112040")
POINTS = {"POINT": (1,), "MULTIPOINT": (1, 2), "POLYLINE": (2,), "INTERPOLATED": (2,), "MULTISEGMENT": (2,)}
"""Graphic types that can be a seed, with the number of points they may have then."""

ELSEWHERE = say("its image is not one of the measured series")

Locate = Callable[[str, int | None, float, float], NDArray[np.float64] | None]
"""
Place of a point of an image: (SOP Instance UID, frame or None, column, row) to LPS millimetres, shape (3,).

Column and row are in voxel indices, the centre of the first pixel being (0, 0). None: no image of the measured series.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seed:
    """
    One mark.

    Attributes:
        points: Shape (1, 3) or (2, 3), LPS millimetres.
        label: What the mark is called: Tracking Identifier or Finding, text or layer.
        named_neoplasm: Whether a person called it a neoplasm.
        frame_uid: Frame of Reference UID of the points where the source gives them in the patient, else "".
    """

    points: NDArray[np.float64]
    label: str
    tracking_id: str = ""
    tracking_uid: str = ""
    named_neoplasm: bool = False
    frame_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedFile:
    """The seeds of one object, its identity, and what in it was passed over."""

    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    seeds: tuple[Seed, ...]
    skipped: tuple[PassedOver, ...]


def read_seeds(path: Path, locate: Locate, pattern: str) -> SeedFile:
    """
    Read the seeds of an SR or GSPS.

    Args:
        path: The object.
        locate: Finds the place of an image point in the measured series.
        pattern: Regular expression on layers and texts of a GSPS.

    Raises:
        InstanceUnreadable: It is neither an SR nor a GSPS.
    """
    with reading(path, WHAT):
        ds = pydicom.dcmread(path)
        if "ContentSequence" in ds:
            found = list(_from_report(ds, locate))
        elif "GraphicAnnotationSequence" in ds:
            found = list(_from_presentation(ds, locate, pattern))
        elif str(ds.get("Modality", "")) in ("SR", "PR"):
            found = []
        else:
            raise unusable(path, WHAT, say("it has neither a content tree nor graphic annotations"))
        return SeedFile(
            sop_class=str(ds.SOPClassUID),
            sop_uid=str(ds.SOPInstanceUID),
            series_uid=str(ds.get("SeriesInstanceUID", "")),
            study_uid=str(ds.get("StudyInstanceUID", "")),
            seeds=tuple(s for s in found if isinstance(s, Seed)),
            skipped=tuple(s for s in found if isinstance(s, PassedOver)),
        )


def locator(volume: Volume) -> Locate:
    """Find points on the images that a volume was made of. A single-frame image may be named as frame 1."""
    places: dict[str, dict[int, int]] = {}
    for k, each in enumerate(volume.slices):
        places.setdefault(each.sop_uid, {})[each.frame or 1] = k

    def locate(sop_uid: str, frame: int | None, column: float, row: float) -> NDArray[np.float64] | None:
        frames = places.get(sop_uid, {})
        k = frames.get(frame) if frame is not None else next(iter(frames.values())) if len(frames) == 1 else None
        return None if k is None else volume.geometry.point(np.array([k, row, column], np.float64))

    return locate


def _from_report(ds: Dataset, locate: Locate) -> Iterator[Seed | PassedOver]:
    human = _drawn_by_person(ds)
    for group in walk(ds):
        if concept(group)[:2] != GROUP:
            continue
        finding = next((value(i) for i in children(group) if concept(i)[:2] == FINDING), ("", "", ""))
        text = {concept(i)[:2]: str(i.get("TextValue") or i.get("UID") or "").strip() for i in children(group)}
        label = text.get(TRACKING_ID) or finding[2]
        if not is_lesion(finding):
            yield PassedOver(say("measurement group"), label, say("its Finding is not a lesion"))
            continue
        marks = [m for item in walk(group) if (m := _mark(item, ds, locate)) is not None]
        usable = [m for m in marks if not isinstance(m, str)]
        if not usable:
            yield PassedOver(say("measurement group"), label, *_reason(marks))
            continue
        points, frame_uid = max(usable, key=lambda m: float(np.linalg.norm(m[0][-1] - m[0][0])))
        yield Seed(
            points=points,
            label=label,
            tracking_id=text.get(TRACKING_ID, ""),
            tracking_uid=text.get(TRACKING_UID, ""),
            named_neoplasm=human and is_neoplasm(finding),
            frame_uid=frame_uid,
        )


def _mark(item: Dataset, ds: Dataset, locate: Locate) -> tuple[NDArray[np.float64], str] | str | None:
    """Points and frame of reference of a spatial coordinate item; a reason; None for any other item."""
    kind = str(item.get("ValueType", ""))
    if kind not in ("SCOORD", "SCOORD3D"):
        return None
    size = 3 if kind == "SCOORD3D" else 2
    data = _graphic(item, size)
    if isinstance(data, str):
        return data
    if kind == "SCOORD3D":
        return data, str(item.get("ReferencedFrameOfReferenceUID") or "")
    for image in _selected_from(item, ds):
        reference = (image.get("ReferencedSOPSequence") or [Dataset()])[0]
        placed = _place(data, reference, locate)
        if placed is not None:
            return placed, ""
    return ELSEWHERE


def _reason(marks: Sequence[object]) -> tuple[str, str]:
    """Why no mark of a group can be used, and the refusal code: elsewhere, of another form, or no mark at all."""
    reasons = [m for m in marks if isinstance(m, str)]
    if ELSEWHERE in reasons:
        return ELSEWHERE, "contour mismatch"
    return (reasons[0], NOT_USED) if reasons else (say("it has no point or two-point line"), "")


def _graphic(item: Dataset, size: int) -> NDArray[np.float64] | str:
    """Points of a graphic that can be a seed, shape (1 or 2, size); else the reason why it cannot."""
    kind = str(item.get("GraphicType") or "").strip().upper()
    data = item.get("GraphicData")
    values = [float(v) for v in (data if isinstance(data, Iterable) else [])]
    count = len(values) // size
    if count not in POINTS.get(kind, ()) or len(values) % size or not np.isfinite(values).all():
        return say(
            "a {graphic} of {count} point(s) is no point and no two-point line",
            graphic=kind or say("graphic"), count=count,
        )  # fmt: skip
    return np.array(values, np.float64).reshape(-1, size)


def _place(data: NDArray[np.float64], reference: Dataset, locate: Locate) -> NDArray[np.float64] | None:
    """
    Image points to the patient. Half a pixel goes off: (0, 0) is the corner of the first pixel there, its centre here.

    PS3.3 C.18.6.1 for SR, C.10.5.1.2 for GSPS.
    """
    uid = str(reference.get("ReferencedSOPInstanceUID") or "")
    numbers = reference.get("ReferencedFrameNumber")
    frame = int(numbers[0] if isinstance(numbers, list | pydicom.multival.MultiValue) else numbers) if numbers else None
    places = [locate(uid, frame, float(x) - 0.5, float(y) - 0.5) for x, y in data]
    found = [p for p in places if p is not None]
    return np.array(found) if len(found) == len(places) else None


def _selected_from(item: Dataset, ds: Dataset) -> Iterator[Dataset]:
    """The images of a coordinate item, given by value or by reference to another item (PS3.3 C.17.3.2.5)."""
    for child in children(item):
        if child.get("ValueType") == "IMAGE":
            yield child
        elif "ReferencedContentItemIdentifier" in child:
            target = ds
            for position in list(np.atleast_1d(child.ReferencedContentItemIdentifier))[1:]:
                target = target.ContentSequence[int(position) - 1]
            yield target


def _drawn_by_person(ds: Dataset) -> bool:
    """Whether an observer of the document is a person."""
    return by_person({value(i)[:2] for i in walk(ds) if concept(i)[:2] == OBSERVER_TYPE})


def _from_presentation(ds: Dataset, locate: Locate, pattern: str) -> Iterator[Seed | PassedOver]:
    for annotation in ds.GraphicAnnotationSequence:
        texts = [str(t.get("UnformattedTextValue") or "").strip() for t in annotation.get("TextObjectSequence") or []]
        names = [n for n in (*texts, str(annotation.get("GraphicLayer") or "").strip()) if n]
        label = next((n for n in names if matches(pattern, n) and not denied(n)), "")
        if not label:
            yield PassedOver(say("annotation"), " / ".join(names), say("neither its layer nor its text marks a seed"))
            continue
        marks = list(_annotated(annotation, ds, locate))
        placed = [m for m in marks if not isinstance(m, str)]
        for points in placed:
            yield Seed(points=points, label=label, named_neoplasm=any(names_neoplasm(n) for n in names))
        if not placed:
            yield PassedOver(say("annotation"), label, *_reason(marks))


def _annotated(annotation: Dataset, ds: Dataset, locate: Locate) -> Iterator[NDArray[np.float64] | str]:
    """Places of the graphics of an annotation, or of the anchor of its text where it has none; or reasons."""
    objects = [
        (g, g.get("GraphicAnnotationUnits"), _graphic(g, 2)) for g in annotation.get("GraphicObjectSequence") or []
    ]
    if not objects:
        objects = [
            (t, t.get("AnchorPointAnnotationUnits"), np.array([[float(v) for v in t.AnchorPoint]]))
            for t in annotation.get("TextObjectSequence") or []
            if "AnchorPoint" in t
        ]
    images = annotation.get("ReferencedImageSequence") or list(_all_images(ds))
    for _, units, data in objects:
        if isinstance(data, str):
            yield data
        elif str(units).strip().upper() != "PIXEL":
            unit = units or say("unknown")
            yield say("its coordinates are in {unit} units, not in pixels of the image", unit=unit)
        elif len(images) != 1:
            yield say("it does not say on which one image it was drawn")
        else:
            placed = _place(data, images[0], locate)
            yield placed if placed is not None else ELSEWHERE


def _all_images(ds: Dataset) -> Iterator[Dataset]:
    for series in ds.get("ReferencedSeriesSequence") or []:
        yield from series.get("ReferencedImageSequence") or []
