"""Which reports of radiologists belong to the series that is measured, and what they state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from node.assemble.study import REPORTS, Current, Study, as_input, refers_to
from node.domain.clinical import Clinical
from node.domain.language import say
from node.domain.order import Input
from node.domain.reader import QUANTITIES, ReaderReport, agreed, in_force
from node.domain.rules import Fit

Read = Callable[[Current], ReaderReport | None]
"""Reads a report; None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Stated:
    """
    What readers state of a study.

    Attributes:
        clinical: Their findings, each with the report that it comes from.
        inputs: The reports in force that say anything of what was asked.
    """

    clinical: Clinical = field(default_factory=Clinical)
    inputs: tuple[Input, ...] = ()


def stated(study: Study, measured: Fit, asked: frozenset[str], read: Read) -> Stated:
    """
    Collect what was asked from the reports that are of this study or refer to the measured series.

    Args:
        study: With the objects of its patient.
        measured: The measured series.
        asked: Clinical quantities that the pipeline's models take; where readers state none, no report is opened.
        read: Reads one report.
    """
    asked &= QUANTITIES
    if not asked:
        return Stated()
    found = {entry.stored.instance.sop_uid: entry for entry in _reports(study, measured)}
    reports = in_force(each for entry in found.values() if (each := _told(entry, asked, read)) is not None)
    speaking = [r.sop_uid for r in reports if r.values or r.problems]
    inputs = tuple(as_input(found[uid].stored) for uid in sorted(speaking))
    return Stated(agreed(reports), inputs)


def _reports(study: Study, measured: Fit) -> Iterator[Current]:
    for entry in study.objects:
        instance = entry.stored.instance
        if instance.sop_class in REPORTS and (instance.study_uid == study.uid or refers_to(instance, measured)):
            yield entry


def _told(entry: Current, asked: frozenset[str], read: Read) -> ReaderReport | None:
    """What a report says of what was asked; nothing that counts where it was received with two contents."""
    report = read(entry)
    if report is None:
        return None
    problems = {name: why for name, why in report.problems.items() if name in asked}
    values = {name: level for name, level in report.values.items() if name in asked}
    if entry.conflict:
        why = say("the report was received with two contents under one UID")
        values, problems = {}, dict.fromkeys((*values, *problems), why)
    return replace(report, sop_uid=entry.stored.instance.sop_uid, values=values, problems=problems)
