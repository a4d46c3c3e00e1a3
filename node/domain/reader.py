"""What radiologists state in their reports, and what of it counts where there are several reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from node.domain.clinical import FINDINGS, Clinical, Value
from node.domain.language import Said, joined, say, told
from node.domain.terms import term

QUANTITIES = frozenset({"nodal_stage", *FINDINGS})
"""What is taken from a reader's report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderReport:
    """
    The findings of one report.

    Attributes:
        sop_uid: SOP Instance UID of the report.
        written: Content Date and Time as "YYYYMMDDHHMMSS"; "" where it states none, which counts as before all others.
        verified: Whether Verification Flag (0040,A493) says so.
        replaces: SOP Instance UIDs of the documents whose content it took over (Predecessor Documents Sequence).
        values: Quantity to level; what the report does not mention is absent, and never "no".
        problems: Quantity to the reason why what is said of it is not used.
    """

    sop_uid: str
    written: str = ""
    verified: bool = False
    replaces: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def when(self) -> str:
        """Day and minute for the reader."""
        w = self.written
        return f"{w[:4]}-{w[4:6]}-{w[6:8]} {w[8:10]}:{w[10:12]}" if w else say("unknown date")

    @property
    def origin(self) -> Said:
        """Which report it is, in words."""
        state = say("verified") if self.verified else say("not verified")
        return say("reader's SR {uid} of {when}, {state}", uid=self.sop_uid, when=self.when, state=state)


def in_force(reports: Iterable[ReaderReport]) -> list[ReaderReport]:
    """The reports without those whose content another one took over."""
    known = list(reports)
    replaced = {uid for report in known for uid in report.replaces if uid != report.sop_uid}
    return [report for report in known if report.sop_uid not in replaced]


def agreed(reports: Iterable[ReaderReport]) -> Clinical:
    """
    What the reports say together.

    The latest report that speaks of a quantity decides, also where what it says cannot be used: an older statement that
    a reader came back to is not taken up again.

    Args:
        reports: Those that are in force, in any order.
    """
    counting = sorted(reports, key=lambda r: r.sop_uid)
    counting.sort(key=lambda r: r.written, reverse=True)
    values: dict[str, Value] = {}
    problems: dict[str, str] = {}
    for quantity in sorted(QUANTITIES):
        speaking = [r for r in counting if quantity in r.values or quantity in r.problems]
        if not speaking:
            continue
        _, same = next(iter(groupby(speaking, key=lambda r: r.written)))
        latest = list(same)
        if why := _unusable(quantity, latest):
            problems[quantity] = why
        else:
            values[quantity] = _value(quantity, latest[0], speaking[len(latest) :])
    return Clinical(values, problems)


def _unusable(quantity: str, latest: Sequence[ReaderReport]) -> str:
    """Why the latest statement is not used, "" when it is; several reports may bear the same time."""
    for report in latest:
        if quantity in report.problems:
            return say("{why} ({origin})", why=told(report.problems[quantity]), origin=report.origin)
    if len({report.values[quantity] for report in latest}) > 1:
        said = joined(
            (say("{value} ({origin})", value=term(r.values[quantity]), origin=r.origin) for r in latest), ", "
        )
        return say("reports of the same time contradict each other: {said}", said=said)
    return ""


def _value(quantity: str, latest: ReaderReport, earlier: Sequence[ReaderReport]) -> Value:
    """The value with its origin, which tells of the last earlier report that said otherwise."""
    level = latest.values[quantity]
    for report in earlier:
        if quantity in report.values and report.values[quantity] != level:
            other = term(report.values[quantity])
            origin = say("{origin}; before it {other} ({before})", origin=latest.origin, other=other,
                         before=report.origin)  # fmt: skip
            return Value(level, origin)
    return Value(level, latest.origin)
