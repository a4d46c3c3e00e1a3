"""
The patients of `tcga-lgg-flair`: how they are split, and the place in space that is assumed for their slices.

The arrays carry no geometry. What they look like is documented here, because a real image must meet the network the
same way up: on every one of the 89 the face points to row 0 and the first slice lies at the neck, so slices run to the
head and rows to the back. Left and right cannot be told from the pixels; columns are taken to run to the patient's
left, as is usual, and the network sees every slice mirrored half of the time. Pixel size and slice distance are not
stated: heads are taken to be 190 mm long, and every stack to be 165 mm high.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Volume
from node.imaging.ellipsoids import volume_from
from node.imaging.head import find_head
from node.imaging.intensity import robust_scale

FOLDER = "tcga-lgg-flair"
SEED = 20261121
VALIDATION = 18  #: patients that nothing is learnt or chosen on
INNER = 12  #: training patients that each member does not see
MEMBERS = 3
HEAD_MM = 190.0  #: assumed length of a head
STACK_MM = 165.0  #: assumed height of a stack
ROUGH_MM = 1.25  #: pixels of a field of view of 240 mm, to look for the head with
PIXEL_MM = (0.9, 1.4)  #: limits of what is assumed
UPPER = (0.45, 0.9)  #: share of the stack in which neither nose nor neck is in view
AXES = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])


@dataclass(frozen=True, slots=True)
class Split:
    """Names of patients; `inner[m]` are the training patients that member m does not see."""

    train: tuple[str, ...]
    inner: tuple[tuple[str, ...], ...]
    validation: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Patient:
    """One patient: uint8 image, mask (both slice, row, column), assumed spacing, middle of the head (row, column)."""

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    centre: tuple[float, float]

    def volume(self) -> Volume:
        """The patient as an axial MR volume in LPS, its spacing assumed."""
        return placed(self.image.astype(np.float32), self.spacing)


def placed(voxels: NDArray[np.float32], spacing: tuple[float, float, float]) -> Volume:
    """An axial stack, slices from the neck to the vertex, as a volume around the origin."""
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    origin = np.array([-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True)])[::-1]
    geometry = Geometry.of_axes(origin=origin, spacing=spacing, axes=AXES, shape=shape)
    return volume_from(voxels, geometry, modality="MR", notes=("Spacing assumed.",))


def split(names: Sequence[str]) -> Split:
    """By a hash of each name: the order owes nothing to what anyone has seen."""
    ordered = sorted(names, key=lambda n: hashlib.sha256(f"{SEED}:{n}".encode()).hexdigest())
    validation, train = ordered[:VALIDATION], ordered[VALIDATION:]
    inner = tuple(tuple(train[INNER * m : INNER * (m + 1)]) for m in range(MEMBERS))
    return Split(tuple(train), inner, tuple(validation))


def names(folder: Path) -> list[str]:
    """All patients in a folder."""
    return sorted(path.stem for path in folder.glob("TCGA_*.npz"))


def read(folder: Path, name: str) -> Patient:
    """One patient, with the geometry that is assumed."""
    with np.load(folder / f"{name}.npz") as stored:
        image = stored["flair"]
        mask = np.unpackbits(stored["mask"], axis=1).reshape(image.shape).astype(bool)
    slices = len(image)
    head = find_head(image.astype(np.float32), (STACK_MM / slices, ROUGH_MM, ROUGH_MM))
    assert head is not None, name  # noqa: S101 - true of all 89
    upper = head.mask[int(UPPER[0] * slices) : int(UPPER[1] * slices)]
    length = max(np.ptp(np.flatnonzero(plane.any(axis=1))) + 1 for plane in upper if plane.any())
    pixel = float(np.clip(HEAD_MM / length, *PIXEL_MM))
    rows, columns = (np.flatnonzero(upper.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    centre = (float(rows[0] + rows[-1]) / 2, float(columns[0] + columns[-1]) / 2)
    return Patient(name, image, mask, (STACK_MM / slices, pixel, pixel), centre)


def scale(patient: Patient) -> tuple[float, float]:
    """What the network is shown counts from the head's median, in units of its spread."""
    voxels = patient.image.astype(np.float32)
    head = find_head(voxels, (STACK_MM / len(voxels), ROUGH_MM, ROUGH_MM))
    assert head is not None, patient.name  # noqa: S101 - true of all 89
    return robust_scale(voxels[head.mask])
