"""What the answers for one patient, several models on several lesions, must not be read as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from node.domain.explanation import mutually_exclusive
from node.domain.findings import Prediction
from node.domain.language import Said, say
from node.domain.words import is_answered, target

Panel = Sequence[Prediction]
"""The answers on one lesion."""


def cautions(panels: Sequence[Panel]) -> list[Said]:
    """One sentence for each misreading that these answers invite."""
    return [*_exclusive(panels), *_each_for_itself(panels)]


def _exclusive(panels: Sequence[Panel]) -> list[Said]:
    asked = [p for panel in panels for p in panel if p.model.gene]
    return mutually_exclusive(
        {p.model.gene: target(p.model) for p in asked}, {p.model.gene for p in filter(is_answered, asked)}
    )


def _each_for_itself(panels: Sequence[Panel]) -> list[Said]:
    """A model learns from one lesion of each patient: two lesions of one tumour may be told opposite things."""
    answers = Counter((p.model.id, p.model.digest) for panel in panels for p in panel if is_answered(p))
    if all(count < 2 for count in answers.values()):
        return []
    return [
        say(
            "Each lesion was answered for by itself, as if it were the only one: answers for lesions of one patient "
            "may contradict each other, and no model here states that it was validated on several lesions of a patient."
        )
    ]
