"""The limits of a probability in a few words."""

from __future__ import annotations

from dataclasses import replace

from node.domain import evidence, page
from node.domain.flags import flags
from tests.support.findings import EGFR, PREDICTED

WHOLE = replace(PREDICTED, missing_inputs=())
POOR = replace(
    PREDICTED,
    model=replace(EGFR, calibrated=False, slope=0.2, slope_interval=(-0.3, 0.8), exploratory="exploratory: 13 events"),
    rebased_to=None,
    estimate=replace(PREDICTED.estimate, lower=0.1),
    state="borderline",
    reason="lesion volume is 2 mL",
)


def test_every_limit_is_flagged():
    """Calibration, few events, gaps, no news, the border of the domain; nothing where nothing is to be said."""
    assert flags(POOR) == [
        "NOT CALIBRATED.",
        "EXPLORATORY.",
        "1 of 3 data items missing.",
        "The interval includes the prevalence.",
        "BORDERLINE: lesion volume is 2 mL.",
    ]
    assert flags(WHOLE) == []


def test_a_calibration_that_was_neither_shown_nor_refuted_is_uncertain():
    """It is no score, and not known to come true."""
    facts = replace(EGFR, calibrated=False, slope=0.8, slope_interval=(0.3, 1.6))
    assert flags(replace(WHOLE, model=facts)) == ["Calibration uncertain."]


def test_the_prevalence_of_the_site_counts():
    """The answer was re-based to it."""
    assert flags(replace(WHOLE, rebased_to=0.3)) == ["The interval includes the prevalence."]


def test_headline_and_row_carry_every_flag():
    """Whoever shows one line of an answer shows its limits."""
    for line in (evidence.headline(POOR), page.answer_in_short(POOR)):
        assert line.endswith(" ".join(flags(POOR)))
