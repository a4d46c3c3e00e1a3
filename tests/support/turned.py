"""A real study turned in space, with the structure set that was drawn on it: the same patient, lying otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation


def turn(source: Path, target: Path, degrees: tuple[float, float, float], *, whole_bytes: bool = False) -> Path:
    """
    Copy a folder of DICOM files with every position and contour rotated about the patient's axes (x, y, z).

    Pixels and UIDs stay, so whatever is measured on the lesion must stay, too. `whole_bytes` crops images at the right
    and at the bottom until 8 divides their rows and columns: Orthanc 1.10 gives no other frames of a BINARY
    Segmentation as they are.
    """
    target.mkdir(parents=True)
    rotation: NDArray[np.float64] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    for path in (p for p in source.rglob("*") if p.is_file()):
        ds = pydicom.dcmread(path)
        _turn(ds, rotation)
        if whole_bytes and "PixelData" in ds:
            _crop(ds)
        pydicom.dcmwrite(target / f"{ds.Modality}-{path.name}", ds)
    return target


def _turn(ds: Dataset, rotation: NDArray[np.float64]) -> None:
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        if keyword in ds:
            setattr(ds, keyword, _turned(ds[keyword].value, rotation))
    for roi in ds.get("ROIContourSequence", []):
        for contour in roi.get("ContourSequence", []):
            contour.ContourData = _turned(contour.ContourData, rotation)


def _crop(ds: Dataset) -> None:
    ds.Rows, ds.Columns, pixels = ds.Rows // 8 * 8, ds.Columns // 8 * 8, ds.pixel_array
    ds.PixelData = np.ascontiguousarray(pixels[: ds.Rows, : ds.Columns]).tobytes()


def _turned(values: list[float], rotation: NDArray[np.float64]) -> list[str]:
    points = np.array(values, float).reshape(-1, 3) @ rotation.T
    return [f"{value:.10f}"[:16] for value in points.ravel()]
