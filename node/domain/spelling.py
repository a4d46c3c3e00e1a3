"""How people write clinical values, and the one word of the node for each: in clinical files and in training tables."""

from __future__ import annotations

from collections.abc import Mapping

from node.domain.clinical import FINDINGS

NUMBERS = ("age", "pack_years")
"""Clinical values that are numbers; all others are words."""

_YES = {
    "yes": "yes", "y": "yes", "true": "yes", "1": "yes", "present": "yes",
    "no": "no", "n": "no", "false": "no", "0": "no", "absent": "no",
}  # fmt: skip

_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "sex": {"m": "male", "male": "male", "f": "female", "female": "female"},
    "smoking": {
        "never": "never", "nonsmoker": "never", "non-smoker": "never", "never smoker": "never",
        "former": "former", "ex": "former", "ex-smoker": "former", "former smoker": "former",
        "current": "current", "smoker": "current", "current smoker": "current",
        "not_current": "not_current", "not current": "not_current",
    },
    "nodal_stage": {form: level for n in "0123" for level in (f"n{n}",) for form in (f"n{n}", f"cn{n}", f"pn{n}", n)},
    **dict.fromkeys(FINDINGS, _YES),
}  # fmt: skip

_HISTOLOGY = {
    "adeno": "adenocarcinoma", "luad": "adenocarcinoma", "lung adenocarcinoma": "adenocarcinoma",
    "adenocarcinoma of lung": "adenocarcinoma", "adenocarcinoma of the lung": "adenocarcinoma",
    "squamous": "squamous cell carcinoma", "lusc": "squamous cell carcinoma",
    "squamous carcinoma": "squamous cell carcinoma", "lung squamous cell carcinoma": "squamous cell carcinoma",
    "squamous cell carcinoma of lung": "squamous cell carcinoma",
    "nsclc": "nsclc nos", "nsclc-nos": "nsclc nos", "nsclc nos (not otherwise specified)": "nsclc nos",
}  # fmt: skip
"""Ways to write what lung models know; any other text is kept as supplied: a model refuses what it does not know."""

CLINICAL = frozenset({*NUMBERS, *_SPELLINGS, "histology"})
"""Names of all clinical values that the node can know."""


def words(name: str) -> tuple[str, ...]:
    """All words that a clinical value may be; () where it is a number, or any text is allowed."""
    return tuple(dict.fromkeys(_SPELLINGS.get(name, {}).values()))


def folded(text: str) -> str:
    """A text whose case and spaces do not count."""
    return " ".join(text.casefold().split())


def word(name: str, text: str) -> str | None:
    """The node's word for a text, folded where any text is allowed; None where it is none of `words`."""
    if name in _SPELLINGS:
        return _SPELLINGS[name].get(folded(text))
    return _HISTOLOGY.get(folded(text), folded(text)) if name == "histology" else folded(text)
