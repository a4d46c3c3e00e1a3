"""RT Structure Set to contours in the patient (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.dicom.foreign import reading, unusable
from node.domain.findings import SegmentAlgorithmType
from node.domain.language import Said, say

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Contour Geometric Types (3006,0042) that enclose an area."""

ALGORITHMS: dict[str, SegmentAlgorithmType] = {
    "MANUAL": "MANUAL",
    "SEMIAUTOMATIC": "SEMIAUTOMATIC",
    "AUTOMATIC": "AUTOMATIC",
}
"""Defined terms of ROI Generation Algorithm (3006,0036), enumerated values of Segment Algorithm Type (0062,0008)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roi:
    """
    One region of interest.

    Attributes:
        interpreted_type: RT ROI Interpreted Type (3006,00A4), upper case, "" where not stated.
        algorithm: ROI Generation Algorithm (3006,0036) where it is one of the defined terms, else None.
        frame_uid: Frame of Reference UID the points are in, "" where not stated.
        contours: Closed planar contours, each of shape (point, 3), LPS millimetres, at least three points; the last
            point is joined to the first.
        sop_uids: Images the contours were drawn on, where stated contour by contour.
        skipped: Contours that enclose no area, as sentences.
    """

    number: int
    name: str
    interpreted_type: str
    algorithm: SegmentAlgorithmType | None
    frame_uid: str
    contours: tuple[NDArray[np.float64], ...]
    sop_uids: frozenset[str] = frozenset()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureSet:
    """One RT Structure Set: its identity, whether it is approved, the images it was drawn on, its ROIs in order."""

    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    approved: bool
    sop_uids: frozenset[str]
    rois: tuple[Roi, ...]


def read_structure_set(path: Path) -> StructureSet:
    """
    Read an RT Structure Set.

    Raises:
        InstanceUnreadable: The file is no DICOM object, no structure set, or holds coordinates that are no numbers.
    """
    with reading(path, "RT Structure Set"):
        ds = pydicom.dcmread(path)
        if "StructureSetROISequence" not in ds:
            raise unusable(path, "RT Structure Set", say("it has no Structure Set ROI Sequence (3006,0020)"))
        return _structure_set(ds)


def _structure_set(ds: Dataset) -> StructureSet:
    default_frame = _only_frame(ds)
    types = {
        int(o.ReferencedROINumber): str(o.get("RTROIInterpretedType") or "").strip().upper()
        for o in ds.get("RTROIObservationsSequence") or []
        if "ReferencedROINumber" in o
    }
    drawn = {int(c.ReferencedROINumber): c for c in ds.get("ROIContourSequence") or [] if "ReferencedROINumber" in c}
    rois = tuple(
        _roi(item, drawn.get(int(item.ROINumber)), types.get(int(item.ROINumber), ""), default_frame)
        for item in ds.StructureSetROISequence
    )
    return StructureSet(
        sop_class=str(ds.SOPClassUID),
        sop_uid=str(ds.SOPInstanceUID),
        series_uid=str(ds.get("SeriesInstanceUID", "")),
        study_uid=str(ds.get("StudyInstanceUID", "")),
        approved=str(ds.get("ApprovalStatus", "")).strip().upper() == "APPROVED",
        sop_uids=_drawn_on(ds).union(*(roi.sop_uids for roi in rois)),
        rois=rois,
    )


def _roi(item: Dataset, drawn: Dataset | None, interpreted_type: str, default_frame: str) -> Roi:
    sequence = (drawn.get("ContourSequence") if drawn is not None else None) or []
    contours: list[NDArray[np.float64]] = []
    seen = set[bytes]()
    passed_over, sop_uids = Counter[Said](), set[str]()
    for contour in sequence:
        kind = str(contour.get("ContourGeometricType") or "").strip().upper()
        points = _points(contour)
        if kind not in CLOSED:
            passed_over[say("of type {kind}", kind=kind or say("not stated"))] += 1
        elif len(points) < 3:
            passed_over[say("with fewer than three points")] += 1
        elif kind == "CLOSED_PLANAR" and points.tobytes() in seen:
            continue  # exported twice: by the rule of holes, two of a kind would leave nothing
        else:
            contours.append(points)
            seen.add(points.tobytes())
            sop_uids |= {
                str(i.ReferencedSOPInstanceUID)
                for i in contour.get("ContourImageSequence") or []
                if "ReferencedSOPInstanceUID" in i
            }
    return Roi(
        number=int(item.ROINumber),
        name=str(item.get("ROIName") or "").strip(),
        interpreted_type=interpreted_type,
        algorithm=ALGORITHMS.get(str(item.get("ROIGenerationAlgorithm") or "").strip().upper()),
        frame_uid=str(item.get("ReferencedFrameOfReferenceUID") or default_frame),
        contours=tuple(contours),
        sop_uids=frozenset(sop_uids),
        skipped=tuple(
            say("{count} contour(s) {what} enclose no area", count=count, what=what)
            for what, count in sorted(passed_over.items())
        ),
    )


def _points(contour: Dataset) -> NDArray[np.float64]:
    """Shape (point, 3), LPS millimetres; a last point that repeats the first is dropped, as the Standard has none."""
    data = [float(v) for v in contour.get("ContourData") or []]
    if len(data) % 3 or not all(math.isfinite(v) for v in data):
        raise ValueError("contour data are no triplets of finite numbers")
    points = np.asarray(data, np.float64).reshape(-1, 3)
    while len(points) > 1 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    return points


def _only_frame(ds: Dataset) -> str:
    """The Frame of Reference of an ROI that names none: the object's own, or the single one it lists."""
    listed = {str(f.FrameOfReferenceUID) for f in ds.get("ReferencedFrameOfReferenceSequence") or []}
    return str(ds.get("FrameOfReferenceUID") or (listed.pop() if len(listed) == 1 else ""))


def _drawn_on(ds: Dataset) -> frozenset[str]:
    """SOP Instance UIDs under Referenced Frame of Reference Sequence (3006,0010)."""
    return frozenset(
        str(image.ReferencedSOPInstanceUID)
        for frame in ds.get("ReferencedFrameOfReferenceSequence") or []
        for study in frame.get("RTReferencedStudySequence") or []
        for series in study.get("RTReferencedSeriesSequence") or []
        for image in series.get("ContourImageSequence") or []
        if "ReferencedSOPInstanceUID" in image
    )
