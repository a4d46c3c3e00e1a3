"""Segmentation objects to masks on their own grids (PS3.3 A.51, C.8.20; LABELMAP: Supplement 243)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from node.dicom.codecs import PLUGINS
from node.dicom.contours import ALGORITHMS
from node.dicom.foreign import reading, unusable
from node.dicom.nature import Code, read_code
from node.domain.findings import SegmentAlgorithmType
from node.domain.geometry import Geometry
from node.domain.language import say

TOLERANCE = 0.05  #: how far a frame may lie from its place in the stack, in slices or pixels
PARALLEL = 0.9999  #: cosine between the normals of frames and slices that are parallel
SAME_MM = 0.01  #: frames nearer than this lie at one position
LARGEST = 400_000_000  #: voxels of one segment
WHAT = say("Segmentation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """
    One segment as it describes itself.

    Attributes:
        category: Segmented Property Category (0062,0003) as (scheme, value, meaning), empty strings where absent.
        type: Segmented Property Type (0062,000F), likewise.
        algorithm: Segment Algorithm Type (0062,0008), None where it is none of the enumerated values.
    """

    number: int
    label: str
    category: Code
    type: Code
    algorithm: SegmentAlgorithmType | None
    tracking_id: str
    tracking_uid: str


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Place of one frame; `segments` is None where its pixel values name the segments (LABELMAP)."""

    number: int  #: from 0
    segments: frozenset[int] | None
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_mm: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """
    One Segmentation object; masks are decoded when asked for.

    Attributes:
        frame_uid: Frame of Reference UID, "" where absent.
        sop_uids: Images it refers to.
        segments: In the order of the Segment Sequence.
    """

    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    frame_uid: str
    sop_uids: frozenset[str]
    segments: tuple[Segment, ...]
    path: Path
    _ds: Dataset = field(repr=False)
    _frames: tuple[_Frame, ...] = field(repr=False)

    def mask(self, number: int, on: Geometry | None = None) -> tuple[NDArray[np.bool_], Geometry]:
        """
        The voxels of one segment, (slice, row, column), and where they lie.

        The grid runs from the segment's first frame to its last; positions without a frame are empty (frames without
        a voxel are usually left out). Frames at one position are united. A FRACTIONAL voxel belongs from half of
        Maximum Fractional Value on. A segment without frames gives an array of no slices.

        Args:
            number: Segment Number.
            on: Grid of the series that it is read on: frames that lie on its slices have their distance.

        Raises:
            InstanceUnreadable: Frames of several orientations or at irregular distances, or pixels that cannot be
                decoded.
        """
        frames = [f for f in self._frames if f.segments is None or number in f.segments]
        if not frames:
            return np.zeros((0, 1, 1), bool), Geometry(np.eye(4), (0, 1, 1))
        with reading(self.path, WHAT):
            geometry, places = self._grid(frames, on)
            out = np.zeros(geometry.shape, bool)
            for frame, place in zip(frames, places, strict=True):
                out[place] |= self._belongs(frame, number)
            return out, geometry

    def _grid(self, frames: Sequence[_Frame], on: Geometry | None) -> tuple[Geometry, list[int]]:
        """The grid that holds these frames, and each one's slice index on it."""
        first = frames[0]
        if any(np.abs(f.orientation - first.orientation).max() > 1e-3 or f.pixel_mm != first.pixel_mm for f in frames):
            raise unusable(self.path, WHAT, say("the frames of one segment have several orientations or pixel sizes"))
        across, down = first.orientation[:3], first.orientation[3:]
        normal = np.cross(across, down)
        origin = min(frames, key=lambda f: float(f.position @ normal)).position
        offsets = np.array([f.position - origin for f in frames])
        if (np.abs(offsets @ np.array([down, across]).T) > TOLERANCE * np.array(first.pixel_mm)).any():
            raise unusable(self.path, WHAT, say("the frames of one segment do not lie behind one another"))
        heights = offsets @ normal
        step = self._step(normal, heights, first, _slices_of(on, normal, origin, heights))
        places = [round(float(h) / step) for h in heights]
        shape = (max(places) + 1, int(self._ds.Rows), int(self._ds.Columns))
        if np.prod(np.array(shape, float)) > LARGEST:
            raise unusable(self.path, WHAT, say("one segment spans more voxels than any image has"))
        axes = np.array([normal, down, across])
        return Geometry.of_axes(origin=origin, spacing=(step, *first.pixel_mm), axes=axes, shape=shape), places

    def _step(self, normal: NDArray[np.float64], heights: NDArray[np.float64], first: _Frame, read_on: float) -> float:
        """
        Distance of slices: as stated, if the frames are at whole multiples of it, else of the series that it is read
        on, if they lie on slices of it (0 where they do not), else as the frames lie.

        What is stated is often wrong, and frames without a voxel are missing, so neither is enough alone.
        """
        measures = _group(self._ds, first.number, "PixelMeasuresSequence")
        stated = [float(measures.get(k) or 0) for k in ("SpacingBetweenSlices", "SliceThickness")]
        levels = np.sort([f.position @ normal for f in self._frames])
        gaps = np.diff(levels)[np.diff(levels) > SAME_MM]
        known = [stated[0], read_on]
        candidates = [*known, float(gaps.min())] if len(gaps) else [*known, stated[1], 1.0]
        for step in candidates:
            if step > SAME_MM and (np.abs(heights / step - np.round(heights / step)) <= TOLERANCE).all():
                return step
        raise unusable(self.path, WHAT, say("the frames of one segment lie at irregular distances"))

    def _belongs(self, frame: _Frame, number: int) -> NDArray[np.bool_]:
        """Shape (row, column): whether each pixel of a frame belongs to the segment."""
        ds = self._ds
        pixels = _pixels(ds, frame.number)
        if frame.segments is None:
            return np.equal(pixels, number)
        if str(ds.get("SegmentationType", "BINARY")).strip().upper() == "FRACTIONAL":
            return np.greater_equal(pixels, 0.5 * float(ds.get("MaximumFractionalValue") or 255))
        return np.greater(pixels, 0)


def read_segmentation(path: Path) -> Segmentation:
    """
    Read a Segmentation object (BINARY, FRACTIONAL or LABELMAP).

    Raises:
        InstanceUnreadable: It is no Segmentation, has no pixels, or its frames have no place in the patient.
    """
    with reading(path, WHAT):
        ds = pydicom.dcmread(path)
        if "SegmentSequence" not in ds or "PixelData" not in ds:
            raise unusable(path, WHAT, say("it has no Segment Sequence (0062,0002) or no Pixel Data"))
        return Segmentation(
            sop_class=str(ds.SOPClassUID),
            sop_uid=str(ds.SOPInstanceUID),
            series_uid=str(ds.get("SeriesInstanceUID", "")),
            study_uid=str(ds.get("StudyInstanceUID", "")),
            frame_uid=str(ds.get("FrameOfReferenceUID") or ""),
            sop_uids=frozenset(_references(ds)),
            segments=tuple(described(item) for item in ds.SegmentSequence),
            path=path,
            _ds=ds,
            _frames=tuple(_frames(ds, path)),
        )


def _slices_of(on: Geometry | None, normal: NDArray[np.float64], origin: NDArray[np.float64], heights: Any) -> float:
    """Distance of the slices of a grid, if frames at these heights above `origin` all lie on slices of it; else 0."""
    if on is None or abs(float(on.axes[0] @ normal)) < PARALLEL:
        return 0.0
    at = on.index(origin + np.outer(heights, normal))[:, 0]
    return on.spacing[0] if (np.abs(at - np.round(at)) <= TOLERANCE).all() else 0.0


def described(item: Dataset) -> Segment:
    """An item of the Segment Sequence (0062,0002)."""
    return Segment(
        number=int(item.SegmentNumber),
        label=str(item.get("SegmentLabel") or "").strip(),
        category=read_code(item.get("SegmentedPropertyCategoryCodeSequence")),
        type=read_code(item.get("SegmentedPropertyTypeCodeSequence")),
        algorithm=ALGORITHMS.get(str(item.get("SegmentAlgorithmType") or "").strip().upper()),
        tracking_id=str(item.get("TrackingID") or "").strip(),
        tracking_uid=str(item.get("TrackingUID") or "").strip(),
    )


def _frames(ds: Dataset, path: Path) -> Iterator[_Frame]:
    labelmap = str(ds.get("SegmentationType", "")).strip().upper() == "LABELMAP"
    for number in range(int(ds.get("NumberOfFrames") or 1)):
        position = _group(ds, number, "PlanePositionSequence").get("ImagePositionPatient")
        orientation = _group(ds, number, "PlaneOrientationSequence").get("ImageOrientationPatient")
        pixel_mm = _group(ds, number, "PixelMeasuresSequence").get("PixelSpacing")
        if not position or not orientation or not pixel_mm:
            why = say("its frames have no place in the patient (plane position, orientation, spacing)")
            raise unusable(path, WHAT, why)
        yield _Frame(
            number,
            None if labelmap else frozenset(_segment_numbers(ds, number)),
            np.array(position, np.float64),
            _orthonormal(np.array(orientation, np.float64)),
            (float(pixel_mm[0]), float(pixel_mm[1])),
        )


def _segment_numbers(ds: Dataset, frame: int) -> Iterator[int]:
    """Segments of a frame: its own, or the shared one of an object with a single segment (PS3.3 C.8.20.3.1)."""
    numbers = _group(ds, frame, "SegmentIdentificationSequence").get("ReferencedSegmentNumber")
    if numbers is None and len(ds.SegmentSequence) == 1:
        numbers = ds.SegmentSequence[0].SegmentNumber
    if numbers is not None:
        yield from (int(n) for n in (numbers if isinstance(numbers, Sequence) else [numbers]))


def _group(ds: Dataset, frame: int, keyword: str) -> Dataset:
    """First item of a functional group macro of a frame, from its own groups or the shared ones; else empty."""
    own = ds.get("PerFrameFunctionalGroupsSequence") or []
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    for groups in [*own[frame : frame + 1], *shared[:1]]:
        if groups.get(keyword):
            item: Dataset = groups[keyword][0]
            return item
    return Dataset()


def _orthonormal(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direction cosines written with few digits, made orthonormal."""
    across = orientation[:3] / np.linalg.norm(orientation[:3])
    down = orientation[3:] - (orientation[3:] @ across) * across
    return np.concatenate([across, down / np.linalg.norm(down)])


def _pixels(ds: Dataset, frame: int) -> NDArray[np.int64]:
    """Stored values of one frame; one-bit frames follow one another without padding (PS3.5 8.1.1)."""
    rows, columns = int(ds.Rows), int(ds.Columns)
    if int(ds.BitsAllocated) != 1 or ds.file_meta.TransferSyntaxUID.is_encapsulated:
        plugin, *_ = PLUGINS.get(ds.file_meta.TransferSyntaxUID, ("",))  # pinned, as for images
        values: NDArray[np.int64] = pixel_array(ds, index=frame, raw=True, decoding_plugin=plugin).astype(np.int64)
        return values.reshape(rows, columns)
    start, size = frame * rows * columns, rows * columns
    packed = np.frombuffer(ds.PixelData, np.uint8)[start // 8 : (start + size + 7) // 8]
    bits = np.unpackbits(packed, bitorder="little")[start % 8 :][:size]
    return bits.reshape(rows, columns).astype(np.int64)


def _references(ds: Dataset) -> Iterator[str]:
    for series in ds.get("ReferencedSeriesSequence") or []:
        for image in series.get("ReferencedInstanceSequence") or []:
            if "ReferencedSOPInstanceUID" in image:
                yield str(image.ReferencedSOPInstanceUID)
