"""The engine of a model that is shipped to say why it gives no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.cards import heard
from node.domain.facts import ModelFacts
from node.domain.findings import NotEvaluated
from node.inference.manifest import Refusal


@dataclass(slots=True)
class RefusalClassifier:
    """Answers every lesion with the refusal that its manifest states."""

    facts: ModelFacts
    refusal: Refusal
    inputs: tuple[str, ...] = ()

    def __call__(self, _inputs: Mapping[str, float], /) -> NotEvaluated:
        """The evidence against an answer, whatever the lesion."""
        return NotEvaluated(code=self.refusal.code, text=heard(self.refusal.text))
