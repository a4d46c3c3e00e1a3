"""What is said of an answer whose lesion was drawn again."""

from __future__ import annotations

from dataclasses import replace

from node.domain.document import job_document
from node.domain.evidence import evidence, headline
from node.domain.language import Said
from node.domain.report import report
from node.domain.stability import Stability, flag, judged, redrawing
from tests.support.findings import PREDICTED, make_case, make_lesion

STEADY = Stability(lower=0.38, upper=0.46, contours=4, unanswered=0, step_mm=1.0, unstable=False)


def test_an_answer_that_stays_in_its_interval_is_stable():
    """The ends of the interval belong to it."""
    found = judged([0.3, 0.22, 0.63, 0.4], (0.22, 0.63), 1.0)
    assert found == Stability(lower=0.22, upper=0.63, contours=4, unanswered=0, step_mm=1.0, unstable=False)


def test_one_contour_that_leaves_the_interval_is_enough():
    """On either side."""
    for answers in ([0.3, 0.64], [0.3, 0.21]):
        found = judged(answers, (0.22, 0.63), 1.0)
        assert found is not None
        assert found.unstable


def test_contours_without_an_answer_are_counted():
    """They say nothing about the number; where there is no other, nothing is known."""
    found = judged([None, 0.3, None, 0.4], (0.2, 0.6), 1.0)
    assert found is not None
    assert (found.contours, found.unanswered) == (2, 2)
    assert [str(each) for each in redrawing(found)][1] == "Redrawn contours that gave no answer: 2."
    assert judged([None, None], (0.2, 0.6), 1.0) is None


def test_the_sentence_tells_the_range_and_what_it_means():
    """Three sentences, each of a template that can be said in another language."""
    stays = replace(STEADY, lower=0.412, upper=0.414)
    leaves = replace(STEADY, lower=0.1, unstable=True)
    told = [redrawing(found)[0] for found in (STEADY, stays, leaves)]
    assert all(isinstance(each, Said) for each in told)
    assert told[0].endswith("(4 times), the probability is 38% to 46%, within its interval.")
    assert told[1].endswith("the probability stays 41%.")
    assert told[2].startswith("UNSTABLE: ")
    assert "10% to 46%, which leaves its interval" in told[2]
    assert redrawing(None) == []


def test_an_unstable_answer_is_flagged_wherever_it_is_shown():
    """In the headline, among the sentences of the SR and the report, and in the JSON document."""
    unstable = replace(
        PREDICTED, state="borderline", reason_code="unstable_contour", reason=flag(),
        stability=replace(STEADY, lower=0.1, unstable=True),
    )  # fmt: skip
    assert "BORDERLINE: the answer depends on how the lesion is drawn." in headline(unstable)
    assert any(sentence.startswith("UNSTABLE: ") for sentence in evidence(unstable))
    case = make_case()
    lesion = make_lesion(case.findings.lesions[0].contour.provenance, 1, predictions=(unstable,))
    findings = replace(case.findings, lesions=(lesion,))
    assert "UNSTABLE: " in report(findings)
    document = job_document(
        job_id="1", pipeline="lung", study_uid="1.2", revision=1, state="succeeded", findings=findings
    )
    told = document["lesions"][0]["predictions"][0]
    assert told["state"] == "borderline"
    assert told["stability"] == {
        "lower": 0.1, "upper": 0.46, "contours": 4, "unanswered": 0, "step_mm": 1.0, "unstable": True,
    }  # fmt: skip


def test_without_redrawing_the_document_says_so():
    """A model without inputs of the image has no stability."""
    case = make_case()
    document = job_document(
        job_id="1", pipeline="lung", study_uid="1.2", revision=1, state="succeeded", findings=case.findings
    )
    assert document["lesions"][0]["predictions"][0]["stability"] is None
