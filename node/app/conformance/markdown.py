"""The few forms of Markdown that the statement is written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a cell without a value is a dash."""
    lines = [[*head], ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def section(number: str, title: str, *blocks: str) -> str:
    """A heading, as deep as its number has parts, and what stands below it."""
    depth = 2 + number.rstrip(".").count(".")
    return "\n\n".join([f"{'#' * min(depth, 6)} {number} {title}", *(block for block in blocks if block)])


def listed(lines: Iterable[str]) -> str:
    """A bullet list."""
    return "\n".join(f"- {line}" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split()) or "–"
