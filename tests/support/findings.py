"""Findings made by hand on synthetic series, for tests of what is made from them."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from node.dicom.envelope import Envelope
from node.dicom.uids import tracking
from node.domain.clinical import Value
from node.domain.facts import ModelFacts, OperatingPoint
from node.domain.findings import (
    Axis,
    Contour,
    Estimate,
    Findings,
    Fitness,
    GroundGlass,
    Lesion,
    Measurements,
    Prediction,
    Provenance,
)
from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from tests.support.series import CT, image_series

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SHAPE = (12, 32, 40)

EGFR = ModelFacts(
    id="lung-egfr",
    version="1.0.0",
    kind="classifier",
    digest="ab" * 32,
    manufacturer="radnode project",
    name="Lung EGFR",
    target="EGFR mutation",
    gene="EGFR",
    hgnc_id="HGNC:3236",
    calibrated=True,
    slope=0.79,
    slope_interval=(0.38, 1.55),
    prevalence=0.2,
    operating_point=OperatingPoint(
        threshold=0.2,
        sensitivity=0.8,
        specificity=0.7,
        sensitivity_interval=(0.61, 0.92),
        specificity_interval=(0.6, 0.79),
    ),
    training="127 patients of two hospitals, 25 mutated",
    limits=("valid only if this lesion is a primary NSCLC",),
)
KRAS = replace(
    EGFR,
    id="lung-kras",
    digest="cd" * 32,
    name="Lung KRAS",
    target="KRAS mutation",
    gene="KRAS",
    hgnc_id="HGNC:6407",
    exploratory="hardly better than prevalence",
)
SEGMENTER = ModelFacts(
    id="lung-lesion",
    version="0.3.0",
    kind="segmenter",
    digest="ef" * 32,
    manufacturer="radnode project",
    name="Lung lesion",
    exploratory="exploratory: a classical method developed on two patients, without external validation",
    training="Not trained: parameters set by hand on two CT scans with a tumour and on synthetic chests.",
    limits=("Developed on two CT scans with two tumours and on synthetic chests: no accuracy can be claimed.",),
)
PREDICTED = Prediction(
    model=EGFR,
    state="predicted",
    fitness=Fitness(outcome="in_domain"),
    estimate=Estimate(probability=0.413, lower=0.22, upper=0.63, contributions={"smoking": 0.8, "age": -0.31}),
    inputs={
        "age": Value(66, "PatientAge (0010,1010)"),
        "smoking": Value("not_current", "SmokingStatus (0010,21A0)"),
    },
    missing_inputs=("pack_years",),
    rebased_to=0.14,
    statements=("histology was not supplied",),
)
WITHHELD = Prediction(
    model=KRAS,
    state="not_evaluated",
    reason_code="input_missing",
    reason="smoking is not known",
    fitness=Fitness(outcome="outside", reasons=("age 12 is below 18",)),
)
DRAWN = Provenance(
    kind="rtstruct",
    algorithm_type="MANUAL",
    label="GTV-1",
    sop_class=RTSTRUCT,
    sop_uid="1.2.3.4",
    series_uid="1.2.3",
    study_uid="1.2",
    number=1,
    named_neoplasm=True,
)
FOUND = Provenance(kind="model", algorithm_type="AUTOMATIC", model="lung-lesion", trust=0.82)


@dataclass(frozen=True)
class Case:
    """What the encoders are given."""

    findings: Findings
    volume: Volume
    headers: list[Dataset]
    envelope: Envelope


def make_case(*provenances: Provenance, sop_class: str = CT, enhanced: bool = False, **attributes: Any) -> Case:
    """A synthetic study with one lesion for each provenance (an RT structure by default)."""
    series = image_series(
        np.full(SHAPE, -800.0 if sop_class == CT else 100.0), sop_class=sop_class, study_uid="1.2.99", **attributes
    )
    volume = make_volume(series, enhanced=enhanced)
    lesions = tuple(make_lesion(p, number) for number, p in enumerate(provenances or (DRAWN,), 1))
    segmenter = SEGMENTER if any(p.kind == "model" for p in provenances) else None
    findings = Findings(
        state="succeeded", lesions=lesions, rule="every lesion of the first source", segmenter=segmenter
    )
    return Case(findings, volume, [enhanced_header(series)] if enhanced else series, make_envelope())


def make_envelope(**changes: Any) -> Envelope:
    """A first result of the pipeline "lung", written at a fixed time."""
    first = Envelope(
        job_id="0123abcd",
        installation="site-7",
        node_version="0.1.0",
        written_at=datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC),
        pipeline="lung",
        site=("39607008", "SCT", "Lung"),
    )
    return replace(first, **changes)


def make_volume(series: list[Dataset], *, enhanced: bool = False) -> Volume:
    """The volume of a series of `image_series`; `enhanced`: as if its slices were frames of one object."""
    first, shape = series[0], (len(series), series[0].Rows, series[0].Columns)
    row, column = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    gap = np.array(series[1].ImagePositionPatient, float) - np.array(first.ImagePositionPatient, float)
    spacing = (float(np.linalg.norm(gap)), float(first.PixelSpacing[0]), float(first.PixelSpacing[1]))
    geometry = Geometry.of_axes(
        origin=np.array(first.ImagePositionPatient, float),
        spacing=spacing,
        axes=np.stack([gap / spacing[0], column, row]),
        shape=shape,
    )
    slices = tuple(
        Slice(
            sop_class=ENHANCED_CT if enhanced else ds.SOPClassUID,
            sop_uid=first.SOPInstanceUID if enhanced else ds.SOPInstanceUID,
            frame=number if enhanced else None,
            path=Path("unused"),
        )
        for number, ds in enumerate(series, 1)
    )
    return Volume(
        voxels=np.zeros(shape, np.float32),
        geometry=geometry,
        modality=first.Modality,
        unit="HU" if first.Modality == "CT" else "1",
        study_uid=first.StudyInstanceUID,
        series_uid=first.SeriesInstanceUID,
        frame_uid=first.FrameOfReferenceUID,
        slices=slices,
        slice_thickness_mm=spacing[0],
    )


def make_lesion(provenance: Provenance, number: int, **changes: Any) -> Lesion:
    """A box of 4 x 8 x 8 voxels (lesion 1 on slices 3 to 6, lesion 2 on slices 6 to 9) with two models' answers."""
    mask = np.zeros(SHAPE, bool)
    mask[3 * number : 3 * number + 4, 10:18, 12 + 10 * (number - 1) : 20 + 10 * (number - 1)] = True
    tracking_id, tracking_uid = tracking("1.2.99", "lung", provenance, number)
    axis = Axis(length_mm=11.31, start=(0, 0, 0), end=(8, 8, 0))
    measurements = Measurements(
        volume_ml=0.512,
        long_axis=axis,
        short_axis=replace(axis, length_mm=8.0),
        diameter_3d_mm=13.86,
        key_slice=3 * number + 1,
        ground_glass=GroundGlass(fraction=0.31, reader_class="25-50%"),
    )
    lesion = Lesion(
        number=number,
        tracking_id=tracking_id,
        tracking_uid=tracking_uid,
        contour=Contour(mask=mask, provenance=provenance),
        measurements=measurements,
        predictions=(PREDICTED, WITHHELD),
    )
    return replace(lesion, **changes)


def enhanced_header(series: list[Dataset]) -> Dataset:
    """Header of an Enhanced CT object whose frames are the slices of a series, without pixels."""
    header = Dataset()
    for keyword in (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "PatientName", "PatientID",
        "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "Modality", "Rows",
        "Columns",
    ):  # fmt: skip
        header[keyword] = series[0][keyword]
    header.SOPClassUID, header.NumberOfFrames = ENHANCED_CT, len(series)
    shared, orientation = Dataset(), Dataset()
    orientation.ImageOrientationPatient = series[0].ImageOrientationPatient
    shared.PlaneOrientationSequence = [orientation]
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [_frame(ds) for ds in series]
    return header


def as_bytes(ds: Dataset) -> bytes:
    """The object as a file."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def reread(ds: Dataset) -> Dataset:
    """The object as a receiver reads it."""
    return pydicom.dcmread(io.BytesIO(as_bytes(ds)))


def _frame(ds: Dataset) -> Dataset:
    frame, position = Dataset(), Dataset()
    position.ImagePositionPatient = ds.ImagePositionPatient
    frame.PlanePositionSequence = [position]
    return frame
