"""Plain values to TOML text, laid out for a reader; the standard library only reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any


def dumps(plain: Mapping[str, Any]) -> str:
    """Write a table of strings, numbers, booleans, dates, lists, tables and lists of tables; None is left out."""
    return "\n".join(_table(plain, "")).strip() + "\n"


def _table(table: Mapping[str, Any], path: str) -> Iterator[str]:
    nested = {}
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            nested[key] = value
        elif value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in nested.items():
        inner = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            yield from ("", f"[{inner}]")
            yield from _table(value, inner)
            continue
        for item in value:
            yield from ("", f"[[{inner}]]")
            yield from (f"{_key(k)} = {_value(v)}" for k, v in item.items() if v is not None)


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        one_line = "[" + ", ".join(map(_value, value)) + "]"
        return one_line if len(one_line) <= 100 else "[\n" + "".join(f"    {_value(v)},\n" for v in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):  # a datetime is a date, too
        return value.isoformat()
    return repr(value)


def _key(key: str) -> str:
    bare = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
    return key if bare and key else json.dumps(key, ensure_ascii=False)
