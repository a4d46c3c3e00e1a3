"""How much of what is measured belongs to the lesions, and how much to how they were drawn or sampled."""

from __future__ import annotations

import numpy as np

from node.training.tabular import Array

REPLICATES = 1000
SEED = 20261121


def icc(values: Array) -> float:
    """
    ICC(2,1): two-way random effects, absolute agreement, single measurement (Shrout and Fleiss, Psychol Bull 86:420,
    1979; ICC(A,1) of McGraw and Wong, Psychol Methods 1:30, 1996).

    Each way of drawing is a judge; a systematic difference between them (a smaller contour has less volume) counts as
    disagreement, which ICC(3,1) would forgive.

    Args:
        values: Shape (lesions, ways), finite, at least two of each.

    Returns:
        At most 1; NaN where all values are alike.
    """
    n, k = values.shape
    lesions, ways, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    between = k * np.square(lesions - mean).sum() / (n - 1)
    judges = n * np.square(ways - mean).sum() / (k - 1)
    rest = np.square(values - lesions[:, None] - ways[None] + mean).sum() / ((n - 1) * (k - 1))
    whole = between + (k - 1) * rest + k * (judges - rest) / n
    return float((between - rest) / whole) if whole > 0 else float("nan")


def interval(values: Array) -> tuple[float, float]:
    """95 % interval of `icc`: percentiles over bootstrap samples of the lesions."""
    rng = np.random.default_rng(SEED)
    drawn = [icc(values[rng.integers(0, len(values), len(values))]) for _ in range(REPLICATES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)
