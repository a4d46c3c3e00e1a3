"""Where a patient's values stand among the training patients, and what each did to the answer."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from node.domain.clinical import Value
from node.domain.explanation import Explanation
from node.domain.plain import from_plain
from node.errors import ModelFailed
from node.inference.inputs import ModelInput

FILE = "percentiles.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """
    How one quantity was spread over the training patients in whom it was known.

    Attributes:
        kind: "number"; "ordinal" for words that have an order; "category" for words that have none.
        quantiles: 101 of them, of a number: from the smallest to the largest value.
        shares: Word to share of the patients; in rising order for an ordinal.
    """

    kind: Literal["number", "ordinal", "category"]
    quantiles: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    def percentile(self, value: float | str) -> float | None:
        """Share of the patients below a value and half of those at it, in per cent; None where there is no order."""
        if self.kind == "number" and not isinstance(value, str) and self.quantiles:
            return 100 * _place(self.quantiles, value)
        if self.kind == "ordinal" and value in self.shares:
            words = list(self.shares)
            below = sum(self.shares[word] for word in words[: words.index(str(value))])
            return 100 * (below + self.shares[str(value)] / 2)
        return None

    def share(self, value: float | str) -> float | None:
        """Share of the patients with this word; None for what has an order."""
        return self.shares.get(str(value)) if self.kind == "category" else None


Spreads = Mapping[str, Spread]
"""Source ("clinical:age") to its spread."""


def parse(content: bytes, *, at: str) -> dict[str, Spread]:
    """
    Read `percentiles.json`.

    Raises:
        ModelFailed: It is not what training writes.
    """
    try:
        plain = json.loads(content)
        return {source: from_plain(Spread, spread) for source, spread in plain.items()}
    except (ValueError, TypeError, AttributeError) as error:
        do = "restore the package; if it is whole, report it to the model's makers"
        raise ModelFailed(f"{FILE} cannot be used: {error}", at=at, do=do) from error


def explain(
    inputs: tuple[ModelInput, ...],
    quantities: Mapping[str, Value],
    contributions: Mapping[str, float],
    spreads: Spreads,
) -> tuple[Explanation, ...]:
    """
    What every known quantity did.

    Args:
        inputs: The manifest's.
        quantities: Source to value, as the model was given them.
        contributions: Quantity ("age") to what it adds to the log-odds.
        spreads: Of the training patients; empty where the package holds none.
    """
    return tuple(_explanations(inputs, quantities, contributions, spreads))


def _explanations(
    inputs: tuple[ModelInput, ...],
    quantities: Mapping[str, Value],
    contributions: Mapping[str, float],
    spreads: Spreads,
) -> Iterator[Explanation]:
    for source in dict.fromkeys(item.source for item in inputs if item.source in quantities):
        of = [item for item in inputs if item.source == source]
        value, spread = quantities[source].value, spreads.get(source)
        value = value.strip().lower() if isinstance(value, str) else float(value)
        yield Explanation(
            name=of[0].quantity,
            value=value,
            log_odds=contributions.get(of[0].quantity, 0.0),
            percentile=spread.percentile(value) if spread else None,
            share=spread.share(value) if spread else None,
            unit=of[0].unit,
        )


def _place(quantiles: tuple[float, ...], value: float) -> float:
    """Place among evenly spaced quantiles, 0 to 1; the middle of all that are equal to the value."""
    last = len(quantiles) - 1
    first, after = bisect_left(quantiles, value), bisect_right(quantiles, value)
    if first < after:
        return (first + after - 1) / 2 / last
    if first in (0, last + 1):
        return float(first > 0)
    low, high = quantiles[first - 1], quantiles[first]
    return (first - 1 + (value - low) / (high - low)) / last
