"""
The golden case: what a model answered when it was made, and must answer wherever it is installed.

A classifier's `golden.json` is {"tolerance": 1e-6, "cases": [{"name", "inputs": {NAME: number}, "expect": …}]} where
"expect" is {"probability", "lower", "upper", "contributions": {NAME: number}} or {"code"}. A segmenter's describes a
synthetic image in the words of its engine, which draws on it and compares for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from node.domain.findings import Estimate, NotEvaluated
from node.errors import ModelFailed
from node.inference.model import Classifier, Segmenter
from node.inference.package import Package

_DO = "restore the package; if it is whole, report this platform to the model's makers"


@runtime_checkable
class SelfChecking(Protocol):
    """A segmenter that knows how to make its golden image."""

    def check_golden(self, golden: Mapping[str, Any], /) -> list[str]:
        """Draw on the image that `golden.json` describes; every difference in words, none when all is as expected."""
        ...


def check_golden(package: Package, model: Segmenter | Classifier) -> None:
    """
    Let a model answer its golden case.

    Raises:
        ModelFailed: There is none, or the answer differs.
    """
    try:
        golden = json.loads(package.read("golden.json"))
    except ValueError as error:
        raise ModelFailed(f"golden.json is no JSON: {error}", at=package.label, do=_DO) from error
    if isinstance(model, SelfChecking):
        differences = model.check_golden(golden)
    elif package.manifest.kind == "classifier":
        differences = list(_compare(golden, model))  # type: ignore[arg-type]  # `kind` says that it is a classifier
    else:
        differences = ["its engine cannot make the golden image"]
    if differences:
        raise ModelFailed(f"the golden case differs: {'; '.join(differences)}", at=package.label, do=_DO)


def _compare(golden: Mapping[str, Any], classifier: Classifier) -> Iterator[str]:
    cases = golden.get("cases", [])
    if not cases:
        yield "golden.json has no cases"
    for case in cases:
        answer, expected = classifier(case["inputs"]), case["expect"]
        if isinstance(answer, NotEvaluated) or "code" in expected:
            code = answer.code if isinstance(answer, NotEvaluated) else "an estimate"
            if code != expected.get("code"):
                yield f"{case['name']}: answered {code}, not {expected.get('code', 'an estimate')}"
        else:
            yield from _numbers(case["name"], answer, expected, golden["tolerance"])


def _numbers(name: str, answer: Estimate, expected: Mapping[str, Any], tolerance: float) -> Iterator[str]:
    got = {"probability": answer.probability, "lower": answer.lower, "upper": answer.upper, **answer.contributions}
    want = {k: v for k, v in expected.items() if k != "contributions"} | expected["contributions"]
    if set(got) != set(want):
        yield f"{name}: answered {', '.join(sorted(got))}, not {', '.join(sorted(want))}"
        return
    for key, value in want.items():
        if abs(got[key] - value) > tolerance:
            yield f"{name}: {key} is {got[key]:.7g}, not {value:.7g}"
