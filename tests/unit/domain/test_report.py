"""Findings as a page of text."""

from __future__ import annotations

from dataclasses import replace

from node.domain.findings import Findings
from node.domain.report import WIDTH, report
from tests.support.findings import DRAWN, FOUND, PREDICTED, make_case

SUCCEEDED = make_case(DRAWN, FOUND).findings


def test_it_holds_what_a_reader_asks_for():
    """Lesion, volume, diameters, probability with interval, caveats, files."""
    page = report(SUCCEEDED, title="Pipeline lung, study 1.2.99", files=("out/seg.dcm", "out/sr.dcm"))

    for expected in (
        "Lesion 1 of 2: GTV-1 (ROI 1)",
        "Volume        0.512 mL",
        "Long axis     11.3 mm",
        "3-D diameter  13.9 mm",
        "AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%).",
        "AI-predicted KRAS mutation: not evaluated.",
        "Not a substitute for molecular testing.",
        "RESEARCH.",
        "  out/sr.dcm",
    ):
        assert expected in page


def test_it_is_narrow_and_the_same_each_time():
    """No line is wider than the terminal, no line ends in blanks, and nothing depends on the moment."""
    long = replace(SUCCEEDED, notes=("a long note " * 30,), skipped=("x" * 70,))
    page = report(long, title="t" * 300)

    assert max(map(len, page.splitlines())) <= WIDTH
    assert all(line == line.rstrip() for line in page.splitlines())
    assert page == report(long, title="t" * 300)


def test_the_limits_of_a_model_are_told_once():
    """At the end, however many lesions it answered for, and not within any of them."""
    page = " ".join(report(SUCCEEDED).split())

    assert page.count("Trained on 127 patients of two hospitals") == 1
    assert page.index("Trained on 127") > page.index("Lesion 2")


def test_a_long_title_is_kept_whole():
    """A Study Instance UID of 64 characters is shown, as nothing else tells which study it was."""
    uid = "1." + "2" * 62

    assert uid in report(SUCCEEDED, title=f"radnode 0.1.0 · pipeline lung · study {uid}")


def test_the_scale_shows_where_the_estimate_lies():
    """# at 41 of 100, brackets at the interval, | at the re-based operating point, each within the bar."""
    page = report(SUCCEEDED)
    [bar] = {line for line in page.splitlines() if line.strip().startswith("0%")}
    cells = bar.split("% ", 1)[1]

    assert [cells.index(mark) for mark in "|[#]"] == [7, 11, 21, 32]


def test_a_refusal_is_told_without_a_lesion():
    """The reason stands first and no number appears."""
    page = report(Findings(state="refused", reason_code="missing slices", reason="slice 4 is absent"))

    assert page.lstrip().startswith("- NOT EVALUATED (missing slices).")
    assert "slice 4 is absent" in " ".join(page.split())
    assert "%" not in page


def test_a_hidden_estimate_draws_no_scale():
    """A withheld probability leaves no trace on the page."""
    hidden = replace(PREDICTED, state="not_evaluated", reason="outside")
    lesion = replace(SUCCEEDED.lesions[0], predictions=(hidden,))

    assert "[--" not in report(replace(SUCCEEDED, lesions=(lesion,)))
