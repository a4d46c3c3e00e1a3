"""Clinical values of a patient, each with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
            supplied).
        problems: Name to the reason why a stated value is not used ("PatientAge and PatientBirthDate differ …").
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
