"""The part of a card that tells how far a model's answer moves under other masks than those of experts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]

HEADER = (
    "masks", "n", "Dice (median)", "log-odds", "by shape", "by intensities", "probability at {age:g} years",
    "at most, at any age", "change sides", "leave the interval",
)  # fmt: skip


def masks(m: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown; none where the manifest has no [masks]."""
    found = m.get("masks", {})
    if not found:
        return
    segmenter, age = found["segmenter"], found["ages"][1]
    yield "## Other masks"
    yield ""
    yield (
        f"How far the answer moves when the mask is not the experts'. Measured on {found['patients']} {found['data']}; "
        f"masks of {segmenter['id']} {segmenter['version']} (SHA-256 of the package {segmenter['digest']}), which drew "
        f"nothing on {found['not_drawn']} of them."
    )
    yield ""
    yield (
        f"{found['method']}, at an age of {age:g} years (the median of the training patients). The model adds up its "
        'inputs, so that the change of the log-odds is the same at every age; "at most" is the largest change of the '
        'probability that it can make at any. "Change sides": from one side of the operating point, a probability of '
        f'{found["threshold"]:.3f}, to the other; "leave the interval": of the answer under the experts\' mask, which '
        f"reaches a median of {found['interval_log_odds']:.2f} log-odds to either side."
    )
    yield ""
    yield from _table(HEADER, found["drawn"], age, "")
    yield ""
    yield f"Experts' masks displaced to a given Dice (reached within {found['reached_within']:.3f}):"
    yield ""
    yield from _table(HEADER, found["displaced"], age, "Dice ")
    yield ""
    yield f"The masks of {segmenter['id']} at the quartiles of the training patients' age:"
    yield ""
    yield "| age | probability | change sides | leave the interval |"
    yield "|---|---|---|---|"
    for row in found["by_age"]:
        yield f"| {row['age']:g} | {_pair(row['probability'])} | {_count(row, 'crossed')} | {_left(row)} |"
    yield ""
    yield from _each(found, age)
    yield ""
    yield from _limits(found)


def _each(found: Mapping[str, Any], age: float) -> Iterator[str]:
    yield f"| patient | Dice | trust | experts' mask, {age:g} years | interval | segmenter's mask |"
    yield "|---|---|---|---|---|---|"
    for each in found["each_patient"]:
        low, high = each["interval"]
        told = f"{each['segmenter']:.3f}" if "segmenter" in each else "nothing drawn"
        yield (
            f"| {each['name']} | {each['dice']:.3f} | {each['trust']:.2f} | {each['experts']:.3f} | {low:.3f} to "
            f"{high:.3f} | {told} |"
        )


def _limits(found: Mapping[str, Any]) -> Iterator[str]:
    unlike = found["unlike_training"]
    yield "What this does not show:"
    yield ""
    yield from (f"- {sentence}" for sentence in found["not_shown"])
    yield (
        f"- Of these patients the model would have refused {unlike['experts']} for being unlike its training under "
        f"the experts' mask, and {unlike['segmenter']} under the segmenter's; they are counted all the same."
    )


def _table(header: Sequence[str], rows: Rows, age: float, word: str) -> Iterator[str]:
    yield f"| {' | '.join(header).format(age=age)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        name = f"{word}{row['masks']}" if word or row["masks"] in ("all", "trusted") else f"Dice {row['masks']}"
        if not row["n"]:
            yield f"| {name} | 0 |" + " |" * (len(header) - 2)
            continue
        changes = (_pair(row[key]) for key in ("log_odds", "shape", "intensities", "probability", "at_most"))
        yield (
            f"| {name} | {row['n']} | {row['dice']:.2f} | {' | '.join(changes)} | {_count(row, 'crossed')} | "
            f"{_left(row)} |"
        )


def _pair(values: Sequence[float]) -> str:
    """Median, and 90th percentile in brackets."""
    return f"{values[0]:.2f} ({values[1]:.2f})"


def _left(row: Mapping[str, Any]) -> str:
    return _count(row, "left_interval")


def _count(row: Mapping[str, Any], key: str) -> str:
    return f"{row[key]} ({row[key] / row['n']:.0%})"
