"""
The data types of FHIR R4 that our resources are made of, as plain JSON values.

DICOM's coding schemes and UIDs are written as FHIR writes them: a scheme by its URI (http://hl7.org/fhir/R4/
terminologies-systems.html), a UID as `urn:oid:` (http://hl7.org/fhir/R4/imagingstudy.html#notes).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable
from typing import Any

from pydicom.sr.coding import Code

from node.dicom.codes import PERCENT, SCHEME
from node.dicom.uids import derive_uid

Json = dict[str, Any]

DICOM_UID = "urn:dicom:uid"
URI = "urn:ietf:rfc:3986"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
ABSENT_REASONS = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
    "HGNC": "http://www.genenames.org/geneId",
    "IBSI": "urn:oid:1.2.840.10008.2.16.13",
    "UMLS": "http://www.nlm.nih.gov/research/umls",
    SCHEME: f"urn:oid:{derive_uid('radnode', 'coding scheme', SCHEME)}",
}
"""Coding scheme designator of DICOM (PS3.16 chapter 8) to the URI by which FHIR knows the same scheme."""


def coding(code: Code) -> Json:
    """
    A code.

    Raises:
        KeyError: Its scheme has no URI in `SYSTEMS`.
    """
    return {"system": SYSTEMS[code.scheme_designator], "code": code.value, "display": code.meaning}


def concept(code: Code, text: str = "") -> Json:
    """A CodeableConcept; its text is the meaning of the code unless said otherwise."""
    return {"coding": [coding(code)], "text": text or code.meaning}


def quantity(value: float, unit: Code, digits: int = 1) -> Json:
    """A Quantity; `value` must be finite."""
    return {"value": round(value, digits), "unit": unit.value, "system": SYSTEMS["UCUM"], "code": unit.value}


def absent(code: str, text: str = "") -> Json:
    """A dataAbsentReason: `code` is one of FHIR's value set data-absent-reason."""
    return {"coding": [{"system": ABSENT_REASONS, "code": code}], **({"text": text} if text else {})}


def measured(value: float, unit: Code, digits: int = 1) -> Json:
    """What an Observation says of a number: its value, or why there is none."""
    if math.isfinite(value):
        return {"valueQuantity": quantity(value, unit, digits)}
    if math.isnan(value):
        return {"dataAbsentReason": absent("not-a-number")}
    return {"dataAbsentReason": absent("positive-infinity" if value > 0 else "negative-infinity")}


def share(part: float) -> Json:
    """What an Observation says of a share from 0 to 1, in per cent; never rounded to certainty."""
    if 0 < part < 0.0005:
        return {"valueQuantity": {**quantity(0.1, PERCENT), "comparator": "<"}}
    if 0.9995 <= part < 1:
        return {"valueQuantity": {**quantity(99.9, PERCENT), "comparator": ">"}}
    return measured(100 * part, PERCENT)


def identifier(uid: str, system: str = URI) -> Json:
    """A UID as identifier; `DICOM_UID` for those of DICOM studies and instances."""
    return {"system": system, "value": f"urn:oid:{uid}"}


def typed(kind: str, value: str) -> Json:
    """An identifier that is known by its type (HL7 v2 table 0203), such as "MR" or "ACSN"."""
    return {"type": {"coding": [{"system": IDENTIFIER_TYPES, "code": kind}]}, "value": value}


def logical(resource: str, by: Json, display: str = "") -> Json:
    """A reference to what the receiver may know by an identifier; it stays valid where he does not."""
    return {"type": resource, "identifier": by, **({"display": display} if display else {})}


def urn(uid: str) -> str:
    """
    The `urn:uuid:` form of one of our own UIDs below 2.25 (PS3.5 B.2).

    Raises:
        ValueError: It is no such UID.
    """
    root, _, number = uid.rpartition(".")
    if root != "2.25":
        raise ValueError(f"{uid} is no UID below 2.25")
    return uuid.UUID(int=int(number)).urn


def local(uid: str) -> Json:
    """A reference to another entry of the same bundle."""
    return {"reference": urn(uid)}


def notes(lines: Iterable[str]) -> list[Json]:
    """Annotations, one for each line."""
    return [{"text": line} for line in lines]


def filled(resource: Json) -> Json:
    """The resource without what is empty: FHIR knows no empty element."""
    return {key: value for key, value in resource.items() if value not in (None, "", [], {})}
