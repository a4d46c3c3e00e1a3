"""What gives way where a page is short of room, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.language import TAGS
from node.page.draw import report_page
from tests.support.findings import DRAWN, FOUND, KRAS, PREDICTED, WITHHELD, make_case
from tests.support.pages import BORDERLINE, crowded_case, overlaps, printed

SCORE = replace(PREDICTED, model=replace(KRAS, calibrated=False, slope=0.2, slope_interval=(-0.3, 0.8)))


def panel(case, *answers):
    """The case with these answers on each lesion."""
    lesions = tuple(replace(lesion, predictions=answers) for lesion in case.findings.lesions)
    return replace(case, findings=replace(case.findings, lesions=lesions))


def text_of(case, language="en"):
    """What is printed, without overlap."""
    envelope = replace(case.envelope, language=language).naming(case.findings)
    page = printed(report_page(case.findings, case.volume, case.headers, envelope))
    assert page.pages == 1
    assert overlaps(page.boxes) == []
    return page.text


def test_a_probability_in_the_table_has_its_limits():
    """Not calibrated, exploratory, with gaps and no news: as beside an answer in full, in a few words."""
    text = text_of(panel(make_case(DRAWN, FOUND), PREDICTED, SCORE))
    assert (
        "AI-predicted KRAS mutation: 41% (95% interval 22% to 63%). NOT CALIBRATED. EXPLORATORY. "
        "1 of 3 data items missing." in text
    )
    assert text.count("operating point 14%") == 4  # the line in a row has its name, too


@pytest.mark.parametrize("language", TAGS)
@pytest.mark.parametrize("lesions", [2, 4])
def test_no_lesion_and_no_answer_disappears_for_sentences(lesions, language):
    """Each lesion stays with its size and its answers, limits included, however long the language's words are."""
    case = panel(crowded_case(lesions, 1), PREDICTED, replace(BORDERLINE, model=SCORE.model), WITHHELD)
    text = text_of(case, language)
    assert text.count("41") >= 2 * lesions
    assert text.count("11.3 × 8.0 mm" if language == "en" else "11,3 × 8,0 mm") >= lesions - 1
    word = {"en": "EXPLORATORY. ", "de": "EXPLORATIV. ", "es": "EXPLORATORIO. "}[language]
    assert text.count(word) >= lesions


def test_what_a_model_is_valid_for_stays_longest():
    """Its makers may state it last; on the page the training population gives way first."""
    limits = (*(f"Limit {n} holds." for n in range(6)), "Valid only if the outline holds all of it.")
    case = crowded_case(6, 3)
    models = [replace(PREDICTED.model, id=f"m{n}", digest=f"{n:064x}", limits=limits) for n in range(3)]
    text = text_of(panel(case, *(replace(PREDICTED, model=facts) for facts in models)))
    assert text.count("Valid only if the outline holds all of it.") == 3
    assert "Trained on" not in text
