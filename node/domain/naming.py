"""What the name and the interpreted type of a region of interest say about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from node.domain.language import say
from node.domain.lesion_names import LESION, NO_LETTER_AFTER, NO_LETTER_BEFORE
from node.domain.order import LesionRules

TARGET_TYPES = frozenset({"CTV", "ITV", "PTV"})
"""RT ROI Interpreted Types (3006,00A4) of volumes that hold the tumour and a margin."""

_TARGET_NAME = re.compile(r"(?i)(?<![a-z])(ctv|itv|ptv)(?![a-z])")
_NOT = r"non?|not|without|w/o|ohne|kein\w*|^sin|sans|senza|sem|minus"
_SEEN = (
    r"visibles?|sichtbar\w*|erkennbar\w*|(?:clear[\W_]+)?(?:evidence|signs?)[\W_]+of|hinweise?[\W_]+auf|anhalt[\W_]+für"
)
_HEALTHY = r"normal(?!i[sz])\w*|healthy|gesund\w*|san[oa]s?|saine?s?"
_DENIED = re.compile(
    rf"(?i){NO_LETTER_BEFORE}((?:{_NOT})[\W_]+((?:{_SEEN})[\W_]+)?(gtv|{LESION})|(?:{_HEALTHY}){NO_LETTER_AFTER})"
)  # "Non-tumour brain", "no visible lesion"; in "Lesion No 1" a number follows, in "non-enhancing tumour" another word
_CALLED = re.compile(rf"(?i){NO_LETTER_BEFORE}(gtv|{LESION})")

_PART = re.compile(
    r"(tumou?r)?(o?edema(s|tous)?|odem[ae]?|oedeme|necro(s|t)\w*|nekro\w*|core|kern|infiltrat\w*|infiltrier\w*|vasogen\w*"
    r"|(non|peri)?enhanc(ing|ement)|(km|kontrastmittel)?anreicher\w*|rehauss\w*|real[cz](e|ante)|captante"
    r"|oedem|cyst(s|ic)?|zyst(e|en|isch\w*)|kyst(e|es|ique)|quist(e|es|ic[oa])|et|ed|nec|ncr|net)"
)
"""Words for a part of a tumour, accents taken off; the last five are those of BraTS."""

_BESIDE = re.compile(
    r"(peri|intra)?tumou?r\w*|glio\w*|gbm|lesion\w*|component\w*|parts?|parte|partie|area|region|zone|tissue|anteil\w*|areal"
    r"|rim|solid\w*|cent(er|re|ral)\w*|zentral\w*|contrast\w*|gd|gado\w*|km|nicht|non|t1|t1c|t2|flair|hyperintens\w*|signal"
    r"|and|und|with|mit|y|con|e|de|del|du|la|le|of|left|right|links|rechts|l|r|perifokal\w*"
)
"""What may stand beside them. A label with any other word is something else: "basal cistern", "enhancing vessel"."""


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How a region of interest stands among the others.

    Attributes:
        rank: The lower the better; None: it is no tumour.
        why: What the rank rests on, or why there is none; a clause.
    """

    rank: int | None
    why: str


def standing(name: str, interpreted_type: str, rules: LesionRules) -> Standing:
    """
    Rank one region of interest.

    Interpreted type GTV comes first, then the name patterns in their order, then, only if the rules say so, target
    volumes. An excluded name is excluded whatever the type: a nodal GTV is a GTV too. A target volume by name is one
    whatever the type: a "PTV" of type GTV is a slip.
    """
    if denied(name):
        return Standing(None, say("its name says that it is no tumour"))
    if excluded(name, rules):
        return Standing(None, say("its name is excluded (node, bed, marker, former drawing, expansion, denial …)"))
    last = 1 + len(rules.roi_patterns)
    if _TARGET_NAME.search(name):
        return _target(last, rules)
    if interpreted_type == "GTV":
        return Standing(0, say("of interpreted type GTV"))
    for rank, pattern in enumerate(rules.roi_patterns, start=1):
        if matches(pattern, name):
            return Standing(rank, say("named like a tumour (pattern {rank})", rank=rank))
    if interpreted_type in TARGET_TYPES:
        return _target(last, rules)
    return Standing(None, say("neither its name nor its type says that it is a tumour"))


def excluded(name: str, rules: LesionRules) -> bool:
    """Whether a name is among those that are never a tumour."""
    return denied(name) or any(matches(pattern, name) for pattern in rules.roi_excludes)


def denied(name: str) -> bool:
    """
    Whether a name says that something is no lesion: "Brain without tumour", "healthy lung".

    One that calls a lesion besides is one: "Tumour without mass effect", "GTV in normal lung".
    """
    rest, denials = _DENIED.subn(" ", unicodedata.normalize("NFC", name))
    return denials > 0 and _CALLED.search(rest) is None


def matches(pattern: str | re.Pattern[str], name: str) -> bool:
    """Whether a pattern is found in a name, whose accents may be letters of their own (as file names on a Mac are)."""
    return re.search(pattern, unicodedata.normalize("NFC", name)) is not None


def is_target(name: str, interpreted_type: str) -> bool:
    """Whether it is a target volume, which holds healthy tissue too."""
    return _TARGET_NAME.search(name) is not None or interpreted_type in TARGET_TYPES


def _target(rank: int, rules: LesionRules) -> Standing:
    if rules.target_volumes:
        return Standing(rank, say("a target volume"))
    return Standing(None, say("it is a target volume (ITV, CTV or PTV), which this pipeline does not use"))


def names_part(label: str) -> bool:
    """Whether a label, or the meaning of a property type, names a part of a tumour and nothing else."""
    plain = unicodedata.normalize("NFKD", label.lower().replace("œ", "oe"))
    words = re.findall("t[12]c?(?![a-z])|[a-z]+", "".join(c for c in plain if not unicodedata.combining(c)))
    parts = [word for word in words if _PART.fullmatch(word)]
    return bool(parts) and all(word in parts or _BESIDE.fullmatch(word) for word in words)
