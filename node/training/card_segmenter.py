"""The card of a model that draws and was made here: its manifest told to a person, and no number besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.training.card import MARK
from node.training.card_words import capital, plain
from node.training.reporting_segmenter import segmenter_reporting

Manifest = Mapping[str, Any]


def write_segmenter_card(manifest: Manifest) -> str:
    """The card as Markdown, made of `model.toml` (whatever [files] holds) and nothing else."""
    parts = [_head(manifest), _how(manifest), _measured(manifest.get("performance", {})), _applicability(manifest),
             _limits(manifest), _data(manifest), segmenter_reporting(manifest)]  # fmt: skip
    return "\n\n".join(filter(None, ("\n".join(part) for part in parts))) + "\n"


def _head(m: Manifest) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield f"Made by {m['manufacturer']}. {MARK}"
    yield ""
    yield f"**Draws:** {m['target']}."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"
    if m.get("exploratory"):
        yield ""
        yield f"**{capital(m['exploratory'])}.**"


def _how(m: Manifest) -> Iterator[str]:
    yield "## How it works"
    for sentence in (*m.get("preprocessing", {}).values(), m.get("training", {}).get("sentence", "")):
        if sentence:
            yield ""
            yield str(sentence)


def _measured(found: Mapping[str, Any]) -> Iterator[str]:
    if not found:
        return
    yield "## Measured"
    yield ""
    yield f"{capital(found['method'])}."
    for name, rows in found.items():
        if isinstance(rows, Mapping):
            yield ""
            yield f"| {_words(name)} | |"
            yield "|---|---|"
            yield from (f"| {_words(key)} | {_plain(value)} |" for key, value in rows.items())


def _applicability(m: Manifest) -> Iterator[str]:
    yield "## Applicability"
    yield ""
    yield "Made for:"
    yield ""
    yield from (f"- {_words(key)}: {_plain(value)}" for key, value in m.get("declared", {}).items())


def _limits(m: Manifest) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield from (f"- {limit}" for limit in m.get("limits", ()))


def _data(m: Manifest) -> Iterator[str]:
    if not m.get("data"):
        return
    yield "## Data"
    yield ""
    yield from (f"- {d['source']}. {d['citation']} Licence: {d['licence']}." for d in m["data"])


def _words(key: str) -> str:
    return key.replace("_", " ")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value)
