"""Frozen dataclasses to plain JSON values and back, and their canonical bytes."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, TypeVar, get_args, get_origin

from node.domain.language import Said, recalled, remembered

T = TypeVar("T")


def to_plain(value: Any, *, sentences: bool = False) -> Any:
    """
    Turn dataclasses, mappings, tuples, dates and times into what `json` writes.

    Args:
        value: Any of them.
        sentences: Whether a sentence is kept with its template and values, so that it can be said in another language
            after `from_plain`; else it is its English text.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name), sentences=sentences) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v, sentences=sentences) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(v, sentences=sentences) for v in value]
    if isinstance(value, (date, time)):  # a datetime is a date, too
        return value.isoformat()
    return remembered(value) if sentences and isinstance(value, Said) else value


def from_plain(kind: type[T], plain: Any) -> T:
    """
    Rebuild a dataclass (or a container of them) from what `to_plain` made.

    Raises:
        ValueError: A key is missing or unknown, or a value does not fit its type.
    """
    built: T = _build(kind, plain)
    return built


def canonical(value: Any) -> bytes:
    """The one JSON form of a value: sorted keys, no spaces, UTF-8, whole numbers without a point; NaN is an error."""
    text = json.dumps(
        _whole(to_plain(value)), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _whole(plain: Any) -> Any:
    """A field of type float may hold 0 or 0.0, depending on where it came from; both are one number."""
    if isinstance(plain, dict):
        return {key: _whole(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_whole(value) for value in plain]
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _build(kind: Any, plain: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return plain
    if origin in (types.UnionType, typing.Union):
        return _union(args, plain)
    if origin is typing.Literal:
        if plain not in args:
            raise ValueError(f"{plain!r} is none of {args}")
        return plain
    if origin is tuple:
        return _tuple(args, plain)
    if origin is not None and issubclass(origin, Mapping):
        return {_build(args[0], k): _build(args[1], v) for k, v in plain.items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, plain)
    return _scalar(kind, plain)


def _scalar(kind: Any, plain: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(plain)
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    if kind is str and isinstance(plain, dict):
        return recalled(plain)
    if not isinstance(plain, kind):
        raise ValueError(f"expected {kind.__name__}, not {plain!r}")
    return plain


def _tuple(args: tuple[Any, ...], plain: Any) -> Any:
    if not isinstance(plain, list):
        raise ValueError(f"expected a list, not {plain!r}")
    kinds = [args[0]] * len(plain) if len(args) == 2 and args[1] is Ellipsis else list(args)
    return tuple(_build(k, v) for k, v in zip(kinds, plain, strict=True))


def _union(args: tuple[Any, ...], plain: Any) -> Any:
    if plain is None and type(None) in args:
        return None
    problems = []
    for arg in args:
        if arg is type(None):
            continue
        try:
            return _build(arg, plain)
        except (ValueError, TypeError, AttributeError) as error:
            problems.append(str(error))
    raise ValueError("; ".join(problems) or f"{plain!r} is not allowed")


def _dataclass(kind: Any, plain: Any) -> Any:
    if not isinstance(plain, Mapping):
        raise ValueError(f"expected an object for {kind.__name__}, not {plain!r}")
    hints = typing.get_type_hints(kind)
    fields = {f.name for f in dataclasses.fields(kind)}
    if unknown := sorted(set(plain) - fields):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    try:
        return kind(**{name: _build(hints[name], value) for name, value in plain.items()})
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error
