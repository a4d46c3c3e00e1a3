"""`spec.toml`: what a person decides about a model before any number is computed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from node.domain.plain import from_plain
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.training.tabular import Recipe

OURS = ("table", "fit", "views", "baselines", "subgroups", "golden", "population")
"""Keys that steer the training; every other key goes into `model.toml` as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRules:
    """
    What the columns of the table mean.

    Attributes:
        patient: Column that tells patients apart; never an input.
        target: Column of what is predicted.
        positive: Its values that mean "has it".
        negative: Its values that mean "has it not"; rows with any other value are left out, and counted.
        cohort: Column with the place where a patient was seen, "" for none; never an input.
        columns: Source ("clinical:age") to its column, where that is not called by the quantity's name.
        features: Patterns ("original_shape_*") of feature columns that become inputs beside the listed ones.
        repeated: Whether a patient may have several rows; they then stay on one side of every fold.
        known_before: Inputs that look like something known only later, and are not.
        describe: Columns whose values are counted in the sentence about the population.
    """

    patient: str
    target: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    cohort: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    repeated: bool = False
    known_before: tuple[str, ...] = ()
    describe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """One input that is unknown wherever another has a certain value."""

    input: str
    when: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How patients look when less is known of them: without these inputs (or all inputs of these quantities)."""

    name: str
    missing: tuple[str, ...] = ()
    where: tuple[Blank, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """
    A simpler model that this one must be compared with.

    Attributes:
        inputs: Its own inputs, or none:
        without: then it has the model's inputs without these (names or quantities).
    """

    name: str
    inputs: tuple[ModelInput, ...] = ()
    without: tuple[str, ...] = ()

    def of(self, model: tuple[ModelInput, ...]) -> tuple[ModelInput, ...]:
        """Its inputs, given the model's."""
        if self.inputs:
            return self.inputs
        return tuple(item for item in model if item.name not in self.without and item.quantity not in self.without)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """Patients in whom the model is judged for themselves."""

    name: str
    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    """Inputs of one golden case."""

    name: str
    inputs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """
    The whole of `spec.toml`.

    Attributes:
        head: Keys that go into `model.toml`.
        population: Who the patients were, in words; what can be counted is counted.
        text: The file itself.
    """

    head: Mapping[str, Any]
    table: TableRules
    inputs: tuple[ModelInput, ...]
    recipe: Recipe = field(default_factory=Recipe)
    views: tuple[View, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    golden: tuple[GoldenCase, ...] = ()
    population: str = ""
    text: bytes = b""

    def column(self, source: str) -> str:
        """The column that holds a quantity."""
        return self.table.columns.get(source, source.partition(":")[2])


EXPLORATORY = "trained with --exploratory"
"""Stands in the package, and beside every answer, of a model that was allowed fewer than ten patients of a class."""


def exploratory(spec: Spec) -> Spec:
    """The specification of a model that says of itself that it is exploratory, whatever its numbers turn out to be."""
    why = "; ".join(filter(None, (spec.head.get("exploratory", ""), EXPLORATORY)))
    return replace(spec, head={**spec.head, "exploratory": why})


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """
    A specification as plain values, and as bytes.

    Raises:
        ConfigError: It cannot be read or is no TOML.
    """
    try:
        text = path.read_bytes()
        return tomllib.loads(text.decode("utf-8")), text
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], at=str(path), do="name a specification") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"is no TOML: {error}"], at=str(path), do="correct the specification") from error


def read_spec(path: Path, columns: tuple[str, ...]) -> Spec:
    """
    Read and check a specification.

    Args:
        path: `spec.toml`.
        columns: Of the table, for patterns of features.

    Raises:
        ConfigError: A key is missing, unknown or of the wrong kind, or names what is not there.
    """
    plain, text = read_toml(path)
    head = {key: value for key, value in plain.items() if key not in OURS}
    try:
        spec = Spec(
            head=head,
            table=from_plain(TableRules, plain.get("table", {})),
            inputs=tuple(from_plain(ModelInput, item) for item in head.get("inputs", ())),
            recipe=from_plain(Recipe, plain.get("fit", {})),
            views=from_plain(tuple[View, ...], plain.get("views", [])),
            baselines=from_plain(tuple[Baseline, ...], plain.get("baselines", [])),
            subgroups=from_plain(tuple[Subgroup, ...], plain.get("subgroups", [])),
            golden=from_plain(tuple[GoldenCase, ...], plain.get("golden", [])),
            population=str(plain.get("population", "")),
            text=text,
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError([str(error)], at=str(path), do="correct the specification") from error
    spec = _with_features(spec, columns)
    if mistakes := _mistakes(spec, columns):
        raise ConfigError(mistakes, at=str(path), do="correct the specification, or give the table these columns")
    return spec


def _with_features(spec: Spec, columns: tuple[str, ...]) -> Spec:
    """Columns that fit a pattern become inputs, in the order of the table."""
    listed = {spec.column(item.source) for item in spec.inputs}
    matching = [c for c in columns if c not in listed and any(fnmatchcase(c, p) for p in spec.table.features)]
    added = [{"name": name, "source": f"feature:{name}", "meaning": "radiomic feature"} for name in matching]
    head = {**spec.head, "inputs": [*spec.head.get("inputs", ()), *added]}
    inputs = (*spec.inputs, *(from_plain(ModelInput, item) for item in added))
    return Spec(
        head=head, table=spec.table, inputs=inputs, recipe=spec.recipe, views=spec.views, baselines=spec.baselines,
        subgroups=spec.subgroups, golden=spec.golden, population=spec.population, text=spec.text,
    )  # fmt: skip


def _mistakes(spec: Spec, columns: tuple[str, ...]) -> list[str]:
    rules = spec.table
    wanted = {
        "table.patient": rules.patient,
        "table.target": rules.target,
        **({"table.cohort": rules.cohort} if rules.cohort else {}),
        **{f"subgroup {group.name!r}": group.column for group in spec.subgroups},
        **{f"input {item.name}": spec.column(item.source) for item in spec.inputs},
        **{f"baseline {b.name!r}": spec.column(item.source) for b in spec.baselines for item in b.inputs},
        **{f"table.describe {column}": column for column in rules.describe},
    }
    mistakes = [
        f"{what}: the table has no column {column!r}" for what, column in wanted.items() if column not in columns
    ]
    if not spec.inputs:
        mistakes.append("there are no inputs: list [[inputs]], or name table.features")
    named = {item.name for item in spec.inputs} | {item.quantity for item in spec.inputs}
    for view in spec.views:
        mistakes += [f"view {view.name!r} leaves out {name!r}, which is no input" for name in view.missing
                     if name not in named]  # fmt: skip
    for case in spec.golden:
        mistakes += [f"golden case {case.name!r} gives {n!r}, which is no input" for n in case.inputs if n not in named]
    if set(rules.positive) & set(rules.negative) or not rules.positive or not rules.negative:
        mistakes.append("table.positive and table.negative must both be given, and have nothing in common")
    return mistakes
