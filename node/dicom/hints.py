"""
What speaks for a lesion in a drawing of which nothing can be used: whoever made one that does waits for an answer.

A region that is called a lesion, a part of one or a target volume does so, and one that says nothing of itself (segment
"Segment_1" of type Tissue, as viewers name what a person draws) where no other region of the object is an organ. Sets
of organs, of a treatment plan or an organ software, ask nothing; in them an unknown name is taken for one organ more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pydicom

from node.dicom.contours import Roi, read_structure_set
from node.dicom.foreign import reading
from node.dicom.nature import Code, is_lesion
from node.dicom.seeds import Locate, read_seeds
from node.dicom.segments import WHAT, Segment, described
from node.domain.lesion_names import NO_LETTER_BEFORE
from node.domain.naming import denied, excluded, is_target, matches, names_part
from node.domain.order import LesionRules
from node.domain.refusals import NOT_USED

Hint = Literal["lesion", "organ", "neutral", "nothing"]

_ORGAN_TYPES = {"ORGAN", "AVOIDANCE"}
_UNTOLD_TYPES = {"", "NONE", "OTHER", "UNDEFINED", "UNKNOWN"}  #: any other names a thing: EXTERNAL, MARKER, SUPPORT …

_ANATOMY = {("SCT", "123037004"), ("SCT", "91723000"), ("SRT", "T-D000A"), ("SCT", "113343008")}
_TISSUE = {("SCT", "85756007"), ("SRT", "T-D0050")}  #: what viewers write where nobody chose
_ORGAN_WORDS = re.compile(
    rf"(?i){NO_LETTER_BEFORE}("
    "lungs?|lunge|pulm|pulmón|poumon|heart|herz|coraz[oó]n|c(oe|œ)ur|liver|leber|h[ií]gado|foie|kidney|niere|renal"
    "|riñ[oó]n|rein|spleen|milz|bazo|rate|pan[ck]reas|p[aá]ncreas|brain|hirn|gehirn|cerebr|cerebel|cerv|encephal|enc[eé]fal"
    "|kleinhirn|medul|m[eé]dula|moelle|spinal|cord|rückenmark|o?esoph|ösoph|speiser|es[oó]f|œsoph|eyes?|augen?|ojos?|globe"
    "|lens|linse|optic|opticus|sehnerv|chiasm|cochlea|parotis|parotid|submand|gland|drüse|thyroid|schilddr|tiroides"
    "|lar[iy]n|phar[iy]n|farin|mandib|unterkiefer|maxill|oral|mund|boca|lips?|tongue|zunge|trachea|luftr|tr[aá]quea|bronch"
    "|carina|aort|ven[ae]|vein|vessel|gefäß|art[eé]r|stomach|magen|est[oó]mago|duoden|bowel|darm|intestin|colon|kolon"
    "|sigm|rectum|rektum|recto|anal|bladder|blase|vejiga|prost|uterus|ovar|penil|genital|testi|hoden|femur|f[eé]mur"
    "|hüft|hip|pelvi|becken|bones?|knochen|hueso|ribs?|rippe|costill|vertebr|wirbel|stern|scapul|clavic|humer"
    "|skin|haut|piel|skull|schädel|muscl|muskel|m[uú]scul|fat|fett|grasa|breast|brust|mama|mamma"
    "|nerve|plexus|ventri[ck]|hippocamp|thalam|pituit|hypoph|hypothal|scalp|white.matter|gr[ae]y.matter|csf|liquor|cort[ei]x)"
)
"""Beginnings of words for what every body has."""

_THINGS = re.compile(
    rf"(?i){NO_LETTER_BEFORE}(body|körper|external|air|luft|couch|tisch|table|iso[cz]ent|fiduc|background)"
)


def of_roi(roi: Roi, rules: LesionRules) -> Hint:
    """What a region of an RT Structure Set says of itself; one that was never drawn counts only if it says lesion."""
    name, kind = roi.name, roi.interpreted_type
    if kind != "GTV" and (denied(name) or (kind in _ORGAN_TYPES and excluded(name, rules))):
        return "organ"  # "Lungs-GTV"
    if kind == "GTV" or any(matches(pattern, name) for pattern in rules.roi_patterns):
        return "lesion"
    if kind in _ORGAN_TYPES:
        return "organ"
    if is_target(name, kind):
        return "lesion"
    drawn = roi.contours or roi.skipped
    if excluded(name, rules) or matches(_THINGS, name) or kind not in _UNTOLD_TYPES or not drawn:
        return "nothing"
    return "organ" if matches(_ORGAN_WORDS, name) else "neutral"


def of_segment(segment: Segment, rules: LesionRules) -> Hint:
    """What a segment of a Segmentation says of itself."""
    if denied(segment.label):
        return "lesion" if is_lesion(segment.type) else "organ"
    if called_lesion(segment, rules) or called_part(segment, rules) or is_target(segment.label, ""):
        return "lesion"
    if excluded(segment.label, rules) or matches(_THINGS, segment.label):
        return "nothing"
    return "organ" if _is_organ(segment.label, segment.category, segment.type) else "neutral"


def called_lesion(segment: Segment, rules: LesionRules) -> bool:
    """Whether property type or label says that a segment is a lesion."""
    return is_lesion(segment.type) or matches(rules.label_pattern, segment.label)


def called_part(segment: Segment, rules: LesionRules) -> bool:
    """Whether label or property type says that a segment is a part of a lesion."""
    return rules.unite_parts and (names_part(segment.label) or names_part(segment.type[2]))


def codes(hints: Mapping[int, Hint]) -> dict[int, str]:
    """Number of each region of one object to the refusal code where it is not used, "" for one that asks nothing."""
    telling = {"lesion"} if "organ" in hints.values() else {"lesion", "neutral"}
    return {number: NOT_USED if hint in telling else "" for number, hint in hints.items()}


def structure_set_speaks(path: Path, rules: LesionRules) -> bool:
    """
    Whether something in an RT Structure Set speaks for a lesion.

    Raises:
        InstanceUnreadable: It is none.
    """
    return any(codes({roi.number: of_roi(roi, rules) for roi in read_structure_set(path).rois}).values())


def segmentation_speaks(path: Path, rules: LesionRules) -> bool:
    """
    Whether something in a Segmentation speaks for a lesion, without a look at its pixels.

    Raises:
        InstanceUnreadable: It cannot be read.
    """
    with reading(path, WHAT):
        ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SegmentSequence"])
        segments = [described(item) for item in ds.get("SegmentSequence") or []]
    return any(codes({each.number: of_segment(each, rules) for each in segments}).values())


def mark_speaks(path: Path, rules: LesionRules, locate: Locate) -> bool:
    """
    Whether an SR or GSPS marks a lesion, be it in a way that is no seed.

    Raises:
        InstanceUnreadable: It is neither.
    """
    found = read_seeds(path, locate, rules.seed_pattern)
    return bool(found.seeds) or any(each.code for each in found.skipped)


def _is_organ(label: str, category: Code, kind: Code) -> bool:
    chosen = category[:2] in _TISSUE and kind[1] != "" and kind[:2] not in _TISSUE  # muscle, fat, vessel
    return category[:2] in _ANATOMY or chosen or any(matches(_ORGAN_WORDS, words) for words in (label, kind[2]))
