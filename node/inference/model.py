"""What the pipeline needs of a model: the smallest Protocols that every engine fulfils."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from node.domain.facts import ModelFacts
from node.domain.findings import Drawing, Estimate, NotEvaluated
from node.domain.volume import Volume


class Segmenter(Protocol):
    """Draws lesions."""

    facts: ModelFacts
    role: str  #: whose volume it draws on; "" for the first

    def __call__(self, volumes: Mapping[str, Volume], /) -> Drawing:
        """
        Draw on the volume of its role, on whose grid the masks lie.

        Args:
            volumes: Role name to volume; all on their own grids, in one world.

        Raises:
            Refused: The image is not what the model was made for (code "wrong anatomy", "organ partial", …).
            ModelFailed: The model broke its promise.
        """
        ...


class Classifier(Protocol):
    """Estimates one probability for one lesion."""

    facts: ModelFacts
    inputs: tuple[str, ...]  #: names in the manifest's order

    def __call__(self, inputs: Mapping[str, float], /) -> Estimate | NotEvaluated:
        """
        Ask about one lesion.

        Args:
            inputs: Input name to value, in the manifest's units; a missing input is absent or NaN.

        Returns:
            The estimate as trained (before re-basing), or why there is none.

        Raises:
            ModelFailed: The answer is no probability, or the interval does not hold it.
        """
        ...
