"""A table of patients on disk as the quantities that a specification asks for."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.training.encode import features
from node.training.spec import Spec, View
from node.training.tabular import Array, Table

UNKNOWN = frozenset({"", "na", "n/a", "nan", "none", "unknown", "not collected", "not assessed", "?"})

LARGEST = 1e30
"""Beyond it a model's arithmetic (float32, to 3e38) has no room left."""

Row = Mapping[str, str]


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
    """

    rows: tuple[Row, ...]
    quantities: tuple[Mapping[str, float | str], ...]
    table: Table
    baselines: Mapping[str, Table]
    subgroups: Mapping[str, NDArray[np.bool_]]
    left_out: int


def read_table(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """
    A CSV file (comma, semicolon or tab; UTF-8) as column names and rows.

    Raises:
        ConfigError: It cannot be read, is empty, or rows and header do not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], at=str(path), do="name a CSV file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(["is not UTF-8 text"], at=str(path), do="save it as CSV UTF-8") from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    lines = [[cell.strip() for cell in line] for line in reader if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ConfigError(["there are no patients in it"], at=str(path), do="give a header and one line per patient")
    header, *body = lines
    mistakes = [f"column {name!r} stands there twice" for name, n in Counter(header).items() if n > 1]
    mistakes += [
        f"line {n} has {len(r)} cells, not {len(header)}" for n, r in enumerate(body, 2) if len(r) != len(header)
    ]
    if mistakes:
        raise ConfigError(mistakes, at=str(path), do="correct the table")
    return tuple(header), tuple(dict(zip(header, line, strict=True)) for line in body)


def patients(rows: Sequence[Row], spec: Spec, *, at: str) -> Patients:
    """
    Take the rows with a known target.

    Args:
        rows: Of the table.
        spec: What they mean.
        at: The table, for messages.

    Raises:
        ConfigError: A cell is no number, or lies outside what the specification declares.
    """
    rules = spec.table
    kept = tuple(row for row in rows if row[rules.target] in {*rules.positive, *rules.negative})
    mistakes: list[str] = []
    quantities = tuple(_quantities(row, spec, mistakes) for row in kept)
    if mistakes:
        raise ConfigError(
            list(dict.fromkeys(mistakes))[:20],
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
        left_out=len(rows) - len(kept),
    )


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
        known[item.source] = word = " ".join(cell.casefold().split())
        if item.levels and word not in listed[item.source]:
            mistakes.append(f"column {column}: {cell!r} is none of {', '.join(sorted(listed[item.source]))}")
        if item.levels:
            continue
        if (value := number(word)) is None:
            mistakes.append(f"column {column}: {cell!r} is no number")
        else:
            known[item.source] = value
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
    """What a cell says as a finite number; None where it says none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


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


def inputs_without_values(table: Table) -> Iterator[str]:
    """Inputs that nobody in the table has, or that everybody has alike."""
    for name, column in zip(table.names, table.features.T, strict=True):
        if np.unique(column[~np.isnan(column)]).size < 2:
            yield name
