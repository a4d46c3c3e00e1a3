"""What a package knows of the patients it was trained on, beside the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.inference import applicability, explain
from node.inference.applicability import Applicability
from node.inference.explain import Spread
from node.inference.package import Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """
    Distributions, never patients.

    Attributes:
        applicability: Measures how far a lesion is from the training; None where the package holds nothing.
        spreads: Source to how its values were spread; empty where the package holds nothing.
    """

    applicability: Applicability | None = None
    spreads: Mapping[str, Spread] = field(default_factory=dict)


NOTHING = Knowledge()
"""Of a package that holds neither."""


def knowledge(package: Package) -> Knowledge:
    """
    Read what a package holds.

    Raises:
        ModelFailed: A file was altered, or is not what training writes.
    """
    files = package.manifest.files
    at = package.label
    return Knowledge(
        applicability=applicability.parse(package.read(applicability.FILE), at=at)
        if applicability.FILE in files
        else None,
        spreads=explain.parse(package.read(explain.FILE), at=at) if explain.FILE in files else {},
    )
