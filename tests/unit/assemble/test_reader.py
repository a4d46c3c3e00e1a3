"""Reports of radiologists in a study: which count, what they put into the order, and when they make a revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from node.assemble.prepare import prepare
from node.assemble.reader import stated
from node.assemble.study import REPORTS
from node.domain.clinical import Clinical, Value, merge
from node.domain.reader import QUANTITIES, ReaderReport
from node.domain.rules import Fit
from node.domain.series import Instance, Patient
from tests.unit.assemble.test_prepare import LUNG, NOW, SITE, STACK, ct, stored, study
from tests.unit.assemble.test_settle import Bench

ALK = replace(LUNG, models=("lung-alk",))
HEADER = Clinical({"age": Value(61.0, "PatientAge (0010,1010)")})


class Desk:
    """Reports by the UID of their SR, and a site that reads them."""

    def __init__(self, *reports: ReaderReport, file: Clinical | None = None) -> None:
        self.reports = {report.sop_uid: report for report in reports}
        self.opened: list[str] = []
        self.file = file or Clinical()
        self.site = replace(
            SITE,
            reads=self.read,
            clinical=lambda _patient, _attributes, readers: merge(self.file, readers, HEADER),
            asks={"lung-alk": frozenset({"nodal_stage", "solid"}), "lung-egfr": frozenset({"age", "smoking"})},
        )

    def read(self, entry) -> ReaderReport | None:
        """As the file would say; None for one that cannot be read."""
        self.opened.append(entry.stored.instance.sop_uid)
        return self.reports.get(entry.stored.instance.sop_uid)


def sr(uid: str, *, study_uid: str = "1.2", references: tuple[str, ...] = ()) -> Instance:
    """The header of a report."""
    return Instance(
        sop_uid=uid, sop_class=sorted(REPORTS)[-1], series_uid="1.8", study_uid=study_uid, patient=Patient("P"),
        modality="SR", transfer_syntax="1.2.840.10008.1.2.1", references=references, digest=f"sr-{uid}",
    )  # fmt: skip


def reader(uid: str, written: str = "20261120101500", **changes) -> ReaderReport:
    """What a report says."""
    return ReaderReport(sop_uid=uid, written=written, **changes)


def order_of(desk: Desk, *reports: Instance, pipeline=ALK, conflict: bool = False):
    """The order of a study with these reports."""
    versions = [*STACK, *(stored(each, conflict=conflict) for each in reports)]
    prepared = prepare(study(versions), pipeline, desk.site, NOW)
    assert prepared.order is not None
    return prepared.order


def test_values_of_a_report_go_into_the_order_with_their_origin():
    """Beside those of the header; the report is one of the order's inputs."""
    order = order_of(Desk(reader("1.8.1", values={"nodal_stage": "n2"})), sr("1.8.1"))
    assert order.clinical.values == {
        "age": HEADER.values["age"],
        "nodal_stage": Value("n2", "reader's SR 1.8.1 of 2026-11-20 10:15, not verified"),
    }
    assert [each.sop_uid for each in order.reports] == ["1.8.1"]
    assert order.stated == {"nodal_stage": "n2"}


def test_an_order_with_reports_is_read_back_as_it_was_written():
    """With its sentences, and under the same job id."""
    order = order_of(Desk(reader("1.8.1", values={"solid": "yes"}, problems={"nodal_stage": "why"})), sr("1.8.1"))
    again = type(order).from_json(order.to_json())
    assert (again, again.job_id) == (order, order.job_id)


def test_the_clinical_file_wins_and_its_change_makes_no_revision():
    """Of the file the order holds the value, of the report the fingerprint."""
    desk = Desk(reader("1.8.1", values={"solid": "yes"}))
    before = order_of(desk, sr("1.8.1"))
    desk.file = Clinical({"solid": Value("no", "clinical file, line 2")})
    after = order_of(desk, sr("1.8.1"))
    assert after.clinical.values["solid"] == Value("no", "clinical file, line 2")
    assert after.fingerprint == before.fingerprint


def test_findings_that_no_model_takes_change_nothing():
    """A pipeline without such a model opens no report; of others it takes what is asked."""
    desk = Desk(reader("1.8.1", values={"effusion": "yes", "solid": "yes"}))
    assert set(order_of(desk, sr("1.8.1")).stated) == {"solid"}
    desk.opened.clear()
    order = order_of(desk, sr("1.8.1"), pipeline=replace(LUNG, models=("lung-egfr",)))
    assert (order.reports, order.stated, desk.opened) == ((), {}, [])
    assert order.fingerprint == order_of(Desk(), pipeline=replace(LUNG, models=("lung-egfr",))).fingerprint


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        (sr("1.8.1"), True),
        (sr("1.8.1", study_uid="1.77", references=("1.2.3.4",)), True),
        (sr("1.8.1", study_uid="1.77", references=("1.5.5.5",)), False),
        (sr("1.8.1", study_uid="1.77"), False),
        (replace(sr("1.8.1"), sop_class="1.2.840.10008.5.1.4.1.1.88.67"), False),
    ],
)
def test_a_report_counts_for_its_study_and_for_the_images_it_refers_to(report, counts):
    """Not the report of an earlier examination, and no dose report."""
    measured = Fit(instances=tuple(ct(n) for n in range(12)), conditions=1, why_not="")
    found = study([*STACK, stored(report)])
    desk = Desk(reader("1.8.1", values={"solid": "yes"}))
    told = stated(found, measured, QUANTITIES, desk.read)
    assert bool(told.clinical.values) is counts
    assert bool(told.inputs) is counts


def test_a_report_that_cannot_be_read_is_passed_over():
    """It costs the study nothing."""
    assert order_of(Desk(), sr("1.8.1")).reports == ()


def test_a_report_that_another_took_over_is_no_input():
    """What the final report left out of the provisional one is withdrawn, and only the final one is evidence."""
    old = reader("1.8.1", "20261119", values={"solid": "yes", "nodal_stage": "n2"})
    new = reader("1.8.2", values={"solid": "yes"}, replaces=("1.8.1",))
    order = order_of(Desk(old, new), sr("1.8.1"), sr("1.8.2"))
    assert order.stated == {"solid": "yes"}
    assert [each.sop_uid for each in order.reports] == ["1.8.2"]


def test_two_contents_under_one_uid_are_no_word_of_a_reader():
    """The case runs, without the value, and says why."""
    order = order_of(Desk(reader("1.8.1", values={"solid": "yes"})), sr("1.8.1"), conflict=True)
    assert "solid" not in order.clinical.values
    assert order.clinical.problems["solid"].startswith("the report was received with two contents under one UID (")


@pytest.fixture
def bench(tmp_path) -> Iterator[tuple[Bench, Desk]]:
    """A ledger with an assembler whose pipeline has `lung-alk`, and the reports."""
    desk = Desk()
    made = Bench(f"sqlite:///{tmp_path / 'ledger.sqlite'}", desk.site)
    made.assembler = made.make(models=("lung-alk",), lesion=replace(LUNG.lesion, sources=("rtstruct",)))
    made.receive(*(ct(n) for n in range(12)))
    assert made.after(121) == 1
    made.finish()
    made.now += timedelta(hours=1)
    yield made, desk
    made.ledger.close()


def test_a_report_an_hour_later_makes_one_revision(bench):
    """As a structure set does, with the reason in words."""
    node, desk = bench
    desk.reports = {"1.8.1": reader("1.8.1", values={"solid": "yes", "nodal_stage": "n2"})}
    node.receive(sr("1.8.1"))
    assert node.after(121) == 1
    assert node.after(1000) == 0
    first, second = node.orders()
    assert (first.revision, second.revision, second.predecessor.job_id) == (1, 2, first.job_id)
    assert second.predecessor.change == "A reader's report states other findings (nodal stage, solid)."
    assert second.clinical.values["solid"].value == "yes"


def test_a_later_report_makes_a_revision_only_where_it_says_otherwise(bench):
    """A confirmation is none; a report that says nothing that a model takes is none."""
    node, desk = bench
    desk.reports = {"1.8.1": reader("1.8.1", values={"solid": "yes"})}
    node.receive(sr("1.8.1"))
    assert node.after(121) == 1
    node.finish(uid="1.2.10")
    desk.reports["1.8.2"] = reader("1.8.2", "20261121", values={"solid": "yes", "effusion": "yes"}, verified=True)
    node.receive(sr("1.8.2"))
    assert node.after(121) == 0
    desk.reports["1.8.3"] = reader("1.8.3", "20261122", values={"solid": "no"})
    node.receive(sr("1.8.3"))
    assert node.after(121) == 1
    last = node.orders()[-1]
    assert last.revision == 3
    assert last.clinical.values["solid"].value == "no"
    assert "; before it yes (reader's SR 1.8.2 of" in last.clinical.values["solid"].source


def test_a_restart_with_a_report_makes_no_new_order(bench):
    """What a report says is the same when it is read again."""
    node, desk = bench
    desk.reports = {"1.8.1": reader("1.8.1", values={"solid": "yes"})}
    node.receive(sr("1.8.1"))
    assert node.after(121) == 1
    node.finish(uid="1.2.10")
    desk.file = Clinical({"solid": Value("no", "clinical file, line 2")})
    node.ledger.wake("1.2")
    assert node.after(121) == 0


def test_our_own_report_is_never_read(bench):
    """It comes back from the PACS, says what we said, and starts nothing (design rule 5)."""
    node, desk = bench
    desk.reports = {"1.8.1": reader("1.8.1", values={"solid": "yes"})}
    node.receive(replace(sr("1.8.1"), ours=True))
    node.ledger.wake("1.2")
    assert node.after(121) == 0
    assert desk.opened == []
