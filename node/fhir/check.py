"""
Whether what we made is FHIR, by fhir.resources: the only home of that library.

It holds R4B (4.3.0), the nearest to R4 (4.0.1): for Bundle, DiagnosticReport, Observation, Device and ImagingStudy both
releases define the same elements. Tests hold our bundles against a model of R4 itself, too.
"""

from __future__ import annotations

from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from node.fhir.elements import Json


def check(bundle: Json) -> None:
    """
    Raise where a bundle breaks the rules for its elements.

    Raises:
        ValueError: Names the places, never the values: they are a patient's.
    """
    try:
        Bundle.model_validate(bundle)
    except ValidationError as error:
        places = {".".join(map(str, each["loc"])): each["type"] for each in error.errors(include_input=False)}
        found = ", ".join(f"{place} ({kind})" for place, kind in places.items())
        raise ValueError(f"the FHIR bundle is not valid at {found}") from None
