"""One stack of slices as numbers with a place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.language import say
from node.domain.sequence import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Where one slice of a volume came from."""

    sop_class: str
    sop_uid: str
    frame: int | None  #: 1-based frame number in a multi-frame object; None for a single-frame one
    path: Path
    number: int | None = None  #: Instance Number (0020,0013) where stated: what viewers show as the image's number

    @property
    def label(self) -> str:
        """How a reader finds it in a viewer: "image 117", "frame 12"; "" where nothing tells."""
        if self.frame is not None:
            return say("frame {number}", number=self.frame)
        return "" if self.number is None else say("image {number}", number=self.number)


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """
    Voxels of one series (or of the best fitting stack of it), ready to be measured.

    Attributes:
        voxels: Shape (slice, row, column), float32, in `unit`; slices ascend along the normal.
        geometry: Place of the voxels in the patient, same shape.
        modality: Modality (0008,0060): CT, MR or PT.
        unit: "HU", "SUVbw" or "1" (arbitrary intensity).
        frame_uid: Frame of Reference UID (0020,0052).
        slices: One entry for each index along the first axis.
        slice_thickness_mm: Slice Thickness (0018,0050) where stated, else None.
        body_part: Body Part Examined (0018,0015), upper case, "" where not stated.
        kernel: Convolution Kernel (0018,1210), "" where not stated.
        contrast: Whether contrast agent was given, as the names of the series or its Contrast/Bolus Agent (0018,0010)
            say; None where neither does.
        weighting: Of an MR image, as its names or the times of its sequence tell it; "" where neither does or the two
            contradict each other.
        manufacturer: Manufacturer (0008,0070) of the scanner, "" where not stated.
        sequence: Family of an MR sequence: the codes of Scanning Sequence (0018,0020), sorted and joined ("SE",
            "GR+IR"), "" where not stated.
        lossy: Whether the pixels went through a lossy compression at any time (0028,2110).
        notes: What a reader must know about how this volume came to be (sentences, no patient data).
    """

    voxels: NDArray[np.float32]
    geometry: Geometry
    modality: str
    unit: str
    study_uid: str
    series_uid: str
    frame_uid: str
    slices: tuple[Slice, ...]
    slice_thickness_mm: float | None = None
    body_part: str = ""
    kernel: str = ""
    contrast: bool | None = None
    weighting: Family = ""
    manufacturer: str = ""
    sequence: str = ""
    lossy: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(f"voxels {self.voxels.shape} and geometry {self.geometry.shape} differ in shape")
        if len(self.slices) != self.voxels.shape[0]:
            raise ValueError(f"{len(self.slices)} slice sources for {self.voxels.shape[0]} slices")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """
    A series beside the one that is measured, once it is known where it lies.

    Attributes:
        came: As the scanner placed it: what was drawn on it was drawn there.
        volume: The same voxels where they lie in the world of the measured series.
        note: How that was found out, and how well.
        doubt: Why nothing that is drawn on it can be placed on the measured series; "" where it can.
    """

    came: Volume
    volume: Volume
    note: str
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRules:
    """What a pipeline asks of a stack before it becomes a volume."""

    min_slices: int = 10
    max_spacing_deviation: float = 0.1  #: largest deviation of a slice gap from the median gap, as a share of it
    allow_lossy: bool = False
