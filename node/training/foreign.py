"""JSON that other programs wrote: values are asked for by name, and what is missing or odd is told with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from node.errors import ModelFailed

T = TypeVar("T")

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def refused(found: str, *, at: str, do: str = "correct the export; nothing is guessed") -> ModelFailed:
    """The one way in which an import ends: where, what was found, what to do."""
    return ModelFailed(found, at=at, do=do)


@dataclass(frozen=True, slots=True)
class Foreign:
    """
    An object of a JSON file.

    Attributes:
        file: Name of the file, for messages.
        path: Keys that lead to the object.
        values: The object.
    """

    file: str
    path: tuple[str, ...]
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Foreign:
        """
        Read a file.

        Raises:
            ModelFailed: It cannot be read, is no JSON, or holds no object.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise refused(f"cannot be read ({error.strerror})", at=str(path)) from error
        except ValueError as error:
            raise refused(f"is no JSON ({error})", at=str(path)) from error
        if not isinstance(values, dict):
            raise refused("holds no object", at=str(path))
        return cls(path.name, (), values)

    def at(self, *keys: str) -> str:
        """Where something stands: the file, and the keys that lead there."""
        return f"{self.file}: {'.'.join((*self.path, *keys))}" if (*self.path, *keys) else self.file

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """
        One value; whole numbers count as numbers.

        Raises:
            ModelFailed: It is missing without a default, or of another kind.
        """
        value = self.values.get(key)
        if value is None:
            if default is None:
                raise refused("is missing", at=self.at(key))
            return default
        return _as(value, kind, self.at(key))

    def inner(self, *keys: str) -> Foreign:
        """
        An object inside.

        Raises:
            ModelFailed: It is missing, or no object.
        """
        found = self
        for key in keys:
            found = Foreign(self.file, (*found.path, key), found.take(key, dict))
        return found

    def many(self, key: str, kind: type[T], counts: Sequence[int] = ()) -> tuple[T, ...]:
        """
        A list of values of one kind.

        Raises:
            ModelFailed: It is missing, holds something else, or not as many as one of `counts`.
        """
        values = self.take(key, list)
        if counts and len(values) not in counts:
            wanted = " or ".join(map(str, counts))
            raise refused(f"holds {len(values)} values, not {wanted}", at=self.at(key))
        return tuple(_as(value, kind, f"{self.at(key)}[{i}]") for i, value in enumerate(values))

    def only(self, known: Sequence[str]) -> None:
        """
        Check that nothing stands here that we do not know.

        Raises:
            ModelFailed: A key is unknown; an unknown setting may change every number.
        """
        if unknown := sorted(set(self.values) - set(known)):
            raise refused(f"{', '.join(unknown)} is a setting that this import does not know", at=self.at())


def _as(value: Any, kind: type[T], at: str) -> T:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # type: ignore[return-value]  # `kind` is float
    if kind is bool and value == "True":  # as some bundles of the MONAI model zoo write it
        return True  # type: ignore[return-value]  # `kind` is bool
    if not isinstance(value, kind) or (kind in (int, float) and isinstance(value, bool)):
        raise refused(f"is {value!r}, not {_NAMES.get(kind, kind.__name__)}", at=at)
    return value
