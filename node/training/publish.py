"""From a table and a manifest's head to the files of a model package; every number in them comes from this run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.domain.findings import ModelFacts
from node.domain.plain import to_plain
from node.inference.manifest import parse
from node.inference.onnx import OnnxClassifier
from node.inference.package import MANIFEST
from node.training import toml
from node.training.card import write_card
from node.training.encode import inputs_of
from node.training.graph import build
from node.training.judge import Performance, judge
from node.training.tabular import Linear, Recipe, Table, ensemble, fit

EVENTS_PER_INPUT = 10
"""Fewer events per input than this make a model exploratory (Peduzzi et al., J Clin Epidemiol 49:1373, 1996)."""

GOLDEN_TOLERANCE = 1e-5
"""float32 arithmetic of different processors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Project:
    """
    What a `train.py` decides.

    Attributes:
        head: The manifest's keys that people write: id, version, inputs, declared, limits, data, …
        table: The patients.
        script: The `train.py` itself, which becomes part of the package.
        golden: Name to inputs of the golden cases.
        notes: Sentences for the card that no number of this run says.
    """

    head: Mapping[str, Any]
    table: Table
    script: Path
    golden: Mapping[str, Mapping[str, float]]
    recipe: Recipe = field(default_factory=Recipe)
    notes: tuple[str, ...] = ()


def make(project: Project) -> dict[str, bytes]:
    """
    Fit, judge and describe.

    Returns:
        File name to content of the whole package; the same project gives the same bytes.

    Raises:
        ModelFailed: The manifest's head is wrong, or the graph does not keep the contract.
    """
    table, recipe = project.table, project.recipe
    model = fit(table, recipe)
    graph = build(model, *ensemble(table, model, recipe), level=recipe.level, name=project.head["id"])
    performance = judge(table, recipe)
    manifest = {**project.head, **_numbers(project, model, performance)}
    files = {
        "model.onnx": graph,
        "golden.json": _golden(project, graph),
        "card.md": write_card(manifest, project.notes).encode(),
        "train.py": project.script.read_bytes(),
    }
    manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    parse(to_plain(manifest), at=MANIFEST)
    return {**files, MANIFEST: toml.dumps(manifest).encode()}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put a package into its folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def differences(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Names of files that a run made otherwise than they stand in a folder."""
    return [n for n, content in files.items() if not (folder / n).is_file() or (folder / n).read_bytes() != content]


def run(project: Project, *, check: bool) -> int:
    """
    What `train.py` ends in: write the package beside the script, or compare it with what stands there.

    Returns:
        Exit code: 0, or 1 when `check` found a difference.
    """
    files = make(project)
    folder = project.script.parent
    if not check:
        write(folder, files)
        return 0
    changed = differences(folder, files)
    print("\n".join(f"differs: {name}" for name in changed) or "reproduced, byte for byte")  # noqa: T201 - a command
    return 1 if changed else 0


def _golden(project: Project, graph: bytes) -> bytes:
    facts = ModelFacts(id=project.head["id"], version=project.head["version"], kind="classifier", digest="",
                       manufacturer="", name="")  # fmt: skip
    classifier = OnnxClassifier(facts, inputs_of(project.head), graph)
    cases = []
    for name, inputs in project.golden.items():
        answer = classifier(inputs)
        expect = {
            "probability": _short(answer.probability), "lower": _short(answer.lower), "upper": _short(answer.upper),
            "contributions": {key: _short(value) for key, value in answer.contributions.items()},
        }  # fmt: skip
        cases.append({"name": name, "inputs": dict(inputs), "expect": expect})
    return (json.dumps({"tolerance": GOLDEN_TOLERANCE, "cases": cases}, indent=1, ensure_ascii=False) + "\n").encode()


def _numbers(project: Project, model: Linear, found: Performance) -> dict[str, Any]:
    """The manifest's keys that this run measured."""
    head, k = project.head, len(project.table.names)
    population = head["training"]["population"]
    numbers: dict[str, Any] = {
        "training": {
            "sentence": f"Trained on {found.n} patients ({population}), {found.events} of them with {head['target']}.",
            "population": population,
            "n": found.n,
            "events": found.events,
            "prevalence": round(found.events / found.n, 6),
        },
        "calibration": _calibration(model, found),
        "operating_point": _rounded(to_plain(found.operating_point)),
        "interval": {
            "level": project.recipe.level,
            "method": f"percentiles of {project.recipe.replicates} models refitted on bootstrap samples of patients",
        },
        "performance": _performance(project, model, found),
    }
    numbers["limits"] = [*head["limits"], _less_known(found)] if found.withheld else head["limits"]
    if found.events < EVENTS_PER_INPUT * k:
        numbers["exploratory"] = f"exploratory: {found.events} events for {k} inputs; {head['exploratory']}"
    return numbers


def _less_known(found: Performance) -> str:
    """What missing inputs cost: the reader of one result must know it, for that result may lack them."""
    views = "; ".join(f"{name} {value:.2f}" for name, (value, _) in found.withheld.items())
    return f"Held-out AUC with all inputs {found.auc:.2f}; {views} (0.50 is chance)."


def _calibration(model: Linear, found: Performance) -> dict[str, Any]:
    return {
        "calibrated": True,
        "method": "Platt scaling on held-out log-odds that may only shrink, inside every fold",
        **_rounded({"slope": found.slope, "intercept": found.intercept, "ece": found.ece, "brier": found.brier}),
        "shrinkage": round(model.slope, 4),
    }


def _performance(project: Project, model: Linear, found: Performance) -> dict[str, Any]:
    recipe, names = project.recipe, project.table.names
    return {
        "method": f"{recipe.folds}-fold stratified cross-validation, repeated {recipe.repeats} times, everything "
        "(scaling, penalty, recalibration) fitted inside the fold; intervals: 95 % bootstrap over patients",
        **_rounded(
            {
                "auc": found.auc,
                "auc_interval": list(found.auc_interval),
                "brier": found.brier,
                "brier_of_prevalence": found.brier_of_prevalence,
            }
        ),
        "penalty_strength": model.strength,
        "penalty_l1_share": model.mix,
        "weights": {name: round(float(w), 3) for name, w in zip(names, model.weights, strict=True)},
        "auc_within": _rounded(dict(found.within)),
        "auc_across": {name: _auc(*pair) for name, pair in found.across.items()},
        "auc_withheld": {name: _auc(*pair) for name, pair in found.withheld.items()},
    }


def _auc(value: float, interval: tuple[float, float]) -> dict[str, Any]:
    return {"auc": round(value, 4), "interval": _rounded(interval)}


def _rounded(value: Any) -> Any:
    """Four decimals: what is printed is the same on every processor."""
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    return round(float(value), 4)


def _short(value: float) -> float:
    return round(value, 7)
