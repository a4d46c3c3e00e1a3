"""A radiologist's findings: the qualitative evaluations of a received measurement report (PS3.16 TID 1500)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from node.dicom.evaluated import Evaluated, Own, evaluated
from node.dicom.foreign import reading
from node.dicom.nature import Code, is_lesion
from node.dicom.tree import FINDING, GROUP, OBSERVER_TYPE, by_person, children, concept, value
from node.domain.language import Said, joined, say
from node.domain.reader import ReaderReport
from node.domain.terms import term

WHAT = say("SR")
EVALUATIONS = ("UMLS", "C0034375")
"""The container of evaluations that belong to no measurement (TID 1500 row 11)."""

PLACES = {("SCT", "363698007"), ("SCT", "272741003"), ("SCT", "106233006"), ("SRT", "G-C0E3"), ("SRT", "G-C171")}
"""Finding Site, Laterality, Topographical modifier: they say of which place an evaluation is, and nothing else."""

IN_WORDS = say("it is stated in words, which are not read")
ONE_PLACE = say("it is denied of one place only")

_LESION = re.compile(r"(?i)nodule|mass\b|lesion|tumou?r|neoplasm|cancer|carcinoma")
_SECONDARY = re.compile(r"(?i)metasta|secondary")
_SECONDARY_CODES = {("SCT", "14799000"), ("SCT", "94391008"), ("SRT", "M-80006")}
_LONGEST = 64
"""Characters of a Code Meaning (LO)."""

Statement = tuple[str, str, Said | None]
"""Quantity, level ("" where there is none), and what is wrong with it."""


def read_report(path: Path, own: Own) -> ReaderReport:
    """
    Read what a person states in an SR about the findings that models ask for.

    What a device observed is passed over, be it the whole document or one group of it (TID 1001, 1002).

    Args:
        path: The SR.
        own: Names of evaluations that the site's reporting template has, beside those of `evaluated`.

    Raises:
        InstanceUnreadable: It is no SR that can be read.
    """
    with reading(path, WHAT):
        ds = pydicom.dcmread(path)
        statements = [s for item, about in _evaluations(ds, (), human=True) for s in _stated(item, about, own)]
        values, problems = _settled(statements)
        return ReaderReport(
            sop_uid=str(ds.SOPInstanceUID),
            written=_written(ds),
            verified=str(ds.get("VerificationFlag", "")).strip() == "VERIFIED",
            replaces=tuple(_predecessors(ds)) if by_person(_observers(ds)) else (),
            values=values,
            problems=problems,
        )


def _evaluations(item: Dataset, about: tuple[Code, ...], *, human: bool) -> Iterator[tuple[Dataset, tuple[Code, ...]]]:
    """Items of measurement groups and of the container of evaluations that a person made, with the group's Findings."""
    observers = _observers(item)
    human = by_person(observers) if observers else human
    name = concept(item)[:2]
    if name == GROUP:
        about = tuple(value(child) for child in children(item) if concept(child)[:2] == FINDING)
    for child in children(item):
        if human and name in (GROUP, EVALUATIONS) and child.get("ValueType") in ("CODE", "TEXT"):
            yield child, about
        if child.get("ValueType") == "CONTAINER":
            yield from _evaluations(child, about, human=human)


def _observers(item: Dataset) -> set[tuple[str, str]]:
    """Types of observer that an item states for itself and what is below it."""
    return {value(child)[:2] for child in children(item) if concept(child)[:2] == OBSERVER_TYPE}


def _stated(item: Dataset, about: tuple[Code, ...], own: Own) -> Iterator[Statement]:
    """What one item says, if it is about anything that a model asks for."""
    subject = evaluated(concept(item), own)
    if subject is None or (subject.of_lesion and not all(map(_is_tumour, about))):
        return
    if item.ValueType == "TEXT":
        yield subject.quantity, "", IN_WORDS
        return
    answer = value(item)
    level = subject.level(answer)
    if level is not None:
        yield subject.quantity, level, _qualified(item, subject, level)
    elif not subject.may_say_other:
        said = re.sub(r"[\x00-\x1f]", " ", answer[2] or answer[1])[:_LONGEST]
        yield subject.quantity, "", say("'{said}' is no answer that is understood", said=said)


def _is_tumour(finding: Code) -> bool:
    """Whether a Finding may be the tumour itself: a lesion, and no metastasis of it."""
    secondary = finding[:2] in _SECONDARY_CODES or _SECONDARY.search(finding[2])
    return not secondary and bool(is_lesion(finding) or _LESION.search(finding[2]))


def _qualified(item: Dataset, subject: Evaluated, level: str) -> Said | None:
    """Why the modifiers of an item forbid to take it as it stands: "no" on the left says nothing of the right."""
    modifiers = [concept(child) for child in children(item) if child.get("ValueType") == "CODE"]
    for name in modifiers:
        if name[:2] not in PLACES:
            said = re.sub(r"[\x00-\x1f]", " ", name[2] or name[1])[:_LONGEST]
            return say("it is qualified by '{said}', which is not understood", said=said)
    return ONE_PLACE if modifiers and level == "no" and not subject.of_lesion else None


def _settled(statements: list[Statement]) -> tuple[dict[str, str], dict[str, str]]:
    """Values, and problems of the rest: a report that contradicts itself says nothing."""
    levels: dict[str, set[str]] = defaultdict(set)
    problems: dict[str, str] = {}
    for quantity, level, problem in statements:
        if problem is None:
            levels[quantity].add(level)
        elif problems.get(quantity) in (None, ONE_PLACE):
            problems[quantity] = problem
    for quantity, said in levels.items():
        if len(said) > 1:
            problems[quantity] = say("the report says both: {levels}", levels=joined(map(term, sorted(said)), ", "))
        elif problems.get(quantity) == ONE_PLACE:  # what is there in one place may be absent in another
            del problems[quantity]
    return {q: said.pop() for q, said in levels.items() if q not in problems}, problems


def _written(ds: Dataset) -> str:
    """Content Date and Time as "YYYYMMDDHHMMSS"; "" where there is no date."""
    date, time = str(ds.get("ContentDate") or "").strip(), str(ds.get("ContentTime") or "").strip()
    digits = re.match(r"\d{0,6}", time)
    return f"{date}{digits[0] if digits else '':0<6}" if re.fullmatch(r"\d{8}", date) else ""


def _predecessors(ds: Dataset) -> Iterator[str]:
    for study in ds.get("PredecessorDocumentsSequence") or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            for sop in series.get("ReferencedSOPSequence") or ():
                yield str(sop.get("ReferencedSOPInstanceUID") or "")
