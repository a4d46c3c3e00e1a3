"""What a specification says that cannot be: names of what is not there, numbers that no training can use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from math import inf
from typing import TYPE_CHECKING

from node.domain.order import Extraction
from node.domain.plain import from_plain
from node.inference.inputs import ModelInput
from node.training import reporting, sources, tripod
from node.training.tabular import Recipe

if TYPE_CHECKING:
    from node.training.spec import Spec

FEWEST_REPLICATES = 20
"""Fewer bootstrap replicates have no 2.5th percentile."""


def contradictions(spec: Spec, columns: tuple[str, ...] | None) -> Iterator[str]:
    """
    Every reason why a specification cannot be trained, each with its place.

    Args:
        spec: The specification, its parts each of the right kind.
        columns: Of the table; None where [table] could not be read, so that nothing is known of them.
    """
    if columns is not None:
        yield from _columns(spec, columns)
    if not spec.inputs:
        yield "there are no inputs: list [[inputs]], or name table.features"
    extraction = _extraction(spec)
    for item in spec.inputs:
        yield from sources.mistakes(item, extraction)
    yield from _views(spec)
    yield from _baselines(spec)
    yield from _golden(spec)
    yield from _recipe(spec.recipe)
    yield from _reporting(spec.head.get("reporting", {}))


def _columns(spec: Spec, columns: tuple[str, ...]) -> Iterator[str]:
    rules = spec.table
    wanted = [
        ("table.patient", rules.patient),
        ("table.target", rules.target),
        *([("table.cohort", rules.cohort)] if rules.cohort else []),
        *((f"subgroup {group.name!r}", group.column) for group in spec.subgroups),
        *((f"input {item.name}", spec.column(item.source)) for item in spec.inputs),
        *((f"baseline {b.name!r}", spec.column(item.source)) for b in spec.baselines for item in b.inputs),
        *((f"table.describe {column}", column) for column in rules.describe),
    ]
    yield from (f"{what}: the table has no column {column!r}" for what, column in wanted if column not in columns)
    if set(rules.positive) & set(rules.negative) or not rules.positive or not rules.negative:
        yield "table.positive and table.negative must both be given, and have nothing in common"
    for pattern in rules.features:
        if not any(fnmatchcase(column, pattern) for column in columns):
            yield f"table.features: no column fits {pattern!r}"
    inputs = {name for item in _every_input(spec) for name in (item.name, spec.column(item.source))}
    yield from (f"table.known_before: {name!r} is no input" for name in rules.known_before if name not in inputs)
    yield from _twice("subgroup", (group.name for group in spec.subgroups))


def _every_input(spec: Spec) -> Iterator[ModelInput]:
    yield from spec.inputs
    for baseline in spec.baselines:
        yield from baseline.inputs


def _extraction(spec: Spec) -> Extraction:
    try:
        return from_plain(Extraction, spec.head.get("extraction", {}))
    except (ValueError, TypeError, AttributeError):  # which is told of the head
        return Extraction()


def _views(spec: Spec) -> Iterator[str]:
    names = {item.name for item in spec.inputs}
    named = names | {item.quantity for item in spec.inputs}
    for view in spec.views:
        yield from (f"view {view.name!r} leaves out {n!r}, which is no input" for n in view.missing if n not in named)
        for blank in view.where:
            for key, name in (("input", blank.input), ("when", blank.when)):
                if name not in names:
                    yield f"view {view.name!r}: where.{key} is {name!r}, which is no input"
    yield from _twice("view", (view.name for view in spec.views))


def _baselines(spec: Spec) -> Iterator[str]:
    named = {item.name for item in spec.inputs} | {item.quantity for item in spec.inputs}
    for baseline in spec.baselines:
        at = f"baseline {baseline.name!r}"
        yield from (f"{at} is without {n!r}, which is no input" for n in baseline.without if n not in named)
        if bool(baseline.inputs) == bool(baseline.without):
            yield f"{at}: give either its own inputs, or what it is without"
        elif spec.inputs and not baseline.of(spec.inputs):
            yield f"{at} is without every input, so there is nothing to compare with"
        yield from _twice(f"{at}: input", (item.name for item in baseline.inputs))
    yield from _twice("baseline", (baseline.name for baseline in spec.baselines))


def _golden(spec: Spec) -> Iterator[str]:
    names = {item.name: item for item in spec.inputs}
    for case in spec.golden:
        for name in case.inputs:
            if name not in names:
                yield f"golden case {case.name!r} gives {name!r}, which is no input{_instead(name, spec.inputs)}"


def _instead(quantity: str, inputs: tuple[ModelInput, ...]) -> str:
    named = [item.name for item in inputs if item.quantity == quantity]
    return f" but a quantity; name {' or '.join(named)}" if named else ""


def _reporting(stated: object) -> Iterator[str]:
    """Answers to guidelines that have no such item, or are no answers."""
    if not isinstance(stated, Mapping) or not stated.keys() <= {"rqs", "tripod"}:
        yield "[reporting] takes the tables rqs and tripod, and nothing else"
        return
    yield from reporting.mistakes(stated.get("rqs", {}))
    answers, known = stated.get("tripod", {}), dict(tripod.ITEMS)
    if not isinstance(answers, Mapping):
        yield "reporting.tripod is no table"
        return
    for item, answer in answers.items():
        if item not in known:
            yield f"reporting.tripod.{item} is no item of TRIPOD+AI"
        elif not isinstance(answer, str):
            yield f"reporting.tripod.{item} is {answer!r}, but an answer in words"


def _recipe(recipe: Recipe) -> Iterator[str]:
    mixes, strengths = recipe.mixes, recipe.strengths
    sound = {
        f"folds: {recipe.folds}, but two at least": recipe.folds >= 2,
        f"repeats: {recipe.repeats}, but one at least": recipe.repeats >= 1,
        f"replicates: {recipe.replicates}, but {FEWEST_REPLICATES} at least": recipe.replicates >= FEWEST_REPLICATES,
        f"level: {recipe.level:g}, but above 0 and below 1": 0 < recipe.level < 1,
        "strengths: list one at least, all above 0": bool(strengths) and all(0 < s < inf for s in strengths),
        "mixes: list one at least, all from 0 to 1": bool(mixes) and all(0 <= mix <= 1 for mix in mixes),
        f"seed: {recipe.seed}, but from 0 to 2147483647": 0 <= recipe.seed < 2**31,
    }
    yield from (f"fit.{why}" for why, holds in sound.items() if not holds)


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    yield from (f"{what} {name!r} stands there twice" for name, n in Counter(names).items() if n > 1)
