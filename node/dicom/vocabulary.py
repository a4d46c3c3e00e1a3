"""Every code that result objects may hold, gathered from where the encoders take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydicom.sr.coding import Code

from node.dicom import codes
from node.domain.findings import ModelFacts
from node.domain.refusals import REFUSALS


def private(models: Iterable[ModelFacts]) -> list[Code]:
    """
    Every code of our own scheme, each once, by value.

    Args:
        models: Models of the installation; each classifier has codes of its own.
    """
    found = [code for code in _written() if code.scheme_designator == codes.SCHEME]
    found += [codes.refusal(code) for code in REFUSALS]
    for facts in models:
        if facts.kind == "classifier":
            found += [name(facts) for name in (codes.probability, codes.lower, codes.upper, codes.status)]
    return sorted(set(found), key=lambda code: code.value)


def standard() -> list[Code]:
    """The codes of other schemes that `node.dicom.codes` names, by scheme and value."""
    found = {code for code in _written() if code.scheme_designator != codes.SCHEME}
    return sorted(found, key=lambda code: (code.scheme_designator, code.value))


def _written() -> Iterable[Code]:
    """All codes that stand in `node.dicom.codes`, alone or in a table."""
    for value in vars(codes).values():
        if isinstance(value, Code):
            yield value
        elif isinstance(value, Mapping):
            yield from (code for code in value.values() if isinstance(code, Code))
