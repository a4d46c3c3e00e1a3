"""
What the node lets in and out: SOP classes, and the transfer syntaxes in which it takes them.

The list is explicit: on some archives a retrieve aborts as a whole as soon as one SOP class of the study is refused,
and pynetdicom's own list of storage contexts lacks Label Map Segmentation.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import PresentationContext, build_context

from node.dicom.codecs import DECODABLE

VERIFICATION = "1.2.840.10008.1.1"

STORAGE: dict[str, str] = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.4": "MR Image",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR Image",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR Image",
    "1.2.840.10008.5.1.4.1.1.128": "Positron Emission Tomography Image",
    "1.2.840.10008.5.1.4.1.1.130": "Enhanced PET Image",
    "1.2.840.10008.5.1.4.1.1.128.1": "Legacy Converted Enhanced PET Image",
    "1.2.840.10008.5.1.4.1.1.481.3": "RT Structure Set",
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic Text SR",
    "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR",
    "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    "1.2.840.10008.5.1.4.1.1.88.59": "Key Object Selection Document",
    "1.2.840.10008.5.1.4.1.1.11.1": "Grayscale Softcopy Presentation State",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.7.1": "Multi-frame Single Bit Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF",
}
"""Storage SOP classes that the node accepts (PS3.4 table B.5-1): UID to name without the word "Storage"."""

SYNTAXES: tuple[str, ...] = (
    str(ExplicitVRLittleEndian),
    *sorted(DECODABLE - {str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)}),
    str(ImplicitVRLittleEndian),
)
"""Transfer syntaxes that the node accepts, the best first: of several in one proposal the first of ours is taken."""


def accepted() -> list[PresentationContext]:
    """Everything that the node takes as an SCP."""
    storage = [build_context(uid, list(SYNTAXES)) for uid in STORAGE]
    return [build_context(VERIFICATION, [ImplicitVRLittleEndian, ExplicitVRLittleEndian]), *storage]


def proposed(in_hand: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """One context for each pair of SOP class and transfer syntax in hand, so that each is accepted or refused alone."""
    return [build_context(sop_class, [syntax]) for sop_class, syntax in dict.fromkeys(in_hand)]


def requested(sop_class: str) -> PresentationContext:
    """The one context that is proposed for a service without objects: C-ECHO, C-FIND."""
    return build_context(sop_class)
