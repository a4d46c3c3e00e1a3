"""A real study turned in space, with the structure set that was drawn on it: the same patient, lying otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation


def turn(source: Path, target: Path, degrees: tuple[float, float, float]) -> Path:
    """
    Copy a folder of DICOM files with every position and contour rotated about the patient's axes (x, y, z).

    Pixels and UIDs stay, so whatever is measured on the lesion must stay, too.
    """
    target.mkdir(parents=True)
    rotation: NDArray[np.float64] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    for path in (p for p in source.rglob("*") if p.is_file()):
        ds = pydicom.dcmread(path)
        _turn(ds, rotation)
        pydicom.dcmwrite(target / f"{ds.Modality}-{path.name}", ds)
    return target


def _turn(ds: Dataset, rotation: NDArray[np.float64]) -> None:
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        if keyword in ds:
            setattr(ds, keyword, _turned(ds[keyword].value, rotation))
    for roi in ds.get("ROIContourSequence", []):
        for contour in roi.get("ContourSequence", []):
            contour.ContourData = _turned(contour.ContourData, rotation)


def _turned(values: list[float], rotation: NDArray[np.float64]) -> list[str]:
    points = np.array(values, float).reshape(-1, 3) @ rotation.T
    return [f"{value:.10f}"[:16] for value in points.ravel()]
