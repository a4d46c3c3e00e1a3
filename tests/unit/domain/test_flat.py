"""Findings as coded lines."""

from __future__ import annotations

import math
from dataclasses import replace

from node.domain.findings import Findings, GroundGlass
from node.domain.flat import CASE, LESION, PREDICTION, flat
from node.domain.words import NO_SUBSTITUTE
from tests.support.findings import DRAWN, EGFR, FOUND, PREDICTED, WITHHELD, make_case, make_lesion

REFUSED = Findings(state="refused", reason_code="organ partial", reason="the apex of the left lung is cut off")


def by_code(findings):
    """Code to text; a code that occurs twice is an error."""
    lines = flat(findings)
    texts = {line.code: line.text for line in lines}
    assert len(texts) == len(lines)
    return texts


def test_a_code_fits_is_unique_and_says_whose_it_is():
    """At most 16 and 64 characters, once in a document, with the lesion's number in code and meaning."""
    for line in flat(make_case(DRAWN, FOUND).findings):
        case, _, rest = line.code.partition("-")
        assert len(line.code) <= 16
        assert len(line.meaning) <= 64
        if case == "RT":
            assert CASE[rest] == line.meaning
        else:
            assert f"esion {case.removeprefix('RT')}" in line.meaning
            assert rest in LESION or rest.split("-")[0] in PREDICTION
    by_code(make_case(DRAWN, FOUND).findings)


def test_values_stand_alone_with_their_unit():
    """What a template puts into a field of its own."""
    said = by_code(make_case(DRAWN, FOUND).findings)

    assert {
        code: text for code, text in said.items() if code in ("RT1-VOLUME", "RT2-LONG", "RT1-GLASS", "RT-COUNT")
    } == {
        "RT1-VOLUME": "0.512 mL",
        "RT2-LONG": "11.3 mm",
        "RT1-GLASS": "31%",
        "RT-COUNT": "2",
    }
    assert said["RT1-SIZE"].startswith("Lesion 1: volume 0.512 mL, long axis 11.3 mm")


def test_a_probability_never_stands_alone():
    """Only with its interval, that it is no molecular test, and AI-predicted in code meaning and text."""
    lines = [line for line in flat(make_case().findings) if line.code.split("-")[1] in PREDICTION]
    said = {line.code: line.text for line in lines}

    assert "41% (95% interval 22% to 63%)" in said["RT1-P-EGFR"]
    assert said["RT1-P-EGFR"].endswith(NO_SUBSTITUTE)
    assert said["RT1-P-KRAS"].startswith("AI-predicted KRAS mutation: not evaluated. Smoking is not known.")
    assert all(line.meaning.startswith("AI-predicted") for line in lines)


def test_two_models_of_one_target_have_codes_of_their_own():
    """The second is numbered, in the order of the configuration, however long the target."""
    long = replace(EGFR, target="Immunophenotype", id="b")
    panel = (PREDICTED, WITHHELD, PREDICTED, *(replace(PREDICTED, model=long) for _ in range(2)))
    findings = Findings(state="succeeded", lesions=(make_lesion(DRAWN, 1, predictions=panel),))
    codes = [code for code in by_code(findings) if "-P-" in code]

    assert codes == ["RT1-P-EGFR", "RT1-P-KRAS", "RT1-P-EGFR2", "RT1-P-IMMUNOPH", "RT1-P-IMMUNOP2"]


def test_a_refusal_says_why():
    """Its status is the reason; there is no number of lesions, which nobody counted."""
    said = by_code(replace(REFUSED, change="slices arrived", notes=("the image is lossy",)))

    assert said["RT-STATUS"].startswith("NOT EVALUATED (organ partial).")
    assert said["RT-CHANGE"] == "Changed since the previous result: slices arrived."
    assert said["RT-RESEARCH"].startswith("RESEARCH.")
    assert said["RT-NOTES"] == "The image is lossy."
    assert "RT-COUNT" not in said


def test_what_was_not_measured_has_no_value():
    """No invented share, and words where a length is no number."""
    m = make_lesion(DRAWN, 1).measurements
    glass = GroundGlass(fraction=None, reader_class="", why_missing="too little is left")
    odd = replace(m, ground_glass=glass, long_axis=replace(m.long_axis, length_mm=math.nan))
    said = by_code(Findings(state="succeeded", lesions=(make_lesion(DRAWN, 1, measurements=odd),)))

    assert "RT1-GLASS" not in said
    assert "too little is left" in said["RT1-NOTES"]
    assert said["RT1-LONG"] == "not measurable"


def test_beyond_the_codes_lesions_are_counted_and_said_to_be_missing():
    """A thousand lesions do not fit; the reader is told."""
    first = make_lesion(DRAWN, 1)
    findings = Findings(state="succeeded", lesions=tuple(replace(first, number=n) for n in range(1, 1003)))
    said = by_code(findings)

    assert said["RT-COUNT"] == "1002"
    assert "only the first 999" in said["RT-STATUS"]
    assert "RT999-VOLUME" in said
    assert all(len(code) <= 16 for code in said)
