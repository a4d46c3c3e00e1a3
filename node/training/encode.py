"""Patients of a training table as the columns of `features`, by the very code that encodes them in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from node.domain.plain import from_plain
from node.inference.inputs import ModelInput, encode
from node.training.tabular import Array


def inputs_of(head: Mapping[str, Any]) -> tuple[ModelInput, ...]:
    """The `[[inputs]]` of a manifest."""
    return tuple(from_plain(ModelInput, item) for item in head["inputs"])


def features(inputs: tuple[ModelInput, ...], patients: Sequence[Mapping[str, float | str]]) -> Array:
    """
    Encode patients.

    Args:
        inputs: The columns, k of them.
        patients: n mappings of source ("clinical:age") to value.

    Returns:
        Shape (n, k); NaN = missing.

    Raises:
        ValueError: A patient lies outside what the inputs declare, so the declaration is wrong.
    """
    rows = []
    for number, patient in enumerate(patients, 1):
        encoded = encode(inputs, patient)
        if encoded.outside:
            raise ValueError(f"training patient {number}: {encoded.outside[0][1]}")
        rows.append([encoded.numbers.get(item.name, np.nan) for item in inputs])
    return np.array(rows)
