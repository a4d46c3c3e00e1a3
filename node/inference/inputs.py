"""What a classifier asks for, and how a known quantity becomes the number that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from node.domain.language import joined, say
from node.domain.terms import term

SOURCES = ("clinical", "image", "measure", "feature")
"""Where a quantity comes from: clinical values, image classes, measurements, radiomic features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """
    One column of a classifier's `features`.

    Attributes:
        name: Name of the column.
        source: Kind and quantity: "clinical:age", "image:ground_glass", "measure:volume_ml",
            "feature:original_shape_Sphericity".
        unit: UCUM unit of the number; "1" for yes/no and dimensionless values.
        range: Smallest and largest allowed number, inclusive.
        levels: For a quantity in words: level to number. A category is one 0/1 input per level.
        unlisted: What a level outside `levels` means: this input is "missing", or the model must "refuse".
        required: Whether the model may not be asked without it.
        scale: "log": its natural logarithm is what the model weighs.
        meaning: One sentence for the reader.
    """

    name: str
    source: str
    unit: str = "1"
    range: tuple[float, float] | None = None
    levels: Mapping[str, float] = field(default_factory=dict)
    unlisted: Literal["missing", "refuse"] = "missing"
    required: bool = False
    scale: Literal["linear", "log"] = "linear"
    meaning: str = ""

    @property
    def quantity(self) -> str:
        """The source without its kind: "age"."""
        return self.source.partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    What a result is valid for only, together with what is known about it.

    Attributes:
        text: "valid only if this lesion is a primary NSCLC".
        quantity: Clinical quantity whose presence is stated beside it: "histology".
    """

    text: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """
    All that a classifier asks of the pipeline, in the manifest's order.

    Attributes:
        least: How many quantities must be known, whichever they are.
    """

    inputs: tuple[ModelInput, ...] = ()
    conditions: tuple[Condition, ...] = ()
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """
    A model's inputs as numbers.

    Attributes:
        numbers: Input name to number; missing inputs are absent.
        missing: Names of absent inputs, in order.
        outside: (source, sentence) of every quantity that the model must not be asked with; quotes no text values.
    """

    numbers: Mapping[str, float]
    missing: tuple[str, ...]
    outside: tuple[tuple[str, str], ...]


def encode(inputs: tuple[ModelInput, ...], quantities: Mapping[str, float | str]) -> Encoded:
    """
    Turn quantities into numbers, the same way in training and in use.

    Args:
        inputs: What the model asks for.
        quantities: Source ("clinical:age") to value; absent where unknown.
    """
    numbers: dict[str, float] = {}
    outside: dict[str, str] = {}
    for item in inputs:
        value = quantities.get(item.source)
        if value is None:
            continue
        number = item.levels.get(str(value).casefold()) if item.levels else _as_number(value)
        if number is not None:
            numbers[item.name] = number
        elif item.unlisted == "refuse" or not item.levels:
            levels = joined(map(term, item.levels), ", ") or say("a number")
            outside[item.source] = say("{name} is none of: {levels}", name=term(item.quantity), levels=levels)
        if number is not None and (why := _out_of_range(item, number)):
            outside[item.source] = why
    missing = tuple(item.name for item in inputs if item.name not in numbers)
    return Encoded(numbers=numbers, missing=missing, outside=tuple(outside.items()))


def _as_number(value: float | str) -> float | None:
    return None if isinstance(value, str) else float(value)


def _out_of_range(item: ModelInput, number: float) -> str:
    if item.range is None or item.range[0] <= number <= item.range[1]:
        return ""
    low, high = item.range
    values = {"name": term(item.quantity), "number": float(number), "low": float(low), "high": float(high)}
    if item.unit == "1":
        return say("{name} is {number:g}, outside {low:g} to {high:g}", **values)
    return say("{name} is {number:g} {unit}, outside {low:g} to {high:g} {unit}", unit=item.unit, **values)
