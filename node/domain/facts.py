"""What every output must be able to say about a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Threshold on the probability as trained, with sensitivity and specificity measured at it (95 % intervals)."""

    threshold: float
    sensitivity: float
    specificity: float
    sensitivity_interval: tuple[float, float]
    specificity_interval: tuple[float, float]


SLOPES = (0.5, 2.0)
"""Of a calibration slope: a wider interval does not show that answers come true, however well it holds 1."""


def shows_calibration(slopes: tuple[float, float]) -> bool:
    """Whether the 95 % interval of a calibration slope shows that answers come true: it holds 1, and little else."""
    low, high = slopes
    return SLOPES[0] <= low <= 1 <= high <= SLOPES[1]


def allows_calibration(slopes: tuple[float, float]) -> bool:
    """Whether it leaves that possible: it holds 1, and not 0, which is no relation."""
    low, high = slopes
    return 0 < low <= 1 <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """
    What every output must be able to say about a model; taken from its manifest.

    Attributes:
        digest: SHA-256 (hex) over the package's files.
        manufacturer: Who made the model.
        target: What is predicted, in words: "EGFR mutation".
        gene: HGNC symbol, "" for a segmenter.
        hgnc_id: "HGNC:3236", "" where the target is no single gene.
        calibrated: Whether stated probabilities were shown to come true in cross-validation; else see `uncertain`.
        slope: Calibration slope that was measured there (1 is ideal), None where none was.
        slope_interval: Its 95 % interval.
        prevalence: Training prevalence, None for a segmenter.
        interval_level: Nominal level of the interval, e.g. 0.95.
        training: One sentence: population and numbers.
        limits: Sentences that must stand beside every result ("valid only if this lesion is a primary NSCLC …").
        holds_missing: Whether the interval holds what missing inputs may change.
        exploratory: Why the model is exploratory, "" when it is not.
    """

    id: str
    version: str
    kind: Literal["segmenter", "classifier"]
    digest: str
    manufacturer: str
    name: str
    target: str = ""
    gene: str = ""
    hgnc_id: str = ""
    calibrated: bool = False
    slope: float | None = None
    slope_interval: tuple[float, float] | None = None
    prevalence: float | None = None
    interval_level: float = 0.95
    operating_point: OperatingPoint | None = None
    training: str = ""
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    exploratory: str = ""
    holds_missing: bool = False

    @property
    def uncertain(self) -> bool:
        """Whether its calibration was neither shown nor refuted."""
        return not self.calibrated and self.slope_interval is not None and allows_calibration(self.slope_interval)
