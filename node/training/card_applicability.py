"""The part of a card that tells what the model may be asked about, and how often it would refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.training.card_words import percent, plain


def applicability(m: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown; none where the manifest declares nothing."""
    found, declared = m.get("applicability", {}), m.get("declared", {})
    if not found and not declared:
        return
    yield "## Applicability"
    yield ""
    yield "Asked about only within:"
    yield ""
    yield from (f"- {key.replace('_', ' ')}: {plain(value)}" for key, value in declared.items())
    if found:
        yield ""
        yield (f"And not far from the training patients: {found['method']}.")
        yield ""
        yield _held_out(found)
    if m.get("least_inputs"):
        yield ""
        yield f"Answers only where at least {m['least_inputs']} of its inputs is supplied."


def _held_out(found: Mapping[str, Any]) -> str:
    told = {"age": "age", "lesion_volume_ml": "volume of the lesion"}
    ranges = " and ".join(told[name] for name in found["ranges"])
    counted = f", and by what is declared of {ranges}" if ranges else ""
    return (
        f"Of the training patients, each judged by limits that were fitted on the other folds{counted}, "
        f"{percent(found['refused'])} are refused (in one of {found['draws']} draws {percent(found['refused_most'])}) "
        f"and {percent(found['flagged'])} flagged as borderline. What only the header of an image tells is not counted."
    )
