"""Findings in sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from node.domain import words
from node.domain.findings import Estimate, Findings, GroundGlass, Provenance
from node.domain.refusals import REFUSALS
from node.domain.words import Verdict
from tests.support.findings import DRAWN, EGFR, FOUND, PREDICTED, WITHHELD, make_lesion

CODES = {
    "conflicting instances", "patient identity conflict", "no patient id", "no frame of reference",
    "ambiguous reference", "missing slices", "non-uniform spacing", "mixed orientations", "gantry tilt",
    "too few slices", "not an axial acquisition", "colour image", "lossy compression", "undecodable", "wrong anatomy",
    "organ partial", "no lesion", "low trust", "contour mismatch", "model unavailable", "role missing",
    "unsupported image", "not aligned", "noise", "drawing not used",
}  # fmt: skip


def estimated(probability: float, lower: float, upper: float, **changes):
    """The EGFR prediction with another answer, as trained unless told."""
    estimate = Estimate(probability=probability, lower=lower, upper=upper, contributions={})
    return replace(PREDICTED, **{"rebased_to": None, "estimate": estimate, **changes})


def test_every_refusal_has_its_sentence():
    """The codes of the node and the sentences are the same set; each is a whole sentence."""
    assert set(REFUSALS) == CODES
    assert all(text[0].isupper() and text.endswith(".") for text in REFUSALS.values())


def test_a_refusal_adds_what_was_found():
    """Sentence for the code first, then the detail; a detail that says the same is not repeated."""
    assert words.refusal("no lesion", "3 ROIs, none a tumour").endswith("In this case: 3 ROIs, none a tumour.")
    assert words.refusal("no lesion") == REFUSALS["no lesion"]
    assert words.refusal("no lesion", REFUSALS["no lesion"]) == REFUSALS["no lesion"]
    assert words.refusal("unheard of", "x").startswith("The case could not be evaluated.")


def test_no_lesion_does_not_exclude_one():
    """The most dangerous sentence says that absence was not shown."""
    assert "does not exclude" in REFUSALS["no lesion"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.413, "41%"), (0.0, "0%"), (0.004, "<1%"), (0.996, ">99%"), (1.0, "100%"), (math.nan, "not a number")],
)
def test_percentages_never_round_to_certainty(share, text):
    """A small chance is not none, a large one is not certain."""
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("prediction", "side"),
    [
        (estimated(0.5, 0.21, 0.7), Verdict.ABOVE),
        (estimated(0.5, 0.19, 0.7), Verdict.INDETERMINATE),
        (estimated(0.1, 0.05, 0.19), Verdict.BELOW),
        (WITHHELD, Verdict.NOT_EVALUATED),
        (estimated(0.5, 0.2, 0.7, model=replace(EGFR, operating_point=None)), None),
    ],
)
def test_the_verdict_needs_the_whole_interval(prediction, side):
    """Above or below only when the interval lies wholly on one side of the operating point (20% here)."""
    assert words.verdict(prediction) == side


def test_the_operating_point_moves_with_the_prevalence():
    """Re-basing shifts threshold and probability alike on the logit scale, so no verdict changes by it."""
    assert words.threshold(PREDICTED) == pytest.approx(0.14)  # threshold 0.2 at prevalence 0.2 is the prior itself
    assert words.threshold(replace(PREDICTED, rebased_to=None)) == 0.2
    assert words.threshold(replace(PREDICTED, rebased_to=0.5)) == pytest.approx(0.5)


def test_the_nature_rests_on_the_source():
    """A human name is quoted as such; what a machine found has no nature; a silent source states none."""
    silent = replace(DRAWN, named_neoplasm=False, label="")
    seed = Provenance(kind="seed", algorithm_type="SEMIAUTOMATIC", label="mark")

    assert words.description(DRAWN) == (
        'Drawn in an RT Structure Set, labelled "GTV-1"; named as tumour by its source, not confirmed by this analysis.'
    )
    assert words.description(FOUND) == (
        "Found automatically, nature not established. "
        "The software's score for its own outline: 0.82 of 1 (no probability)."
    )
    assert "nature not stated by its source" in words.description(silent)
    assert words.description(seed).startswith("Grown by software around a mark that a reader set")
    machine = replace(silent, kind="seg", algorithm_type="AUTOMATIC")
    assert words.description(machine) == (
        "Drawn by software, in a Segmentation object; nature not established by a person, nor by this analysis."
    )
    by_hand = words.description(replace(machine, algorithm_type="MANUAL"))
    assert by_hand.startswith("Drawn by hand, in a Segmentation object; nature not stated")


def test_measured_says_what_a_reader_must_know():
    """Ground glass with its caveat or why not, the edge, and the notes of measurement and source."""
    lesion = make_lesion(replace(DRAWN, notes=("two ROIs were merged",)), 1)
    m = lesion.measurements
    missing = GroundGlass(fraction=None, reader_class="", why_missing="0.1 mL remain")

    assert "class 25-50%" in words.measured(lesion)[1]
    assert words.measured(lesion)[-1] == "Two ROIs were merged."
    said = words.measured(replace(lesion, measurements=replace(m, ground_glass=missing, touches_edge=True)))
    assert said[1] == "Ground-glass share not measured: 0.1 mL remain."
    assert "reaches the edge of the images" in said[2]


def test_the_case_begins_with_what_changed():
    """First the change, then the refusal, always the research note."""
    findings = Findings(
        state="refused",
        reason_code="low trust",
        reason="trust 0.3",
        change="a slice arrived",
        skipped=("ROI old",),
        notes=("the source is lossy",),
    )
    said = words.case(findings)

    assert said[0] == "Changed since the previous result: a slice arrived."
    assert said[1].startswith("NOT EVALUATED (low trust).")
    assert words.RESEARCH in said
    assert said[-1] == "The source is lossy."
    assert words.choice(findings) == ["Passed over: ROI old."]


def test_a_small_volume_has_the_digits_of_a_models_bounds():
    """0.284 mL is no other volume where a model refuses it."""
    assert [words.volume(ml) for ml in (0.284, 2.191)] == ["0.284 mL", "2.19 mL"]


def test_the_key_slice_is_named_as_a_viewer_names_it():
    """By image number and, on axial images, by its height in the patient; what is not known is not said."""
    m = make_lesion(DRAWN, 1).measurements
    tilted = replace(m, long_axis=replace(m.long_axis, end=(8, 0, 8)))

    assert words.key_slice(replace(m, key_image="image 117")) == "image 117, z 0.0 mm"
    assert words.key_slice(replace(tilted, key_image="frame 12")) == "frame 12"
    assert words.key_slice(tilted) == ""
    assert not any("axis" in line for line in words.measured(replace(make_lesion(DRAWN, 1), measurements=tilted)))


def test_numbers_that_are_none_are_said_in_words():
    """No "nan mm" in front of a radiologist."""
    assert words.number(12.34, "mm") == "12.3 mm"
    assert words.number(math.nan, "mm") == "not measurable"
