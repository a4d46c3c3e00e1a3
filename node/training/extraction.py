"""How the features of a table were computed: the specification must not contradict what is written beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from node.domain.order import Extraction
from node.domain.plain import from_plain, to_plain
from node.errors import ConfigError
from node.training.spec import Spec, read_toml

FILTERS = {"filters", "log_sigma_mm"}
"""What only adds features: a table may have been measured with more of it than a model reads."""


def check(spec: Spec, table: Path, *, at: Path) -> None:
    """
    Refuse a model whose features the node would compute otherwise than those that it was trained on.

    Args:
        spec: What a person decided.
        table: The CSV file; `radnode features` writes a TOML file of the same name beside it.
        at: `spec.toml`, for the message.

    Raises:
        ConfigError: The table was measured with another extraction.
    """
    measured = _measured(beside := table.with_suffix(".toml"))
    if measured is None or "extraction" not in spec.head:
        return
    stated = _extraction(spec.head["extraction"], at=at)
    if mistakes := list(_differences(stated, measured, beside.name)):
        raise ConfigError(mistakes, at=str(at), do=f"take over [extraction] of {beside}, or measure the table again")


def _measured(beside: Path) -> Extraction | None:
    """What `radnode features` wrote beside its table; None where it wrote nothing."""
    if not beside.is_file():
        return None
    plain, _ = read_toml(beside)
    if "written_by" not in plain or "extraction" not in plain:
        return None
    return _extraction({"spacing_mm": None, **plain["extraction"]}, at=beside)  # a spacing that is none is left out


def _extraction(plain: Mapping[str, Any], *, at: Path) -> Extraction:
    try:
        return from_plain(Extraction, plain)
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError([f"extraction: {error}"], at=str(at), do="correct [extraction]") from error


def _differences(stated: Extraction, measured: Extraction, name: str) -> Iterator[str]:
    old, new = to_plain(stated), to_plain(measured)
    for key in old:
        if old[key] != new[key] and not (key in FILTERS and set(old[key]) <= set(new[key])):
            yield f"extraction.{key} is {_shown(old[key])}, but the table was measured with {_shown(new[key])} ({name})"


def _shown(value: Any) -> str:
    return "none" if value is None else repr(value)
