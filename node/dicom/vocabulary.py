"""Every code that result objects may hold, gathered from where the encoders take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydicom.sr.coding import Code

from node.dicom import codes
from node.domain import flat
from node.domain.facts import ModelFacts
from node.domain.radiomics import NUMBERS
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
    found += _lines(models)
    found += [Code(f"RG-F{number:03d}", codes.SCHEME, f"pyradiomics {_title(name)}"[:64]) for name, number in _FEATURES]
    return sorted(set(found), key=lambda code: code.value)


def _lines(models: Iterable[ModelFacts]) -> list[Code]:
    """Lines of the flat text report; {n} stands for the number of the lesion."""
    targets = sorted({flat.target_key(m): m.target or m.id for m in models if m.kind == "classifier"}.items())
    found = [(f"RT-{key}", meaning) for key, meaning in flat.CASE.items()]
    found += [(f"RT{{n}}-{key}", f"Lesion {{n}}: {meaning}") for key, meaning in flat.LESION.items()]
    for key, target in targets:
        for part, what in flat.PREDICTION.items():
            found.append((f"RT{{n}}-{part}-{key}", flat.predicted(target, "{n}", what)))
    return [Code(value, codes.SCHEME, meaning) for value, meaning in found]


_FEATURES = sorted(NUMBERS.items(), key=lambda each: each[1])


def _title(feature: str) -> str:
    return feature.replace("_", " ", 1)


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
