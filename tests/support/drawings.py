"""Volumes from folders of slices, and RT Structure Sets made of points: for tests of where a drawing comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def volume_of(paths: Sequence[Path]) -> Volume:
    """Single-frame slices as a Volume, read as plainly as possible, independent of the node's own loader."""
    pairs = [(path, pydicom.dcmread(path)) for path in paths]
    cosines = np.array(pairs[0][1].ImageOrientationPatient, float)
    normal = np.cross(cosines[:3], cosines[3:])
    pairs.sort(key=lambda pair: float(np.dot(normal, np.array(pair[1].ImagePositionPatient, float))))
    first, last = pairs[0][1], pairs[-1][1]
    gap = np.array(last.ImagePositionPatient, float) - np.array(first.ImagePositionPatient, float)
    step = float(np.linalg.norm(gap)) / (len(pairs) - 1)
    voxels = np.stack([ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
                       for _, ds in pairs])  # fmt: skip
    rows, columns = (float(v) for v in first.PixelSpacing)
    return Volume(
        voxels=voxels.astype(np.float32),
        geometry=Geometry.of_axes(
            origin=np.array(first.ImagePositionPatient, float),
            spacing=(step, rows, columns),
            axes=np.array([normal, cosines[3:], cosines[:3]]),
            shape=voxels.shape,
        ),
        modality=first.Modality,
        unit="HU" if first.Modality == "CT" else "1",
        study_uid=first.StudyInstanceUID,
        series_uid=first.SeriesInstanceUID,
        frame_uid=first.FrameOfReferenceUID,
        slices=tuple(Slice(sop_class=d.SOPClassUID, sop_uid=d.SOPInstanceUID, frame=None, path=p) for p, d in pairs),
    )


def volume(
    voxels: NDArray[Any],
    *,
    spacing: tuple[float, float, float] = (2.0, 1.0, 1.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: NDArray[np.float64] | None = None,
    modality: str = "CT",
    frame_uid: str = "1.2.3.4",
) -> Volume:
    """A Volume of an array, without files."""
    return Volume(
        voxels=voxels.astype(np.float32),
        geometry=Geometry.of_axes(
            origin=np.array(origin, float),
            spacing=spacing,
            axes=np.eye(3)[::-1] if axes is None else axes,
            shape=voxels.shape,
        ),
        modality=modality,
        unit="HU" if modality == "CT" else "1",
        study_uid="1.2.3.1",
        series_uid="1.2.3.2",
        frame_uid=frame_uid,
        slices=tuple(
            Slice(sop_class="1.2.840.10008.5.1.4.1.1.2", sop_uid=f"1.2.3.9.{k + 1}", frame=None, path=Path(f"{k}.dcm"))
            for k in range(len(voxels))
        ),
    )


def square(geometry: Geometry, k: float, low: tuple[float, float], high: tuple[float, float]) -> NDArray[np.float64]:
    """A rectangle on slice k between two (row, column) corners in voxel indices, as LPS points."""
    corners = [(k, low[0], low[1]), (k, low[0], high[1]), (k, high[0], high[1]), (k, high[0], low[1])]
    return geometry.point(np.array(corners, float))


def circle(centre: Any, radius: float, first: Any, second: Any, count: int = 180) -> NDArray[np.float64]:
    """A circle around an LPS point in the plane of two unit vectors."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    ring: NDArray[np.float64] = np.asarray(centre, float) + radius * (
        np.cos(angle) * np.asarray(first, float) + np.sin(angle) * np.asarray(second, float)
    )
    return ring


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Overlap of two masks: 2 |A and B| / (|A| + |B|)."""
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())


def structure_set(
    path: Path,
    rois: Sequence[dict[str, Any]],
    *,
    frame_uid: str = "1.2.3.4",
    sop_uids: Sequence[str] = (),
    **attributes: Any,
) -> Path:
    """
    Write an RT Structure Set.

    Each ROI: name, contours (arrays of LPS points), and optionally type, algorithm, frame_uid, geometric_type, number.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = RTSTRUCT
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Modality, ds.StudyInstanceUID, ds.SeriesInstanceUID = "RTSTRUCT", "1.2.3.1", generate_uid()
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [], [], []
    for position, roi in enumerate(rois, 1):
        number = roi.get("number", position)
        item = Dataset()
        item.ROINumber, item.ROIName = number, roi["name"]
        item.ReferencedFrameOfReferenceUID = roi.get("frame_uid", frame_uid)
        item.ROIGenerationAlgorithm = roi.get("algorithm", "MANUAL")
        ds.StructureSetROISequence.append(item)
        observation = Dataset()
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = roi.get("type", "")
        ds.RTROIObservationsSequence.append(observation)
        drawn = Dataset()
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for points in roi.get("contours", ()):
            contour = Dataset()
            contour.ContourGeometricType = roi.get("geometric_type", "CLOSED_PLANAR")
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{v:.6f}" for v in np.asarray(points).ravel()]
            if sop_uids:
                image = Dataset()
                image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", sop_uids[0]
                contour.ContourImageSequence = [image]
            drawn.ContourSequence.append(contour)
        ds.ROIContourSequence.append(drawn)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path
