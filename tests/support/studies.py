"""Whole synthetic studies in a folder: an image series with a ball in it, and the contour drawn around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from node.domain.geometry import Geometry
from tests.support.drawings import circle, structure_set
from tests.support.series import MR, image_series, save

SHAPE = (14, 48, 48)
SPACING = (2.0, 1.0, 1.0)
CENTRE = (7.0, 24.0, 24.0)


def study(
    folder: Path,
    *,
    radius: float = 9.0,
    seed: int = 0,
    patient: str = "TEST-1",
    at: tuple[float, float, float] = CENTRE,
    shape: tuple[int, int, int] = SHAPE,
    spacing: tuple[float, float, float] = SPACING,
    noise: float = 15.0,
    voxels: NDArray[Any] | None = None,
    drawn_at: tuple[float, float, float] | None = None,
    drop: Sequence[int] = (),
    **attributes: Any,
) -> Path:
    """
    Write one study: a round head in air with a brighter ball in it, and an RT structure "GTV-1" of circles around it.

    Args:
        folder: Made anew.
        radius: Of the ball, millimetres.
        at: Its centre, voxel indices (slice, row, column).
        drawn_at: Centre of the contour, where that is not the ball's.
        drop: Slices that are left out of the image.
        attributes: Keyword to value, set on every image; as for `image_series`.
    """
    rng = np.random.default_rng(seed)
    index = np.moveaxis(np.indices(shape), 0, -1)
    inside = np.linalg.norm((index - at) * spacing, axis=-1) <= radius
    if voxels is None:
        head = np.hypot(index[..., 1] - shape[1] / 2, index[..., 2] - shape[2] / 2) < 0.48 * min(shape[1:])
        voxels = 200.0 * head + 300 * inside + rng.normal(50, noise, shape)
    uids = {"study_uid": generate_uid(), "frame_uid": generate_uid()}
    plain = {
        "sop_class": MR, "PatientID": patient, "ScanningSequence": "SE", "EchoTime": 10, "RepetitionTime": 600,
        "ContrastBolusAgent": "GADOVIST",
    }  # fmt: skip
    series = image_series(voxels, spacing=spacing, **uids, **{**plain, **attributes})
    save([ds for n, ds in enumerate(series) if n not in drop], folder)
    _contour(folder / "rtstruct.dcm", series, drawn_at or at, radius, spacing, shape)
    return folder


def _contour(
    path: Path,
    series: list[Dataset],
    at: tuple[float, float, float],
    radius: float,
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
) -> None:
    first = series[0]
    geometry = Geometry.of_axes(origin=np.zeros(3), spacing=spacing, axes=np.eye(3)[::-1], shape=shape)
    rings = []
    for k in range(shape[0]):
        across = radius**2 - ((k - at[0]) * spacing[0]) ** 2
        if across > 1:
            rings.append(
                circle(geometry.point(np.array([k, at[1], at[2]])), float(np.sqrt(across)), [1, 0, 0], [0, 1, 0])
            )
    structure_set(
        path,
        [{"name": "GTV-1", "type": "GTV", "contours": rings, "frame_uid": first.FrameOfReferenceUID}],
        frame_uid=first.FrameOfReferenceUID,
        StudyInstanceUID=first.StudyInstanceUID,
        PatientID=first.PatientID,
        PatientName=first.PatientName,
        PatientBirthDate=first.PatientBirthDate,
        PatientSex=first.PatientSex,
    )
