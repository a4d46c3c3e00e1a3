"""
What kind of MR image a series shows: its weighting, and whether contrast agent was given.

Names lie less often than they are absent, and physics is there when names are not: the description decides where it
says something, else the times of the sequence do; where the two contradict each other, nobody knows. Bounds on the
times are wide; they tell the families apart (Bitar R et al., MR pulse sequences: what every radiologist wants to know
but is afraid to ask. RadioGraphics 2006;26:513), not good protocols from bad ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Family = Literal["flair", "t1", "t2", "other", ""]
"""Weighting; "other" is any that is neither of the three, "" is one that nothing tells."""

Attributes = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    What one series is taken for.

    Attributes:
        family: Weighting.
        contrast: Whether contrast agent was given; None where nothing tells.
        why: What both rest on, for the operator.
        named: Whether a name of the series tells of contrast agent; a header tag is easily carried over.
    """

    family: Family
    contrast: bool | None
    why: str
    named: bool = False


NAMES = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName", "AcquisitionContrast")
"""Where a series is named, the most telling first."""

_OTHER = re.compile(
    r"\b(dwi|dti|adc|trace|b ?[1-9]\d{2,3}|ep2d|diff\w*|difusi\w+|swi|swan|gre ?hemo|hemo|t2 ?star|perf\w*|dsc|dce|"
    r"p?c?asl|[rn]?cb[fv]|mtt|ttp|tof|mra|angio\w*|mip|minip|venog\w*|pc ?a|spectro\w*|mrs|csi|bold|fmri|loc|"
    r"locali[sz]er|scout|survey|plan ?scan|(3|three|tri|multi) ?planes?|smartbrain|sub|subtr\w*|screen ?save|report|"
    r"phase|mag|field ?map|ciss|fiesta|drive|pd|proton|dir|stir|dyn\w*|twist|tricks)\b|\bt2 ?\*|^plan$"
)
_FLAIR = re.compile(r"flair|dark ?fluid|dunkel|fluid ?att|spaceir|\bt2 ?ir\b")
_T1 = re.compile(r"\bt1|t1w|mp ?rage|bravo|\bf?spgr\b|\btfl3d|\b(3d ?)?tfe\b|vibe|thrive|lava")
_T2 = re.compile(r"\bt2|t2w")

_OPERATION = r"(?! ?(op|surg|treat|ther|rt\b|radi|chemo))"
"""What follows "pre" or "post" where they tell of an operation or a therapy, not of contrast agent."""

_WITHOUT = re.compile(
    rf"\b((pre|pr[aeä]e?){_OPERATION}|nativ\w*|without|w/?o|ohne|sans|sin|sem|senza|(non|no) ?(con\w*|ce|gd)|"
    r"unenhanced|nc|basal(?! ?gang)|vor ?km)\b"
)
_WITH = re.compile(
    r"\b(gad\w*|ce|kontrast\w*|contrast\w*|mdc|inj\w*|enhanced|dotarem|magnevist|prohance|omniscan|nach)\b|"
    rf"(gd|km|post{_OPERATION})\b|\+ ?c\b|\bc ?\+|造影"
)
_NO_AGENT = re.compile(r"^\W*(no|none|non|nein|n|kein\w*|ohne|sin|sans|without|0|off|nil|na|n/a|-)?\W*$")


def sighting(attributes: Attributes) -> Sighting:
    """
    Judge a series by the attributes of one of its instances.

    Args:
        attributes: Keyword to values, as `Instance.attributes` holds them.
    """
    family, why = _family(attributes)
    contrast, because, named = _contrast(attributes)
    return Sighting(family, contrast, f"{why}; {because}", named)


def _family(attributes: Attributes) -> tuple[Family, str]:
    timed, times = _timed(attributes)
    for keyword in NAMES:
        name = _plain(" ".join(attributes.get(keyword, ())))
        if found := _named(name):
            if (found, timed) == ("flair", "t2"):  # no Inversion Time is no denial: many scanners do not tell it
                timed = ""
            if "other" not in {found, timed} and timed not in {"", found}:
                return "", f"{keyword} names it {_FAMILIES[found]}, but it has {times}"
            return found, f"{keyword} names it {_FAMILIES[found]}"
    return timed, times


_FAMILIES: Mapping[Family, str] = {"flair": "FLAIR", "t1": "T1", "t2": "T2", "other": "another kind", "": "unknown"}


def _named(name: str) -> Family:
    if not name:
        return ""
    if _FLAIR.search(name):
        return "t1" if re.search(r"\bt1|t1w", name) and not _T2.search(name) else "flair"  # fluid is dark on T1 as well
    if _OTHER.search(name):
        return "other"
    if _T1.search(name):
        return "t1"
    return "t2" if _T2.search(name) else ""


def _timed(attributes: Attributes) -> tuple[Family, str]:
    """The family by echo, repetition and inversion time, in milliseconds."""
    echo, repetition, inversion = (_number(attributes, k) for k in ("EchoTime", "RepetitionTime", "InversionTime"))
    kinds = {value.upper() for value in attributes.get("ScanningSequence", ())}
    if echo is None or repetition is None:
        return "", "neither its names nor its times tell the weighting"
    times = f"TE {echo:g} ms, TR {repetition:g} ms" + (f", TI {inversion:g} ms" if inversion else "")
    if "EP" in kinds:
        return "other", f"echo-planar, {times}"
    inverted = bool(inversion) or "IR" in kinds
    if inverted and echo >= 60 and repetition >= 4000 and (inversion is None or 1400 <= inversion <= 3200):
        return "flair", f"inversion recovery with long echo ({times})"
    if echo <= 35 and (repetition <= 1200 or (inverted and 400 <= (inversion or 900) <= 1400)):
        return "t1", f"short echo and short repetition or preparation ({times})"
    if echo >= 60 and repetition >= 1800 and not inverted:
        return "t2", f"long echo and long repetition ({times})"
    return "", f"its times fit none of FLAIR, T1 and T2 ({times})"


def _contrast(attributes: Attributes) -> tuple[bool | None, str, bool]:
    """The series' own name first: scanners carry an agent over from one series of a study to the next."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        name = _plain(" ".join(attributes.get(keyword, ())))
        if _WITHOUT.search(name):
            return False, f"{keyword} says that it is without contrast agent", True
        if _WITH.search(name):
            return True, f"{keyword} says that contrast agent was given", True
    agent = " ".join(attributes.get("ContrastBolusAgent", ())).strip().casefold()
    if agent and not _NO_AGENT.match(agent):
        return True, "a Contrast/Bolus Agent is stated", False
    if agent:
        return False, "Contrast/Bolus Agent denies one", False
    return None, "nothing tells of contrast agent", False


def _plain(name: str) -> str:
    """Lower case; what separates words becomes a space, plus signs stay."""
    return re.sub(r"[^\w+*/äöüß造影]+|_", " ", name.casefold()).strip()


def _number(attributes: Attributes, keyword: str) -> float | None:
    try:
        return float(next(iter(attributes.get(keyword, ()))))
    except (StopIteration, ValueError):
        return None
