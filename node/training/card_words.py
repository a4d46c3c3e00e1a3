"""Tables and numbers of a card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table in Markdown."""
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    whole = ([cell.replace("|", r"\|") for cell in row] for row in rows)
    yield from (f"| {' | '.join(row)} |" for row in whole)


def interval(bounds: Sequence[float]) -> str:
    """Two numbers with two decimals."""
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def plain(value: Any) -> str:
    """A value of the manifest, a list without brackets."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def percent(share: float) -> str:
    """With one decimal."""
    return f"{100 * share:.1f} %"


def capital(sentence: str) -> str:
    """Begin with a capital."""
    return sentence[:1].upper() + sentence[1:]


def whose(manifest: Mapping[str, Any]) -> str:
    """What has one answer in every repeat of the cross-validation: a patient, or one of a patient's rows."""
    return "row" if manifest.get("training", {}).get("rows") else "patient"
