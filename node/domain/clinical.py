"""Clinical values of a patient, each with its origin: what a header tells, and what overrules it (reports, a file)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from node.domain.language import say

OLDEST = 130.0
"""Years beyond which a stated age is a mistake."""

FINDINGS = ("solid", "central", "lymphangitic", "effusion", "pleural_metastasis", "lung_metastasis")
"""What a reader may state about a lung tumour and its spread: yes or no."""

_YEARS_PER = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
"""Units of the value representation AS, PS3.5 table 6.2-1."""

_AGE = "PatientAge (0010,1010)"
_BIRTH = say("StudyDate (0008,0020) minus PatientBirthDate (0010,0030)")


@dataclass(frozen=True, slots=True)
class Value:
    """
    One clinical value.

    Attributes:
        value: A number (years, pack-years) or a lower-case level ("female", "current", "adenocarcinoma").
        source: Where it comes from, in words: "clinical file, line 4", "PatientAge (0010,1010)", …
    """

    value: float | str
    source: str


@dataclass(frozen=True, slots=True)
class Clinical:
    """
    All that is known, and why the rest is not.

    Attributes:
        values: Name to value. Names: age (years), sex (male | female), smoking (never | former | current |
            not_current), pack_years, histology (adenocarcinoma | squamous cell carcinoma | nsclc nos | other text as
            supplied), nodal_stage (n0 to n3), and `FINDINGS` (yes | no).
        problems: Name to the reason why a stated value is not used ("PatientAge and PatientBirthDate differ …").
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def from_header(attributes: Mapping[str, tuple[str, ...]]) -> Clinical:
    """
    Read what the image header tells of the patient.

    Args:
        attributes: DICOM keyword to values, as `Instance.attributes` holds them.

    Returns:
        age in years (PatientAge, else StudyDate minus PatientBirthDate; missing when the two differ by more than a
        year), sex, and smoking: Smoking Status (0010,21A0) says whether the patient smokes *now*, so NO is
        "not_current" (never or former) and not "never" (PS3.3 C.7.2.3).
    """
    values: dict[str, Value] = {}
    problems: dict[str, str] = {}
    _age(attributes, values, problems)
    sex = {"M": "male", "F": "female"}.get(_text(attributes, "PatientSex"))
    if sex:
        values["sex"] = Value(sex, "PatientSex (0010,0040)")
    elif "PatientSex" in attributes:
        problems["sex"] = say("PatientSex is neither M nor F")
    smoking = {"YES": "current", "NO": "not_current"}.get(_text(attributes, "SmokingStatus"))
    if smoking:
        values["smoking"] = Value(smoking, "SmokingStatus (0010,21A0)")
    elif "SmokingStatus" in attributes:
        problems["smoking"] = say("SmokingStatus is neither YES nor NO")
    return Clinical(values, problems)


def merge(file: Clinical, readers: Clinical, header: Clinical) -> Clinical:
    """
    The site's own file counts before the reports of readers, and these before the header.

    A problem of a value that is known after all is dropped.
    """
    values = {**header.values, **readers.values, **file.values}
    problems = {**header.problems, **readers.problems, **file.problems}
    return Clinical(values, {name: why for name, why in problems.items() if name not in values})


def with_implied(clinical: Clinical) -> Clinical:
    """Add what follows from the known: who never smoked has zero pack-years."""
    smoking = clinical.values.get("smoking")
    if smoking is None or smoking.value != "never" or "pack_years" in clinical.values:
        return clinical
    implied = Value(0.0, say("follows from never smoking ({source})", source=smoking.source))
    return Clinical({**clinical.values, "pack_years": implied}, clinical.problems)


def _age(attributes: Mapping[str, tuple[str, ...]], values: dict[str, Value], problems: dict[str, str]) -> None:
    stated = _stated_age(_text(attributes, "PatientAge"), problems)
    born, studied = _day(_text(attributes, "PatientBirthDate")), _day(_text(attributes, "StudyDate"))
    derived = (studied - born).days / 365.25 if born and studied else None
    if derived is not None and not 0 <= derived <= OLDEST:
        derived = None
        problems["age"] = say("StudyDate minus PatientBirthDate is no age")
    if stated is not None and derived is not None and min(abs(stated - derived), abs(stated - int(derived))) > 1:
        problems["age"] = say("PatientAge and StudyDate minus PatientBirthDate differ by more than a year")
    elif stated is not None:
        values["age"] = Value(stated, _AGE)
    elif derived is not None and born and studied:
        values["age"] = Value(_completed_years(born, studied), _BIRTH)
    if "age" in values:
        problems.pop("age", None)


def _stated_age(text: str, problems: dict[str, str]) -> float | None:
    if not text or text == "000Y":  # 000Y is what many devices write for "unknown"
        return None
    match = re.fullmatch(r"(\d{3})([DWMY])", text)
    years = int(match[1]) * _YEARS_PER[match[2]] if match else math.inf
    if years > OLDEST:
        problems["age"] = say("PatientAge is no age of the form nnnD, nnnW, nnnM or nnnY")
        return None
    return years


def _completed_years(born: date, day: date) -> float:
    """Age as people and registries count it."""
    return float(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace(".", ""))  # 1960.01.31 is the form of ACR-NEMA, PS3.5 table 6.2-1
    except ValueError:
        return None


def _text(attributes: Mapping[str, tuple[str, ...]], keyword: str) -> str:
    values = attributes.get(keyword, ())
    return values[0].strip().upper() if len(values) == 1 else ""
