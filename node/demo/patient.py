"""A synthetic patient: a chest CT as DICOM files, with a tumour of known place and volume. Nobody's data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from node.demo.anatomy import Plan, paint_chest
from node.demo.shapes import Canvas
from node.demo.tumour import Tumour

IN_UPPER_LOBE = (212.0, -12.0, -68.0)  #: millimetres (z, y, x): right lung, on the canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the header says of the patient; enough for the EGFR model."""

    name: str = "Demo^Synthetic"
    patient_id: str = "RADNODE-DEMO"
    birth_date: str = "19640312"
    age: str = "062Y"
    sex: str = "F"
    smokes: str = "NO"  #: Smoking Status (0010,21A0): NO is "not now", never "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStudy:
    """
    What was written, and the truth about it.

    Attributes:
        paths: One file per slice.
        centre_lps: Centre of the tumour in LPS millimetres; None in a healthy chest.
        volume_ml: Its volume without spicules; 0 in a healthy chest.
    """

    paths: tuple[Path, ...]
    study_uid: str
    series_uid: str
    centre_lps: tuple[float, float, float] | None
    volume_ml: float


def chest_ct(
    folder: Path,
    *,
    seed: int = 7,
    run: str = "",
    slices: int = 150,
    size: int = 256,
    healthy: bool = False,
    tumour: Tumour | None = None,
    person: Person | None = None,
    taken: datetime | None = None,
) -> DemoStudy:
    """
    Write a synthetic CT of the whole chest as CT Image Storage (PS3.3 A.3), one file per slice.

    Args:
        folder: Is made if absent.
        seed: Fixes the image.
        run: Another text makes another study of the same image: UIDs come from seed, run and the other arguments.
        slices: How many over 300 mm.
        size: Rows and columns over 360 mm.
        healthy: Leave the tumour out.
        tumour: Another than the part-solid one of 22 mm in the right upper lobe.
        person: Another patient.
        taken: When the study was made; now, if not given.
    """
    painted = None if healthy else tumour or Tumour(centre=IN_UPPER_LOBE, halo_mm=3.0)
    canvas, volume_ml = paint_chest(Plan(seed=seed, slices=slices, size=size, tumour=painted))
    person = person or Person()
    key = f"{seed}/{run}/{slices}/{size}/{painted}/{person.patient_id}"
    common = _common(canvas, key, person, taken or datetime.now(UTC).astimezone())
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(_write(folder, common, canvas, index, key) for index in range(slices))
    centre = (painted.centre[2], painted.centre[1], painted.centre[0]) if painted else None
    return DemoStudy(
        paths=paths,
        study_uid=common.StudyInstanceUID,
        series_uid=common.SeriesInstanceUID,
        centre_lps=centre,
        volume_ml=volume_ml,
    )


def _uid(key: str, what: str) -> UID:
    """A UID below 2.25 (PS3.5 B.2) that follows from what it names."""
    digest = hashlib.sha256(f"radnode demo/{key}/{what}".encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def _common(canvas: Canvas, key: str, person: Person, taken: datetime) -> Dataset:
    """All that the slices share."""
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _patient_and_study(ds, person, taken, key)
    ds.Modality, ds.SeriesInstanceUID, ds.SeriesNumber = "CT", _uid(key, "series"), 2
    ds.SeriesDescription, ds.BodyPartExamined, ds.PatientPosition = "SYNTHETIC chest axial", "CHEST", "HFS"
    ds.ProtocolName = "SYNTHETIC chest"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = _uid(key, "frame"), ""
    ds.Manufacturer, ds.ManufacturerModelName = "radnode", "synthetic patient"
    ds.AcquisitionNumber, ds.KVP, ds.ConvolutionKernel = 1, 120, "SYNTHETIC"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SliceThickness = round(canvas.spacing[0], 4)
    ds.PixelSpacing = [round(canvas.spacing[1], 6), round(canvas.spacing[2], 6)]
    ds.Rows, ds.Columns = canvas.hu.shape[1:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = [-600, 40], [1500, 400]
    return ds


def _patient_and_study(ds: Dataset, person: Person, taken: datetime, key: str) -> None:
    date, time = taken.strftime("%Y%m%d"), taken.strftime("%H%M%S")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = time
    ds.StudyInstanceUID, ds.StudyID = _uid(key, "study"), "DEMO"
    ds.AccessionNumber, ds.ReferringPhysicianName = "", ""
    ds.StudyDescription = "SYNTHETIC chest CT, not a patient"
    ds.PatientName, ds.PatientID = person.name, person.patient_id
    ds.PatientBirthDate, ds.PatientAge, ds.PatientSex = person.birth_date, person.age, person.sex
    ds.SmokingStatus = person.smokes
    ds.PatientComments = "Synthetic image made of formulas"


def _write(folder: Path, common: Dataset, canvas: Canvas, index: int, key: str) -> Path:
    ds = Dataset()
    ds.update(common)
    ds.SOPInstanceUID = _uid(key, f"slice {index}")
    ds.InstanceNumber = index + 1
    z, y, x = canvas.origin
    position = z + index * canvas.spacing[0]
    ds.ImagePositionPatient = [round(x, 4), round(y, 4), round(position, 4)]
    ds.SliceLocation = round(position, 4)
    ds.PixelData = np.clip(np.round(canvas.hu[index]), -1024, 3071).astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / f"{index + 1:04d}.dcm"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path
