"""A report as a SOP instance, and the root of a measurement report (TID 1500): all but its groups (PS3.16, IHE AIR)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as known

from node.dicom import codes, items
from node.dicom.envelope import KINDS, MANUFACTURER, MODEL_NAME, Envelope, seal
from node.dicom.inherit import requests, stand_in
from node.dicom.items import Reference
from node.domain import words
from node.domain.document import ResultKind
from node.domain.findings import Findings
from node.domain.language import Language

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SR_CLASSES = "1.2.840.10008.5.1.4.1.1.88."


def measurement_report(
    kind: ResultKind,
    findings: Findings,
    groups: Sequence[Dataset],
    used: Sequence[Reference],
    source: Dataset,
    envelope: Envelope,
) -> Dataset:
    """
    Make a report out of its measurement groups.

    Args:
        kind: Decides number, description and UIDs.
        findings: For what is said of the case as a whole.
        groups: Items "Measurement Group", all of one template: PixelMed and OHIF understand no mixture.
        used: All that the groups refer to, at least one image.
        source: Header of an examined image, whose study takes the report.
        envelope: The job, with all its algorithms named.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes.
    """
    content = _document(findings, groups, str(source.get("Modality", "")), envelope)
    return report(kind, content, used, source, envelope)


def report(
    kind: ResultKind,
    content: Dataset,
    used: Sequence[Reference],
    source: Dataset,
    envelope: Envelope,
    *,
    sop_class: str = COMPREHENSIVE_3D_SR,
) -> Dataset:
    """
    Make a report out of its root container.

    Args:
        kind: Decides number, description and UIDs.
        content: The root, with all that is below it.
        used: All that it refers to or rests on, at least one image.
        source: Header of an examined image, whose study takes the report.
        envelope: The job, with all its algorithms named.
        sop_class: One that allows the value types and relationships of `content`.

    Returns:
        As `measurement_report`.
    """
    sr = _sr(content, kind, source, envelope)
    sr.SOPClassUID = sr.file_meta.MediaStorageSOPClassUID = sop_class
    _refer(sr, kind, used, source, envelope)
    seal(sr, kind, envelope, source)
    return sr


def _document(
    findings: Findings,
    groups: Sequence[Dataset],
    modality: str,
    envelope: Envelope,
) -> Dataset:
    """The root container (TID 1500) with language, observer, procedure, then what is said of case and lesions."""
    root = hd.sr.ContainerContentItem(name=known.DCM.ImagingMeasurementReport, template_id="1500")
    root.ContentSequence = hd.sr.ContentSequence(
        [
            *observer(envelope),
            items.code(known.DCM.ProcedureReported, codes.procedure(modality), items.MODIFIES),
        ]
    )
    root.ContentSequence.append(_case(findings, envelope.language))
    if groups:
        measured = hd.sr.ContainerContentItem(name=known.DCM.ImagingMeasurements, relationship_type=items.CONTAINS)
        measured.ContentSequence = hd.sr.ContentSequence(groups)
        root.ContentSequence.append(measured)
    return root


def observer(envelope: Envelope) -> list[Dataset]:
    """
    Language (TID 1204) and observer (TID 1001) of a root: this installation.

    The four values of the observer equal its item in Contributing Equipment.
    """
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=envelope.device_uid,
        name=envelope.installation,
        manufacturer_name=MANUFACTURER,
        model_name=MODEL_NAME,
        serial_number=envelope.installation[:64],
    )
    context = hd.sr.ObserverContext(observer_type=known.DCM.Device, observer_identifying_attributes=device)
    return [*items.language_of(envelope.language), *hd.sr.ObservationContext(observer_device_context=context)]


def _case(findings: Findings, language: Language) -> Dataset:
    """Qualitative Evaluations of TID 1500: what holds for the case as a whole."""
    container = hd.sr.ContainerContentItem(name=codes.QUALITATIVE_EVALUATIONS, relationship_type=items.CONTAINS)
    said = [items.text(line, language) for line in (*words.case(findings), *words.choice(findings))]
    if findings.state == "refused":
        said.insert(1 if findings.change else 0, items.code(codes.OUTCOME, codes.NOT_EVALUATED))
        said.insert(2 if findings.change else 1, items.code(codes.REASON, codes.refusal(findings.reason_code)))
    container.ContentSequence = hd.sr.ContentSequence(said)
    return container


def _sr(content: Dataset, kind: ResultKind, source: Dataset, envelope: Envelope) -> Dataset:
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
        series_instance_uid=envelope.series_uid(kind),
        series_number=envelope.series_number(kind),
        sop_instance_uid=envelope.sop_uid(kind),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        specific_character_set="ISO_IR 192",
    )
    for keyword in ("ConceptNameCodeSequence", "ContentTemplateSequence", "ContentSequence"):
        if keyword in content:
            sr[keyword] = content[keyword]
        else:
            del sr[keyword]
    return sr


def _refer(sr: Dataset, kind: ResultKind, used: Sequence[Reference], source: Dataset, envelope: Envelope) -> None:
    """Evidence, the request that is answered, and the report that this one replaces."""
    read = [*used, *map(items.instance, (*envelope.also_read, *envelope.reports))]
    current, other = items.evidence(read, str(source.StudyInstanceUID))
    for keyword, found in (
        ("CurrentRequestedProcedureEvidenceSequence", current),
        ("PertinentOtherEvidenceSequence", other),
        ("ReferencedRequestSequence", requests(source)),
        ("PredecessorDocumentsSequence", _predecessors(kind, str(source.StudyInstanceUID), envelope)),
    ):
        if found:
            setattr(sr, keyword, found)
        elif keyword in sr:
            delattr(sr, keyword)


def _predecessors(kind: ResultKind, study_uid: str, envelope: Envelope) -> list[Dataset]:
    """
    What this report replaces (PS3.3 C.17.2: documents only, so no SEG): its like, and in a refusal every report.

    Nothing but a refusal stands in the place of a report whose kind this revision does not make.
    """
    if envelope.predecessor is None:
        return []
    before = replace(envelope, job_id=envelope.predecessor.job_id)
    others = {before.sop_uid(other) for other in KINDS if other != kind}
    reports = [
        Reference(study_uid, series, sop_class, uid)
        for sop_class, uid, series in envelope.predecessor.objects
        if sop_class.startswith(SR_CLASSES) and (envelope.refused or uid not in others)
    ]
    return items.evidence(reports, study_uid)[0]
