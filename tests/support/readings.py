"""Reports of radiologists (TID 1500 with qualitative evaluations), as highdicom writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from node.dicom.envelope import MANUFACTURER, MODEL_NAME
from tests.support.marks import code, content

PRESENT, ABSENT = Code("52101004", "SCT", "Present"), Code("2667000", "SCT", "Absent")
UNDETERMINED = Code("373068000", "SCT", "Undetermined")
EFFUSION = Code("60046008", "SCT", "Pleural effusion")
LUNG_METASTASIS = Code("94391008", "SCT", "Pulmonary metastasis")
N_CATEGORY = Code("399534004", "SCT", "cN category")
CN2 = Code("1229978004", "SCT", "American Joint Committee on Cancer cN2 (qualifier value)")
ATTENUATION, SOLID = Code("RID6037", "RADLEX", "Attenuation Characteristic"), Code("RID5741", "RADLEX", "Solid")
PLACE, CENTRAL = Code("112013", "DCM", "Location in Chest"), Code("26216008", "SCT", "Central")
NEOPLASM = Code("108369006", "SCT", "Neoplasm")

Evaluation = tuple[Code, Code]


def own(meaning: str) -> Code:
    """A code of a site's own scheme."""
    return Code("X1", "99HOSPITAL", meaning)


def reading(
    images: Sequence[Dataset],
    evaluations: Sequence[Evaluation] = (),
    *,
    whole: Sequence[Dataset] = (),
    finding: Code = NEOPLASM,
    device: bool = False,
    **attributes: Any,
) -> Dataset:
    """
    A measurement report on the first of these images.

    Args:
        images: Headers of the study.
        evaluations: Qualitative evaluations of one measurement group with this Finding.
        whole: Items of the container "Qualitative Evaluations", which belong to no group.
        finding: Of the group.
        device: Whether a device observed it, not a person.
        attributes: Keyword to value, set last.
    """
    root = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=_device())
        if device
        else hd.sr.ObservationContext(observer_person_context=_person()),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[_group(images[0], evaluations, finding)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    ds = hd.sr.Comprehensive3DSR(
        evidence=list(images),
        content=root[0],
        series_instance_uid=hd.UID(),
        series_number=77,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Reading Room",
    )
    if whole:
        evaluated = content("CONTAINER", ("C0034375", "UMLS", "Qualitative Evaluations"), children=list(whole))
        evaluated.ContinuityOfContent = "SEPARATE"
        ds.ContentSequence = [*ds.ContentSequence, evaluated]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def evaluation(name: Code, value: Code, *modifiers: Evaluation) -> Dataset:
    """One CODE item, with modifiers of its name."""
    below = [content("CODE", tuple(n)[:3], ConceptCodeSequence=code(*tuple(v)[:3])) for n, v in modifiers]
    for item in below:
        item.RelationshipType = "HAS CONCEPT MOD"
    return content("CODE", tuple(name)[:3], ConceptCodeSequence=code(*tuple(value)[:3]), children=below)


def saved(ds: Dataset, path: Path) -> Path:
    """The file of a report."""
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def by_radnode(ds: Dataset) -> Dataset:
    """The same report, told to be made by a node like ours."""
    maker = Dataset()
    maker.Manufacturer, maker.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    ds.ContributingEquipmentSequence = [maker]
    return ds


def _person() -> hd.sr.ObserverContext:
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name="Reader^Rita"),
    )


def _device() -> hd.sr.ObserverContext:
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(uid=hd.UID(), name="CAD"),
    )


def _group(image: Dataset, evaluations: Sequence[Evaluation], finding: Code) -> Any:
    region = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues.POINT,
        graphic_data=np.array([[4.5, 4.5]]),
        source_image=hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID),
    )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier="Lesion 1"),
        referenced_region=region,
        finding_type=finding,
        qualitative_evaluations=[hd.sr.QualitativeEvaluation(name, value) for name, value in evaluations],
    )
