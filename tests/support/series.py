"""DICOM series made of arrays, for tests: complete enough to be judged, with nothing of a real patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"


def image_series(
    voxels: NDArray[Any],
    *,
    spacing: tuple[float, float, float] = (2.0, 1.0, 1.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    sop_class: str = CT,
    study_uid: str | None = None,
    series_uid: str | None = None,
    frame_uid: str | None = None,
    **attributes: Any,
) -> list[Dataset]:
    """
    One single-frame data set per slice of `voxels` (slice, row, column), stored values = voxels + 1024 for CT.

    `spacing` is in millimetres along (slice, row, column), `origin` in LPS millimetres of voxel (0, 0, 0);
    `orientation` holds row then column direction cosines, the slice axis is their cross product. `attributes` (keyword
    to value) are set on every slice last; None deletes one.
    """
    study_uid, series_uid = study_uid or generate_uid(), series_uid or generate_uid()
    frame_uid = frame_uid or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    modality = {CT: "CT", MR: "MR", PET: "PT"}[sop_class]
    series = []
    for number, plane in enumerate(voxels):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
        ds.SOPInstanceUID = generate_uid()
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20261101"
        ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101500"
        ds.AccessionNumber, ds.Modality, ds.Manufacturer = "ACC1", modality, "Test Scanners"
        ds.ReferringPhysicianName = ""
        ds.StudyDescription, ds.SeriesDescription = "Test study", "Test series"
        ds.PatientName, ds.PatientID = "Test^Patient", "TEST-1"
        ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19600101", "F", "066Y"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
        ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "1", 2, 1, number + 1
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame_uid, ""
        ds.ImagePositionPatient = [float(v) for v in np.asarray(origin) + normal * spacing[0] * number]
        ds.ImageOrientationPatient = [float(v) for v in orientation]
        ds.PixelSpacing, ds.SliceThickness = [spacing[1], spacing[2]], spacing[0]
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        offset = 1024 if modality == "CT" else 0
        ds.RescaleIntercept, ds.RescaleSlope = -offset, 1
        if modality == "CT":
            ds.KVP, ds.RescaleType, ds.ConvolutionKernel = 120, "HU", "B30f"
        ds.PixelData = np.clip(np.round(plane + offset), 0, 65535).astype("<u2").tobytes()
        for keyword, value in attributes.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        series.append(ds)
    return series


def save(series: list[Dataset], folder: Path) -> list[Path]:
    """Write every data set into a folder, in an order that has nothing to do with its position."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ds in series:
        path = folder / f"{abs(hash(ds.SOPInstanceUID)) % 10**12}-{ds.SOPInstanceUID[-12:]}.dcm"
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        paths.append(path)
    return paths
