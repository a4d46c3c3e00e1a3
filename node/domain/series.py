"""What the node knows of a received instance without its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Patient:
    """Who an instance belongs to: Patient ID (0010,0020) trimmed, and its issuer (0010,0021), "" where absent."""

    id: str
    issuer: str = ""


def distinct(patients: Iterable[Patient]) -> frozenset[Patient]:
    """Who they are: one without issuer is whoever else has that ID, as an issuer that is absent contradicts nothing."""
    named = frozenset(patients)
    issued = {patient.id for patient in named if patient.issuer}
    return frozenset(patient for patient in named if patient.issuer or patient.id not in issued)


@dataclass(frozen=True, slots=True)
class Frame:
    """
    Place of one image plane.

    Attributes:
        position: Image Position (Patient) (0020,0032), LPS millimetres.
        orientation: Image Orientation (Patient) (0020,0037): direction cosines of the row, then of the column.
    """

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """
    One DICOM object as its header tells it.

    Attributes:
        attributes: Keyword to values, as text, of every top-level element that is neither a sequence nor binary nor
            longer than 256 characters. Absent and empty elements are not in it. Shared functional groups of an Enhanced
            object are lifted into it where the top level does not say otherwise (e.g. SliceThickness).
        frames: One entry per image plane in frame order; empty when the object is no image or states no plane.
        references: SOP Instance UIDs of the images (and segmentations) that it refers to.
        referenced_series: Series Instance UIDs that it refers to.
        referenced_frames: Frame of Reference UIDs that it refers to, apart from its own.
        ours: Whether Contributing Equipment names a radnode (design rule 5).
        digest: SHA-256 (hex) of the data set as received, without the file meta information.
    """

    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    patient: Patient
    modality: str
    transfer_syntax: str
    frame_uid: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    references: tuple[str, ...] = ()
    referenced_series: tuple[str, ...] = ()
    referenced_frames: tuple[str, ...] = ()
    ours: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """
    One kept version of an instance.

    Attributes:
        path: File below the state directory, relative to it.
        received_at: When it was received (aware).
        content: Digest of the first received version that shows the same pixels and geometry (or, for objects without
            pixels, the same content); equal to `instance.digest` where this is that first version.
        conflict: Whether this version contradicts the content of the first received one.
    """

    instance: Instance
    path: str
    received_at: datetime
    content: str
    conflict: bool = False
    calling_ae: str = ""
