"""From a graph's answer to the probability of lesion."""

from __future__ import annotations

import numpy as np

from node.imaging.grid import Floats
from node.inference.layout import Layout


def probability_of(raw: Floats, layout: Layout) -> Floats:
    """Probability of lesion, (n, …), from the answer (n, classes, …)."""
    chosen = list(layout.classes)
    if layout.activation == "argmax":
        others = [number for number in range(raw.shape[1]) if number not in chosen]
        apart = raw[:, chosen].max(axis=1) - raw[:, others].max(axis=1)
        return np.asarray(1 / (1 + np.exp(-np.clip(apart, -60, 60))), np.float32)
    if layout.activation == "softmax":
        return np.asarray(shares_of(raw)[:, chosen].sum(axis=1), np.float32)
    if layout.activation == "sigmoid":
        raw = np.asarray(1 / (1 + np.exp(-np.clip(raw, -60, 60))), np.float32)
    return np.asarray(raw[:, chosen].max(axis=1), np.float32)


def shares_of(raw: Floats) -> Floats:
    """Probability of each class, (n, classes, …), from the answer of the same shape."""
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
