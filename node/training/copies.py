"""Patients who stand in a table twice, under one name or under two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from node.domain.spelling import folded
from node.training.rows import Patients, number, patient_key
from node.training.sheet import Row
from node.training.spec import Spec

MEASURED = 3
"""Inputs with decimals that two patients do not share by chance."""

PRECISE = 4
"""Significant digits of one number with decimals that makes a whole row one patient's own."""

SHARE, TIMES = 0.05, 10.0
"""
Of rows without such a number, the share that repeats another row, and how many times as many pairs as chance makes of
the columns, beyond which they are copies. Of the 162 patients of a public table 5 repeat another (age, sex, smoking,
pack-years, histology, ground glass), 15 times as many as of independent columns.
"""

Cells = tuple[object, ...]


def twice(found: Patients, spec: Spec) -> Iterator[str]:
    """Reasons to refuse the table, one for each way in which patients stand there twice."""
    ids = [patient_key(row[spec.table.patient]) for row in found.rows]
    if blank := ids.count(""):
        yield f"{blank} rows have no patient in column {spec.table.patient!r}"
    repeated = [name for name, n in Counter(ids).items() if n > 1]
    if repeated and not spec.table.repeated:
        yield (
            f"{len(repeated)} patients stand in more than one row: keep one each, or set table.repeated = true to keep "
            "their rows together"
        )
    if copies := _copied(zip(map(_measured, found.quantities), ids, strict=True)):
        yield f"{copies} rows repeat the measurements of another patient exactly"
        return
    whole = [_cells(row, spec.table.patient) for row in found.rows]
    if copies := _copied(
        (cells if any(map(_precise, cells)) else (), name) for cells, name in zip(whole, ids, strict=True)
    ):
        yield f"{copies} rows repeat the row of another patient in every cell"
    elif (copies := _copied(zip(whole, ids, strict=True))) > SHARE * len(whole) and _pairs(whole) > TIMES * _chance(
        whole
    ):
        yield f"{copies} rows repeat the row of another patient in every cell, far more than chance makes alike"


def _copied(named: Iterable[tuple[Cells, str]]) -> int:
    """Rows that say what the row of a patient of another name says; an empty row says nothing."""
    alike = Counter(cells for cells, _ in set(named) if cells)
    return sum(n - 1 for n in alike.values())


def _measured(quantities: Mapping[str, float | str]) -> Cells:
    """Numbers with decimals; none where two patients may share them."""
    numbers = {k: v for k, v in quantities.items() if isinstance(v, float) and not v.is_integer()}
    return tuple(sorted(numbers.items())) if len(numbers) >= MEASURED else ()


def _cells(row: Row, patient: str) -> Cells:
    """All that a row says but whose it is, however the numbers are written."""
    cells = {column: folded(cell) for column, cell in row.items() if column != patient}
    return tuple(cell if (value := number(cell)) is None else value for cell in cells.values())


def _precise(cell: object) -> bool:
    return (
        isinstance(cell, float)
        and not cell.is_integer()
        and len(f"{cell:.15g}".strip("-0.").replace(".", "")) >= PRECISE
    )


def _pairs(rows: list[Cells]) -> float:
    return sum(n * (n - 1) / 2 for n in Counter(rows).values())


def _chance(rows: list[Cells]) -> float:
    """Pairs of rows that would be alike if the columns had nothing to do with each other."""
    n = len(rows)
    pairs = n * (n - 1) / 2
    for column in zip(*rows, strict=True):
        pairs *= sum(k * (k - 1) for k in Counter(column).values()) / (n * (n - 1))
    return pairs
