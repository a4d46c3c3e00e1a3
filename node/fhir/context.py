"""What all resources of one result share: whose, of which study, from when, and what it rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from node.dicom.envelope import Envelope
from node.domain import exchange
from node.fhir.elements import DICOM_UID, SYSTEMS, Json, filled, identifier, logical, typed

_TIME = re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """
    One result and where it belongs.

    Attributes:
        envelope: The job, with its algorithms named.
        modality: Of the measured series.
        sr: Our report: carries what was inherited from the images (patient, study, request), checked for validity.
        seg: Our Segmentation; None for a refused case.
    """

    envelope: Envelope
    modality: str
    sr: Dataset
    seg: Dataset | None

    @property
    def subject(self) -> Json:
        """
        The patient, by identifier: the receiver knows who that is, or matches it.

        The issuer goes along as a name, and as a URI where the images give one (PS3.3 C.7.1.1).
        """
        number = str(self.sr.get("PatientID", "") or "")
        if not number:
            return {"type": "Patient", "display": exchange.NOBODY}
        issuer = str(self.sr.get("IssuerOfPatientID", "") or "")
        known = {"system": self._issuer_uri(), "assigner": filled({"display": issuer})}
        return logical("Patient", filled({**typed("MR", number), **known}))

    @property
    def study(self) -> Json:
        """The study as a whole."""
        return logical("ImagingStudy", identifier(str(self.sr.StudyInstanceUID), DICOM_UID))

    @property
    def request(self) -> list[Json]:
        """The order that the images were made for, by accession number."""
        number = str(self.sr.get("AccessionNumber", "") or "")
        return [logical("ServiceRequest", typed("ACSN", number))] if number else []

    @property
    def effective(self) -> str:
        """When the images were made: with the time only where their zone is known, as FHIR demands."""
        day, time = str(self.sr.get("StudyDate", "") or ""), str(self.sr.get("StudyTime", "") or "")
        zone = str(self.sr.get("TimezoneOffsetFromUTC", "") or "")
        if not day:
            return ""
        if not zone or not _TIME.match(time):
            return f"{day[:4]}-{day[4:6]}-{day[6:]}"
        return datetime.strptime(f"{day}{time[:6]}{zone}", "%Y%m%d%H%M%S%z").isoformat()

    @property
    def issued(self) -> str:
        """When the result was made."""
        return self.envelope.written_at.isoformat()

    def uid(self, *parts: str) -> str:
        """UID of a resource of this job: made again it is the same, and a receiver need not take it twice."""
        return self.envelope.uid("fhir", *parts)

    def selection(self, number: int, *, images: bool) -> Json:
        """
        The segment of one lesion and, with `images`, the instances that it was drawn on.

        R4 has no ImagingSelection: this is an ImagingStudy that is contained in the resource and lists only these
        series and instances.
        """
        assert self.seg is not None  # noqa: S101 - a lesion was drawn
        series = [_series(str(self.seg.SeriesInstanceUID), "SEG", [_instance(self.seg, str(exchange.segment(number)))])]
        if images:
            measured = str(self.seg.ReferencedSeriesSequence[0].SeriesInstanceUID)
            series.insert(0, _series(measured, self.modality, _sources(self.seg, number)))
        return {
            "resourceType": "ImagingStudy",
            "id": "selection",
            "identifier": [identifier(str(self.sr.StudyInstanceUID), DICOM_UID)],
            "status": "available",
            "subject": self.subject,
            "description": str(exchange.SELECTION),
            "series": series,
        }

    def _issuer_uri(self) -> str:
        """Universal Entity ID (0040,0032) of the issuer, where it is an OID or a URI."""
        for item in self.sr.get("IssuerOfPatientIDQualifiersSequence") or ():
            kind, name = str(item.get("UniversalEntityIDType", "")), str(item.get("UniversalEntityID", ""))
            if name and kind in {"ISO", "URI"}:
                return f"urn:oid:{name}" if kind == "ISO" else name
        return ""


def _sources(seg: Dataset, number: int) -> list[Json]:
    """The images that a segment was drawn on (PS3.3 C.7.6.16.2.6), each once."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    found: dict[str, Json] = {}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        [named] = (shared if "SegmentIdentificationSequence" in shared else frame).SegmentIdentificationSequence
        [derivation] = (shared if "DerivationImageSequence" in shared else frame).DerivationImageSequence
        if named.ReferencedSegmentNumber == number:
            for image in derivation.SourceImageSequence:
                found.setdefault(str(image.ReferencedSOPInstanceUID), _referenced(image))
    return list(found.values())


def _series(uid: str, modality: str, instances: list[Json]) -> Json:
    return {"uid": uid, "modality": {"system": SYSTEMS["DCM"], "code": modality}, "instance": instances}


def _instance(ds: Dataset, title: str) -> Json:
    return {"uid": str(ds.SOPInstanceUID), "sopClass": _class(str(ds.SOPClassUID)), "title": title}


def _referenced(item: Dataset) -> Json:
    return {"uid": str(item.ReferencedSOPInstanceUID), "sopClass": _class(str(item.ReferencedSOPClassUID))}


def _class(uid: str) -> Json:
    return {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{uid}"}
