"""The one-page report: what a reader finds on it, and that it is one page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.domain.words import NO_SUBSTITUTE, RESEARCH
from node.page.draw import raster, report_page
from tests.support.findings import DRAWN, FOUND, make_case, make_envelope
from tests.support.pages import crowded_case, overlaps, page_of, printed, refused_case
from tests.support.series import MR

LONG = "The lungs are covered only in part, and this sentence goes on for long enough to need several lines. " * 12


@pytest.fixture(scope="module")
def plain():
    """The page of one drawn lesion with two models."""
    return page_of(make_case())


def test_the_page_says_what_the_report_says(plain):
    """Patient, headline with interval, evidence, refusal, key facts, measurements, and that it is research."""
    text = printed(plain).text
    for said in (
        "Patient Test, Patient", "Patient ID TEST-1", "Born 1960-01-01", "Examined 2026-11-01", "Accession ACC1",
        RESEARCH, NO_SUBSTITUTE,
        "AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%). 1 of 3 data items missing.",
        "Re-based by Bayes' rule from the training prevalence (20%) to 14%, stated by this site.",
        "AI-predicted KRAS mutation: not evaluated. Smoking is not known.",
        "Volume 0.512 mL", "Long axis (in plane) 11.3 mm", "Short axis (same slice) 8.0 mm", "3-D diameter 13.9 mm",
        "Ground-glass share 31%", "Trained on 127 patients of two hospitals, 25 mutated.",
        "Valid only if this lesion is a primary NSCLC.",
        "named as tumour by its source, not confirmed by this analysis",
    ):  # fmt: skip
        assert said in text


def test_the_scale_names_what_it_draws(plain):
    """Whether it is calibrated, the operating point, the prevalence and whose it is, and the ends of the axis."""
    text = printed(plain).text
    for said in (
        "Calibrated probability, 95% interval", "operating point 14%", "prevalence 14%, stated by this site",
        "0%", "25%", "50%", "75%", "100%",
    ):  # fmt: skip
        assert said in text


def test_a_score_that_is_not_calibrated_is_called_one():
    """The scale does not pass it off as a probability, and names the prevalence of training where none was stated."""
    text = scale_of(calibrated=False, slope=0.2, slope_interval=(-0.3, 0.8))
    assert "Score, NOT calibrated; 95% interval" in text
    assert "prevalence in training 20%" in text


def test_a_probability_whose_calibration_is_not_shown_says_so():
    """Neither shown nor refuted: the interval of the slope holds 1, and much else."""
    text = scale_of(calibrated=False, slope=0.8, slope_interval=(0.3, 1.6))
    assert "Probability of uncertain calibration, 95% interval" in text


def scale_of(**facts):
    """What the page of one answer prints, of a model with these facts."""
    case = crowded_case(1, 1)
    [lesion] = case.findings.lesions
    [answer] = lesion.predictions
    answer = replace(answer, model=replace(answer.model, **facts), rebased_to=None)
    case = replace(case, findings=replace(case.findings, lesions=(replace(lesion, predictions=(answer,)),)))
    return printed(page_of(case)).text


def test_the_page_tells_where_everything_comes_from(plain):
    """Study, series, key image, outline, every package with its whole hash, the job, the node and its version."""
    case, text = make_case(), printed(page_of(make_case(FOUND))).text
    assert f"Study {case.volume.study_uid}" in text
    assert "(12 images)" in text
    assert f"SHA-256 {'ab' * 32}" in text
    assert f"SHA-256 {'cd' * 32}" in text
    assert f"SHA-256 {'ef' * 32}" in text  # the segmenter's
    assert "Written 2026-11-21 12:30 UTC by radnode 0.1.0, installation site-7." in text
    assert "Job 0123abcd" in text
    assert "1.2.3.4" in printed(plain).text  # the structure set


def test_the_key_image_is_named(plain):
    """By its SOP Instance UID; a frame by its number."""
    case = make_case(enhanced=True)
    assert f"Key image {case.headers[0].SOPInstanceUID}, frame 5" in printed(page_of(case)).text


@pytest.mark.parametrize("models", [0, 1, 3, 10])
@pytest.mark.parametrize("lesions", [1, 3, 12])
def test_it_is_one_page_on_which_nothing_overlaps_and_nothing_is_cut(lesions, models):
    """However many lesions and models: what has no room is counted, and said to be in the structured report."""
    page = printed(page_of(crowded_case(lesions, models)))
    assert page.pages == 1
    assert overlaps(page.boxes) == []
    assert min(b[0] for b in page.boxes) >= 28
    assert min(b[1] for b in page.boxes) >= 26
    assert max(b[2] for b in page.boxes) <= 595.3 - 28
    assert max(b[3] for b in page.boxes) <= 841.9 - 26
    shown = [
        n
        for n in range(1, lesions + 1)
        if f"Lesion {n}{f' of {lesions}' if lesions > 1 else ''}: GTV-{n} " in page.text
    ]
    left = lesions - len(shown)
    assert shown == list(range(1, len(shown) + 1))
    assert ("further lesion" in page.text) == (left > 0)
    if left > 1:
        assert f"{left} further lesions: see the structured report." in page.text


def test_three_answers_on_one_lesion_are_all_shown():
    """Two with their scale, one refused with its reason."""
    text = printed(page_of(crowded_case(1, 3))).text
    assert text.count("AI-predicted probability of EGFR mutation: 41%") == 2
    assert "BORDERLINE: slice thickness 3 mm is above 2.5 mm." in text
    assert "AI-predicted KRAS mutation: not evaluated. Smoking is not known." in text
    assert text.count("operating point 14%") == 2


def test_every_answer_left_out_is_counted():
    """Answers in full, in the table, and those only counted, are together all of them."""
    text = printed(page_of(crowded_case(1, 40))).text
    left = int(text.split(" further answers of models: see the structured report.")[0].split()[-1])
    shown = (
        text.count("AI-predicted probability of") + text.count("AI-predicted EGFR") + text.count("AI-predicted KRAS")
    )
    assert shown + left == 40


def test_endless_notes_are_cut_short_and_the_page_says_so():
    """Sixty long sentences on the case do not push the answer off the page."""
    page = printed(page_of(crowded_case(2, 3, notes=tuple(f"{n}. {LONG}" for n in range(60)))))
    assert page.pages == 1
    assert overlaps(page.boxes) == []
    assert "further sentences: see the structured report." in page.text
    assert "AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%)" in page.text


def test_a_refused_case_has_a_page_with_the_reason():
    """No picture is needed: patient, that it was not evaluated, and why."""
    page = printed(page_of(refused_case(change="slices arrived")))
    assert "NOT EVALUATED (organ partial). The organ is covered only in part" in page.text
    assert "In this case: the apex of the left lung is cut off." in page.text
    assert "Changed since the previous result: slices arrived." in page.text
    assert "Patient Test, Patient" in page.text
    assert "Series received 1.2.826" in page.text  # nothing was examined
    assert RESEARCH in page.text


def test_a_revision_says_that_it_replaces_the_page_before():
    """Beside the title."""
    case = replace(make_case(), envelope=make_envelope(revision=3))
    assert "Revision 3: replaces every earlier page" in printed(page_of(case)).text
    assert "Revision" not in printed(page_of(make_case())).text


def test_the_window_is_stated_in_the_images_unit():
    """HU for CT, arbitrary units for MR; planes and directions are lettered."""
    ct, mr = (
        printed(page_of(make_case(sop_class=c))).text if c else printed(page_of(make_case())).text for c in ("", MR)
    )
    assert "Window: centre 40, width 400 HU." in ct
    assert "arbitrary units." in mr
    for name in ("axial, whole slice", "coronal", "sagittal", " R ", " L ", " A ", " P ", " H ", " F ", "20 mm"):
        assert name in ct


def test_the_outline_is_drawn_on_the_page(plain):
    """In its colour, in every one of the four pictures."""
    pixels = raster(plain).astype(int)
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 160) & (pixels[..., 2] < 120)
    columns = np.array_split(yellow, 4, axis=1)
    assert all(part.sum() > 40 for part in columns)


def test_the_same_case_gives_the_same_bytes(plain):
    """Nothing of the clock or of chance: study and job decide every byte."""
    case = make_case(DRAWN, FOUND)
    assert page_of(case) == page_of(case)


def test_every_text_goes_through_the_readers_language():
    """The one place where a text is said in another language is asked for each of them."""
    case = make_case()
    german = replace(case.envelope, language="de")
    text = printed(report_page(case.findings, case.volume, case.headers, german)).text
    for said in (
        "KI-Vorhersage, Wahrscheinlichkeit für EGFR-Mutation",
        "Ersetzt keine molekulare Testung.",
        "von dieser",
    ):
        assert said in text
    assert "AI-predicted" not in text


def test_what_is_cut_short_is_cut_in_the_readers_language():
    """A heading is rendered before it is cut: half a template has no translation."""
    case = make_case()
    [lesion] = case.findings.lesions
    lesion = replace(lesion, tracking_id="x" * 300)
    findings = replace(case.findings, lesions=(lesion,))
    german = replace(case.envelope, language="de")
    text = printed(report_page(findings, case.volume, case.headers, german)).text
    assert "Läsion 1: x" in text
    assert "… (vollständig: siehe strukturierten Bericht)" in text


def test_a_page_without_a_header_is_not_drawn():
    """Nobody would know whose it is."""
    case = make_case()
    with pytest.raises(ValueError, match="header"):
        report_page(case.findings, case.volume, [], case.envelope)
