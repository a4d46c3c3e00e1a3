"""From the places of image planes to ordered stacks: spacing, gaps, duplicates, splits. Pure geometry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.domain.language import say
from node.domain.series import Frame
from node.domain.volume import LoadRules

SAME_POSITION_MM = 0.02
"""Two planes closer than this along the normal lie at one position: positions are written with few decimals."""

SAME_DIRECTION = 1e-3
"""Largest difference of a direction cosine between slices of one stack (0.06 degrees)."""

SIDEWAYS_MM = 0.5
"""Largest sideways shift of a slice against the first one: what an orthogonal grid can bear without being wrong."""

MISSING_FROM = 1.5
"""A gap of this many usual gaps is one in which a slice is missing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a stack must not become a volume: a refusal code, and what was found."""

    code: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """
    Planes that follow one another along their normal.

    Attributes:
        order: Indices into the frames given, ascending along the normal (row cosines x column cosines).
        spacing_mm: Mean distance between neighbours; 0 for a single plane.
        label: What the planes have in common and others at their positions have not, "" when nothing was split.
        problem: Why it must not become a volume, None when it may.
    """

    order: tuple[int, ...]
    spacing_mm: float
    label: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """
    All planes, arranged.

    Attributes:
        stacks: The best fitting one first: whole ones before broken ones, then by number of slices, then by what their
            images are worth, then the latest.
        split_by: Name of what told the stacks apart, "" where one position holds one plane.
        by_worth: Whether the worth of the images decided between the best stacks.
    """

    stacks: tuple[Stack, ...]
    split_by: str = ""
    by_worth: bool = False

    @property
    def best(self) -> Stack:
        """The stack to take."""
        return self.stacks[0]

    def note(self, count: int) -> str:
        """What a reader must know where `count` images lie in several stacks, "" where they do not."""
        if not self.split_by:
            return ""
        facts = {
            "count": count, "stacks": len(self.stacks), "attribute": self.split_by,
            "label": self.best.label or say("no value"), "slices": len(self.best.order),
        }  # fmt: skip
        if self.by_worth:
            return say(
                "{count} images lie in {stacks} stacks that differ in {attribute}; the one with {label} and {slices} "
                "slices was taken (complete before incomplete, then the most slices, then magnitude, in-phase or water "
                "images before others, then the latest).",
                **facts,
            )
        return say(
            "{count} images lie in {stacks} stacks that differ in {attribute}; the one with {label} and {slices} "
            "slices was taken (complete before incomplete, then the most slices, then the latest).",
            **facts,
        )


def arrange(
    frames: Sequence[Frame],
    rules: LoadRules,
    labels: Mapping[str, Sequence[Hashable]] | None = None,
    worth: Sequence[int] = (),
) -> Arrangement:
    """
    Order planes by position along their normal, and split those that share positions.

    Args:
        frames: Places of at least one plane.
        rules: What the pipeline asks of a stack.
        labels: Name to one value per frame: what may tell planes at one position apart (acquisition number, phase,
            echo …), the most trusted first. The label that leaves the best stack is taken.
        worth: Of every frame, as `acquisition.measurable` has it; of stacks alike the one worth more comes first.
    """
    everything = np.arange(len(frames))
    if problem := _mixed(frames):
        return Arrangement(stacks=(Stack(order=tuple(everything.tolist()), spacing_mm=0, problem=problem),))
    along, sideways = _project(frames)
    whole = _judge(everything, along, sideways, rules)
    if not _repeated(along):
        return Arrangement(stacks=(whole,))
    best: Arrangement | None = None
    for name, values in (labels or {}).items():
        stacks = _split(values, along, sideways, rules, worth)
        split = Arrangement(stacks=stacks, split_by=name, by_worth=_by_worth(stacks, worth))
        if len(split.stacks) > 1 and (best is None or _rank(split.best) > _rank(best.best)):
            best = split
    return best or Arrangement(stacks=(whole,))


def find_gap(frames: Sequence[Frame], rules: LoadRules) -> str | None:
    """Say in words which slices are missing, when that is what is wrong (later arrivals may fill a gap), else None."""
    if len(frames) < 2 or _mixed(frames):
        return None
    along, _ = _project(frames)
    gaps = np.diff(_unique(np.sort(along)))
    problem = _uneven(gaps, rules) if gaps.size else None
    return problem.found if problem and problem.code == "missing slices" else None


def count_positions(frames: Sequence[Frame]) -> int:
    """How many places along the normal hold planes: phases, echoes and other repeats of one place count once."""
    return int(_unique(np.sort(_project(frames)[0])).size) if frames else 0


def _mixed(frames: Sequence[Frame]) -> Problem | None:
    orientations = np.array([f.orientation for f in frames])
    apart = int((np.abs(orientations - orientations[0]).max(axis=1) > SAME_DIRECTION).sum())
    if not apart:
        return None
    found = say("{apart} of {all} planes do not lie parallel to the first", apart=apart, all=len(frames))
    return Problem("mixed orientations", found)


def _project(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions as millimetres along the normal, shape (n,), and in the plane, shape (n, 2)."""
    row, column = np.array(frames[0].orientation[:3]), np.array(frames[0].orientation[3:])
    normal = np.cross(row, column)
    positions = np.array([f.position for f in frames], np.float64)
    return positions @ (normal / np.linalg.norm(normal)), positions @ np.stack([row, column], axis=1)


def _unique(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    far = np.flatnonzero(np.diff(ascending) > SAME_POSITION_MM) + 1
    return np.concatenate([ascending[:1], ascending[far]])


def _repeated(along: NDArray[np.float64]) -> bool:
    return bool((np.diff(np.sort(along)) <= SAME_POSITION_MM).any())


def _split(
    values: Sequence[Hashable],
    along: NDArray[np.float64],
    sideways: NDArray[np.float64],
    rules: LoadRules,
    worth: Sequence[int],
) -> tuple[Stack, ...]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        groups[value].append(index)
    latest_first = sorted(groups, key=_age, reverse=True)
    stacks = [_judge(np.array(groups[v]), along, sideways, rules, label=_text(v)) for v in latest_first]
    return tuple(sorted(stacks, key=lambda stack: (*_rank(stack), _worth(stack, worth)), reverse=True))


def _worth(stack: Stack, worth: Sequence[int]) -> int:
    return min((worth[index] for index in stack.order), default=0) if worth else 0


def _by_worth(stacks: Sequence[Stack], worth: Sequence[int]) -> bool:
    return len({_worth(stack, worth) for stack in stacks if _rank(stack) == _rank(stacks[0])}) > 1


def _age(value: Hashable) -> tuple[int, float, str]:
    """Numbers in their order, then texts in theirs; an absent value is the oldest."""
    if value is None or value == "":
        return 0, 0.0, ""
    try:
        return 1, float(str(value)), ""
    except ValueError:
        return 2, 0.0, _text(value)


def _text(value: Hashable) -> str:
    return "\\".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _rank(stack: Stack) -> tuple[bool, int]:
    return stack.problem is None, len(stack.order)


def _judge(
    members: NDArray[np.int64],
    along: NDArray[np.float64],
    sideways: NDArray[np.float64],
    rules: LoadRules,
    label: str = "",
) -> Stack:
    order = members[np.argsort(along[members], kind="stable")]
    place = along[order]
    spacing = float(place[-1] - place[0]) / (len(order) - 1) if len(order) > 1 else 0.0
    problem = _problem(place, sideways[order], rules)
    return Stack(order=tuple(order.tolist()), spacing_mm=spacing, label=label, problem=problem)


def _problem(along: NDArray[np.float64], sideways: NDArray[np.float64], rules: LoadRules) -> Problem | None:
    if _repeated(along):
        crowded = along.size - _unique(along).size
        found = say("{crowded} planes lie where another one lies and nothing tells them apart", crowded=crowded)
        return Problem("non-uniform spacing", found)
    if uneven := _uneven(np.diff(along), rules):
        return uneven
    shift = float(np.linalg.norm(sideways - sideways[0], axis=1).max())
    if shift > SIDEWAYS_MM:
        return Problem("gantry tilt", say("slices are shifted sideways by up to {mm:.1f} mm along the stack", mm=shift))
    if along.size < rules.min_slices:
        few = say("{count} slices, at least {least} are needed", count=along.size, least=rules.min_slices)
        return Problem("too few slices", few)
    return None


def _uneven(gaps: NDArray[np.float64], rules: LoadRules) -> Problem | None:
    """Judge the distances between neighbours; the usual gap is the median (the smallest when half of them differ)."""
    if not gaps.size:
        return None
    usual = float(np.median(gaps))
    odd = np.abs(gaps - usual) > rules.max_spacing_deviation * usual + SAME_POSITION_MM
    if not odd.any():
        return None
    smallest = float(gaps.min())
    steps = gaps / smallest
    if _on_raster(steps, rules) and not _second_spacing(gaps, odd):
        missing = int(np.round(steps - 1).sum())
        found = say("{missing} slices are missing at a spacing of {mm:.2f} mm", missing=missing, mm=smallest)
        return Problem("missing slices", found)
    if (gaps[odd] >= MISSING_FROM * usual).all() and not _second_spacing(gaps, odd):
        found = say(
            "{gaps} gaps of up to {largest:.2f} mm at a spacing of {usual:.2f} mm",
            gaps=int(odd.sum()), largest=float(gaps.max()), usual=usual,
        )  # fmt: skip
        return Problem("missing slices", found)
    found = say(
        "gaps between slices range from {smallest:.2f} to {largest:.2f} mm",
        smallest=smallest, largest=float(gaps.max()),
    )  # fmt: skip
    return Problem("non-uniform spacing", found)


def _on_raster(steps: NDArray[np.float64], rules: LoadRules) -> bool:
    return bool((np.abs(steps - np.round(steps)) <= rules.max_spacing_deviation * np.round(steps)).all())


def _second_spacing(gaps: NDArray[np.float64], odd: NDArray[np.bool_]) -> bool:
    """Whether all odd gaps are alike and lie side by side: another spacing there, nothing missing."""
    where = np.flatnonzero(odd)
    return where.size >= 3 and bool(
        where[-1] - where[0] + 1 == where.size and np.ptp(gaps[odd]) <= 0.1 * gaps[odd].min()
    )
