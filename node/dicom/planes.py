"""Image planes of CT, MR and PET objects, single-frame or Enhanced: place, size, kind, and what tells repeats apart."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset

from node.dicom.functional import FRAME_TYPES, frame_count, frame_of, is_multiframe, value
from node.dicom.header import Header
from node.domain.language import say
from node.domain.series import Frame
from node.domain.volume import Slice
from node.errors import Refused

LABELS = MappingProxyType(
    {
        "AcquisitionNumber": ("FrameContentSequence", "FrameAcquisitionNumber"),
        "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
        "StackID": ("FrameContentSequence", "StackID"),
        "EchoNumbers": ("MREchoSequence", "EchoNumbers"),
        "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
        "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
        "TriggerTime": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
        "NominalPercentageOfCardiacPhase": ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
        "ImageType": ("", "FrameType"),
        "KVP": ("CTXRayDetailsSequence", "KVP"),
        "ConvolutionKernel": ("CTReconstructionSequence", "ConvolutionKernel"),
        "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
        "AcquisitionDateTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
        "AcquisitionTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
        "ContentTime": ("FrameContentSequence", "FrameReferenceDateTime"),
    }
)
"""What may tell planes at one position apart, the most trusted first; and where multi-frame objects keep it."""

ORTHOGONAL = 1e-3
"""Largest deviation of the row and column direction cosines from unit length and from a right angle."""

BROKEN_VALUE = (ValueError, TypeError, OverflowError, NotImplementedError)
"""What pydicom raises when a value that breaks the rules of its VR is asked for."""

_UNASSIGNED = "UnassignedPerFrameConvertedAttributesSequence"


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One object of a series, read up to its pixels."""

    path: Path
    header: Header

    @property
    def ds(self) -> Dataset:
        """The data set without pixels."""
        return self.header.ds

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"instance {self.ds.get('SOPInstanceUID', 'without UID')}"


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """
    One image plane.

    Attributes:
        file: The object it is in.
        index: Frame in that object, from 0.
        place: Position and orientation.
        matrix: (rows, columns, row spacing, column spacing), millimetres.
    """

    file: File
    index: int
    place: Frame
    matrix: tuple[int, int, float, float]

    @property
    def size(self) -> tuple[float, ...]:
        """Equal for planes that fit into one stack: the matrix, and the spacing to a few decimals."""
        return tuple(round(v, 4) for v in self.matrix)

    @property
    def frame(self) -> int | None:
        """1-based frame number in a multi-frame object, None in a single-frame one."""
        return self.index + 1 if is_multiframe(self.file.ds) else None


def image_type(ds: Dataset, index: int) -> tuple[str, ...]:
    """Image Type (0008,0008), or the Frame Type (0008,9007) where a multi-frame object mixes them."""
    for sequence in FRAME_TYPES if is_multiframe(ds) else ():
        if found := value(ds, index, sequence, "FrameType"):
            return tuple(map(str, found))
    stated = ds.get("ImageType") or ()
    return (stated,) if isinstance(stated, str) else tuple(map(str, stated))


def plane(file: File, index: int) -> Plane:
    """
    Read one plane.

    Raises:
        Refused: "unsupported image" when it has no place or size in the patient.
    """
    ds = file.ds
    several = is_multiframe(ds)
    if several:
        position = value(ds, index, "PlanePositionSequence", "ImagePositionPatient")
        orientation = value(ds, index, "PlaneOrientationSequence", "ImageOrientationPatient")
        spacing = value(ds, index, "PixelMeasuresSequence", "PixelSpacing")
    else:
        position, orientation = ds.get("ImagePositionPatient"), ds.get("ImageOrientationPatient")
        spacing = ds.get("PixelSpacing")
    place = frame_of(position, orientation)
    if place is None or not _orthonormal(place):
        found = say("Image Position or Orientation (Patient) is absent or broken")
        raise Refused("unsupported image", found, at=file.where)
    return Plane(file, index, place, _matrix(file, spacing))


def frames_of(file: File) -> list[int]:
    """
    Frames of an object, from 0.

    Raises:
        Refused: "unsupported image" when a multi-frame object does not describe its frames.
    """
    count = frame_count(file.ds)
    if count > 1 and not is_multiframe(file.ds):
        found = say("{count} frames without functional groups", count=count)
        raise Refused("unsupported image", found, at=file.where)
    return list(range(count))


def _orthonormal(place: Frame) -> bool:
    axes = np.array(place.orientation).reshape(2, 3)
    return bool(np.allclose(axes @ axes.T, np.eye(2), atol=2 * ORTHOGONAL))


def _matrix(file: File, spacing: object) -> tuple[int, int, float, float]:
    try:
        between_rows, between_columns = (float(v) for v in spacing or ())  # type: ignore[attr-defined]
        rows, columns = int(file.ds.Rows), int(file.ds.Columns)
    except (TypeError, ValueError, AttributeError) as error:
        found = say("Rows, Columns or Pixel Spacing is absent or broken")
        raise Refused("unsupported image", found, at=file.where) from error
    if min(rows, columns) < 1 or not min(between_rows, between_columns) > 0:
        raise Refused("unsupported image", say("Rows, Columns or Pixel Spacing is zero"), at=file.where)
    return rows, columns, between_rows, between_columns


def slice_of(each: Plane) -> Slice:
    """What a volume keeps of a plane: which object and frame it is, and what viewers call it."""
    ds = each.file.ds
    return Slice(
        sop_class=str(ds.SOPClassUID), sop_uid=str(ds.SOPInstanceUID), frame=each.frame, path=each.file.path,
        number=_number(ds),
    )  # fmt: skip


def _number(ds: Dataset) -> int | None:
    """Instance Number, None where it is no number: it only names the image, nothing hangs on it."""
    try:
        found = ds.get("InstanceNumber")
    except BROKEN_VALUE:
        return None
    return int(found) if isinstance(found, int) else None


def labels_of(each: Plane) -> dict[str, Hashable]:
    """Values of `LABELS` for one plane, None where absent."""
    return {name: _label(each.file.ds, each.index, name) for name in LABELS}


def taken_at(each: Plane) -> str:
    """Date and time of acquisition as text that sorts, "" where not stated."""
    ds = each.file.ds
    whole = _label(ds, each.index, "AcquisitionDateTime")
    return str(whole) if whole else f"{ds.get('AcquisitionDate') or ''}{ds.get('AcquisitionTime') or ''}"


def _label(ds: Dataset, index: int, name: str) -> Hashable:
    if not is_multiframe(ds):
        found = ds.get(name)
    elif name == "ImageType":
        found = image_type(ds, index)
    else:
        found = value(ds, index, *LABELS[name]) or value(ds, index, _UNASSIGNED, name)
    if found is None or isinstance(found, (str, int, float)):
        return found
    return tuple(map(str, found))
