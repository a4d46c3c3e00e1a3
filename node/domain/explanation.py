"""
How a model came to its number, told in its own inputs: where each stands among the training patients, and what it did.

Also the sentences that say in what a lesion is unlike those patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.language import Said, say

EXCLUSIVE = ("EGFR", "KRAS", "ALK")
"""Drivers of lung cancer of which one tumour nearly never has two."""

STRONGEST = 6
"""Quantities that are told one by one."""

_LABELS = {"pack_years": "pack-years"}

_UNITS = {"a": " years", "{pack-years}": "", "1": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    What one known quantity did to one answer.

    Attributes:
        name: The quantity: "age".
        value: As the model was given it.
        log_odds: What it adds to the log-odds, against the average training patient.
        percentile: Where it stands among the training patients, 0 to 100; None for a quantity without order.
        share: Share of the training patients who have the same value, for a quantity in words without order.
        unit: UCUM unit, "1" for none.
    """

    name: str
    value: float | str
    log_odds: float
    percentile: float | None = None
    share: float | None = None
    unit: str = "1"

    @property
    def odds_ratio(self) -> float:
        """Factor on the odds."""
        return math.exp(self.log_odds)


def explained(parts: tuple[Explanation, ...]) -> list[Said]:
    """
    One sentence for each of the strongest quantities, strongest first, and one for the others together.

    "Ground glass 50-75%: 91st percentile of the training patients; raises the odds ×2.1."
    """
    ranked = sorted(parts, key=lambda part: -abs(part.log_odds))
    told, rest = ranked[:STRONGEST], ranked[STRONGEST:]
    if len(rest) < 2:
        return [_sentence(part) for part in ranked]
    together = _effect(sum(part.log_odds for part in rest))
    return [*map(_sentence, told), say("{count} further inputs together: {effect}.", count=len(rest), effect=together)]


def far_alone(label: str, value: float, usual: tuple[float, float]) -> Said:
    """An input that hardly any training patient had."""
    return say(
        "{label} is {value}, unlike the training patients (98% of them: {low} to {high})",
        label=label, value=short(value), low=short(usual[0]), high=short(usual[1]),
    )  # fmt: skip


def far_together(values: Mapping[str, float]) -> Said:
    """Inputs none of which is rare by itself."""
    listed = ", ".join(f"{label} {short(value)}" for label, value in values.items())
    return say("this combination of inputs is unlike the training patients: {listed}", listed=listed)


def inputs_missing(names: str, *, held: bool) -> Said:
    """What an answer does without; `held`: whether its interval holds what they may change."""
    if held:
        return say("Inputs missing: {names}. The interval is wider for what they may change.", names=names)
    return say("Inputs missing: {names}. The interval does not hold what they would have changed.", names=names)


def mutually_exclusive(genes: Mapping[str, str]) -> list[Said]:
    """
    What a panel must not be read as: drivers of which a tumour nearly never has two, each estimated for itself.

    Args:
        genes: Gene to target in words ("EGFR": "EGFR mutation") of every model that answered.

    Returns:
        One sentence, or none where fewer than two of the panel's genes were answered.
    """
    targets = [target for gene, target in genes.items() if gene in EXCLUSIVE]
    if len(targets) < 2:
        return []
    return [
        say(
            "{targets} are estimated separately and nearly never occur together in one tumour: the probabilities "
            "do not add up, and a proven one makes the others very unlikely.",
            targets=", ".join(targets),
        )
    ]


def label(name: str) -> str:
    """What a reader calls a quantity: "original_shape_Flatness" is "shape Flatness"."""
    return _LABELS.get(name, name.removeprefix("original_").replace("_", " "))


def short(value: float) -> str:
    """A number with as many digits as a reader needs."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"


def ordinal(percentile: float) -> str:
    """91 is "91st"; never 0th or 100th, which nobody can be."""
    number = min(max(round(percentile), 1), 99)
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _sentence(part: Explanation) -> Said:
    known = {"label": _capital(label(part.name)), "value": _value(part), "effect": _effect(part.log_odds)}
    if part.percentile is not None:
        return say(
            "{label} {value}: {place} percentile of the training patients; {effect}.",
            **known, place=ordinal(part.percentile),
        )  # fmt: skip
    if part.share is not None:
        return say("{label} {value}: as {share}% of the training patients; {effect}.", **known,
                   share=f"{100 * part.share:.0f}")  # fmt: skip
    return say("{label} {value}: {effect}.", **known)


def _effect(log_odds: float) -> Said:
    ratio = math.exp(log_odds)
    if 0.95 < ratio < 1.05:
        return say("hardly changes the odds")
    factor = f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"
    return (
        say("raises the odds ×{ratio}", ratio=factor) if log_odds > 0 else say("lowers the odds ×{ratio}", ratio=factor)
    )


def _value(part: Explanation) -> str:
    if isinstance(part.value, str):
        return part.value.replace("_", " ")
    return f"{short(part.value)}{_UNITS.get(part.unit, f' {part.unit}')}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
