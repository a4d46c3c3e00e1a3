"""
How far a lesion lies from those that a model was trained on, in the space of the model's own inputs.

The measure is Mahalanobis' distance with a shrunken covariance (Ledoit and Wolf, J Multivar Anal 88:365, 2004) over the
inputs that are known. Distances over fewer inputs are smaller by nature, so a distance is told as the standard normal
deviate of its square (Wilson and Hilferty, PNAS 17:684, 1931), and its limits are those that the training patients,
each measured against the others, kept to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.domain.explanation import far_alone, far_together
from node.domain.findings import Fitness
from node.domain.plain import from_plain
from node.errors import ModelFailed

FILE = "applicability.json"

ALONE = 2.576
"""Standard deviations beyond which an input is named as odd by itself: 99 % of a normal distribution lie within."""

_DO = "restore the package; if it is whole, report it to the model's makers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    One input whose distribution counts.

    Attributes:
        name: Name of the input.
        label: What a reader calls it.
        log: Whether its logarithm is what is compared.
        mean: Of the training patients (of the logarithm, if so).
        scale: Their standard deviation.
        usual: Smallest and largest value of the middle 98 % of them.
    """

    name: str
    label: str
    log: bool
    mean: float
    scale: float
    usual: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicability:
    """
    The content of `applicability.json`.

    Attributes:
        method: What is measured, in words.
        inputs: Inputs that count, k of them; those with two values only are left to the declaration.
        covariance: Shape (k, k), shrunken, of the standardised inputs.
        borderline: Deviate beyond which a lesion is flagged.
        outside: Deviate beyond which it is refused.
    """

    method: str
    inputs: tuple[Known, ...]
    covariance: tuple[tuple[float, ...], ...]
    borderline: float
    outside: float


def parse(content: bytes, *, at: str) -> Applicability:
    """
    Read `applicability.json`.

    Raises:
        ModelFailed: It is not what training writes.
    """
    try:
        found = from_plain(Applicability, json.loads(content))
    except (ValueError, TypeError) as error:
        raise ModelFailed(f"{FILE} cannot be used: {error}", at=at, do=_DO) from error
    k = len(found.inputs)
    shaped = len(found.covariance) == k and all(len(row) == k for row in found.covariance)
    if not shaped or not found.borderline <= found.outside or any(item.scale <= 0 for item in found.inputs):
        raise ModelFailed(f"{FILE} contradicts itself", at=at, do=_DO)
    return found


def applies(applicability: Applicability, numbers: Mapping[str, float]) -> Fitness:
    """
    Whether a lesion is like those of the training.

    Args:
        applicability: Of the model.
        numbers: Input name to number; what is missing is absent and does not count.
    """
    z, names = standardise(applicability, numbers)
    if not names:
        return Fitness(outcome="in_domain")
    if not np.isfinite(z).all():
        odd = [item for item, value in zip(names, z, strict=True) if not np.isfinite(value)]
        reasons: tuple[str, ...] = tuple(far_alone(item.label, numbers[item.name], item.usual) for item in odd)
        return Fitness(outcome="outside", reasons=reasons, code="outside_domain")
    far = deviate(_squared(applicability, names, z).sum(), len(names))
    if far <= applicability.borderline:
        return Fitness(outcome="in_domain")
    reasons = tuple(_reasons(applicability, names, z, numbers))
    if far > applicability.outside:
        return Fitness(outcome="outside", reasons=reasons, code="outside_domain")
    return Fitness(outcome="borderline", reasons=reasons, code="borderline_domain")


def worse(first: Fitness, second: Fitness) -> Fitness:
    """Two judgements as one: the worse outcome, with its own reasons; both where they agree."""
    order = ("in_domain", "borderline", "outside")
    if first.outcome == second.outcome:
        code = first.code or second.code
        return Fitness(outcome=first.outcome, reasons=(*first.reasons, *second.reasons), code=code)
    return max(first, second, key=lambda fitness: order.index(fitness.outcome))


def standardise(
    applicability: Applicability, numbers: Mapping[str, float]
) -> tuple[NDArray[np.float64], tuple[Known, ...]]:
    """Known inputs in standard deviations of the training patients; a number without a logarithm is -inf."""
    known = tuple(item for item in applicability.inputs if item.name in numbers)
    raw = np.array([numbers[item.name] for item in known], np.float64)
    logs = np.array([item.log for item in known], bool)
    with np.errstate(divide="ignore"):
        taken = np.where(logs, np.log(np.where(logs, np.maximum(raw, 0.0), 1.0)), raw)
    return (taken - [item.mean for item in known]) / [item.scale for item in known], known


def deviate(squared: float, inputs: int) -> float:
    """Standard normal deviate of a chi-squared value: comparable whatever the number of inputs."""
    spread = 2 / (9 * inputs)
    return float(((max(squared, 0.0) / inputs) ** (1 / 3) - (1 - spread)) / np.sqrt(spread))


def _squared(applicability: Applicability, names: tuple[Known, ...], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each known input adds to the squared distance; the sum of all is the distance."""
    place = [applicability.inputs.index(item) for item in names]
    part = np.array(applicability.covariance)[np.ix_(place, place)]
    return np.asarray(z * np.linalg.solve(part, z))


def _reasons(
    applicability: Applicability, names: tuple[Known, ...], z: NDArray[np.float64], numbers: Mapping[str, float]
) -> Iterator[str]:
    """The inputs that are odd by themselves; where there are none, those whose combination is."""
    alone = [n for n in np.argsort(-np.abs(z)) if abs(z[n]) > ALONE]
    for n in alone[:4]:
        yield far_alone(names[n].label, numbers[names[n].name], names[n].usual)
    if not alone and len(names) == 1:
        yield far_alone(names[0].label, numbers[names[0].name], names[0].usual)
    elif not alone:
        added = _squared(applicability, names, z)
        strongest = [names[n] for n in np.argsort(-added)[:2]]
        yield far_together({item.label: numbers[item.name] for item in strongest})
