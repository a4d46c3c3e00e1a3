"""`spec.toml`: what a person decides about a model before any number is computed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from node.domain.plain import from_plain
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.training.contradictions import contradictions
from node.training.head import mistakes as head_mistakes
from node.training.sources import in_words
from node.training.tabular import Recipe

T = TypeVar("T")

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
        ConfigError: A key is missing, unknown or of the wrong kind, or names what is not there; every mistake at once.
    """
    plain, text = read_toml(path)
    parts = _Parts(plain)
    table = parts.one(TableRules, "table")
    inputs = parts.many(ModelInput, "inputs")
    head = {key: value for key, value in plain.items() if key not in OURS}
    spec = Spec(
        head={**head, "inputs": [in_words(item) for item in parts.sound["inputs"]]},
        table=table or TableRules(patient="", target="", positive=(), negative=()),
        inputs=inputs,
        recipe=parts.one(Recipe, "fit") or Recipe(),
        views=parts.many(View, "views"),
        baselines=parts.many(Baseline, "baselines"),
        subgroups=parts.many(Subgroup, "subgroups"),
        golden=parts.many(GoldenCase, "golden"),
        population=str(plain.get("population", "")),
        text=text,
    )
    spec = _with_features(spec, columns)
    mistakes = [*parts.mistakes, *head_mistakes(spec.head, OURS), *contradictions(spec, columns if table else None)]
    if mistakes:
        raise ConfigError(mistakes, at=str(path), do="correct the specification, or give the table these columns")
    return spec


class _Parts:
    """
    Builds the parts of a specification one by one, so that a mistake in one hides none in another.

    Attributes:
        sound: Key of a list to those of its plain items that could be built.
        mistakes: Why the rest could not.
    """

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._plain = plain
        self.sound: dict[str, list[Any]] = {}
        self.mistakes: list[str] = []

    def one(self, kind: type[T], key: str) -> T | None:
        """A table of the file; None where it cannot be built."""
        return self._built(kind, self._plain.get(key, {}), key)

    def many(self, kind: type[T], key: str) -> tuple[T, ...]:
        """A list of tables; those that can be built."""
        listed = self._plain.get(key, [])
        if not isinstance(listed, list):
            self.mistakes.append(f"{key}: expected a list of tables, [[{key}]]")
            listed = []
        built = [(item, self._built(kind, item, f"{key} {n}")) for n, item in enumerate(listed, 1)]
        self.sound[key] = [item for item, value in built if value is not None]
        return tuple(value for _, value in built if value is not None)

    def _built(self, kind: type[T], plain: Any, at: str) -> T | None:
        try:
            return from_plain(kind, _worded(plain))
        except (ValueError, TypeError, AttributeError) as error:
            self.mistakes.append(f"{at}: {error}")
            return None


def _worded(plain: Any) -> Any:
    """An input, or the inputs of a baseline, in the node's words."""
    if isinstance(plain, Mapping) and isinstance(plain.get("inputs"), list):
        return {**plain, "inputs": [in_words(item) for item in plain["inputs"]]}
    return in_words(plain)


def _with_features(spec: Spec, columns: tuple[str, ...]) -> Spec:
    """Columns that fit a pattern become inputs, in the order of the table."""
    listed = {spec.column(item.source) for item in spec.inputs}
    matching = [c for c in columns if c not in listed and any(fnmatchcase(c, p) for p in spec.table.features)]
    added = [{"name": name, "source": f"feature:{name}", "meaning": "radiomic feature"} for name in matching]
    inputs = (*spec.inputs, *(from_plain(ModelInput, item) for item in added))
    return replace(spec, head={**spec.head, "inputs": [*spec.head["inputs"], *added]}, inputs=inputs)
