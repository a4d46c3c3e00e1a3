"""A table of patients as spreadsheets write it: a CSV file as names of columns and rows of cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from node.errors import ConfigError

UNKNOWN = frozenset({"", "na", "n/a", "nan", "none", "unknown", "not collected", "not assessed", "?"})
"""Cells that say nothing, folded."""

MOST_ALIKE = 5
"""Mistakes of one kind that are listed; how many more there are is said."""

Row = Mapping[str, str]

Line = tuple[int, list[str]]
"""Number of the line in the file that a row begins on, and its cells."""

_SEPARATOR = re.compile(r"(?i)sep=(.)\r?")
"""First line by which Excel is told the delimiter."""


def read_table(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """
    A CSV file (comma, semicolon or tab; UTF-8) as column names and rows.

    Columns without name and content are dropped.

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
    told = _SEPARATOR.fullmatch(first)
    delimiter = told[1] if told else max(",;\t", key=first.count)
    lines = _lines(text, delimiter, path, skip=1 if told else 0)
    if len(lines) < 2:
        raise ConfigError(["there are no patients in it"], at=str(path), do="give a header and one line per patient")
    (_, header), *body = _without_empty(lines)
    mistakes = [f"column {name!r} stands there twice" for name, n in Counter(header).items() if n > 1]
    mistakes += capped([f"line {n} has {len(r)} cells, not {len(header)}" for n, r in body if len(r) != len(header)])
    if mistakes:
        raise ConfigError(mistakes, at=str(path), do="correct the table")
    return tuple(header), tuple(dict(zip(header, cells, strict=True)) for _, cells in body)


def capped(mistakes: Sequence[str], most: int = MOST_ALIKE) -> list[str]:
    """The first of many mistakes, and how many more there are."""
    more = len(mistakes) - most
    return [*mistakes[:most], *([f"… and {more} more like these"] if more > 0 else [])]


def _lines(text: str, delimiter: str, path: Path, *, skip: int) -> list[Line]:
    """Rows that are not blank; the first `skip` lines of the file are no rows."""
    file = io.StringIO(text, newline="")
    for _ in range(skip):
        file.readline()
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    found: list[Line] = []
    begins = skip + 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                found.append((begins, cells))
            begins = skip + reader.line_num + 1
    except csv.Error as error:
        why = str(error) if "NUL" in str(error) or "new-line" in str(error) else "a quotation mark is not closed"
        raise ConfigError([f"line {begins}: {why}"], at=str(path), do="correct the table") from error
    return found


def _without_empty(lines: Sequence[Line]) -> Iterator[Line]:
    """The rows without columns that have neither name nor content, as spreadsheets leave at the end of a line."""
    (_, header), *body = lines
    filled = {n for _, cells in body for n, cell in enumerate(cells) if cell}
    empty = {n for n, name in enumerate(header) if not name and n not in filled}
    for number, cells in lines:
        beyond = cells[len(header) :]
        held = cells if any(beyond) else cells[: len(header)]
        yield number, [cell for n, cell in enumerate(held) if n not in empty]
