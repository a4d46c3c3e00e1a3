"""Encode: the one-page report as a picture, for a PACS that shows nothing else (Secondary Capture, PS3.3 A.8.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from node.dicom.envelope import MANUFACTURER, MODEL_NAME, Envelope, seal
from node.dicom.pages import sources
from node.domain.findings import Findings
from node.domain.volume import Volume


def encode_sc(
    pixels: NDArray[np.uint8],
    findings: Findings,
    volume: Volume | None,
    headers: Sequence[Dataset],
    envelope: Envelope,
) -> Dataset:
    """
    Make the picture of a case.

    Args:
        pixels: The page, shape (row, column, 3), red, green, blue.
        findings: Evaluated or refused.
        volume: What was measured; None when refused.
        headers: Of the examined images, at least one; their study takes the picture.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian, uncompressed: every PACS accepts that. The
        same arguments give the same bytes.

    Raises:
        ValueError: There is no header, or the pixels are not of that shape.
    """
    if not headers or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError("a picture needs pixels (row, column, 3), and the header of at least one examined image")
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.Modality, ds.ConversionType = "OT", "WSD"
    ds.SecondaryCaptureDeviceManufacturer, ds.SecondaryCaptureDeviceManufacturerModelName = MANUFACTURER, MODEL_NAME
    ds.SecondaryCaptureDeviceSoftwareVersions = envelope.node_version
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.PatientOrientation = ds.Laterality = None  # Type 2C: a page has none
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures = "YES", "NO"
    ds.LossyImageCompression = "00"
    ds.SourceImageSequence = sources(findings, volume, headers, envelope)
    _pixels(ds, pixels)
    seal(ds, "sc", envelope.naming(findings), headers[0])
    return ds


def _pixels(ds: Dataset, pixels: NDArray[np.uint8]) -> None:
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    stored = np.ascontiguousarray(pixels).tobytes()
    ds.PixelData = stored + b"\0" * (len(stored) % 2)
    ds["PixelData"].VR = "OB"
