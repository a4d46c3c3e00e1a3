"""A table of patients on disk as the quantities that a specification asks for."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.domain.spelling import folded
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.training.encode import features
from node.training.sheet import UNKNOWN, Row, capped
from node.training.sources import word
from node.training.spec import Spec, TableRules, View
from node.training.tabular import Array, Table

UNDETERMINED = UNKNOWN | {
    "indeterminate",
    "undetermined",
    "inconclusive",
    "equivocal",
    "not tested",
    "not done",
    "pending",
}
"""What a table says of a target that is not known, folded."""

MOST_MISTAKES, MOST_VALUES, FEWEST_ALIKE = 20, 10, 3
REST = ""
"""Where the rows are counted whose target says something that fewer than `FEWEST_ALIKE` rows say."""

LARGEST = 1e30
"""Beyond it a model's arithmetic (float32, to 3e38) has no room left."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Patients:
    """
    Rows with a known target.

    Attributes:
        rows: Cells by column.
        quantities: For each row source ("clinical:age") to value; what is unknown is absent.
        table: The same as numbers.
        baselines: Name to the same patients with the inputs of a simpler model.
        subgroups: Name to which rows, shape (n,).
        left_out: Rows whose target is neither of the two.
        unrecognised: What the target of these rows says, but for those where it is `UNDETERMINED`, and how often.
    """

    rows: tuple[Row, ...]
    quantities: tuple[Mapping[str, float | str], ...]
    table: Table
    baselines: Mapping[str, Table]
    subgroups: Mapping[str, NDArray[np.bool_]]
    left_out: int
    unrecognised: Mapping[str, int]


def patients(rows: Sequence[Row], spec: Spec, *, at: str) -> Patients:
    """
    Take the rows with a known target.

    Args:
        rows: Of the table.
        spec: What they mean.
        at: The table, for messages.

    Raises:
        ConfigError: A cell is no number, or lies outside what the specification declares; a target is one of the two
            but for case or spaces.
    """
    rules = spec.table
    kept = tuple(row for row in rows if row[rules.target] in {*rules.positive, *rules.negative})
    others = Counter(row[rules.target] for row in rows) - Counter(row[rules.target] for row in kept)
    mistakes = list(_misspelt(others, rules))
    quantities = tuple(_quantities(row, spec, mistakes) for row in kept)
    if mistakes:
        raise ConfigError(
            capped(list(dict.fromkeys(mistakes)), MOST_MISTAKES),
            at=at,
            do="correct these cells, or leave them blank where the value is unknown",
        )
    try:
        main = _table(spec.inputs, quantities, kept, spec)
        simple = {b.name: _table(b.of(spec.inputs), quantities, kept, spec) for b in spec.baselines}
    except ValueError as error:
        raise ConfigError([str(error)], at=at, do="correct the table or the declaration of the input") from error
    told = [(spec.inputs, main), *((b.of(spec.inputs), simple[b.name]) for b in spec.baselines)]
    if beyond := [mistake for inputs, table in told for mistake in _beyond_arithmetic(inputs, table, spec)]:
        do = "give the input another scale or unit, or correct the table"
        raise ConfigError(list(dict.fromkeys(beyond)), at=at, do=do)
    return Patients(
        rows=kept,
        quantities=quantities,
        table=_with_views(main, spec),
        baselines=simple,
        subgroups={g.name: np.array([row[g.column] in g.values for row in kept], bool) for g in spec.subgroups},
        left_out=others.total(),
        unrecognised=_unrecognised(others),
    )


def _misspelt(others: Mapping[str, int], rules: TableRules) -> Iterator[str]:
    """Targets that somebody meant to be listed."""
    listed = {folded(value): value for value in (*rules.positive, *rules.negative)}
    for value, n in others.items():
        if folded(value) in listed:
            meant = listed[folded(value)]
            yield f"column {rules.target}: {n} rows say {value!r}, which is {meant!r} but for case or spaces"


def _unrecognised(others: Counter[str]) -> dict[str, int]:
    """The most common values first; what few rows say, which may be one patient's own words, is only counted."""
    told = Counter({value: n for value, n in others.items() if folded(value) not in UNDETERMINED}).most_common()
    named = {value: n for value, n in told[:MOST_VALUES] if n >= FEWEST_ALIKE}
    rest = sum(n for _, n in told) - sum(named.values())
    return {**named, **({REST: rest} if rest else {})}


def describe(found: Patients, spec: Spec) -> str:
    """Who the patients were, each by the first row: what can be counted, then the specification's own words."""
    parts = []
    firsts = np.unique(found.table.groups, return_index=True)[1] if found.table.groups.size else range(len(found.rows))
    for column in (*spec.table.describe, *([spec.table.cohort] if spec.table.cohort else [])):
        counted = Counter(found.rows[n][column] or "not stated" for n in firsts)
        parts.append(f"{column}: " + ", ".join(f"{n} {name}" for name, n in counted.most_common()))
    ages = [float(q["clinical:age"]) for q in (found.quantities[n] for n in firsts) if "clinical:age" in q]
    if ages:
        parts.append(f"age {min(ages):.0f} to {max(ages):.0f} years, median {np.median(ages):.0f}")
    return "; ".join(filter(None, (*parts, spec.population)))


def _quantities(row: Row, spec: Spec, mistakes: list[str]) -> dict[str, float | str]:
    known: dict[str, float | str] = {}
    every = (*spec.inputs, *(item for baseline in spec.baselines for item in baseline.inputs))
    listed: dict[str, set[str]] = {}
    for item in every:
        listed.setdefault(item.source, set()).update(item.levels)
    for item in every:
        column = spec.column(item.source)
        cell = row[column]
        if cell.casefold() in UNKNOWN or item.source in known:
            continue
        known[item.source] = said = word(item.source, cell)
        if item.levels and said not in listed[item.source]:
            mistakes.append(f"column {column}: {cell!r} is none of {', '.join(sorted(listed[item.source]))}")
        if item.levels:
            continue
        if (value := number(cell)) is not None:
            known[item.source] = value
        elif number(cell.replace(",", ".")) is not None:
            mistakes.append(f"column {column} has decimal commas: write points")
        else:
            mistakes.append(f"column {column}: {cell!r} is no number")
    return known


def patient_key(name: str) -> str:
    """
    What tells patients apart however a spreadsheet wrote the name: "P-07 ", "p_07" and "P 07" are one patient, and so
    are "12", "0012" and "12.0".
    """
    words = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()
    words = re.sub(r"\.0+$", "", words)
    return words.lstrip("0") or "0" if words.isdigit() else words


def number(text: str) -> float | None:
    """What a cell says as a finite number; None where it says none. "1_000" is a number to Python alone."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _table(
    inputs: tuple[ModelInput, ...], quantities: Sequence[Mapping[str, float | str]], rows: Sequence[Row], spec: Spec
) -> Table:
    rules = spec.table
    names = [patient_key(row[rules.patient]) for row in rows]
    order = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return Table(
        names=tuple(item.name for item in inputs),
        features=features(inputs, quantities) if rows else np.zeros((0, len(inputs))),
        target=np.array([row[rules.target] in rules.positive for row in rows], bool),
        cohorts=np.array([row[rules.cohort] if rules.cohort else "" for row in rows], str),
        logs=frozenset(item.name for item in inputs if item.scale == "log"),
        blocks=tuple(item.source for item in inputs),
        groups=np.array([order[name] for name in names], np.intp) if len(order) < len(names) else np.zeros(0, np.intp),
    )


def _beyond_arithmetic(inputs: tuple[ModelInput, ...], table: Table, spec: Spec) -> Iterator[str]:
    """Columns that hold what no logarithm is of, or what float32 cannot hold."""
    for item, column in zip(inputs, table.features.T, strict=True):
        where = f"column {spec.column(item.source)}"
        if item.scale == "log" and (n := int((column <= 0).sum())):
            yield f'{where}: {n} values are not above 0, and scale = "log" takes their logarithm'
        if n := int((np.abs(column) > LARGEST).sum()):
            yield f"{where}: {n} values lie beyond {LARGEST:g}"


def _with_views(table: Table, spec: Spec) -> Table:
    views = {view.name: _view(table, view, spec) for view in spec.views}
    return Table(
        names=table.names, features=table.features, target=table.target, cohorts=table.cohorts, views=views,
        logs=table.logs, blocks=table.blocks, groups=table.groups,
    )  # fmt: skip


def _view(table: Table, view: View, spec: Spec) -> Array:
    blanked = table.features.copy()
    for item in spec.inputs:
        if item.name in view.missing or item.quantity in view.missing:
            blanked[:, table.names.index(item.name)] = np.nan
    for blank in view.where:
        rows = table.features[:, table.names.index(blank.when)] == blank.value
        blanked[rows, table.names.index(blank.input)] = np.nan
    return blanked
