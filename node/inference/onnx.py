"""
The engine of ONNX classifiers.

The graph's contract: input `features`, float32 (n, k) in the order of the manifest's inputs, NaN = missing; outputs
`probability`, `lower`, `upper`, float32 (n,), and `contributions`, float32 (n, k) in log-odds. Where it is broken, the
model is stopped: an answer that cannot be true is never passed on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from node.domain.facts import ModelFacts
from node.domain.findings import Estimate
from node.domain.language import say
from node.errors import ModelFailed
from node.inference.inputs import ModelInput
from node.inference.onnx_session import FOREIGN, REPORT, open_session

OUTPUTS = ("probability", "lower", "upper", "contributions")

_SLACK = 1e-6
"""float32 rounding that an interval may miss its own estimate by."""


class OnnxClassifier:
    """Runs one graph on the CPU, or on a GPU where onnxruntime has one."""

    def __init__(self, facts: ModelFacts, inputs: tuple[ModelInput, ...], graph: bytes, *, threads: int = 1) -> None:
        """
        Load a graph and check its inputs and outputs.

        Args:
            facts: What outputs say about the model.
            inputs: The manifest's inputs, in the order of the graph's columns.
            graph: The file's bytes, checked by the caller against the manifest.
            threads: Threads of onnxruntime; the answer does not depend on it.

        Raises:
            ModelFailed: The bytes are no graph, or it does not keep the contract.
        """
        self.facts = facts
        self.inputs = tuple(item.name for item in inputs)
        self._at = f"{facts.id} {facts.version}"
        self._session = open_session(graph, threads=threads, at=self._at)
        self._check_signature()

    def __call__(self, inputs: Mapping[str, float], /) -> Estimate:
        """
        Ask about one lesion.

        Raises:
            ModelFailed: An unknown input was given, or the answer breaks the contract.
        """
        if unknown := sorted(set(inputs) - set(self.inputs)):
            found = say("knows no input {names}", names=", ".join(unknown))
            raise ModelFailed(found, at=self._at, do=say("correct the manifest"))
        row = np.array([[inputs.get(name, math.nan) for name in self.inputs]], dtype=np.float32)
        try:
            answers = self._session.run(list(OUTPUTS), {"features": row})
        except FOREIGN as error:
            found = say("model.onnx failed: {error}", error=str(error))
            raise ModelFailed(found, at=self._at, do=REPORT) from error
        return self._checked(dict(zip(OUTPUTS, answers, strict=True)))

    def _check_signature(self) -> None:
        k = len(self.inputs)
        takes = {i.name: (i.type, list(i.shape)) for i in self._session.get_inputs()}
        kind, shape = takes.get("features", ("", []))
        if list(takes) != ["features"] or kind != "tensor(float)" or len(shape) != 2 or shape[1] != k:
            found = say("takes {takes}, not one float32 'features' of shape (n, {k})", takes=str(takes), k=k)
            raise ModelFailed(found, at=self._at, do=REPORT)
        if absent := [name for name in OUTPUTS if name not in {o.name for o in self._session.get_outputs()}]:
            raise ModelFailed(say("has no output {names}", names=", ".join(absent)), at=self._at, do=REPORT)

    def _checked(self, answers: Mapping[str, NDArray[np.float32]]) -> Estimate:
        for name, answer in answers.items():
            expected = (1, len(self.inputs)) if name == "contributions" else (1,)
            if answer.shape != expected or not np.isfinite(answer).all():
                found = say(
                    "answered {name} of shape {shape}, not finite numbers of shape {expected}",
                    name=name, shape=str(answer.shape), expected=str(expected),
                )  # fmt: skip
                raise ModelFailed(found, at=self._at, do=REPORT)
        probability, lower, upper = (float(answers[name][0]) for name in OUTPUTS[:3])
        if not 0 <= lower <= probability + _SLACK or not probability <= upper + _SLACK or upper > 1:
            found = say(
                "answered {probability:g} with the interval {lower:g} to {upper:g}, which is no probability in it",
                probability=probability, lower=lower, upper=upper,
            )  # fmt: skip
            raise ModelFailed(found, at=self._at, do=REPORT)
        return Estimate(
            probability=probability,
            lower=min(lower, probability),
            upper=max(upper, probability),
            contributions=dict(zip(self.inputs, map(float, answers["contributions"][0]), strict=True)),
        )
