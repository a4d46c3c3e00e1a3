"""Synthetic tables of patients and specifications, for tests of training."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from node.training import toml

HEAD: dict[str, Any] = {
    "id": "toy",
    "version": "0.1.0",
    "name": "A toy",
    "manufacturer": "a test",
    "kind": "classifier",
    "engine": "onnx",
    "target": "nothing",
    "intended_use": "Tests.",
    "population": "random numbers",
    "inputs": [
        {"name": "age", "source": "clinical:age", "unit": "a", "meaning": "years"},
        {"name": "female", "source": "clinical:sex", "levels": {"male": 0.0, "female": 1.0}, "meaning": "sex"},
        {"name": "size", "source": "measure:volume_ml", "unit": "mL", "scale": "log", "range": [0.001, 1e6]},
    ],
    "declared": {"modality": "CT"},
    "data": [{"source": "None.", "citation": "None.", "licence": "none"}],
    "table": {"patient": "who", "target": "answer", "positive": ["1"], "negative": ["0"]},
    "fit": {"strengths": [0.1], "mixes": [0.0], "repeats": 1, "replicates": 20},
    "views": [{"name": "without size", "missing": ["size"]}],
    "baselines": [{"name": "age", "without": ["sex", "size"]}],
    "subgroups": [{"name": "women", "column": "sex", "values": ["female"]}],
    "golden": [{"name": "an old woman", "inputs": {"age": 80.0, "female": 1.0}}],
}


def rows(n: int = 120, seed: int = 0) -> list[dict[str, object]]:
    """Patients in whom age and size matter."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, object]] = []
    for number in range(n):
        age, size = rng.integers(30, 90), rng.lognormal(2, 1)
        answer = rng.random() < 1 / (1 + np.exp(-((age - 60) / 12 + 0.8 * (np.log(size) - 2))))
        found.append(
            {
                "who": f"patient {number}",
                "answer": int(answer),
                "age": int(age),
                "sex": "female" if rng.random() < 0.5 else "male",
                "volume_ml": "" if rng.random() < 0.1 else f"{size:.3f}",
            }
        )
    return found


def write_table(path: Path, table: list[dict[str, object]]) -> Path:
    """As CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


def write_spec(path: Path, **changes: Any) -> Path:
    """The specification of the toy; a change of a table of rules is merged into it."""
    plain = dict(HEAD)
    for key, value in changes.items():
        plain[key] = {**plain[key], **value} if isinstance(plain.get(key), dict) else value
    path.write_text(toml.dumps(plain), encoding="utf-8")
    return path
