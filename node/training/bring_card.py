"""The card of a model from elsewhere: where from, what was read, what is done otherwise, and that nobody tested it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.training.brought import Brought

LIMITS = (
    "Imported from elsewhere and not validated here: no accuracy can be claimed.",
    "Images are prepared as the model's own files say, with the differences that the card names.",
    "Trust is what the network itself claims: the Dice that its drawing has if its probabilities are true.",
)


def write_bring_card(manifest: Mapping[str, Any], brought: Brought) -> str:
    """
    The card as Markdown.

    Args:
        manifest: `model.toml`, without [files].
        brought: What was read.
    """
    parts = [_head(manifest, brought), _origin(brought), _read(brought), _differs(brought), _limits(manifest)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(m: Mapping[str, Any], brought: Brought) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield "**Not validated here.** Written by `radnode models import`; do not edit."
    yield ""
    yield f"**Draws:** {brought.target}, on {brought.modality} images{_roles(brought)}."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"


def _roles(brought: Brought) -> str:
    roles = brought.layout.channels or ((brought.layout.role,) if brought.layout.role else ())
    return f" of the role{'s' if len(roles) > 1 else ''} {', '.join(roles)}" if roles else ""


def _origin(brought: Brought) -> Iterator[str]:
    yield "## Where from"
    yield ""
    yield f"{brought.framework}, graph `{brought.graph.name}`."
    said = (("Data", brought.source), ("Cite", brought.citation), ("Licence", brought.licence))
    for label, text in said:
        yield ""
        yield f"{label}, as the files say: {text}" if text else f"{label}: the files do not say."


def _read(brought: Brought) -> Iterator[str]:
    yield "## What was read"
    yield ""
    yield "| where | what it says |"
    yield "|---|---|"
    for where, what in brought.read.items():
        yield f"| {_cell(where)} | {_cell(what)} |"
    layout = brought.layout
    yield ""
    yield (
        f"So the image's axes run towards {', '.join(layout.axes)}; its grid has "
        f"{' x '.join('its own' if mm == 0 else f'{mm:g}' for mm in layout.spacing_mm)} mm; the network looks through "
        f"windows of {' x '.join(map(str, layout.window))} voxels that overlap by {100 * layout.overlap:.0f} %; class "
        f"{', '.join(map(str, layout.classes))} of its answer is drawn ({layout.activation})."
    )
    for sentence in brought.said:
        yield ""
        yield sentence


def _differs(brought: Brought) -> Iterator[str]:
    yield "## What is done otherwise than there"
    yield ""
    for sentence in brought.differs:
        yield f"- {sentence}"


def _limits(m: Mapping[str, Any]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    for sentence in m["limits"]:
        yield f"- {sentence}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
