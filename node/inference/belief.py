"""How far a learned segmenter's drawing may be believed, from what the network itself gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from node.imaging.grid import Bools, Floats
from node.inference.layout import Pair, Trust

FULL = 0.9  #: a factor below is named as a doubt


def signs(
    probability: Floats,
    drawn: Bools,
    passes: Sequence[Bools],
    threshold: float,
    voxel_ml: float,
    *,
    ends: tuple[bool, bool] = (True, True),
) -> dict[str, float]:
    """
    What a drawing shows, on the graph's grid.

    Args:
        probability: Mean of all passes, shape (slice, row, column).
        drawn: What is drawn, same shape, not empty.
        passes: What each pass by itself gives above the threshold; empty for a single pass.
        threshold: The model's.
        voxel_ml: Of the grid.
        ends: Whether the grid's first and last slice are the image's.

    Returns:
        The attributes of `Trust`, each with what was measured.
    """
    inside, above = float(probability[drawn].sum()), int((probability >= threshold).sum())
    areas = drawn.sum(axis=(1, 2))
    cut = max(int(areas[0]) * ends[0], int(areas[-1]) * ends[1])
    found = {
        "certainty": 2 * inside / (int(drawn.sum()) + float(probability.sum(dtype=np.float64))),
        "share": min(1.0, int(drawn.sum()) / max(above, 1)),
        "size_ml": float(drawn.sum()) * voxel_ml,
        "end": cut / int(areas.max()),
    }
    if passes:
        found["agreement"] = float(np.mean([dice(each, probability >= threshold) for each in passes]))
    return found


def trust_of(found: Mapping[str, float], asked: Trust) -> tuple[float, tuple[str, ...]]:
    """The product of the factors, and the names of the low ones, worst first."""
    pairs: dict[str, Pair | None] = {f.name: getattr(asked, f.name) for f in fields(asked)}
    factors = {name: scaled(found[name], ends) for name, ends in pairs.items() if ends and name in found}
    low = sorted((name for name, factor in factors.items() if factor < FULL), key=lambda name: factors[name])
    return round(float(np.prod(list(factors.values()))), 4), tuple(low)


def asked_of(trust: Trust) -> tuple[str, ...]:
    """Names of the factors that a model gives."""
    return tuple(f.name for f in fields(trust) if getattr(trust, f.name))


def scaled(value: float, ends: Pair) -> float:
    """0 at the first end and beyond, 1 at the second end and beyond."""
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))


def dice(first: Bools, second: Bools) -> float:
    """Twice what two masks share over what they hold; 1 for two empty ones."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0
