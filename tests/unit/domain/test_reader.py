"""What counts where several reports speak of one patient."""

from __future__ import annotations

import pytest

from node.domain.clinical import Clinical, Value, merge
from node.domain.language import render
from node.domain.reader import ReaderReport, agreed, in_force


def report(uid: str, written: str = "20261120101500", **changes) -> ReaderReport:
    """A report of a reader."""
    return ReaderReport(sop_uid=uid, written=written, **changes)


def test_a_value_names_its_report():
    """Which SR, when, and whether somebody answers for it."""
    found = agreed([report("1.2.3", values={"solid": "yes"}, verified=True)])
    assert found.values == {"solid": Value("yes", "reader's SR 1.2.3 of 2026-11-20 10:15, verified")}
    assert render(found.values["solid"].source, "de") == "Befund-SR 1.2.3, Datum 2026-11-20 10:15, verifiziert"


@pytest.mark.parametrize("turn", [1, -1])
def test_the_later_report_counts_and_the_earlier_is_told(turn):
    """Whatever order they come in; only where they differ."""
    old = report("1", "20261119080000", values={"nodal_stage": "n0", "solid": "yes"}, verified=True)
    new = report("2", "20261120080000", values={"nodal_stage": "n2", "solid": "yes"})
    found = agreed([old, new][::turn])
    assert found.values["nodal_stage"] == Value(
        "n2",
        "reader's SR 2 of 2026-11-20 08:00, not verified; before it N0 (reader's SR 1 of 2026-11-19 08:00, verified)",
    )
    assert found.values["solid"].source == "reader's SR 2 of 2026-11-20 08:00, not verified"


def test_what_a_later_report_does_not_mention_stays():
    """Two readers who look at different things complete each other."""
    found = agreed([report("1", "20261119", values={"solid": "yes"}), report("2", values={"effusion": "no"})])
    assert {name: value.value for name, value in found.values.items()} == {"solid": "yes", "effusion": "no"}


def test_what_a_later_report_leaves_open_is_open():
    """A reader who comes back to a finding and calls it undetermined has withdrawn the former word."""
    why = "'Undetermined' is no answer that is understood"
    found = agreed([report("1", "20261119", values={"solid": "yes"}), report("2", problems={"solid": why})])
    assert found.values == {}
    assert found.problems == {"solid": f"{why} (reader's SR 2 of 2026-11-20 10:15, not verified)"}


def test_reports_of_one_time_that_contradict_each_other_give_no_value():
    """Nothing tells which of them is right; where they agree, the value counts."""
    one = report("1", values={"solid": "yes", "effusion": "no"})
    other = report("2", values={"solid": "no", "effusion": "no"})
    found = agreed([other, one])
    assert {name: value.value for name, value in found.values.items()} == {"effusion": "no"}
    assert found.problems["solid"].startswith("reports of the same time contradict each other: yes (reader's SR 1 of")


def test_a_report_without_a_date_comes_before_all_others():
    """It cannot overrule one that has a date."""
    found = agreed([report("1", "", values={"solid": "no"}), report("2", values={"solid": "yes"})])
    assert found.values["solid"].value == "yes"


def test_a_report_that_was_taken_over_does_not_count():
    """What the final report left out of the provisional one is withdrawn."""
    old = report("1", "20261119", values={"solid": "yes", "effusion": "yes"})
    new = report("2", values={"solid": "yes"}, replaces=("1",))
    assert in_force([old, new]) == [new]
    assert in_force([new, report("3")]) == [new, report("3")]


def test_the_clinical_file_wins_over_reports_and_reports_over_nothing():
    """A problem of a report is dropped where the file knows the value."""
    file = Clinical({"solid": Value("no", "clinical file, line 4")})
    readers = agreed([report("1", values={"solid": "yes", "central": "yes"}, problems={"effusion": "why"})])
    merged = merge(file, readers, Clinical({"age": Value(61.0, "PatientAge")}))
    assert {name: value.value for name, value in merged.values.items()} == {"solid": "no", "central": "yes", "age": 61}
    assert merged.values["solid"].source == "clinical file, line 4"
    assert set(merged.problems) == {"effusion"}
    assert merge(Clinical({"effusion": Value("no", "file")}), readers, Clinical()).problems == {}
