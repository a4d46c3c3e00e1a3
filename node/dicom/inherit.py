"""What a result object takes over from the images it was made from: patient, study and request, kept valid."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pydicom.config
import structlog
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import validate_value

log = structlog.get_logger()

REQUIRED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyID",
)  # fmt: skip
"""Type 2 in the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): empty where the source has none."""

OPTIONAL = (
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID", "OtherPatientIDsSequence",
    "PatientBirthTime", "EthnicGroup", "PatientIdentityRemoved", "DeidentificationMethod",
    "DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified", "IssuerOfAccessionNumberSequence",
    "StudyDescription", "PhysiciansOfRecord", "ProcedureCodeSequence", "PatientAge", "PatientSize", "PatientWeight",
    "AdmissionID", "IssuerOfAdmissionIDSequence", "BodyPartExamined", "TimezoneOffsetFromUTC",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID",
    "ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID", "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
)  # fmt: skip
"""
Type 3 or conditional: absent where the source has none, or an invalid one.

Institution Name is not among them: it is where the equipment stands (PS3.3 C.7.5.1), the scanner's is not ours.
"""

_REQUEST_TYPE_2 = (
    "AccessionNumber", "PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID", "RequestedProcedureDescription",
)  # fmt: skip
_REQUEST_OPTIONAL = ("IssuerOfAccessionNumberSequence", "ReasonForTheRequestedProcedure")

_ENUMERATED = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "LongitudinalTemporalInformationModified": {"UNMODIFIED", "MODIFIED", "REMOVED"},
}
_SINGLE = {"PhysiciansOfRecord", "DeidentificationMethod"}  # every other one has value multiplicity 1


def inherit(source: Dataset) -> Dataset:
    """
    Patient, study and equipment-neutral series attributes of a source header, decoded and valid.

    Text is decoded with the source's character sets and becomes plain strings, so that the object it goes into can be
    written in UTF-8. A value that its VR does not allow is left empty where the Standard allows that (Type 2), left out
    otherwise, and logged by its keyword only: it is patient data.

    Args:
        source: Header of an image; not changed.

    Returns:
        A data set with every attribute of `REQUIRED` and those of `OPTIONAL` that the source has; Study Instance UID is
        taken as it stands.
    """
    target = Dataset()
    target.StudyInstanceUID = str(source.StudyInstanceUID)
    with _unchecked():
        for keyword in REQUIRED:
            _set(target, keyword, _valid(source, keyword))
        for keyword in OPTIONAL:
            if (value := _valid(source, keyword)) is not None:
                _set(target, keyword, value)
    return target


def stand_in(study_uid: str) -> Dataset:
    """
    A source without a patient, for writers that insist on one: `envelope.seal` puts the real one in its place.

    No patient data goes through highdicom, whose warnings quote a name that it finds unlikely.
    """
    ds = Dataset()
    ds.StudyInstanceUID = study_uid
    for keyword in REQUIRED:
        _set(ds, keyword, None)
    return ds


def valid(source: Dataset, keyword: str) -> Any:
    """The decoded value of one more attribute, None where it is absent, empty or invalid."""
    with _unchecked():
        return _valid(source, keyword)


def requests(source: Dataset) -> list[Dataset]:
    """
    Items for Referenced Request Sequence (0040,A370) from the source's Request Attributes Sequence (0040,0275).

    Every Type 2 attribute of an item (PS3.3 C.17.2) is present, empty where the source does not know it.
    """
    items = []
    with _unchecked():
        for attributes in source.get("RequestAttributesSequence") or []:
            item = Dataset()
            item.StudyInstanceUID = str(source.StudyInstanceUID)
            item.ReferencedStudySequence = []
            for keyword in _REQUEST_TYPE_2:
                _set(item, keyword, _valid(attributes, keyword))
            if not item.AccessionNumber:
                _set(item, "AccessionNumber", _valid(source, "AccessionNumber"))
            item.RequestedProcedureCodeSequence = _valid(attributes, "RequestedProcedureCodeSequence") or []
            for keyword in _REQUEST_OPTIONAL:
                if (value := _valid(attributes, keyword)) is not None:
                    _set(item, keyword, value)
            items.append(item)
    return items


@contextmanager
def _unchecked() -> Iterator[None]:
    """Read without pydicom's own checks, whose warnings may quote the value; `_valid` makes its own."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _set(target: Dataset, keyword: str, value: Any) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    vr = dictionary_VR(tag)
    target[tag] = DataElement(tag, vr, ([] if vr == "SQ" else "") if value is None else value)


def _valid(source: Dataset, keyword: str) -> Any:
    """The decoded value of an attribute, None where it is absent, empty or invalid."""
    if keyword not in source:
        return None
    try:
        element = source[keyword]
        if dictionary_VR(keyword) == element.VR == "SQ":
            return [_item(item) for item in element.value] or None
        return _checked(keyword, element.VR, element.value)
    except (ValueError, TypeError, OverflowError, LookupError, NotImplementedError):
        log.warning("value.dropped", keyword=keyword)
        return None


def _item(source: Dataset) -> Dataset:
    """A copy of a sequence item with what is valid in it; private elements stay behind."""
    target = Dataset()
    for keyword in [k for k in source.dir() if k in source]:
        if (value := _valid(source, keyword)) is not None:
            _set(target, keyword, value)
    return target


def _checked(keyword: str, vr: str, value: Any) -> Any:
    """
    The value as plain text (or a list of it).

    Raises:
        ValueError: It is not allowed for its VR, multiplicity or enumeration.
    """
    if dictionary_VR(keyword) != vr:
        raise ValueError("another VR")
    values = list(value) if isinstance(value, MultiValue) else [value]
    texts = [_text(vr, v) for v in values if v is not None]
    if not any(texts):
        return None
    if len(texts) > 1 and keyword in {*REQUIRED, *OPTIONAL} - _SINGLE:
        raise ValueError("several values")
    if any(text not in _ENUMERATED.get(keyword, {text}) for text in texts):
        raise ValueError("not among the enumerated values")
    return texts if len(texts) > 1 else texts[0]


def _text(vr: str, value: Any) -> Any:
    if vr in {"US", "UL", "SS", "SL", "FD", "FL"}:
        return value
    text = str(value).strip(" \0")
    validate_value(vr, text, pydicom.config.RAISE)
    allowed = "\t\n\f\r\x1b" if vr in {"LT", "ST", "UT"} else ""
    if any(ord(c) < 0x20 and c not in allowed for c in text) or "�" in text:
        raise ValueError("control or undecodable characters")
    if text and vr in {"DA", "TM", "DS"}:
        _strict(vr, text)
    return text


def _strict(vr: str, text: str) -> None:
    """What pydicom's patterns let pass: ranges of a query, 31 February, numbers that are none."""
    if vr == "DA":
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007  (a date has no zone)
        if len(text) != 8:
            raise ValueError("not eight digits")
    elif "-" in text and vr == "TM":
        raise ValueError("a range")
    elif vr == "DS" and not math.isfinite(float(text)):
        raise ValueError("not finite")
