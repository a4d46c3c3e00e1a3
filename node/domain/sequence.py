"""
What kind of MR image a series shows: its weighting, and whether contrast agent was given.

Names lie less often than they are absent, and physics is there when names are not: the description decides where it
says something, else the times of the sequence do; where the two contradict each other, nobody knows. Nor does anybody
where a name speaks both of contrast agent and of none: a native T1 taken for one after it would be the worst mistake.
Bounds on the times are wide; they tell the families apart (Bitar R et al., MR pulse sequences: what every radiologist
wants to know but is afraid to ask. RadioGraphics 2006;26:513), not good protocols from bad ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from node.domain.acquisition import computed

Family = Literal["flair", "t1", "t2", "other", ""]
"""Weighting; "other" is any that is neither of the three, "" is one that nothing tells."""

Attributes = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    What one series is taken for.

    Attributes:
        family: Weighting.
        contrast: Whether contrast agent was given; None where nothing tells, or a name tells both.
        why: What both rest on, for the operator.
        named: Whether a name of the series tells of contrast agent; a header tag is easily carried over.
    """

    family: Family
    contrast: bool | None
    why: str
    named: bool = False


NAMES = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName", "AcquisitionContrast")
"""Where a series is named, the most telling first."""

_DERIVED = re.compile(
    r"\b(dwi|dti|e?adc|trace|b ?[1-9]\d{2,3}|ep2d|diff\w*|difusi\w+|swi|swan|gre ?hemo|hemo|t2 ?star|perf\w*|dsc|dce|"
    r"p?c?asl|[rn]?cb[fv]|mtt|ttp|tof|mra|angio\w*|mip|minip|venog\w*|pc ?a|spectro\w*|mrs|csi|bold|fmri|"
    r"locali[sz]er|scout|survey|smartbrain|screen ?save|report|"
    r"(t1)?sub(?! ?(mm|acute|dural|arach|occip|epend))|subt1|subs|subst|subtr?|(subs?t|sust|soust|sott)r\w+|minus|"
    r"maps?|mapping|mean|std ?dev\w*|colou?r|segment\w*|fused|fusion|overlay|"
    r"phase(?! ?(?:enc|dir|r ?l|l ?r|a ?p|p ?a|h ?f|f ?h)))\b|\b(t2|flair) ?\*|^plan$"
)
"""Maps, subtractions, scouts, diffusion: "FLAIR" beside such a word is no FLAIR."""
_OTHER = re.compile(
    r"\b(loc|plan ?scan|(3|three|tri|multi) ?planes?|seg|mag|ciss|fiesta|drive|pd|proton|dir|stir|dyn\w*|twist|"
    r"tricks)\b"
)
_FLAIR = re.compile(r"flair|dark ?fluid|dunkel|fluid ?att|spaceir|\bt2 ?ir\b")
_T1 = re.compile(r"\bt1|t1w|mp ?rage|bravo|\bf?spgr\b|\btfl3d|\b(3d ?)?tfe\b|vibe|thrive|lava")
_T2 = re.compile(r"\bt2|t2w")
_TIRM = re.compile(r"\btirm\b")
"""Turbo inversion recovery magnitude, of long or of short inversion time: a FLAIR or a STIR."""

_ARTICLE = (
    r"(?:(?:d|d[aeiou]|del|della?|der|die|dem|la|le|el|il|al?|of|to|the|any|i v|iv|inj\w*|adm\w*|"
    r"medio|mezzo|produit) )*"
)
_BEFORE = r"(?:pre|prae?|before|b4|prior|previ[oa]|avant|antes|prima|vor|voor)"
_WITHOUT = r"(?:without|\bw ?/? ?o(?:ut)?|(?<=t1)w/ ?o(?:ut)?|ohne|sans|sin|sem|senza|zonder|utan|uden|bez)"
_DENIABLE = (
    r"(?:gad\w*|gd|gbca|km|[ck]on(?:t\w*)?|cm|mdc|pdc|c?iv|ce?|inj\w*|enh\w*|dotarem|magnevist|prohance|omniscan)\b"
)
"""The agent, also as short as it is only understood behind a word of denial."""

_OCCASION = re.compile(
    rf"\b(?:{_BEFORE}|post|after|nach|apres|despues|dopo|depois|apos|na) ?{_ARTICLE}(?:op|surg|chir|cirug|treat|trait|"
    r"ther|rt\b|srs|srt|rad|bestr|chemo|biop|resec|gamma|gk\b|cyber|craniot|craniec|trial|traum|ictal|partum|foss)\w*"
)
"""Before or after an operation or a therapy, or the posterior fossa: nothing about contrast agent."""

_DENIED = re.compile(
    rf"(?:(?:\b|t1w?){_BEFORE} ?|\b(?:non?|ohne) ?|(?:\b|t1){_WITHOUT}(?:[ /]|(?=g|km|[ck]ont|mdc))|\bs ?/ ?|"
    rf"\b(?:not|minus|kein\w*|ss|(?<=t1 )0) ){_ARTICLE}{_DENIABLE}|\bs ?mdc\b|"
    r"(?<!\bi )\b[ov] ?(?:km|kontrast\w*|gd)\b|造影(?:前|なし|無)|[非未無]造影"
)
"""The agent with the word that denies it. "n. KM" is German for "after", and "o" alone a Portuguese article."""

_NATIVE = re.compile(
    rf"pre\b|\b(?:prae?|before|b4|avant|antes|prima|{_WITHOUT}|nativ\w*|plain|leer|blanco|bianco|simples?|none|neg\w*|"
    r"no$|c ?/ ?s|basale?(?! ?gang)|un(?:enh|[ck]ontr|inj)\w*|nc|nce)\b|"
    r"\b(?:vor|voor)(?= ?(?:$|[/+]|und|u\b|en\b|nach|na\b))|単純|平扫"
)
"""A denial that stands by itself."""

_BOTH = re.compile(rf"\b(?:with|w|mit|avec|con|com|met)\b[ /+]*(?:(?:and|und|u|et|y|e|en)\b)?[ /+]*{_WITHOUT}\b")
_GIVEN = re.compile(
    r"\b(?:gad\w*|ce|kontrast\w*|contrast\w*|mdc|inj\w*|enhanced|dotarem|magnevist|prohance|omniscan|nach$)\b|"
    rf"(?:gd|km|post(?:{_DENIABLE})?)\b|\+ ?c\b|\bc ?\+|\bc ?/ ?c\b|造影"
)
_MINUS = re.compile(
    r"(?<![^ (])-(?=(?:ce?|k|gd|km|gad\w*|[ck]ontrast\w*)\b)|"
    r"(?:(?<=\bc)|(?<=\b(?:ce|gd|km))|(?<=\b(?:gad|mdc)))-(?!\w)|\(-\)"
)
"""A hyphen that is a minus sign, as in "-C" and "C-"; in "T1-Gd" and "T1 - Gd" it is none."""

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
    if kind := computed(attributes.get("ImageType", ())):
        return "other", f"Image Type says {kind}"
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
    if _DERIVED.search(name):
        return "other"
    if _FLAIR.search(name):
        return "t1" if re.search(r"\bt1|t1w", name) and not _T2.search(name) else "flair"  # fluid is dark on T1 as well
    if _OTHER.search(name):
        return "other"
    if _T1.search(name):
        return "t1"
    return "t2" if _T2.search(name) and not _TIRM.search(name) else ""


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
        given, denied = _told(name)
        if given and denied:
            return None, f"{keyword} speaks both of contrast agent and of none", False
        if denied:
            return False, f"{keyword} says that it is without contrast agent", True
        if given:
            return True, f"{keyword} says that contrast agent was given", True
    agent = " ".join(attributes.get("ContrastBolusAgent", ())).strip().casefold()
    if agent and not _NO_AGENT.match(agent):
        return True, "a Contrast/Bolus Agent is stated", False
    if agent:
        return False, "Contrast/Bolus Agent denies one", False
    return None, "nothing tells of contrast agent", False


def _told(name: str) -> tuple[bool, bool]:
    """
    Whether a name speaks of contrast agent, and whether of none.

    A denial takes the agent that it denies with it: what is left of "pre Gd" speaks of no agent.
    """
    name = _OCCASION.sub(" ", name)
    rest, denials = _DENIED.subn(" ", name)
    return bool(_GIVEN.search(rest) or _BOTH.search(name)), bool(denials or _NATIVE.search(rest))


def _plain(name: str) -> str:
    """Lower case without accents; what separates words becomes a space, a minus "without", plus signs stay."""
    apart = unicodedata.normalize("NFKD", name.casefold().replace("_", " "))
    letters = "".join(c for c in apart if not unicodedata.combining(c))
    return re.sub(r"[^\w+*/]+", " ", _MINUS.sub(" without ", letters)).strip()


def _number(attributes: Attributes, keyword: str) -> float | None:
    try:
        return float(next(iter(attributes.get(keyword, ()))))
    except (StopIteration, ValueError):
        return None
