"""Explanations in the sentences that a radiologist reads."""

import math

import pytest

from node.domain.explanation import Explanation, explained, inputs_missing, mutually_exclusive, ordinal, short

LN_2_1 = math.log(2.1)


def part(name="ground_glass", value="50-75%", log_odds=LN_2_1, **changes):
    return Explanation(name=name, value=value, log_odds=log_odds, **changes)


def test_a_percentile_and_a_factor_on_the_odds():
    """As the issue asks: "91st percentile, raises the odds ×2.1"."""
    assert explained((part(percentile=90.8),)) == [
        "Ground glass 50-75%: 91st percentile of the training patients; raises the odds ×2.1."
    ]


def test_a_category_is_told_by_its_share_and_a_number_with_its_unit():
    """Words without order; years; a quantity that did nothing; strongest first."""
    told = explained(
        (
            part(name="age", value=62.0, unit="a", log_odds=0.001, percentile=50),
            part(name="smoking", value="not_current", log_odds=-0.7, share=0.4),
            part(name="original_shape_Flatness", value=0.5724, log_odds=0.2),
        )
    )
    assert told == [
        "Smoking not current: as 40% of the training patients; lowers the odds ×0.5.",
        "Shape Flatness 0.572: raises the odds ×1.2.",
        "Age 62 years: 50th percentile of the training patients; hardly changes the odds.",
    ]


def test_many_quantities_are_told_together_after_the_strongest():
    """Seventeen sentences help nobody: six are told, eleven summed (their log-odds are 0.7, 0.65 … 0.2: 4.95)."""
    told = explained(tuple(part(name=f"f{n}", value=1.0, log_odds=1.0 - n / 20) for n in range(17)))
    assert len(told) == 7
    assert told[-1] == "11 further inputs together: raises the odds ×141."


@pytest.mark.parametrize(
    ("p", "said"), [(0, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (42.4, "42nd"), (100, "99th")]
)
def test_percentiles_are_ordinals_that_a_patient_can_have(p, said):
    """Nobody is the 0th or the 100th."""
    assert ordinal(p) == said


def test_a_panel_is_not_read_as_shares_of_one_whole():
    """Two drivers that were asked about are told apart, although one may have been refused; one alone needs no word."""
    panel = {"EGFR": "EGFR mutation", "KRAS": "KRAS mutation", "IDH1": "IDH mutation"}
    [said] = mutually_exclusive(panel, {"EGFR", "KRAS"})
    assert said.startswith("EGFR mutation and KRAS mutation are estimated separately")
    assert "do not add up" in said
    assert mutually_exclusive(panel, {"KRAS"}) == [said]
    assert mutually_exclusive(panel, {"IDH1"}) == []
    assert mutually_exclusive({"EGFR": "EGFR mutation"}, {"EGFR"}) == []


def test_what_a_missing_input_does_to_the_interval_is_said_as_it_is():
    """Held by our graphs, not by others'."""
    assert "wider for what they may change" in inputs_missing("age", held=True)
    assert "does not hold" in inputs_missing("age", held=False)


def test_numbers_have_as_many_digits_as_a_reader_needs():
    """Three digits, and whole numbers from a thousand."""
    assert [short(v) for v in (0.5724, 62.0, 80030.958)] == ["0.572", "62", "80\u00a0031"]
