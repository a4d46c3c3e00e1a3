"""
A model that nobody trained: published odds ratios over a declared prior, by the same graph as trained ones.

Adding log odds ratios takes the findings to be independent among patients with the target, and among those without. By
Bayes a finding that is present, or absent, then multiplies the odds by its likelihood ratio, which follows from its
odds ratio and how common it is: so a patient of whom nothing is known has the prior, and the mean answer over patients
who have the findings as often as declared is the prior too. How common they are is declared, not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from node.domain.plain import from_plain
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.inference.rebase import logit
from node.training.folder import Files
from node.training.graph import build
from node.training.publish import finish, golden
from node.training.spec import GoldenCase, read_toml
from node.training.tabular import Ensemble, Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    What is published about one finding.

    Attributes:
        input: Name of the input, 0 or 1.
        odds_ratio: Of the target, with against without the finding.
        common: Share of the patients who have it; declared.
        interval: Published 95 % interval of the odds ratio; None: from a fraction to a multiple by `Published.factor`.
    """

    input: str
    odds_ratio: float
    common: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """
    The section [published] of a specification.

    Attributes:
        prior: Share of patients with the target, smallest and largest that is stated; the middle is used.
        sentence: What the model rests on, for the reader.
        factor: Half width of an odds ratio's 95 % interval, as a factor, where none is published.
    """

    prior: tuple[float, float]
    sentence: str
    findings: tuple[Finding, ...]
    factor: float = 2.0
    replicates: int = 200
    level: float = 0.95
    seed: int = 20261121


def make(spec: Path, *, also: Mapping[str, bytes]) -> Files:
    """
    Make the package.

    Args:
        spec: `spec.toml` with [published].
        also: Further files of the package.

    Raises:
        ConfigError: The specification cannot be used.
        ModelFailed: It makes no manifest.
    """
    plain, text = read_toml(spec)
    head = {key: value for key, value in plain.items() if key not in {"published", "golden"}}
    try:
        published = from_plain(Published, plain["published"])
        cases = from_plain(tuple[GoldenCase, ...], plain.get("golden", []))
        inputs = tuple(from_plain(ModelInput, item) for item in head["inputs"])
    except (KeyError, ValueError) as error:
        raise ConfigError([str(error)], at=str(spec), do="correct the specification") from error
    if [item.name for item in inputs] != [finding.input for finding in published.findings]:
        raise ConfigError(["[[inputs]] and [[published.findings]] differ"], at=str(spec), do="list the same, in order")
    model = _linear(published)
    graph = build(model, _ensemble(published, model), level=published.level, name=str(head["id"]))
    files = {"model.onnx": graph, "golden.json": golden(head, inputs, graph, cases), "spec.toml": text, **also}
    return finish({**head, **_numbers(published, model, inputs)}, files)


def _linear(published: Published) -> Linear:
    k, prior = len(published.findings), _prior(published)
    return Linear(
        log=np.zeros(k, bool), mean=np.array([centre(f, prior) for f in published.findings]), scale=np.ones(k),
        low=np.zeros(k), high=np.ones(k), weights=np.array([np.log(f.odds_ratio) for f in published.findings]),
        bias=logit(prior), strength=0.0, mix=0.0, slope=1.0,
    )  # fmt: skip


def _ensemble(published: Published, model: Linear) -> Ensemble:
    """Every member has its own odds ratios and prior from their intervals; a missing finding it draws by how common."""
    rng = np.random.default_rng(published.seed)
    n, k = published.replicates, len(published.findings)
    errors = np.array([_error(finding, published.factor) for finding in published.findings])
    low, high = published.prior
    common = np.array([f.common for f in published.findings])
    return Ensemble(
        weights=model.weights + errors * rng.standard_normal((n, k)),
        biases=np.array([logit(float(p)) for p in rng.uniform(low, high, n)]),
        draws=(rng.random((n, k)) < common) - model.mean,
    )


def centre(finding: Finding, prior: float) -> float:
    """
    The value between absent (0) and present (1) that leaves the odds as they are.

    With q among patients without the target the likelihood ratio of an absent finding is 1 / (1 + (OR - 1) q), and that
    of a present one OR times as much.
    """
    if finding.odds_ratio == 1:
        return finding.common
    change = (finding.odds_ratio - 1) * _among_others(finding, prior)
    return float(np.log1p(change) / np.log(finding.odds_ratio))


def _among_others(finding: Finding, prior: float) -> float:
    """
    How common a finding is among patients without the target: bisection, as how common it is among all rises with it.
    """
    ratio, low, high = finding.odds_ratio, 0.0, 1.0
    for _ in range(60):
        q = (low + high) / 2
        among_all = prior * ratio * q / (1 - q + ratio * q) + (1 - prior) * q
        low, high = (q, high) if among_all < finding.common else (low, q)
    return (low + high) / 2


def _error(finding: Finding, factor: float) -> float:
    """Standard error of the log odds ratio."""
    low, high = finding.interval or (finding.odds_ratio / factor, finding.odds_ratio * factor)
    return float(np.log(high / low) / (2 * 1.959964))


def _prior(published: Published) -> float:
    return sum(published.prior) / 2


def _numbers(published: Published, model: Linear, inputs: tuple[ModelInput, ...]) -> dict[str, Any]:
    names = [item.name for item in inputs]
    assumed = [finding.input for finding in published.findings if finding.interval is None]
    return {
        "training": {"sentence": published.sentence, "population": "none of ours", "prevalence": _prior(published)},
        "calibration": {"calibrated": False, "method": "none: there are no patients to calibrate it on"},
        "interval": {
            "level": published.level,
            "method": f"percentiles of {published.replicates} draws of the odds ratios and of the prior from their "
            "intervals, and of missing findings by how common they are; the interval of an odds ratio is declared as "
            f"a factor of {published.factor:g} either way where none was at hand ({', '.join(assumed) or 'nowhere'})",
            "holds_missing": True,
        },
        "performance": {
            "odds_ratios": {f.input: f.odds_ratio for f in published.findings},
            "declared_share": {f.input: f.common for f in published.findings},
            "weights": {name: round(float(w), 3) for name, w in zip(names, model.weights, strict=True)},
        },
    }
