"""Encode: findings to a Comprehensive 3D SR with TID 1500 as its root (PS3.16, IHE AIR)."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as known

from node.dicom import codes, items
from node.dicom.envelope import MANUFACTURER, MODEL_NAME, Envelope, seal
from node.dicom.groups import lesion_group, source_object
from node.dicom.inherit import requests, stand_in
from node.dicom.items import Reference
from node.domain import words
from node.domain.findings import Findings, Lesion
from node.domain.volume import Volume

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SR_CLASSES = "1.2.840.10008.5.1.4.1.1.88."


def encode_sr(
    findings: Findings, volume: Volume | None, headers: Sequence[Dataset], seg: Dataset | None, envelope: Envelope
) -> Dataset:
    """
    Make the report of a case: one TID 1411 group per lesion, or why the case was not evaluated.

    Args:
        findings: What was found; a refused case has no lesions.
        volume: What was measured; None for a refused case that never became a volume.
        headers: Headers of the examined images, at least one; their study takes the report.
        seg: The Segmentation of the same findings; None for a refused case.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes.

    Raises:
        ValueError: There is no header, or there are lesions without volume or SEG.
    """
    if not headers:
        raise ValueError("a report needs the header of at least one examined image")
    envelope = envelope.naming(findings)
    groups, used = _groups(findings, volume, seg, envelope)
    content = _document(findings, groups, str(headers[0].get("Modality", "")), envelope)
    used = used or [_reference(header) for header in headers]
    sr = _sr(content, headers[0], envelope)
    _refer(sr, used, headers[0], envelope)
    seal(sr, "sr", envelope, headers[0])
    return sr


def _groups(
    findings: Findings, volume: Volume | None, seg: Dataset | None, envelope: Envelope
) -> tuple[list[hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations], list[Reference]]:
    """The measurement groups, and all that they refer to."""
    if not findings.lesions:
        return [], []
    if volume is None or seg is None:
        raise ValueError("lesions are reported together with their volume and Segmentation")
    segment = Reference(volume.study_uid, seg.SeriesInstanceUID, seg.SOPClassUID, seg.SOPInstanceUID)
    groups, used = [], [segment]
    for lesion in findings.lesions:
        images = _images(lesion, volume)
        groups.append(lesion_group(lesion, segment=segment, images=images, site=envelope.site))
        used += [*images, *filter(None, [source_object(lesion.contour.provenance)])]
    return groups, used


def _images(lesion: Lesion, volume: Volume) -> list[Reference]:
    """The slices that a lesion lies on."""
    at = [volume.slices[int(index)] for index in np.flatnonzero(lesion.contour.mask.any(axis=(1, 2)))]
    return [Reference(volume.study_uid, volume.series_uid, s.sop_class, s.sop_uid, s.frame) for s in at]


def _document(
    findings: Findings,
    groups: Sequence[hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations],
    modality: str,
    envelope: Envelope,
) -> Dataset:
    """The root container (TID 1500) with language, observer, procedure, then what is said of case and lesions."""
    root = hd.sr.ContainerContentItem(name=known.DCM.ImagingMeasurementReport, template_id="1500")
    root.ContentSequence = hd.sr.ContentSequence(
        [
            *hd.sr.LanguageOfContentItemAndDescendants(
                hd.sr.CodedConcept("en-US", "RFC5646", "English (United States)")
            ),
            *_observer(envelope),
            items.code(known.DCM.ProcedureReported, codes.procedure(modality), items.MODIFIES),
        ]
    )
    root.ContentSequence.append(_case(findings))
    if groups:
        measured = hd.sr.ContainerContentItem(name=known.DCM.ImagingMeasurements, relationship_type=items.CONTAINS)
        measured.ContentSequence = hd.sr.ContentSequence([item for group in groups for item in group])
        root.ContentSequence.append(measured)
    return root


def _observer(envelope: Envelope) -> hd.sr.ObservationContext:
    """TID 1001: this installation; the four values equal its item in Contributing Equipment."""
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=envelope.device_uid,
        name=envelope.installation,
        manufacturer_name=MANUFACTURER,
        model_name=MODEL_NAME,
        serial_number=envelope.installation[:64],
    )
    context = hd.sr.ObserverContext(observer_type=known.DCM.Device, observer_identifying_attributes=device)
    return hd.sr.ObservationContext(observer_device_context=context)


def _case(findings: Findings) -> Dataset:
    """Qualitative Evaluations of TID 1500: what holds for the case as a whole."""
    container = hd.sr.ContainerContentItem(name=codes.QUALITATIVE_EVALUATIONS, relationship_type=items.CONTAINS)
    said = [items.text(line) for line in (*words.case(findings), *words.choice(findings))]
    if findings.state == "refused":
        said.insert(1 if findings.change else 0, items.code(codes.OUTCOME, codes.NOT_EVALUATED))
        said.insert(2 if findings.change else 1, items.code(codes.REASON, codes.refusal(findings.reason_code)))
    container.ContentSequence = hd.sr.ContentSequence(said)
    return container


def _sr(content: Dataset, source: Dataset, envelope: Envelope) -> Dataset:
    """
    The SOP instance by highdicom, with the tree put in afterwards: highdicom 0.28.2 cannot take one with an empty NUM.

    It is made for a stand-in; `_refer` and `seal` put the real evidence and patient in place.
    """
    image = stand_in(str(source.StudyInstanceUID))
    image.SOPClassUID, image.SOPInstanceUID = CT_IMAGE, envelope.uid("stand-in")
    image.SeriesInstanceUID = envelope.uid("stand-in", "series")
    root = hd.sr.ContainerContentItem(name=known.DCM.ImagingMeasurementReport, template_id="1500")
    root.ContentSequence = hd.sr.ContentSequence()
    sr = hd.sr.Comprehensive3DSR(
        evidence=[image],
        content=root,
        series_instance_uid=envelope.series_uid("sr"),
        series_number=envelope.series_number("sr"),
        sop_instance_uid=envelope.sop_uid("sr"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        specific_character_set="ISO_IR 192",
    )
    sr.ContentSequence = content.ContentSequence
    return sr


def _refer(sr: Dataset, used: Sequence[Reference], source: Dataset, envelope: Envelope) -> None:
    """Evidence, the request that is answered, and the report that this one replaces."""
    current, other = items.evidence(used, str(source.StudyInstanceUID))
    for keyword, found in (
        ("CurrentRequestedProcedureEvidenceSequence", current),
        ("PertinentOtherEvidenceSequence", other),
        ("ReferencedRequestSequence", requests(source)),
        ("PredecessorDocumentsSequence", _predecessors(str(source.StudyInstanceUID), envelope)),
    ):
        if found:
            setattr(sr, keyword, found)
        elif keyword in sr:
            delattr(sr, keyword)


def _predecessors(study_uid: str, envelope: Envelope) -> list[Dataset]:
    """The reports among the objects that this revision replaces (PS3.3 C.17.2: documents only, so no SEG)."""
    replaced = envelope.predecessor.objects if envelope.predecessor else ()
    reports = [Reference(study_uid, series, kind, uid) for kind, uid, series in replaced if kind.startswith(SR_CLASSES)]
    return items.evidence(reports, study_uid)[0]


def _reference(header: Dataset) -> Reference:
    return Reference(
        str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPClassUID), str(header.SOPInstanceUID)
    )
