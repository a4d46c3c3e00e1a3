"""What is said of one model's answer."""

from __future__ import annotations

import math
from dataclasses import replace

from node.domain import evidence, words
from node.domain.clinical import Value
from node.domain.explanation import Explanation
from node.domain.facts import ModelFacts
from node.domain.findings import Estimate, Findings, Fitness, Prediction
from tests.support.findings import DRAWN, EGFR, KRAS, PREDICTED, WITHHELD, make_lesion

WHOLE = replace(PREDICTED, missing_inputs=())


def estimated(probability: float, lower: float, upper: float, **changes):
    """The EGFR prediction with another answer, as trained unless told."""
    estimate = Estimate(probability=probability, lower=lower, upper=upper, contributions={})
    return replace(PREDICTED, **{"rebased_to": None, "estimate": estimate, **changes})


def test_a_headline_begins_with_ai_predicted():
    """With a number and without, flagged or not."""
    borderline = replace(PREDICTED, state="borderline", reason="slice thickness 4 mm, up to 3 mm is usual")

    assert evidence.headline(WHOLE) == "AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%)."
    assert evidence.headline(WITHHELD) == "AI-predicted KRAS mutation: not evaluated. Smoking is not known."
    assert "BORDERLINE: slice thickness 4 mm" in evidence.headline(borderline)


def test_a_number_is_shown_only_where_the_model_answered():
    """A withheld estimate stays hidden even where it exists, and NaN is no answer."""
    hidden = replace(PREDICTED, state="not_evaluated", reason="outside")
    broken = estimated(0.4, math.nan, 0.6)

    assert not words.is_answered(hidden)
    assert not words.is_answered(broken)
    assert "41%" not in " ".join([evidence.headline(hidden), *evidence.evidence(hidden)])
    assert "not evaluated" in evidence.headline(broken)


def test_evidence_without_calibration_says_so():
    """An uncalibrated model's number is a score; a model without operating point or re-basing says so."""
    facts = replace(EGFR, calibrated=False, slope=None, slope_interval=None, operating_point=None)
    said = evidence.evidence(replace(PREDICTED, model=facts, rebased_to=None))

    assert any("NOT CALIBRATED" in line for line in said)
    assert "Holds for a prevalence as in training (20%)." in said
    assert "The model declares no operating point." in said


def test_calibration_is_told_with_the_slope_that_was_measured():
    """Calibrated or not, the number stands beside the word; without a number the word is its makers'."""
    good = replace(EGFR, slope=0.93, slope_interval=(0.61, 1.32))
    bad = replace(EGFR, calibrated=False, slope=0.24, slope_interval=(-0.31, 0.77))

    assert (
        "Calibrated in cross-validation on its training data: slope 0.93 (95% interval 0.61 to 1.32; 1 is ideal)."
        in evidence.evidence(replace(PREDICTED, model=good))
    )
    assert (
        "NOT CALIBRATED: read it as a score, not as a probability. In cross-validation on its training data the "
        "calibration slope was 0.24 (95% interval -0.31 to 0.77; 1 is ideal)."
        in evidence.evidence(replace(PREDICTED, model=bad))
    )
    open_ = replace(EGFR, calibrated=False, slope=0.79, slope_interval=(0.38, 1.55))
    assert (
        "Its calibration is uncertain: in cross-validation on its training data the slope was 0.79 (95% interval 0.38 "
        "to 1.55; 1 is ideal)." in evidence.evidence(replace(PREDICTED, model=open_))
    )
    silent = replace(EGFR, slope=None, slope_interval=None)
    said = evidence.evidence(replace(PREDICTED, model=silent))
    assert any("as its makers state without a number" in line for line in said)


def test_every_panel_ends_with_no_substitute():
    """Also for a prediction that was not made; an exploratory model is marked."""
    for prediction in (PREDICTED, WITHHELD):
        assert evidence.evidence(prediction)[-1] == words.NO_SUBSTITUTE
    assert "EXPLORATORY: hardly better than prevalence." in evidence.evidence(replace(PREDICTED, model=KRAS))


def test_fitness_is_told_with_its_reasons():
    """Inside, at the border, outside: with what was off."""
    border = replace(PREDICTED, fitness=Fitness(outcome="borderline", reasons=("volume 60 mL",)))

    assert "At the border of what the model was made for: volume 60 mL." in evidence.evidence(border)
    assert "Outside what the model was made for: age 12 is below 18." in evidence.evidence(WITHHELD)
    assert evidence.LIKE_THE_TRAINED in evidence.evidence(PREDICTED)


def test_whoever_drew_is_told_with_its_limits():
    """A model's outline carries what holds for all of its outlines; a hand's has no such lines."""
    drew = replace(
        EGFR, kind="segmenter", id="drawer", name="Drawer", exploratory="exploratory: two patients",
        training="Not trained: set by hand.", limits=("no accuracy can be claimed",),
    )  # fmt: skip
    found = Findings(state="succeeded", segmenter=drew)

    assert evidence.outlining(found) == [
        "Outlined by Drawer 1.0.0 (package drawer, SHA-256 abababababab).",
        "EXPLORATORY: two patients.",
        "No accuracy can be claimed.",
        "Not trained: set by hand.",
    ]
    assert evidence.told_about(found) == [drew]
    assert evidence.outlining(Findings(state="succeeded")) == evidence.told_about(Findings(state="succeeded")) == []


def test_what_an_answer_is_valid_for_comes_before_other_limits_and_the_training_last():
    """What is cut on a crowded page is cut from the end; else the makers' order holds."""
    facts = replace(EGFR, limits=("one hospital", "age carries much", "Valid only if the outline holds all"))

    assert evidence.caveats(facts) == [
        "Valid only if the outline holds all.",
        "One hospital.",
        "Age carries much.",
        "Trained on 127 patients of two hospitals, 25 mutated.",
    ]


def test_the_headline_counts_what_is_missing():
    """Whoever reads nothing else sees on how little the number rests."""
    listed = "Inputs missing: pack-years. The interval does not hold what they would have changed."

    assert evidence.headline(PREDICTED).endswith("to 63%). 1 of 3 data items missing.")
    assert listed in evidence.evidence(PREDICTED)
    assert not any("missing" in line for line in [evidence.headline(WHOLE), *evidence.evidence(WHOLE)])


def test_what_may_overturn_the_answer_comes_first():
    """What alone it is valid for, what it lacks, how it stands to the prevalence, and that it is exploratory."""
    said = evidence.evidence(replace(estimated(0.3, 0.1, 0.5), model=KRAS))

    assert said[0] == "Histology was not supplied."
    assert said[1].startswith("Inputs missing: ")
    assert said[2].startswith("Holds for a prevalence")
    assert said[3] == "EXPLORATORY: hardly better than prevalence."


def test_an_interval_that_includes_the_prevalence_says_so():
    """As trained and re-based alike: such an answer does not set the patient apart."""
    apart = "does not set the patient apart"

    assert any(apart in line for line in evidence.evidence(estimated(0.19, 0.12, 0.24)))
    assert not any(apart in line for line in evidence.evidence(estimated(0.5, 0.21, 0.7)))
    assert any(apart in line for line in evidence.evidence(estimated(0.5, 0.21, 0.7, rebased_to=0.38)))
    assert not any(apart in line for line in evidence.evidence(PREDICTED))  # re-based to 14 %, interval from 22 %


def test_what_was_known_of_an_unanswered_case_was_not_used():
    """No input is called used, and the case is not called fit, where the model was never asked."""
    withheld = replace(
        WITHHELD,
        reason="histology is none of those trained on",
        fitness=Fitness(outcome="in_domain"),
        inputs={"histology": Value("small cell", "clinical file, line 2"), "age": Value(60, "clinical file, line 2")},
        missing_inputs=("adenocarcinoma",),
    )
    said = evidence.evidence(withheld)

    assert "Known, but not used: histology small cell, age 60 [clinical file, line 2]." in said
    assert not any(word in " ".join(said) for word in ("Inputs used", "Inputs missing", "lies within"))


def test_a_reason_is_not_told_twice():
    """What the headline says of the model's domain is not repeated below it."""
    reasons = ("age 91 years, outside the range of its training data",)
    fitness = Fitness(outcome="borderline", reasons=reasons)
    border = replace(PREDICTED, state="borderline", reason=reasons[0], fitness=fitness)

    assert reasons[0] in evidence.headline(border)
    assert reasons[0] not in " ".join(evidence.evidence(border))


def test_a_model_that_could_not_be_opened_is_named():
    """By its package, as its target and hash are not known."""
    facts = ModelFacts(id="lung-x", version="2.0.0", kind="classifier", digest="", manufacturer="", name="lung-x")
    lost = Prediction(model=facts, state="not_evaluated", reason="not installed")

    assert evidence.headline(lost) == "AI-predicted lung-x: not evaluated. Not installed."
    assert evidence.model_name(facts) == "lung-x 2.0.0 (package lung-x)"
    assert words.concept_name(facts) == "AI-predicted probability of lung-x"


def test_the_models_that_answered_are_listed_once():
    """Not those that did not, and not once for every lesion."""
    lesions = (make_lesion(DRAWN, 1), make_lesion(DRAWN, 2))

    assert evidence.asked(Findings(state="succeeded", lesions=lesions)) == [EGFR]


def test_many_features_are_counted_and_not_listed():
    """Sixteen radiomic features in one line help nobody; clinical values stand each for itself."""
    features = {f"original_shape_{n}": Value(1.0, "radiomic feature of the image") for n in range(16)}
    told = evidence.evidence(replace(PREDICTED, inputs={**PREDICTED.inputs, **features}))
    [used] = [line for line in told if line.startswith("Inputs used: ")]
    assert "16 values [radiomic feature of the image]" in used
    assert "age 66 [PatientAge (0010,1010)]" in used


def test_explanations_stand_in_place_of_bare_contributions():
    """Percentile and factor on the odds, where the package knows its population."""
    part = Explanation(name="age", value=66.0, log_odds=0.693, percentile=91.0, unit="a")
    told = evidence.evidence(replace(PREDICTED, explanations=(part,)))
    assert "Age 66 years: 91st percentile of the training patients; raises the odds ×2." in told
    assert not any(line.startswith("What moved it") for line in told)
