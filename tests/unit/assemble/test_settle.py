"""When a study is ready, and when it becomes a new revision; on a real ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import pytest

from node.assemble.prepare import Site
from node.assemble.settle import Assembler, Patience
from node.domain.order import Order
from node.domain.series import Instance
from node.store.ledger import Arrival, Ledger
from node.store.results import Manifest
from tests.unit.assemble.test_prepare import LUNG, NOW, SITE, ct, rtstruct

QUIET, GAP = timedelta(seconds=120), timedelta(seconds=600)


class Bench:
    """A ledger, an assembler, and a clock that the test moves."""

    def __init__(self, url: str, site: Site = SITE) -> None:
        self.now, self.site = NOW, site
        self.ledger = Ledger.open(url, self.clock)
        self.answers: dict[str, int] = {}
        self.asked = 0
        self.uncounted: Collection[str] = ()
        self.assembler = self.make()

    def make(self, **changes: object) -> Assembler:
        """An assembler on this ledger, as after a start."""
        pipeline = replace(LUNG, **changes)
        return Assembler(
            self.ledger,
            [pipeline],
            self.site,
            Patience(quiet=QUIET, gap=GAP),
            self.clock,
            self.count,
            frozenset({"COUNTING"}),
        )

    def clock(self) -> datetime:
        """The present."""
        return self.now

    def count(self, _sender: str, study_uid: str, without: Collection[str]) -> int | None:
        """What the sender would answer."""
        self.asked += 1
        self.uncounted = without
        return self.answers.get(study_uid)

    def receive(self, *instances: Instance, calling: str = "SCANNER") -> None:
        """Record instances as received now."""
        self.ledger.record(
            [
                Arrival(instance=i, path=f"kept/{i.digest}", calling_ae=calling, received_at=self.now, size_bytes=1)
                for i in instances
            ]
        )

    def after(self, seconds: float) -> int:
        """Let time pass, then step; the number of new orders."""
        self.now += timedelta(seconds=seconds)
        return self.assembler.step()

    def orders(self) -> list[Order]:
        """All orders, first revision first."""
        return sorted((Order.from_json(j.order_json) for j in self.ledger.jobs()), key=lambda o: o.revision)

    def finish(self, state: Literal["succeeded", "refused"] = "succeeded", code: str = "", uid: str = "1.2.9") -> None:
        """Run the latest job to its end, with one object of this UID."""
        [job] = self.ledger.queued()
        attempt = self.ledger.start(job.id)
        files = [{"sop_class_uid": "1.1", "sop_instance_uid": uid, "series_instance_uid": "1.2.8"}]
        manifest = Manifest(job_id=job.id, attempt=attempt, state=state, reason_code=code, document={"files": files})
        assert self.ledger.finish(job.id, attempt, manifest, ())


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    """A bench on SQLite."""
    made = Bench(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield made
    made.ledger.close()


STACK = tuple(ct(n) for n in range(12))


def test_a_study_is_judged_once_it_is_quiet(bench):
    """Not while slices arrive, once afterwards, and not again."""
    bench.receive(*STACK[:6])
    assert bench.after(100) == 0
    bench.receive(*STACK[6:])
    assert bench.after(100) == 0
    assert bench.after(21) == 1
    assert bench.after(1000) == 0
    assert len(bench.orders()[0].roles["ct"]) == 12


def test_a_gap_waits_and_then_runs_to_be_refused(bench):
    """A missing slice may still come; after the gap time the order is written all the same."""
    bench.receive(*STACK[:5], *STACK[6:])
    assert bench.after(130) == 0
    assert bench.after(200) == 0
    assert bench.after(300) == 1


def test_the_missing_slice_ends_the_wait(bench):
    """It arrives late: one order, with all slices."""
    bench.receive(*STACK[:5], *STACK[6:])
    assert bench.after(130) == 0
    bench.receive(STACK[5])
    assert bench.after(121) == 1
    assert len(bench.orders()[0].roles["ct"]) == 12


def issued(instances: Sequence[Instance], issuer: str) -> list[Instance]:
    """The same of a patient with an issuer."""
    return [
        replace(each, patient=replace(each.patient, issuer=issuer), digest=f"{each.digest}-{issuer}")
        for each in instances
    ]


def test_a_drawing_without_an_issuer_is_of_the_patient_whose_study_it_lies_in(bench):
    """
    Even where two issuers gave out that ID; in a study of its own it is then of neither; two issuers are a conflict.
    """
    drawn = rtstruct(references=(STACK[0].sop_uid,))
    elsewhere = [replace(each, study_uid="1.4", sop_uid=f"1.4.{each.sop_uid}") for each in STACK[:1]]
    strange = replace(rtstruct(references=(STACK[1].sop_uid,), uid="1.7.3"), study_uid="1.6")
    bench.receive(*issued(STACK, "A"), *issued(elsewhere, "B"), drawn, strange)
    bench.after(121)
    [order] = [order for order in bench.orders() if order.study_uid == "1.2"]

    assert order.refusal is None
    assert [i.sop_uid for source in order.lesion for i in source.inputs] == ["1.7.1"]
    bench.receive(*issued([rtstruct(references=(STACK[0].sop_uid,), uid="1.7.2")], "B"))
    bench.after(121)
    assert bench.orders()[-1].refusal[0] == "patient identity conflict"


def test_a_drawing_corrects_no_patient(bench):
    """What an hour later states an issuer that the images lack is a new source of the lesion, and no more."""
    bench.receive(*STACK)
    bench.after(121)
    bench.finish()
    bench.receive(*issued([rtstruct(references=(STACK[0].sop_uid,))], "A"))
    bench.after(121)

    assert bench.orders()[-1].predecessor.change == "A new source of the lesion arrived (RT Structure Set)."


def test_a_structure_set_an_hour_later_makes_one_revision(bench):
    """With the former result as its predecessor, and the reason in words."""
    bench.receive(*STACK)
    assert bench.after(121) == 1
    bench.finish()
    bench.now += timedelta(hours=1)
    bench.receive(rtstruct(references=(STACK[0].sop_uid,)))
    assert bench.after(121) == 1
    assert bench.after(1000) == 0
    first, second = bench.orders()
    assert (first.revision, second.revision) == (1, 2)
    assert second.predecessor is not None
    assert second.predecessor.job_id == first.job_id
    assert second.predecessor.objects == (("1.1", "1.2.9", "1.2.8"),)
    assert second.predecessor.change == "A new source of the lesion arrived (RT Structure Set)."


def test_a_refusal_that_was_never_sent_is_nobodys_predecessor(bench):
    """The third revision replaces what the archive has, the first; the second, "no lesion", stayed here."""
    bench.receive(*STACK)
    bench.after(121)
    bench.finish()
    bench.assembler.examine("1.2", on_request=True)
    bench.finish("refused", "no lesion", uid="1.2.10")
    bench.receive(rtstruct(references=(STACK[0].sop_uid,)))
    assert bench.after(121) == 1
    third = bench.orders()[2].predecessor
    assert [uid for _, uid, _ in third.objects] == ["1.2.9"]
    assert third.change == "A new source of the lesion arrived (RT Structure Set)."


def test_a_structure_set_in_another_study_revises_the_study_of_its_images(bench):
    """Radiotherapy planning systems put it into a study of their own."""
    bench.receive(*STACK)
    assert bench.after(121) == 1
    bench.finish()
    bench.receive(replace(rtstruct(references=(STACK[0].sop_uid,)), study_uid="1.99"))
    bench.after(121)
    bench.after(1)
    assert [o.revision for o in bench.orders()] == [1, 2]
    assert {o.study_uid for o in bench.orders()} == {"1.2"}


def test_a_queued_revision_is_replaced_by_the_next(bench):
    """A study that arrives in two halves costs one computation, not two."""
    bench.receive(*STACK[:11])
    assert bench.after(121) == 1
    bench.receive(STACK[11])
    assert bench.after(121) == 1
    [job] = bench.ledger.queued()
    assert job.revision == 2
    assert [j.state for j in bench.ledger.jobs() if j.revision == 1] == ["cancelled"]


def test_a_running_revision_is_waited_for(bench):
    """Its objects are the next one's predecessor, so they must be known."""
    bench.receive(*STACK[:11])
    bench.after(121)
    [job] = bench.ledger.queued()
    attempt = bench.ledger.start(job.id)
    bench.receive(STACK[11])
    assert bench.after(121) == 0
    bench.ledger.finish(job.id, attempt, Manifest(job_id=job.id, attempt=attempt, state="succeeded", document={}), ())
    assert bench.after(3) == 1


def test_the_senders_count_settles_a_study_early_or_holds_it(bench):
    """`count = true`: twelve of twelve is complete after seconds, twelve of fourteen waits although it is quiet."""
    bench.receive(*STACK, calling="COUNTING")
    bench.answers["1.2"] = 14
    assert bench.after(121) == 0
    bench.answers["1.2"] = 12
    assert bench.after(121) == 1
    other = [replace(i, study_uid="1.5", sop_uid=f"9{i.sop_uid}", digest=f"x{i.digest}") for i in STACK]
    bench.receive(*other, calling="COUNTING")
    bench.answers["1.5"] = 12
    assert bench.after(4) == 1


def test_the_sender_is_not_asked_for_what_we_made(bench):
    """Our results lie in the study by then, and would make it look incomplete whenever something comes later."""
    bench.receive(*STACK, calling="COUNTING")
    bench.answers["1.2"] = 12
    bench.after(4)
    assert bench.uncounted == frozenset()
    bench.finish()
    bench.receive(rtstruct(), calling="COUNTING")
    bench.answers["1.2"] = 13
    assert bench.after(4) == 1
    assert bench.uncounted == {"1.2.8"}


def test_a_restart_makes_no_new_order(bench):
    """Only instances make jobs: not a restart, not another configuration, not a new clinical file."""
    bench.receive(*STACK)
    bench.after(121)
    bench.finish()
    bench.assembler = bench.make(features=True)
    bench.ledger.wake("1.2")
    assert bench.after(121) == 0


def test_an_operator_may_ask_for_another_run(bench):
    """The next revision, with the same inputs."""
    bench.receive(*STACK)
    bench.after(121)
    bench.finish()
    assert bench.assembler.examine("1.2", on_request=True) == 1
    assert bench.orders()[1].predecessor.change == "It was run again on request."


def test_a_study_without_images_is_kept_and_visible(bench):
    """A structure set alone makes no order, but a case that says what it is; its images may come in another study."""
    bench.receive(replace(rtstruct(), study_uid="1.77"))
    assert bench.after(121) == 0
    [case] = bench.ledger.cases("1.77")
    assert case.state == "unmatched"
    [roles] = case.explanation["series"].values()
    assert roles["ct"] == (
        "Modality is RTSTRUCT, not CT; what it draws or marks counts for the images that it refers to"
    )
