"""Studies of real images for tests: as they are, with another header, noise or gaps, and with their readers' masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from numpy.typing import NDArray

from tests.support.glioma import case
from tests.support.segmentations import segmentation
from tests.support.series import MR, image_series, save

T1C: dict[str, Any] = {
    "SeriesDescription": "t1_se_tra_KM", "ScanningSequence": "SE", "EchoTime": 10, "RepetitionTime": 600,
    "ContrastBolusAgent": "Gadovist", "BodyPartExamined": "HEAD", "PatientAge": "045Y", "PatientBirthDate": "19811101",
}  # fmt: skip
"""What the header of a T1 of the head after contrast agent says."""

SILENT: dict[str, Any] = {
    **T1C, "SeriesDescription": "", "ScanningSequence": "", "EchoTime": None, "RepetitionTime": None,
    "BodyPartExamined": None,
}  # fmt: skip
"""The same where neither names nor times tell the weighting, and nobody states the body part."""


def flair(folder: Path, data: Path, name: str = "TCGA_DU_5872_19950223", noise: float = 0.0, **header: Any) -> Path:
    """The FLAIR of a glioma with its hand mask; spacing assumed, noise of a spread in its own units (0 to 255)."""
    found = case(data, name)
    voxels = found.flair + np.random.default_rng(0).normal(0, noise, found.flair.shape)
    return drawn(folder, voxels, found.tumour, found.place.spacing, **header)


def nrrd(folder: Path, data: Path, image: str, label: str, **header: Any) -> Path:
    """An image of pyradiomics' baseline with its mask: "brain1" and "brain2" are T1 after contrast agent."""
    at = data / "pyradiomics-baseline"
    picture, mask = (SimpleITK.ReadImage(str(at / f"{name}.nrrd")) for name in (image, label))
    spacing = picture.GetSpacing()[::-1]
    return drawn(folder, SimpleITK.GetArrayFromImage(picture), SimpleITK.GetArrayFromImage(mask) > 0, spacing, **header)


def drawn(folder: Path, voxels: NDArray[Any], mask: NDArray[np.bool_], spacing: Any, **header: Any) -> Path:
    """An MR series of an array, and a SEG of a mask on it."""
    kept = {keyword: value for keyword, value in {**T1C, **header}.items() if value is not None}
    series = image_series(voxels, spacing=spacing, sop_class=MR, **kept)
    save(series, folder)
    segmentation(folder / "seg.dcm", series, mask.astype(np.uint8), [{"label": "Tumour"}])
    return folder


def altered(folder: Path, files: Sequence[Path], noise: float = 0.0, **header: Any) -> Path:
    """Copies of files with noise on what images store, and values of the header set (None: taken away)."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, path in enumerate(files):
        ds = pydicom.dcmread(path)
        if noise and "PixelData" in ds:
            stored = ds.pixel_array + rng.normal(0, noise, ds.pixel_array.shape)
            kind = np.iinfo(ds.pixel_array.dtype)
            ds.PixelData = np.clip(np.round(stored), kind.min, kind.max).astype(ds.pixel_array.dtype).tobytes()
        for keyword, value in header.items():
            if value is not None:
                setattr(ds, keyword, value)
            elif keyword in ds:
                delattr(ds, keyword)
        ds.save_as(folder / f"{number}.dcm")
    return folder


def slices(folder: Path) -> list[Path]:
    """The images of a folder by position."""
    return sorted(
        folder.iterdir(),
        key=lambda p: float(pydicom.dcmread(p, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2]),
    )
