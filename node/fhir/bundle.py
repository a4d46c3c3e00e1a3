"""
One result as a FHIR R4 transaction: DiagnosticReport, Observations and Devices, to be taken by a server as a whole.

Every entry is a conditional create on an identifier of its own (http://hl7.org/fhir/R4/http.html#ccreate): a server
that has been sent the same result twice holds it once. A revision is a report of its own that names the one it
replaces; as in the PACS, the earlier one is not taken away.
"""

from __future__ import annotations

import json
from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as known

from node.dicom.envelope import Envelope, device_uid
from node.domain import evidence, exchange, words
from node.domain.findings import Findings
from node.domain.language import TAGS, joined, spoken
from node.fhir import devices, observations
from node.fhir.check import check
from node.fhir.context import Context
from node.fhir.elements import DICOM_UID, Json, concept, filled, identifier, local, logical, urn

REPLACES = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces"
IMAGING = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "IMG"}


def encode_fhir(
    findings: Findings, envelope: Envelope, *, modality: str, sr: Dataset, seg: Dataset | None = None
) -> bytes:
    """
    The transaction bundle of one result.

    Args:
        findings: Succeeded or refused.
        envelope: The job.
        modality: Of the measured series, e.g. "CT".
        sr: Our report of the same findings; what it inherited from the images says who the patient is.
        seg: Our Segmentation of the same findings; needed where there are lesions.

    Returns:
        JSON in UTF-8. The same arguments give the same bytes.

    Raises:
        ValueError: What was made is no valid FHIR: a mistake of ours.
    """
    envelope = envelope.naming(findings)
    context = Context(envelope=envelope, modality=modality, sr=sr, seg=seg)
    entries = spoken(_entries(findings, context), envelope.language)
    bundle = {
        "resourceType": "Bundle",
        "identifier": identifier(bundle_uid(envelope)),
        "type": "transaction",
        "timestamp": context.issued,
        "entry": entries,
    }
    check(bundle)
    return json.dumps(bundle, ensure_ascii=False, indent=1).encode()


def bundle_uid(envelope: Envelope) -> str:
    """UID of the bundle of a job."""
    return envelope.uid("fhir", "bundle")


def _entries(findings: Findings, context: Context) -> list[Json]:
    envelope = context.envelope
    made = [(devices.node_uid(envelope), devices.node(envelope))]
    made += [(device_uid(facts), devices.algorithm(facts)) for facts in envelope.models if facts.digest]
    found = observations.of_case(findings, context)
    report = _report(findings, [uid for uid, _ in found], context)
    return [*(_entry(uid, each) for uid, each in [*made, *found]), _entry(context.uid("report"), report)]


def _entry(uid: str, resource: Json) -> Json:
    """One conditional create: its first identifier is what tells whether the receiver has it."""
    kind, known_by = resource["resourceType"], resource["identifier"][0]
    request = {"method": "POST", "url": kind, "ifNoneExist": f"identifier={known_by['system']}|{known_by['value']}"}
    return {"fullUrl": urn(uid), "resource": resource, "request": request}


def _report(findings: Findings, results: list[str], context: Context) -> Json:
    """The DiagnosticReport: known by the SOP Instance UID of the DICOM report, and never with a coded conclusion."""
    return filled(
        {
            "resourceType": "DiagnosticReport",
            "language": TAGS[context.envelope.language][0],
            "extension": _replaced(context.envelope),
            "identifier": [identifier(context.envelope.sop_uid("sr"), DICOM_UID)],
            "basedOn": context.request,
            "status": "preliminary",
            "category": [{"coding": [IMAGING]}],
            "code": concept(known.DCM.ImagingMeasurementReport, context.envelope.series_description("sr")),
            "subject": context.subject,
            "effectiveDateTime": context.effective,
            "issued": context.issued,
            "result": [local(uid) for uid in results],
            "imagingStudy": [context.study],
            "conclusion": joined(_conclusion(findings), "\n"),
        }
    )


def _replaced(envelope: Envelope) -> list[Json]:
    """What a revision stands in the place of: the report of the job before."""
    if envelope.predecessor is None:
        return []
    former = replace(envelope, job_id=envelope.predecessor.job_id).sop_uid("sr")
    return [{"url": REPLACES, "valueReference": logical("DiagnosticReport", identifier(former, DICOM_UID))}]


def _conclusion(findings: Findings) -> list[str]:
    answers = [
        exchange.of_lesion(lesion, findings, evidence.headline(prediction))
        for lesion in findings.lesions
        for prediction in lesion.predictions
    ]
    return [*words.case(findings), *answers, *words.choice(findings), words.NO_SUBSTITUTE]
