"""From patients and a specification to the files of a model package; every number in them comes from this run."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.domain.facts import ModelFacts
from node.domain.plain import to_plain
from node.inference import applicability, explain
from node.inference.inputs import ModelInput
from node.inference.manifest import parse
from node.inference.onnx import OnnxClassifier
from node.inference.package import MANIFEST, package_files, read_manifest
from node.training import distance, graph_check, toml
from node.training.card import write_card
from node.training.figures import FIGURES, draw
from node.training.folder import Files, write
from node.training.graph import build
from node.training.held_out import refusals
from node.training.judge import Performance, Progress, judge
from node.training.numbers import measured
from node.training.rows import Patients, describe
from node.training.spec import GoldenCase, Spec
from node.training.tabular import Linear, ensemble, fit

GOLDEN_TOLERANCE = 1e-5
"""float32 arithmetic of different processors."""

MEASURED = {"stability": "stability.toml", "masks": "masks.toml"}
"""Key of `model.toml` to file: what `train.py --KEY` measures on images, and every training takes over."""


def make(spec: Spec, found: Patients, *, also: Mapping[str, bytes], progress: Progress) -> Files:
    """
    Fit, judge and describe.

    Args:
        spec: What a person decided.
        found: The patients.
        also: Further files of the package.
        progress: Told how far the work is.

    Returns:
        File name to content of the whole package; the same arguments give the same bytes.

    Raises:
        ModelFailed: The specification makes no manifest, or the graph does not keep the contract.
    """
    table, recipe = found.table, spec.recipe
    rows = f"{len(found.rows)} rows of " if table.groups.size else ""
    progress(f"{rows}{table.patients} patients, {table.events} with the target, {len(table.names)} inputs")
    model = fit(table, recipe)
    refusing = spec.head.get("engine") == "refusal"
    fixed = Fixed() if refusing else weighed(spec, found, model, progress=progress)
    performance = judge(table, recipe, baselines=found.baselines, subgroups=found.subgroups, progress=progress)
    head = {**spec.head, "declared": _with_usual_age(spec.head.get("declared", {}), found)}
    numbers = measured(head, describe(found, spec), found, recipe, model, performance)
    numbers["limits"] += fixed.limits
    if refusing:
        return _refusing(spec, performance, also, numbers)
    files = {**fixed.files, "spec.toml": spec.text, **also}
    return finish({**head, **numbers, **fixed.numbers, **_taken_over(also)}, files)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a fit fixes, however it may be judged: files of the package, sections of its manifest, and limits."""

    files: Files = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


def weighed(spec: Spec, found: Patients, model: Linear, *, progress: Progress) -> Fixed:
    """
    The graph with its interval, what it answers, and how the training patients are spread.

    Raises:
        ModelFailed: The graph does not keep the contract, does not answer as the model was fitted, or most training
            patients would be refused.
    """
    table, recipe, at = found.table, spec.recipe, str(spec.head["id"])
    progress(f"refitting {recipe.replicates} times for the interval")
    graph = build(model, ensemble(table, model, recipe), level=recipe.level, name=at)
    graph_check.check(graph, model, table, at=at)
    files = {
        "model.onnx": graph,
        "golden.json": golden(spec.head, spec.inputs, graph, spec.golden),
        explain.FILE: distance.percentiles(spec.inputs, found.quantities),
    }
    fence, summary = distance.applicability(table, spec.inputs)
    if not fence:
        progress(why := distance.unjudged(table))
        return Fixed(files, limits=(why,))
    graph_check.check_limits(fence, table, at=at)
    return Fixed({**files, applicability.FILE: fence}, {"applicability": {**summary, **refusals(found, spec)}})


def _refusing(spec: Spec, performance: Performance, also: Mapping[str, bytes], numbers: Mapping[str, Any]) -> Files:
    """A package that says why it gives no number: the same table was trained on, and showed that there is none."""
    source = spec.head["data"][0]["source"].partition(",")[0]
    text = (
        f"{spec.head['refusal']['text']}: {_evidence(performance)} on {performance.n} patients of {source}, "
        f"{performance.events} of them with the target"
    )
    kept = {key: numbers[key] for key in ("training", "performance", "calibration")}
    head = {key: value for key, value in spec.head.items() if key not in {"inputs", "declared", "extraction"}}
    cases = [{"name": "any lesion", "inputs": {}, "expect": {"code": "refusal_by_design"}}]
    files = {"golden.json": (json.dumps({"cases": cases}, indent=1) + "\n").encode(), "spec.toml": spec.text, **also}
    return finish({**head, **kept, "refusal": {"text": text}}, files)


def _evidence(performance: Performance) -> str:
    """What a refusal rests on."""
    if performance.auc is None or performance.auc_interval is None:
        return "no model of the cross-validation told two of its patients apart"
    low, high = performance.auc_interval
    return f"held-out AUC {performance.auc:.2f} (95 % interval {low:.2f} to {high:.2f}; 0.50 is chance)"


def fold(folder: Path, key: str, found: Mapping[str, Any]) -> None:
    """
    Write what was measured on images into a package, and tell manifest and card of it; the model stays as it is.

    Args:
        folder: The package.
        key: One of `MEASURED`.
        found: What was measured.

    Raises:
        ModelFailed: The package cannot be read.
    """
    plain = {name: value for name, value in read_manifest(folder).items() if name not in {"files", *MEASURED}}
    files = {name: (folder / name).read_bytes() for name in package_files(folder)}
    files[MEASURED[key]] = toml.dumps(found).encode()
    write(folder, finish({**plain, **_taken_over(files)}, files))


def _taken_over(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What was measured on images before, and does not depend on a training."""
    return {key: tomllib.loads(files[name].decode("utf-8")) for key, name in MEASURED.items() if name in files}


def finish(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Files:
    """
    Add figures, card and manifest.

    Raises:
        ModelFailed: The manifest is none.
    """
    whole = dict(files) | draw(manifest)
    whole["card.md"] = write_card({**manifest, "files": dict.fromkeys(whole)}).encode()
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(whole.items())}
    parse(to_plain({**manifest, "files": listed}), at=MANIFEST)
    return {**whole, MANIFEST: toml.dumps({**manifest, "files": listed}).encode()}


def differences(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Names of files that a run made otherwise than they stand in a folder; figures, and their hashes, do not count."""
    return [name for name, content in files.items() if name not in FIGURES and _differs(folder / name, content)]


def _differs(path: Path, content: bytes) -> bool:
    if not path.is_file():
        return True
    stands = path.read_bytes()
    if path.name == MANIFEST:
        return _without_figures(stands) != _without_figures(content)
    return stands != content


def _without_figures(manifest: bytes) -> list[bytes]:
    return [line for line in manifest.splitlines() if not any(f'"{name}"'.encode() in line for name in FIGURES)]


def golden(head: Mapping[str, Any], inputs: tuple[ModelInput, ...], graph: bytes, cases: Sequence[GoldenCase]) -> bytes:
    """`golden.json`: what the graph answers to the cases, and to nothing known."""
    facts = ModelFacts(id=str(head["id"]), version=str(head["version"]), kind="classifier", digest="",
                       manufacturer="", name="")  # fmt: skip
    classifier = OnnxClassifier(facts, inputs, graph)
    told = []
    for case in (GoldenCase(name="nothing known"), *cases):
        answer = classifier(case.inputs)
        expect = {key: _short(getattr(answer, key)) for key in ("probability", "lower", "upper")}
        expect["contributions"] = {name: _short(value) for name, value in answer.contributions.items()}
        told.append({"name": case.name, "inputs": dict(case.inputs), "expect": expect})
    return (json.dumps({"tolerance": GOLDEN_TOLERANCE, "cases": told}, indent=1) + "\n").encode()


def _with_usual_age(declared: Mapping[str, Any], found: Patients) -> dict[str, Any]:
    ages = [float(q["clinical:age"]) for q in found.quantities if "clinical:age" in q]
    if "age_usual" in declared or not ages or min(ages) == max(ages):
        return dict(declared)
    return {**declared, "age_usual": [min(ages), max(ages)]}


def _short(value: float) -> Any:
    return round(value, 7)
