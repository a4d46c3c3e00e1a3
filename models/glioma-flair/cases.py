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
from itertools import pairwise
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
TOGETHER = 18  #: patients that the first three members do not see, so that they can draw on them together
CHOICE = 12  #: further patients that each of these three does not see: threshold and trust are chosen on them
LONG, SHORT = (17000, 32), (14000, 16)  #: batches and slices in each, on a GPU and on two processors
MIXED = (3200, 16, 1.5e-3)  #: batches, slices in each, and step size of the second part, with tumours mixed
RECIPES = (LONG, LONG, LONG, SHORT, SHORT)  #: of each member
HEAD_MM = 190.0  #: assumed length of a head
STACK_MM = 165.0  #: assumed height of a stack
ROUGH_MM = 1.25  #: pixels of a field of view of 240 mm, to look for the head with
PIXEL_MM = (0.9, 1.4)  #: limits of what is assumed
UPPER = (0.45, 0.9)  #: share of the stack in which neither nose nor neck is in view
AXES = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])


@dataclass(frozen=True, slots=True)
class Split:
    """
    Who sees whom. Every patient is unseen by at least one member, which is who draws on it when Dice is measured.

    Attributes:
        names: All patients, in the order of a hash of their names.
        unseen: For each member the patients that it is not trained on.
        choice: Patients on which threshold and trust are chosen.
    """

    names: tuple[str, ...]
    unseen: tuple[tuple[str, ...], ...]
    choice: tuple[str, ...]

    def drawers(self, name: str) -> tuple[int, ...]:
        """The members that were not trained on a patient."""
        return tuple(member for member, unseen in enumerate(self.unseen) if name in unseen)

    @property
    def together(self) -> tuple[str, ...]:
        """Patients that several members were not trained on, so that they draw on them together."""
        return tuple(name for name in self.names if len(self.drawers(name)) > 1)


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
    ordered = tuple(sorted(names, key=lambda n: hashlib.sha256(f"{SEED}:{n}".encode()).hexdigest()))
    ends = [TOGETHER + CHOICE * m for m in range(4)]
    first, choice, rest = ordered[:TOGETHER], ordered[TOGETHER : ends[-1]], ordered[ends[-1] :]
    three = [(*first, *ordered[a:b]) for a, b in pairwise(ends)]
    half = (len(rest) + 1) // 2
    return Split(ordered, (*three, rest[:half], rest[half:]), choice)


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


def brightness(patient: Patient) -> float:
    """How far the tumour's median lies above the head's, in spreads of the head: as the network is shown it."""
    level, spread = scale(patient)
    return (float(np.median(patient.image[patient.mask])) - level) / spread
