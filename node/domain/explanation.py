"""
How a model came to its number, told in its own inputs: where each stands among the training patients, and what it did.

Also the sentences that say in what a lesion is unlike those patients.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from node.domain.language import Said, joined, named, say
from node.domain.terms import term

EXCLUSIVE = ("EGFR", "KRAS", "ALK")
"""Drivers of lung cancer of which one tumour nearly never has two."""

STRONGEST = 6
"""Quantities that are told one by one."""

_UNITS = {"a": say("years"), "{pack-years}": "", "1": ""}


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
    listed = joined((joined([label, short(value)]) for label, value in values.items()), ", ")
    return say("this combination of inputs is unlike the training patients: {listed}", listed=listed)


def inputs_missing(names: Said, *, held: bool) -> Said:
    """What an answer does without; `held`: whether its interval holds what they may change."""
    if held:
        return say("Inputs missing: {names}. The interval is wider for what they may change.", names=names)
    return say("Inputs missing: {names}. The interval does not hold what they would have changed.", names=names)


def mutually_exclusive(asked: Mapping[str, str], answered: Collection[str]) -> list[Said]:
    """
    What a panel must not be read as: drivers of which a tumour nearly never has two, each estimated for itself.

    Args:
        asked: Gene to target in words ("EGFR": "EGFR mutation") of every model of the panel.
        answered: Genes of which there is a probability.

    Returns:
        One sentence, or none where fewer than two such drivers were asked about or none was answered: a single
        probability beside a refused sibling is as easily read as the share that is left for the other.
    """
    targets = [target for gene, target in asked.items() if gene in EXCLUSIVE]
    if len(targets) < 2 or not any(gene in EXCLUSIVE for gene in answered):
        return []
    return [
        say(
            "{targets} are estimated separately and nearly never occur together in one tumour: the probabilities "
            "do not add up, and a proven one makes the others very unlikely.",
            targets=say("{first} and {last}", first=joined(targets[:-1], ", "), last=targets[-1]),
        )
    ]


def label(name: str) -> str:
    """What a reader calls a quantity: "original_shape_Flatness" is "shape Flatness"."""
    return term(name.removeprefix("original_"))


def short(value: float) -> Said:
    """A number with as many digits as a reader needs."""
    if abs(value) >= 1000:
        return named(f"{value:,.0f}".replace(",", "\u00a0"))
    return say("{value:.3g}", value=float(value))


def ordinal(percentile: float) -> Said:
    """91 is "91st"; never 0th or 100th, which nobody can be."""
    number = min(max(round(percentile), 1), 99)
    last = 0 if 10 < number % 100 < 14 else number % 10
    if last == 1:
        return say("{number}st", number=number)
    if last == 2:
        return say("{number}nd", number=number)
    return say("{number}rd", number=number) if last == 3 else say("{number}th", number=number)


def _sentence(part: Explanation) -> Said:
    known = {"label": label(part.name), "value": _value(part), "effect": _effect(part.log_odds)}
    if part.percentile is not None:
        return say(
            "{label:capital} {value}: {place} percentile of the training patients; {effect}.",
            **known, place=ordinal(part.percentile),
        )  # fmt: skip
    if part.share is not None:
        return say("{label:capital} {value}: as {share:.0f}% of the training patients; {effect}.", **known,
                   share=100 * float(part.share))  # fmt: skip
    return say("{label:capital} {value}: {effect}.", **known)


def _effect(log_odds: float) -> Said:
    ratio = math.exp(log_odds)
    if 0.95 < ratio < 1.05:
        return say("hardly changes the odds")
    factor = say("{value:.2g}", value=ratio) if ratio < 10 else say("{value:.0f}", value=ratio)
    return (
        say("raises the odds ×{ratio}", ratio=factor) if log_odds > 0 else say("lowers the odds ×{ratio}", ratio=factor)
    )


def _value(part: Explanation) -> str:
    if isinstance(part.value, str):
        return term(part.value)
    return joined([short(part.value), _UNITS.get(part.unit, part.unit)])
