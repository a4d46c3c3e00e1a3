"""What is told of answers under other masks: how far they move, how many change sides or leave their interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.domain.facts import ModelFacts
from node.inference import applicability, explain
from node.inference.inputs import ModelInput
from node.inference.onnx import OnnxClassifier
from node.inference.package import Package
from node.inference.rebase import logit
from node.training.lesions import About
from node.training.values import Values

BELIEVED = 0.5
"""The pipelines' default for the least trust in a drawing."""

BANDS = ((0.9, 1.01), (0.85, 0.9), (0.8, 0.85), (0.7, 0.8), (0.0, 0.7))
"""Of Dice, lower limit included."""

QUARTILES = (25, 50, 75)

METHOD = (
    "The inputs are measured by the node's own measure stage on the same image, inside each mask in turn. A displaced "
    "mask is the experts' whose signed distance to the border is changed by a random field, smooth over 10 or 20 mm "
    "(two of each for every patient), as far as the Dice asks, and not beyond the head. Figures are the median and the "
    "90th percentile of the absolute change"
)

NOT_SHOWN = (
    "Nobody knows the answer that is right for these patients: a moved probability is another one, not a worse one.",
    "A displaced mask errs at random along the whole border; a segmenter leaves out or adds whole parts, and errs the "
    "same way in the next patient.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Inputs inside a mask that was displaced: Dice that was asked for, Dice that was reached."""

    asked: float
    dice: float
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """
    Inputs of a model about one patient, inside several masks.

    Attributes:
        name: Of the patient.
        dice: Of the segmenter's mask with the expert's.
        trust: That the segmenter had in it.
        experts: Inside the expert's mask.
        drawn: Inside the segmenter's; empty where it drew nothing.
        displaced: Inside masks displaced at random.
    """

    name: str
    dice: float
    trust: float
    experts: Values
    drawn: Values
    displaced: tuple[Other, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer: its numbers, and what the inputs from shape and from intensities add to the log-odds."""

    probability: float
    lower: float
    upper: float
    shape: float
    intensities: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One answer under the expert's mask, and under another of this Dice."""

    dice: float
    trust: float
    before: Told
    after: Told

    @property
    def shape(self) -> float:
        """Change of log-odds by shape and size."""
        return self.after.shape - self.before.shape

    @property
    def intensities(self) -> float:
        """Change of log-odds by what is measured of the intensities."""
        return self.after.intensities - self.before.intensities

    @property
    def log_odds(self) -> float:
        """Change of log-odds. The model adds up its inputs, so that it is the same at every age."""
        return self.shape + self.intensities

    @property
    def probability(self) -> float:
        """Change of the probability at the age that was asked about."""
        return self.after.probability - self.before.probability

    @property
    def at_most(self) -> float:
        """The largest change of a probability that this change of log-odds can make: evenly around one half."""
        return math.tanh(abs(self.log_odds) / 4)


class Asked:
    """A model about to be asked at a fixed age."""

    def __init__(self, package: Package) -> None:
        """Open the package of a classifier that reads age and measurements."""
        opened = package.open()
        assert isinstance(opened, OnnxClassifier)  # noqa: S101 - only such a model has inputs
        self._ask = opened
        self._inputs = package.manifest.inputs

    def __call__(self, values: Values, age: float) -> Told:
        """The answer about one lesion; what is neither age nor measured is missing."""
        ages = {item.name: age for item in self._inputs if item.source == "clinical:age"}
        answer = self._ask({**values, **ages})
        parts = [(_is_shape(i), answer.contributions[i.name]) for i in self._inputs if i.name in values]
        return Told(
            probability=answer.probability,
            lower=answer.lower,
            upper=answer.upper,
            shape=sum(part for is_shape, part in parts if is_shape),
            intensities=sum(part for is_shape, part in parts if not is_shape),
        )


def figures(found: Sequence[Compared], package: Package, segmenter: ModelFacts, *, patients: About) -> dict[str, Any]:
    """
    The content of `masks.toml`.

    Args:
        found: Patients, each with at least the inputs inside the expert's mask.
        package: The model that is asked.
        segmenter: Whose masks they are.
        patients: What a reader must know about them.
    """
    ask, ages = Asked(package), _ages(package)
    point = package.manifest.operating_point
    threshold = point.threshold if point else 0.5
    at = {age: [_drawn(ask, each, age) for each in found if each.drawn] for age in ages}
    displaced = [(o, _move(ask, c, o.dice, o.values, ages[1])) for c in found for o in c.displaced if o.values]
    levels = sorted({other.asked for other, _ in displaced}, reverse=True)
    return {
        "data": patients.who,
        "method": METHOD,
        "patients": len(found),
        "not_drawn": sum(not each.drawn for each in found),
        "ages": list(ages),
        "threshold": threshold,
        "reached_within": _short(max((abs(o.asked - o.dice) for o, _ in displaced), default=0.0)),
        "interval_log_odds": _short(float(np.median([_half_width(ask(each.experts, ages[1])) for each in found]))),
        "segmenter": {"id": segmenter.id, "version": segmenter.version, "digest": segmenter.digest},
        "unlike_training": _unlike(found, package),
        "drawn": list(_bands(at[ages[1]], threshold)),
        "by_age": [{"age": age, **_row("all", moves, threshold)} for age, moves in at.items()],
        "displaced": [
            _row(f"{level:g}", [m for o, m in displaced if o.asked == level], threshold) for level in levels
        ],
        "not_shown": [*patients.not_shown, *NOT_SHOWN],
        "each_patient": [_patient(each, ask, ages[1]) for each in found],
    }  # fmt: skip


def _ages(package: Package) -> tuple[float, float, float]:
    """Quartiles of the training patients."""
    spreads = explain.parse(package.read(explain.FILE), at=package.label)
    first, middle, last = (spreads["clinical:age"].quantiles[q] for q in QUARTILES)
    return first, middle, last


def _drawn(ask: Asked, each: Compared, age: float) -> Move:
    return _move(ask, each, each.dice, each.drawn, age)


def _move(ask: Asked, each: Compared, dice: float, other: Values, age: float) -> Move:
    return Move(dice=dice, trust=each.trust, before=ask(each.experts, age), after=ask(other, age))


def _is_shape(item: ModelInput) -> bool:
    return item.source.startswith(("measure:", "feature:original_shape_"))


def _half_width(told: Told) -> float:
    return (logit(told.upper) - logit(told.lower)) / 2


def _unlike(found: Sequence[Compared], package: Package) -> dict[str, int]:
    """How many would be refused for being unlike the training patients, age aside."""
    fence = applicability.parse(package.read(applicability.FILE), at=package.label)

    def refused(values: Values) -> bool:
        return applicability.applies(fence, values).outcome == "outside"

    return {
        "experts": sum(refused(each.experts) for each in found),
        "segmenter": sum(refused(each.drawn) for each in found if each.drawn),
    }


def _bands(moves: Sequence[Move], threshold: float) -> Iterator[dict[str, Any]]:
    """All that was drawn, what is trusted, and each band of Dice that has any."""
    yield _row("all", moves, threshold)
    yield _row("trusted", [move for move in moves if move.trust >= BELIEVED], threshold)
    for low, high in BANDS:
        name = f"{low:g} and more" if high > 1 else f"{low:g} to {high:g}" if low else f"below {high:g}"
        yield _row(name, [move for move in moves if low <= move.dice < high], threshold)


def _row(name: str, moves: Sequence[Move], threshold: float) -> dict[str, Any]:
    """One row of the card's tables; without any mask only their number."""
    if not moves:
        return {"masks": name, "n": 0}
    sides = [(move.before.probability >= threshold, move.after.probability >= threshold) for move in moves]
    inside = [move.before.lower <= move.after.probability <= move.before.upper for move in moves]
    changes: Mapping[str, list[float]] = {
        "log_odds": [move.log_odds for move in moves],
        "shape": [move.shape for move in moves],
        "intensities": [move.intensities for move in moves],
        "probability": [move.probability for move in moves],
        "at_most": [move.at_most for move in moves],
    }
    return {
        "masks": name,
        "n": len(moves),
        "dice": _short(float(np.median([move.dice for move in moves]))),
        **{key: [_short(float(q)) for q in np.percentile(np.abs(told), (50, 90))] for key, told in changes.items()},
        "log_odds_mean": _short(float(np.mean(changes["log_odds"]))),
        "crossed": sum(before != after for before, after in sides),
        "left_interval": len(moves) - sum(inside),
    }


def _patient(each: Compared, ask: Asked, age: float) -> dict[str, Any]:
    before = ask(each.experts, age)
    told = {
        "name": each.name,
        "dice": _short(each.dice),
        "trust": _short(each.trust),
        "experts": _short(before.probability),
        "interval": [_short(before.lower), _short(before.upper)],
    }
    return told | ({"segmenter": _short(ask(each.drawn, age).probability)} if each.drawn else {})


def _short(value: float) -> float:
    """Three decimals: what is printed is the same on every processor."""
    return round(value, 3)
