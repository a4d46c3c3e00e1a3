"""The part of `spec.toml` that goes into `model.toml`, held against the manifest before anything is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_type_hints

from node.domain.plain import from_plain
from node.errors import ModelFailed
from node.inference.manifest import Manifest, parse

WRITTEN = (
    "training", "performance", "calibration", "operating_point", "interval", "applicability", "stability", "masks",
    "files",
)  # fmt: skip
"""Keys of a manifest that training writes, and nobody states."""

NEEDED = ("id", "version", "name", "manufacturer", "kind", "engine", "target", "intended_use")

ENGINES = ("onnx", "refusal")
"""Engines of what is trained on a table."""

_SOUND: Mapping[str, Any] = {
    **dict.fromkeys(("id", "name", "manufacturer", "target", "intended_use"), "trial"),
    "version": "0.0.0",
    "kind": "classifier",
    "engine": "onnx",
    "inputs": [{"name": "trial", "source": "clinical:age"}],
    "training": {"sentence": "trial", "prevalence": 0.5},
    "files": {},
}
"""Stands for whatever a specification lacks or has wrong, so that its other mistakes are found in the same run."""


def mistakes(head: Mapping[str, Any], steering: tuple[str, ...]) -> Iterator[str]:
    """
    Why no manifest comes of a head, each reason with its key.

    Args:
        head: Keys that go into `model.toml`; its inputs are those that could be read.
        steering: Keys of `spec.toml` that do not, for advice on unknown ones.
    """
    kinds = get_type_hints(Manifest)
    known = [*(field.name for field in dataclasses.fields(Manifest) if field.name not in WRITTEN), *steering]
    yield from (f"{key}: must be given" for key in NEEDED if key not in head)
    sound = {}
    for key, value in head.items():
        if key in WRITTEN:
            yield f"{key}: is measured by the training; leave it out"
        elif key not in kinds:
            close = get_close_matches(key, known, 1)
            yield f"{key}: no such key" + (f"; did you mean {close[0]!r}?" if close else "")
        elif why := _why_not(kinds[key], value):
            yield f"{key}: {why}"
        elif value != []:
            sound[key] = value
    yield from _not_of_a_table(sound)
    try:
        parse({**_SOUND, **sound}, at="spec.toml")
    except ModelFailed as error:
        yield str(error.found)


def _why_not(kind: Any, value: Any) -> str:
    try:
        from_plain(kind, value)
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
    return ""


def _not_of_a_table(head: Mapping[str, Any]) -> Iterator[str]:
    """What a manifest may say, but not that of a model that is trained on a table."""
    if head.get("kind", "classifier") != "classifier":
        yield f"kind: {head['kind']!r} is not trained on a table; say 'classifier'"
    if head.get("engine", "onnx") not in ENGINES:
        yield f"engine: {head['engine']!r} is not trained on a table; say one of {', '.join(ENGINES)}"
    if head.get("engine") == "refusal" and not head.get("data"):
        yield "data: a refusal names the data that it rests on; list [[data]]"
