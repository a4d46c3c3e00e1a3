"""What the name and the interpreted type of a region of interest say about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from node.domain.language import say
from node.domain.order import LesionRules

TARGET_TYPES = frozenset({"CTV", "ITV", "PTV"})
"""RT ROI Interpreted Types (3006,00A4) of volumes that hold the tumour and a margin."""

_TARGET_NAME = re.compile(r"(?i)(?<![a-z])(ctv|itv|ptv)(?![a-z])")


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
    if excluded(name, rules):
        return Standing(None, say("its name is excluded (node, bed, marker, former drawing, expansion …)"))
    last = 1 + len(rules.roi_patterns)
    if _TARGET_NAME.search(name):
        return _target(last, rules)
    if interpreted_type == "GTV":
        return Standing(0, say("of interpreted type GTV"))
    for rank, pattern in enumerate(rules.roi_patterns, start=1):
        if re.search(pattern, name):
            return Standing(rank, say("named like a tumour (pattern {rank})", rank=rank))
    if interpreted_type in TARGET_TYPES:
        return _target(last, rules)
    return Standing(None, say("neither its name nor its type says that it is a tumour"))


def excluded(name: str, rules: LesionRules) -> bool:
    """Whether a name is among those that are never a tumour."""
    return any(re.search(pattern, name) for pattern in rules.roi_excludes)


def is_target(name: str, interpreted_type: str) -> bool:
    """Whether it is a target volume, which holds healthy tissue too."""
    return _TARGET_NAME.search(name) is not None or interpreted_type in TARGET_TYPES


def _target(rank: int, rules: LesionRules) -> Standing:
    if rules.target_volumes:
        return Standing(rank, say("a target volume"))
    return Standing(None, say("it is a target volume (ITV, CTV or PTV), which this pipeline does not use"))
