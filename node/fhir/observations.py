"""
Lesions, measurements and answers of the models as Observations.

Category imaging and status preliminary throughout; never a laboratory's category, code, specimen or answer: what is
predicted from images must not be taken for a molecular test by any system that reads it.
"""

from __future__ import annotations

from pydicom.sr.codedict import codes as known
from pydicom.sr.coding import Code

from node.dicom import codes
from node.domain import evidence, exchange, words
from node.domain.findings import Findings, Lesion, Measurements, Prediction
from node.fhir.context import Context
from node.fhir.devices import made_by, node_uid
from node.fhir.elements import SYSTEMS, Json, absent, concept, filled, identifier, local, measured, notes, share

IMAGING = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}

_ABSENT = {"input_missing": "unknown", "model_failed": "error"}
"""Reason code of a prediction to FHIR's data-absent-reason; every other one is "not-performed"."""


def of_case(findings: Findings, context: Context) -> list[tuple[str, Json]]:
    """Every Observation of a result with its UID: for each lesion its parts, then the lesion that names them."""
    if findings.state == "refused":
        return [_refusal(findings, context)]
    made: list[tuple[str, Json]] = []
    for lesion in findings.lesions:
        parts = [*_measurements(lesion, context), *(_prediction(p, lesion, context) for p in lesion.predictions)]
        made += [*parts, _lesion(lesion, [uid for uid, _ in parts], context)]
    return made


def _common(uid: str, code: Code, context: Context) -> Json:
    return {
        "resourceType": "Observation",
        "identifier": [identifier(uid)],
        "status": "preliminary",
        "category": [{"coding": [IMAGING]}],
        "code": concept(code),
        "subject": context.subject,
        "effectiveDateTime": context.effective,
        "issued": context.issued,
    }


def _at_lesion(lesion: Lesion, context: Context, *, images: bool = False) -> Json:
    """Where in the study it is."""
    site = context.envelope.site
    return {
        "contained": [context.selection(lesion.number, images=images)],
        "derivedFrom": [context.study, {"reference": "#selection"}],
        "bodySite": concept(codes.body_site(Code(*site), lesion.lung)) if site and site[1] in SYSTEMS else None,
    }


def _lesion(lesion: Lesion, members: list[str], context: Context) -> tuple[str, Json]:
    """The measurement group: which lesion it is, by whom it was drawn, and all that was found about it."""
    uid = context.uid(str(lesion.number), "lesion")
    provenance = lesion.contour.provenance
    finding = codes.NEOPLASM if provenance.named_neoplasm else codes.LESION
    return uid, filled(
        {
            **_common(uid, known.DCM.MeasurementGroup, context),
            **_at_lesion(lesion, context, images=True),
            "device": local(node_uid(context.envelope)),
            "hasMember": [local(member) for member in members],
            "note": notes([exchange.marked(), words.description(provenance), *words.measured(lesion)]),
            "component": [
                _text(known.DCM.TrackingIdentifier, lesion.tracking_id),
                _text(known.DCM.TrackingUniqueIdentifier, f"urn:oid:{lesion.tracking_uid}"),
                {"code": concept(known.DCM.Finding), "valueCodeableConcept": concept(finding)},
            ],
        }
    )


def _measurements(lesion: Lesion, context: Context) -> list[tuple[str, Json]]:
    made = []
    for code, value, unit, digits in _numbers(lesion.measurements):
        uid = context.uid(str(lesion.number), code.scheme_designator, code.value)
        resource = {
            **_common(uid, code, context),
            **_at_lesion(lesion, context),
            **measured(value, unit, digits),
            "method": {"text": exchange.MEASURED},
            "device": local(node_uid(context.envelope)),
            "note": notes([exchange.marked()]),
        }
        made.append((uid, filled(resource)))
    return made


def _numbers(m: Measurements) -> list[tuple[Code, float, Code, int]]:
    numbers = [
        (codes.VOLUME, m.volume_ml, codes.CUBIC_CENTIMETRE, 3),
        (codes.LONG_AXIS, m.long_axis.length_mm, codes.MILLIMETRE, 1),
        (codes.SHORT_AXIS, m.short_axis.length_mm, codes.MILLIMETRE, 1),
        (codes.DIAMETER_3D, m.diameter_3d_mm, codes.MILLIMETRE, 1),
    ]
    if m.ground_glass is not None and m.ground_glass.fraction is not None:
        numbers.append((codes.GROUND_GLASS, 100 * m.ground_glass.fraction, codes.PERCENT, 1))
    return numbers


def _prediction(prediction: Prediction, lesion: Lesion, context: Context) -> tuple[str, Json]:
    """The probability with its interval, or why there is none, and all that must stand beside it."""
    facts = prediction.model
    uid = context.uid(str(lesion.number), "prediction", facts.id)
    limits = evidence.caveats(facts) if words.is_answered(prediction) else []
    said = [evidence.headline(prediction), exchange.marked(), *evidence.evidence(prediction), *limits]
    return uid, filled(
        {
            **_common(uid, codes.probability(facts), context),
            **_at_lesion(lesion, context),
            **_answer(prediction),
            "method": {"text": exchange.METHOD},
            "device": made_by(facts),
            "note": notes(said),
            "component": [*_interval(prediction), *_status(prediction), *_gene(prediction)],
        }
    )


def _answer(prediction: Prediction) -> Json:
    e = prediction.estimate
    if e is not None and words.is_answered(prediction):
        return share(e.probability)
    why = _ABSENT.get(prediction.reason_code, "not-performed")
    return {"dataAbsentReason": absent(why, str(exchange.why_absent(prediction)))}


def _interval(prediction: Prediction) -> list[Json]:
    e, facts = prediction.estimate, prediction.model
    if e is None or not words.is_answered(prediction):
        return []
    ends = ((codes.lower(facts), e.lower), (codes.upper(facts), e.upper))
    return [{"code": concept(code), **share(end)} for code, end in ends]


def _status(prediction: Prediction) -> list[Json]:
    side = words.verdict(prediction)
    if side is None:
        return []
    code = concept(codes.status(prediction.model))
    return [{"code": code, "valueCodeableConcept": concept(codes.verdict(side))}]


def _gene(prediction: Prediction) -> list[Json]:
    """What the answer is about: no finding, so the component says that it is what was predicted."""
    gene = codes.gene(prediction.model)
    if gene is None:
        return []
    name = concept(codes.PREDICTED_GENE, str(exchange.PREDICTED_TARGET))
    return [{"code": name, "valueCodeableConcept": concept(gene)}]


def _refusal(findings: Findings, context: Context) -> tuple[str, Json]:
    """The case as a whole was not evaluated, and why."""
    uid = context.uid("refusal")
    why = words.refusal(findings.reason_code, findings.reason)
    reason = concept(codes.refusal(findings.reason_code), why)
    return uid, filled(
        {
            **_common(uid, codes.OUTCOME, context),
            "derivedFrom": [context.study],
            "device": local(node_uid(context.envelope)),
            "dataAbsentReason": absent("not-performed", why),
            "note": notes(words.case(findings)),
            "component": [{"code": concept(codes.REASON), "valueCodeableConcept": reason}],
        }
    )


def _text(code: Code, value: str) -> Json:
    return {"code": concept(code), "valueString": value}
