"""
What a DICOM object says, as lines of text that a reviewer reads and compares: codes by value, UIDs by what they name.

    CONTAINS CODE (363698007, SCT, "Finding Site") = (39607008, SCT, "Lung")
      HAS CONCEPT MOD CODE (272741003, SCT, "Laterality") = (7771000, SCT, "Left")
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, UID_dictionary

SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
LONG = 100  #: a line that would be longer begins its value on the next one
BULK = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
APART = {
    "ContentSequence", "PerFrameFunctionalGroupsSequence", "PixelData", "EncapsulatedDocument",
    "EncapsulatedDocumentLength",
}  # fmt: skip
"""Told in a form of their own below the attributes."""


@dataclass
class Names:
    """What each UID stands for; one that nobody named gets a name of its own where it is first met."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, uid: str, where: str) -> str:
        """The name of a UID."""
        if uid in UID_dictionary:
            return UID(uid).name
        if uid not in self.known:
            taken = sum(name.startswith(f"{where} ") for name in self.known.values())
            self.known[uid] = f"{where} {taken + 1}"
        return f"<{self.known[uid]}>"

    def within(self, text: str) -> str:
        """A text with the names of the UIDs that are known in it."""
        for uid in sorted((uid for uid in self.known if uid in text), key=len, reverse=True):
            text = text.replace(uid, f"<{self.known[uid]}>")
        return text


def dump(ds: Dataset, names: Names) -> str:
    """The whole object."""
    lines = [f"{ds.file_meta.TransferSyntaxUID.name}, {ds.file_meta.ImplementationVersionName}", ""]
    lines += attributes(ds, names)
    if "ContentSequence" in ds:
        lines += ["", "Content", *tree(ds, names)]
    if ds.SOPClassUID in SEGMENTATIONS:
        lines += ["", "Frames", *frames(ds, names)]
    elif "PixelData" in ds:
        lines += ["", f"Pixels: {ds.Columns} x {ds.Rows}, {ds.SamplesPerPixel} a pixel, {ds.BitsAllocated} bit"]
    if "EncapsulatedDocument" in ds:
        lines += ["", "Document", *document(ds, names)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def attributes(ds: Dataset, names: Names, indent: str = "") -> Iterator[str]:
    """One line for each attribute, the items of a sequence below it."""
    for element in ds:
        label = element.keyword or str(element.tag)
        if label in APART and not indent:
            continue
        if element.VR != "SQ":
            yield from _line(f"{indent}{label}:", _value(element, names), indent)
        elif (short := [_short(item, names) for item in element.value]) and all(short):
            yield from _line(f"{indent}{label}:", "\n".join(map(str, short)), indent)
        else:
            yield f"{indent}{label}:" + ("" if element.value else " no item")
            for item in element.value:
                inner = list(attributes(item, names, f"{indent}    ")) or [f"{indent}    empty"]
                yield f"{indent}  - {inner[0].strip()}"
                yield from inner[1:]


def tree(item: Dataset, names: Names, depth: int = 1) -> Iterator[str]:
    """A structured report: relationship, value type, concept name and value of each item, its children below it."""
    for child in item.get("ContentSequence", []):
        name = _code(child.ConceptNameCodeSequence[0]) if child.get("ConceptNameCodeSequence") else "without a name"
        head = f"{'  ' * depth}{child.RelationshipType} {child.ValueType} {name}"
        yield from _line(f"{head}{' =' if child.ValueType != 'CONTAINER' else ''}", _said(child, names), "  " * depth)
        yield from tree(child, names, depth + 1)


def frames(seg: Dataset, names: Names) -> Iterator[str]:
    """Each frame of a Segmentation: where it lies, what it was drawn on, how many voxels of which value."""
    planes = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    shared = seg.SharedFunctionalGroupsSequence[0]
    for number, (plane, group) in enumerate(zip(planes, seg.PerFrameFunctionalGroupsSequence, strict=True), 1):
        held = group if "SegmentIdentificationSequence" in group else shared
        segments = [i.ReferencedSegmentNumber for i in held.get("SegmentIdentificationSequence", [])]
        [content] = group.FrameContentSequence
        sources = [i for d in group.get("DerivationImageSequence", []) for i in d.SourceImageSequence]
        rows, columns = np.nonzero(plane)
        yield f"  {number}: segment {segments} at {_listed(content.DimensionIndexValues)}"
        yield f"     position {_listed(group.PlanePositionSequence[0].ImagePositionPatient)}"
        yield f"     drawn on {', '.join(_object(i, names) for i in sources)}"
        yield (
            f"     {len(rows)} voxels, values {sorted(set(plane[rows, columns].tolist()))}, "
            f"rows {rows.min()} to {rows.max()}, columns {columns.min()} to {columns.max()}, {_digest(plane.tobytes())}"
        )


def document(ds: Dataset, names: Names) -> Iterator[str]:
    """The text of an encapsulated PDF, page by page."""
    import pypdfium2

    opened = pypdfium2.PdfDocument(bytes(ds.EncapsulatedDocument))
    for number in range(len(opened)):
        yield f"  page {number + 1}"
        text = names.within(opened[number].get_textpage().get_text_bounded())
        text = re.sub(r"\bJob [0-9a-f]{64}", "Job <job>", text)
        yield from (f"    {line}" for line in text.splitlines())


def _said(child: Dataset, names: Names) -> str:
    """The value of a content item."""
    kind = child.ValueType
    if kind == "CONTAINER":
        template = child.get("ContentTemplateSequence")
        return f"TID {template[0].TemplateIdentifier}" if template else ""
    if kind == "CODE":
        return _code(child.ConceptCodeSequence[0])
    if kind == "NUM":
        return _number(child)
    if kind in {"IMAGE", "COMPOSITE"}:
        return _object(child.ReferencedSOPSequence[0], names)
    if kind == "SCOORD":
        pairs = np.array(child.GraphicData).reshape(-1, 2)
        return f"{child.GraphicType} " + " ".join(f"{x:g}/{y:g}" for x, y in pairs)
    if kind == "UIDREF":
        return names.of(child.UID, child.ConceptNameCodeSequence[0].CodeMeaning)
    value = child.get("TextValue") or child.get("PersonName") or child.get("DateTime") or child.get("Date")
    return names.within(str(value)).replace("\r\n", "\n")


def _number(child: Dataset) -> str:
    if not child.MeasuredValueSequence:
        return f"no value: {_code(child.NumericValueQualifierCodeSequence[0])}"
    [measured] = child.MeasuredValueSequence
    return f"{measured.NumericValue} {_code(measured.MeasurementUnitsCodeSequence[0])}"


def _line(head: str, value: str, indent: str) -> Iterator[str]:
    """Head and value on one line, or the value's lines below."""
    lines = value.splitlines() or [""]
    if len(lines) == 1 and len(head) + len(value) < LONG:
        yield f"{head} {value}"
    else:
        yield head
        yield from (f"{indent}    | {line}" for line in lines)


def _short(item: Dataset, names: Names) -> str | None:
    """An item that is a code or a reference and nothing else, on one line."""
    keys = set(item.dir())
    if keys == {"CodeValue", "CodingSchemeDesignator", "CodeMeaning"}:
        return _code(item)
    if {"ReferencedSOPClassUID", "ReferencedSOPInstanceUID"} <= keys <= {
        "ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "ReferencedFrameNumber", "ReferencedSegmentNumber",
    }:  # fmt: skip
        return _object(item, names)
    return None


def _object(item: Dataset, names: Names) -> str:
    parts = [names.of(item.ReferencedSOPInstanceUID, "object"), f"({names.of(item.ReferencedSOPClassUID, 'class')})"]
    for what in ("Frame", "Segment"):
        if (number := item.get(f"Referenced{what}Number")) is not None:
            parts.append(f"{what.lower()} {number}")
    return " ".join(parts)


def _code(item: Dataset) -> str:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    return f'({value}, {item.get("CodingSchemeDesignator", "")}, "{item.CodeMeaning}")'


def _value(element: DataElement, names: Names) -> str:
    value: Any = element.value
    if element.VR in BULK and isinstance(value, bytes):
        return f"{len(value)} bytes, {_digest(value)}"
    if element.VM > 1:
        return _listed([names.of(v, element.keyword) for v in value] if element.VR == "UI" else value)
    if element.VR == "UI":
        return names.of(value, element.keyword) if value else ""
    return names.within("" if value is None else str(value)).replace("\r\n", "\n")


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in (values if isinstance(values, Iterable) else [values]))


def _digest(content: bytes) -> str:
    return f"SHA-256 {hashlib.sha256(content).hexdigest()[:12]}"
