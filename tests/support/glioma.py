"""
A glioma study in DICOM, made of one patient of `tcga-lgg-flair`: derived, spacing assumed.

FLAIR holds the patient's own pixels. T1c is *made from the FLAIR*: its contrast is turned round, the tumour gets an
enhancing rim, and the head is moved by a known rigid displacement onto a grid and a frame of reference of its own. It
proves plumbing and registration; it says nothing of accuracy on a real T1c.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from scipy import ndimage

from node.domain.geometry import Geometry
from tests.support.series import MR, image_series
from tests.support.volumes import geometry_of, rotation

PIXEL_MM = 1.25  #: 240 mm over 192 pixels: a usual field of view of the head; the source states none
BRAIN_MM = 140.0  #: what the slices are taken to cover from base to vertex


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """
    One patient as arrays.

    Attributes:
        flair: Shape (slice, row, column), 0 to 255; slices ascend towards the head, rows towards the back, columns
            towards the patient's left.
        tumour: The reader's mask of it.
        place: Where it is assumed to lie.
    """

    flair: NDArray[np.float32]
    tumour: NDArray[np.bool_]
    place: Geometry


def case(data: Path, name: str) -> Case:
    """One patient of the folder, by the name of its file."""
    with np.load(data / "tcga-lgg-flair" / f"{name}.npz") as file:
        flair = file["flair"].astype(np.float32)
        bits = np.unpackbits(file["mask"], axis=1)[:, : flair[0].size]
    thickness = BRAIN_MM / len(flair)
    place = geometry_of(flair.shape, (thickness, PIXEL_MM, PIXEL_MM), origin=(-120.0, -120.0, -60.0))
    return Case(flair=flair, tumour=bits.reshape(flair.shape).astype(bool), place=place)


def motion(angles: tuple[float, float, float], shift: tuple[float, float, float], about: NDArray[np.float64]):
    """A rigid displacement as a 4 × 4 matrix: angles in radians about a point, then a shift in millimetres."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(angles)
    matrix[:3, 3] = about - matrix[:3, :3] @ about + np.array(shift)
    return matrix


MOVED = ((0.06, -0.04, 0.1), (7.0, -5.0, 6.0))
"""How the head lies in the T1c: angles about its middle, then a shift."""


def t1c_of(found: Case, displaced: NDArray[np.float64], spacing: tuple[float, float, float] = (2.0, 1.0, 1.0)):
    """
    What the T1c is made of.

    Returns:
        Voxels of shape (slice, row, column) from 0 to about 1200, and their place in a frame of reference of their own.
    """
    share = found.flair / 255
    core = ndimage.binary_erosion(found.tumour, np.ones((1, 5, 5), bool))
    rim = found.tumour & ~core
    bright = np.where(share > 0.06, 900 - 600 * share + 120 * np.sqrt(share), 15.0)
    bright = np.where(core, 320.0, bright) + 420.0 * rim
    shape = (round(160 / spacing[0]), round(240 / spacing[1]), round(240 / spacing[2]))
    place = geometry_of(shape, spacing, origin=(-118.0, -122.0, -66.0))
    points = place.point(np.moveaxis(np.indices(shape), 0, -1))
    index = found.place.index((points - displaced[:3, 3]) @ displaced[:3, :3])
    voxels = ndimage.map_coordinates(bright, np.moveaxis(index, -1, 0), order=1, cval=0.0)
    noise = np.random.default_rng(20261121).normal(0, 8, shape)
    return np.clip(voxels + noise, 0, None).astype(np.float32), place


def study(found: Case, *, angles=MOVED[0], shift=MOVED[1], **attributes: object) -> dict[str, list[Dataset]]:
    """FLAIR and T1c as MR images of one study, each in its own frame of reference."""
    uid = generate_uid()
    displaced = motion(angles, shift, found.place.point(np.array(found.flair.shape) / 2))
    t1c, place = t1c_of(found, displaced)
    shared = {
        "study_uid": uid, "sop_class": MR, "BodyPartExamined": "HEAD", "PatientSex": "M", "PatientAge": "043Y",
        "PatientBirthDate": "19830301",
        "DerivationDescription": "Made for a test of public 8-bit images; spacing assumed", "MRAcquisitionType": "2D",
        "ScanOptions": "", **attributes,
    }  # fmt: skip
    flair_like = {"ScanningSequence": "IR", "SequenceVariant": "SK", "EchoTime": 120, "RepetitionTime": 9000,
                  "InversionTime": 2500, "EchoTrainLength": 16}  # fmt: skip
    t1_like = {"ScanningSequence": "SE", "SequenceVariant": "NONE", "EchoTime": 10, "RepetitionTime": 600,
               "EchoTrainLength": 1, "ContrastBolusAgent": "Gadovist"}  # fmt: skip
    origin = tuple(found.place.point(np.zeros(3)))
    return {
        "flair": image_series(
            found.flair, spacing=found.place.spacing, origin=origin, SeriesDescription="AX FLAIR", SeriesNumber=3,
            **shared, **flair_like,
        ),
        "t1c": image_series(
            t1c, spacing=place.spacing, origin=tuple(place.point(np.zeros(3))), SeriesDescription="t1_se_tra_KM",
            SeriesNumber=7, **shared, **t1_like,
        ),
    }  # fmt: skip
