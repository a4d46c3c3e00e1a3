"""Which series of a study fills which role of a pipeline, and what every other one was worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from node.assemble.lesion import Speaks, is_drawn_on
from node.assemble.study import LESION_SOURCES, Study
from node.domain.order import Pipeline
from node.domain.rules import Fit, fit
from node.domain.series import Instance
from node.domain.stack import count_positions


@dataclass
class Match:
    """
    The series that were chosen.

    Attributes:
        roles: Role to Series Instance UID and what fits of it.
        why: Series Instance UID and role to why it was taken or not, for the operator.
    """

    roles: dict[str, tuple[str, Fit]] = field(default_factory=dict)
    why: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def fits(self) -> dict[str, Fit]:
        """Role to the series that fills it."""
        return {role: fitting for role, (_, fitting) in self.roles.items()}


def fill(study: Study, pipeline: Pipeline, speaks: Speaks) -> Match:
    """
    Give each role the best of the series that fit and that no former role took.

    What is worth more is in `_Rank`; of equals the smallest UID wins, never the order of arrival.
    """
    match = Match()
    for role, conditions in pipeline.roles.items():
        best: _Rank | None = None
        for uid, entries in study.series.items():
            judged = fit(conditions, tuple(entry.stored.instance for entry in entries))
            drawn = not judged.why_not and is_drawn_on(judged, study, pipeline.lesion, speaks)
            rank = _rank(judged, drawn=drawn)
            why = match.why.setdefault(uid, {})
            why[role] = judged.why_not or _worth(judged, rank, drawn=drawn)
            if judged.why_not and entries[0].stored.instance.sop_class in LESION_SOURCES:
                why[role] += "; what it draws or marks counts for the images that it refers to"
            taken = uid in {taken for taken, _ in match.roles.values()}
            if judged.instances and not taken and (best is None or rank > best):
                best = rank
                match.roles[role] = (uid, judged)
        if role in match.roles:
            match.why[match.roles[role][0]][role] += "; chosen"
    return match


class _Rank(NamedTuple):
    """What one series is worth for a role, the weightiest first; the latest counts, as a series spoilt is repeated."""

    usable: bool
    conditions: int
    drawn: bool
    named: bool
    slices: int
    taken: tuple[str, float]


def _rank(judged: Fit, *, drawn: bool) -> _Rank:
    frames = [frame for instance in judged.instances for frame in instance.frames]
    slices = count_positions(frames) + sum(not instance.frames for instance in judged.instances)
    taken = max((_taken(instance) for instance in judged.instances), default=("", 0.0))
    return _Rank(not judged.barred, judged.conditions, drawn, judged.named, slices, taken)


def _worth(judged: Fit, rank: _Rank, *, drawn: bool) -> str:
    images = sum(max(1, len(instance.frames)) for instance in judged.instances)
    return "".join(
        (
            f"fits with {rank.slices} slices",
            f" in {images} images" if images != rank.slices else "",
            f", but {judged.barred}" if judged.barred else "",
            f" ({judged.why})" if judged.why else "",
            "; a drawing or mark refers to it" if drawn else "",
        )
    )


def _taken(instance: Instance) -> tuple[str, float]:
    """Date and time of acquisition (as text that sorts) and Series Number, as far as they are stated."""

    def first(*keywords: str) -> str:
        return next((instance.attributes[k][0] for k in keywords if k in instance.attributes), "")

    apart = first("AcquisitionDate", "SeriesDate", "StudyDate") + first("AcquisitionTime", "SeriesTime")
    try:
        number = float(first("SeriesNumber") or 0)
    except ValueError:
        number = 0.0
    return first("AcquisitionDateTime") or apart, number
