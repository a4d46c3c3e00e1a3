"""Measurement reports and presentation states that mark a lesion by a point or a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
NODULE = ("27925004", "SCT", "Nodule")
NEOPLASM = ("108369006", "SCT", "Neoplasm")


def code(value: str, scheme: str, meaning: str) -> list[Dataset]:
    """A code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def content(kind: str, concept: tuple[str, str, str] | None = None, **attributes: Any) -> Dataset:
    """One content item; `children` go to its Content Sequence."""
    item = Dataset()
    item.ValueType, item.RelationshipType = kind, "CONTAINS"
    if concept:
        item.ConceptNameCodeSequence = code(*concept)
    if children := attributes.pop("children", None):
        item.ContentSequence = children
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def image(sop_uid: str, frame: int | None = None) -> Dataset:
    """An IMAGE item, or the item of a reference sequence where that is asked for by `.ReferencedSOPSequence[0]`."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, sop_uid
    if frame:
        reference.ReferencedFrameNumber = frame
    return content("IMAGE", ReferencedSOPSequence=[reference])


def scoord(kind: str, data: Sequence[float], children: Sequence[Dataset]) -> Dataset:
    """A 2-D coordinate item."""
    return content("SCOORD", GraphicType=kind, GraphicData=list(data), children=list(children))


def scoord3d(kind: str, data: Sequence[float], frame_uid: str) -> Dataset:
    """A 3-D coordinate item."""
    return content("SCOORD3D", GraphicType=kind, GraphicData=list(data), ReferencedFrameOfReferenceUID=frame_uid)


def group(
    finding: tuple[str, str, str] | None, items: Sequence[Dataset], tracking_id: str = "", tracking_uid: str = ""
) -> Dataset:
    """A measurement group (TID 1410, 1411, 1501)."""
    children = []
    if tracking_id:
        children.append(content("TEXT", ("112039", "DCM", "Tracking Identifier"), TextValue=tracking_id))
    if tracking_uid:
        children.append(content("UIDREF", ("112040", "DCM", "Tracking Unique Identifier"), UID=tracking_uid))
    if finding:
        children.append(content("CODE", ("121071", "DCM", "Finding"), ConceptCodeSequence=code(*finding)))
    return content("CONTAINER", ("125007", "DCM", "Measurement Group"), children=[*children, *items])


def report(path: Path, groups: Sequence[Dataset], *, observer: str = "121006") -> Path:
    """Write a measurement report (TID 1500) with one observer: a person, or "121007" for a device."""
    ds = _new("1.2.840.10008.5.1.4.1.1.88.34", "SR")
    who = content("CODE", ("121005", "DCM", "Observer Type"), ConceptCodeSequence=code(observer, "DCM", "Observer"))
    ds.ValueType = "CONTAINER"
    ds.ConceptNameCodeSequence = code("126000", "DCM", "Imaging Measurement Report")
    measurements = content("CONTAINER", ("126010", "DCM", "Imaging Measurements"), children=list(groups))
    ds.ContentSequence = [who, measurements]
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def annotation(
    sop_uids: Sequence[str],
    *,
    layer: str = "LAYER1",
    text: str = "",
    graphics: Sequence[tuple[str, Sequence[float]]] = (),
    anchor: Sequence[float] | None = None,
    units: str = "PIXEL",
) -> Dataset:
    """One item of the Graphic Annotation Sequence."""
    item = Dataset()
    item.GraphicLayer = layer
    item.ReferencedImageSequence = [image(uid).ReferencedSOPSequence[0] for uid in sop_uids]
    item.GraphicObjectSequence = []
    for kind, data in graphics:
        drawn = Dataset()
        drawn.GraphicAnnotationUnits, drawn.GraphicType, drawn.GraphicData = units, kind, list(data)
        drawn.GraphicDimensions, drawn.NumberOfGraphicPoints = 2, len(data) // 2
        item.GraphicObjectSequence.append(drawn)
    if text or anchor:
        written = Dataset()
        written.UnformattedTextValue = text
        if anchor:
            written.AnchorPoint, written.AnchorPointAnnotationUnits = list(anchor), units
        item.TextObjectSequence = [written]
    return item


def presentation(path: Path, annotations: Sequence[Dataset]) -> Path:
    """Write a Grayscale Softcopy Presentation State."""
    ds = _new("1.2.840.10008.5.1.4.1.1.11.1", "PR")
    ds.GraphicAnnotationSequence = list(annotations)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def _new(sop_class: str, modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.Modality, ds.StudyInstanceUID, ds.SeriesInstanceUID = modality, "1.2.3.1", generate_uid()
    return ds
