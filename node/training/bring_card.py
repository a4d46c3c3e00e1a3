"""The card of a model from elsewhere: where from, what was read, what is done otherwise, and that nobody tested it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.domain.plain import from_plain
from node.inference.layout import Layout
from node.training.card import MARK
from node.training.reporting_segmenter import segmenter_reporting

LIMITS = (
    "Imported from elsewhere and not validated here: no accuracy can be claimed.",
    "Images are prepared as the model's own files say, with the differences that the card names.",
    "Trust is what the network itself claims: the Dice that its drawing has if its probabilities are true.",
)


def write_bring_card(manifest: Mapping[str, Any]) -> str:
    """
    The card as Markdown, made of `model.toml` (whatever [files] holds) and nothing else.

    Args:
        manifest: Of an imported model: it has [origin].
    """
    layout = from_plain(Layout, manifest["segmenter"])
    parts = [_head(manifest, layout), _origin(manifest["origin"]), _read(manifest, layout),
             _differs(manifest["origin"]), _limits(manifest), segmenter_reporting(manifest)]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(m: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield f"**Not validated here.** Made by `radnode models import`. {MARK}"
    yield ""
    target = m["target"].removeprefix("outline of ")
    yield f"**Draws:** {target}, on {m['declared']['modality']} images{_roles(layout)}."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"


def _roles(layout: Layout) -> str:
    roles = layout.channels or ((layout.role,) if layout.role else ())
    return f" of the role{'s' if len(roles) > 1 else ''} {', '.join(roles)}" if roles else ""


def _origin(origin: Mapping[str, Any]) -> Iterator[str]:
    yield "## Where from"
    yield ""
    yield f"{origin['framework']}, graph `{origin['graph']}`."
    said = (("Data", origin["data"]), ("Cite", origin["citation"]), ("Licence", origin["licence"]))
    for label, text in said:
        yield ""
        yield f"{label}, as the files say: {text}" if text else f"{label}: the files do not say."


def _read(m: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    yield "## What was read"
    yield ""
    yield "| where | what it says |"
    yield "|---|---|"
    for where, what in m["preprocessing"].items():
        yield f"| {_cell(where)} | {_cell(what)} |"
    yield ""
    yield (
        f"So the image's axes run towards {', '.join(layout.axes)}; its grid has "
        f"{' x '.join('its own' if mm == 0 else f'{mm:g}' for mm in layout.spacing_mm)} mm; the network looks through "
        f"windows of {' x '.join(map(str, layout.window))} voxels that overlap by {100 * layout.overlap:.0f} %; class "
        f"{', '.join(map(str, layout.classes))} of its answer is drawn ({layout.activation})."
    )
    for sentence in m["origin"]["said"]:
        yield ""
        yield sentence


def _differs(origin: Mapping[str, Any]) -> Iterator[str]:
    yield "## What is done otherwise than there"
    yield ""
    for sentence in origin["differs"]:
        yield f"- {sentence}"


def _limits(m: Mapping[str, Any]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    for sentence in m["limits"]:
        yield f"- {sentence}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
