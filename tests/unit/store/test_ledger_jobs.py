"""Jobs, their one commit point, deliveries in their order, and the operator's intents."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from node.errors import LedgerError
from node.store.ledger import Ledger
from tests.support.ledgers import START, a_result, an_arrival, an_instance, an_order


def queue(ledger: Ledger, *orders) -> None:
    """Queue orders the way the assembler does."""
    for order in orders:
        if ledger.last_arrival(order.study_uid) is None:
            ledger.record([an_arrival(an_instance(f"9.{order.study_uid}", order.study_uid))])
        assert ledger.examine(order.study_uid, ledger.last_arrival(order.study_uid), (), (order,))


def finish(ledger: Ledger, order, destinations=("pacs",), **changes) -> None:
    """Run a queued order to its end."""
    attempt = ledger.start(order.job_id)
    assert ledger.finish(order.job_id, attempt, a_result(order, attempt, **changes)[1], destinations)


def states(ledger: Ledger, order) -> list[tuple[str, str, str]]:
    """Deliveries of a job, briefly."""
    return [(d.destination, d.kind, d.state) for d in ledger.deliveries(order.job_id)]


def test_an_order_is_queued_once(ledger):
    """
    The same order, examined again or written at another time, is the same job.
    """
    order = an_order()
    queue(ledger, order, order, order.at(START + timedelta(days=1)))
    [job] = ledger.jobs()

    assert (job.id, job.state, job.attempt, job.revision) == (order.job_id, "queued", 0, 1)
    assert job.fingerprint == order.fingerprint
    assert type(order).from_json(job.order_json) == order


def test_jobs_are_started_oldest_first_and_once(ledger):
    """
    The queue keeps its order; a started job is not started again.
    """
    orders = [an_order(f"1.2.{n}") for n in (3, 1, 2)]
    queue(ledger, *orders)
    first = ledger.queued()[0]

    assert [j.id for j in ledger.queued()] == [o.job_id for o in orders]
    assert ledger.start(first.id) == 1
    assert ledger.start(first.id) is None
    assert ledger.start("unknown") is None
    assert [j.id for j in ledger.running()] == [first.id]


def test_jobs_are_found_by_state_study_and_prefix(ledger):
    """
    The operator names a job by the start of its id, as long as that is clear.
    """
    orders = [an_order(f"1.2.{n}") for n in range(20)]
    queue(ledger, *orders)
    ledger.start(orders[0].job_id)
    shared = next(o.job_id[0] for o in orders if sum(p.job_id[0] == o.job_id[0] for p in orders) > 1)

    assert ledger.job(orders[3].job_id[:12]).study_uid == "1.2.3"
    assert ledger.job("%") is None
    assert [j.study_uid for j in ledger.jobs(state="running")] == ["1.2.0"]
    assert [j.study_uid for j in ledger.jobs(study_uid="1.2.7")] == ["1.2.7"]
    assert [j.study_uid for j in ledger.jobs(limit=2)] == ["1.2.19", "1.2.18"]
    with pytest.raises(LedgerError, match="several"):
        ledger.job(shared)


def test_a_result_and_its_deliveries_are_recorded_together(ledger, clock):
    """
    One transaction records state, document, SOP UIDs, and a row per destination and file, SEG before SR.
    """
    order = an_order()
    queue(ledger, order)
    clock.forward(seconds=5)
    finish(ledger, order, ["pacs", "archive"])
    job, manifest = ledger.job(order.job_id), a_result(order)[1]
    rows = ledger.deliveries(order.job_id)

    assert (job.state, job.document, job.updated_at) == ("succeeded", manifest.document, clock())
    assert [(r.destination, r.seq, r.kind) for r in rows] == [
        ("archive", 0, "seg"), ("archive", 1, "sr"), ("pacs", 0, "seg"), ("pacs", 1, "sr"),
    ]  # fmt: skip
    assert {(r.state, r.tries, r.first_at, r.next_at) for r in rows} == {("pending", 0, clock(), clock())}
    assert [r.path for r in rows[:2]] == [f"results/{order.job_id}/1/{name}" for name in ("seg.dcm", "sr.dcm")]
    assert [r.sha256 for r in rows[:2]] == [f.sha256 for f in manifest.files]
    assert all(ledger.made_here(f.sop_uid) for f in manifest.files)


def test_a_destination_may_take_only_some_kinds(ledger):
    """
    Where the configuration names kinds for a destination, only those go there.
    """
    order = an_order()
    queue(ledger, order)
    finish(ledger, order, {"pacs": ["seg", "sr"], "ris": ["sr"]})

    assert states(ledger, order) == [("pacs", "seg", "pending"), ("pacs", "sr", "pending"), ("ris", "sr", "pending")]


def test_a_silent_refusal_is_recorded_and_not_delivered(ledger):
    """
    Nobody is sent a document for what the pipeline keeps to itself.
    """
    order = an_order()
    queue(ledger, order)
    finish(ledger, order, state="refused", reason_code="no lesion", reason="No lesion was found.", deliver=False)
    job = ledger.job(order.job_id)

    assert (job.state, job.reason_code, job.reason) == ("refused", "no lesion", "No lesion was found.")
    assert ledger.deliveries(order.job_id) == ()


def test_a_lost_attempt_writes_nothing(ledger):
    """
    An attempt that was given up cannot record, fail or requeue the job that another attempt is running.
    """
    order = an_order()
    queue(ledger, order)
    lost = ledger.start(order.job_id)
    ledger.requeue(order.job_id, lost, counted=True, reason="worker lost")
    current = ledger.start(order.job_id)

    assert (lost, current) == (1, 2)
    assert not ledger.finish(order.job_id, lost, a_result(order, lost)[1], ["pacs"])
    assert not ledger.fail(order.job_id, lost, "late")
    assert not ledger.requeue(order.job_id, lost, counted=True, reason="late")
    assert ledger.deliveries(order.job_id) == ()
    assert not ledger.made_here(a_result(order)[1].files[0].sop_uid)
    assert (ledger.job(order.job_id).state, ledger.job(order.job_id).attempt) == ("running", 2)
    assert ledger.finish(order.job_id, current, a_result(order, current)[1], ["pacs"])


def test_a_recorded_job_is_not_recorded_again(ledger):
    """
    Whoever is second to record the same attempt changes nothing; two threads at once make one set of deliveries.
    """
    order = an_order()
    queue(ledger, order)
    attempt = ledger.start(order.job_id)
    manifest = a_result(order, attempt)[1]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: ledger.finish(order.job_id, attempt, manifest, ["pacs"]), range(4)))

    assert sorted(done) == [False, False, False, True]
    assert len(ledger.deliveries(order.job_id)) == 2


def test_a_manifest_of_another_attempt_is_a_mistake(ledger):
    """
    The caller cannot record one attempt's files under another's number.
    """
    with pytest.raises(ValueError, match="not of"):
        ledger.finish(an_order().job_id, 2, a_result(an_order(), 1)[1], [])


def test_an_uncounted_attempt_keeps_its_number_but_costs_no_try(ledger):
    """
    After the node's own stop the next attempt gets a new folder, and all its tries.
    """
    order = an_order()
    queue(ledger, order)
    ledger.requeue(order.job_id, ledger.start(order.job_id), counted=False, reason="stopped")
    ledger.requeue(order.job_id, ledger.start(order.job_id), counted=True, reason="worker lost")
    ledger.start(order.job_id)
    job = ledger.job(order.job_id)

    assert (job.attempt, job.tries) == (3, 2)


def test_a_cancelled_job_stays_cancelled_until_reopened(ledger):
    """
    Its running attempt has lost; only the operator brings it back, with all its tries.
    """
    order = an_order()
    queue(ledger, order)
    attempt = ledger.start(order.job_id)

    assert ledger.cancel(order.job_id)
    assert not ledger.cancel(order.job_id)
    assert not ledger.finish(order.job_id, attempt, a_result(order, attempt)[1], ["pacs"])
    assert ledger.start(order.job_id) is None
    assert ledger.reopen(order.job_id)
    assert not ledger.reopen(order.job_id)
    assert ledger.job(order.job_id).tries == 0
    assert ledger.start(order.job_id) == 2


def test_a_failed_job_tells_its_whole_story(ledger, clock):
    """
    Every change of state is a row with its time and reason.
    """
    order = an_order()
    queue(ledger, order)
    clock.forward(seconds=1)
    ledger.start(order.job_id)
    clock.forward(seconds=1)
    ledger.fail(order.job_id, 1, "took longer than 60 s")
    story = ledger.transitions(order.job_id)

    assert [(t.kind, t.state, t.note) for t in story] == [
        ("job", "queued", "revision 1"), ("job", "running", "attempt 1"), ("job", "failed", "took longer than 60 s"),
    ]  # fmt: skip
    assert [(t.at - START).total_seconds() for t in story] == [0, 1, 2]
    assert ledger.job(order.job_id).reason == "took longer than 60 s"


def test_the_latest_job_is_the_highest_revision(ledger):
    """
    A revision is compared with its predecessor, of its own case only.
    """
    orders = [an_order(revision=r, sop_uids=(str(r),)) for r in (1, 2)]
    queue(ledger, *orders, an_order("1.2.2", 7))

    assert ledger.latest_job("1.2.1", "lung").id == orders[1].job_id
    assert ledger.latest_job("1.2.1", "other") is None


def test_a_revision_supersedes_what_was_not_sent(ledger):
    """
    A result nobody has yet is not sent any more once a newer one exists; what was sent stays sent.
    """
    first, second = (an_order(revision=r, sop_uids=(str(r),)) for r in (1, 2))
    other = an_order("1.2.2")
    queue(ledger, first, other)
    finish(ledger, first, ["pacs", "archive"])
    finish(ledger, other)
    [seg] = ledger.due_deliveries("pacs", START, limit=1)
    ledger.sent(seg.id)
    ledger.dead(ledger.due_deliveries("archive", START)[0].id, "refused")
    queue(ledger, second)
    finish(ledger, second)

    assert states(ledger, first) == [
        ("archive", "seg", "superseded"), ("archive", "sr", "superseded"),
        ("pacs", "seg", "sent"), ("pacs", "sr", "superseded"),
    ]  # fmt: skip
    assert [state for *_, state in states(ledger, second) + states(ledger, other)] == ["pending"] * 4
    assert ledger.revive() == 0


def test_an_older_revision_that_ends_later_is_not_sent(ledger):
    """
    A reopened or slow predecessor does not overtake its successor at the destination.
    """
    first, second = (an_order(revision=r, sop_uids=(str(r),)) for r in (1, 2))
    queue(ledger, first, second)
    finish(ledger, second)
    finish(ledger, first)

    assert [state for *_, state in states(ledger, first)] == ["superseded", "superseded"]
    assert [state for *_, state in states(ledger, second)] == ["pending", "pending"]


def test_the_sr_waits_for_its_seg(ledger, clock):
    """
    Per destination, a later file is due only when the earlier one was sent or given up.
    """
    order = an_order()
    queue(ledger, order)
    finish(ledger, order, ["pacs", "archive"])
    [seg] = ledger.due_deliveries("pacs", clock())
    ledger.defer(seg.id, clock() + timedelta(minutes=1), "away")
    while_deferred = ledger.due_deliveries("pacs", clock()), ledger.next_delivery_at("pacs")
    clock.forward(minutes=1)
    [again] = ledger.due_deliveries("pacs", clock())
    ledger.dead(again.id, "0xA900")
    [after] = ledger.due_deliveries("pacs", clock())
    ledger.sent(after.id, "stored with a warning")

    assert while_deferred == ((), START + timedelta(minutes=1))
    assert (again.id, again.tries, again.kind, after.kind) == (seg.id, 1, "seg", "sr")
    assert ledger.next_delivery_at("pacs") is None
    assert [(d.kind, d.state, d.reason) for d in ledger.deliveries(order.job_id)][2:] == [
        ("seg", "dead", "0xA900"), ("sr", "sent", "stored with a warning"),
    ]  # fmt: skip
    assert [d.kind for d in ledger.due_deliveries("archive", clock())] == ["seg"]


def test_a_dead_delivery_is_revived_from_the_start(ledger, clock):
    """
    The operator revives a job's or a destination's deliveries; tries and waiting time begin anew.
    """
    orders = [an_order("1.2.1"), an_order("1.2.2")]
    queue(ledger, *orders)
    for order in orders:
        finish(ledger, order, ["pacs", "archive"])
    for destination in ("pacs", "archive"):
        for row in ledger.due_deliveries(destination, clock()):
            ledger.dead(row.id, "rejected")
    clock.forward(hours=1)

    assert ledger.revive(orders[0].job_id, "pacs") == 1
    assert ledger.revive(None, "archive") == 2
    assert ledger.revive() == 1
    revived = [d for order in orders for d in ledger.deliveries(order.job_id) if d.seq == 0]
    assert {(d.state, d.tries, d.first_at, d.next_at) for d in revived} == {("pending", 0, clock(), clock())}


def test_an_operator_need_not_wait_for_a_pause(ledger, clock):
    """
    After the network was repaired, what waits for its next try is due at once; its tries and first time stay.
    """
    order = an_order("1.2.1")
    queue(ledger, order)
    finish(ledger, order, ["pacs"])
    [seg] = ledger.due_deliveries("pacs", clock())
    ledger.defer(seg.id, clock() + timedelta(minutes=15), "away")
    assert ledger.due_deliveries("pacs", clock()) == ()
    assert ledger.revive(None, "pacs") == 1
    assert [(d.id, d.tries) for d in ledger.due_deliveries("pacs", clock())] == [(seg.id, 1)]


def test_a_sent_delivery_is_neither_deferred_nor_given_up(ledger):
    """
    Changes of a delivery are conditional, like those of a job.
    """
    order = an_order()
    queue(ledger, order)
    finish(ledger, order)
    [seg] = ledger.due_deliveries("pacs", START)

    assert ledger.sent(seg.id)
    assert not ledger.defer(seg.id, START, "late")
    assert not ledger.dead(seg.id, "late")
    assert ledger.deliveries(order.job_id)[0].state == "sent"


def test_intents_are_answered_once_and_kept_in_the_story(ledger):
    """
    The command line writes a wish, the service takes it up, both are part of the job's story.
    """
    first, second = ledger.ask("retry", "a" * 64), ledger.ask("cancel", "b" * 64, "pacs")

    assert [(i.id, i.verb, i.destination) for i in ledger.asked()] == [
        (first, "retry", None),
        (second, "cancel", "pacs"),
    ]
    assert ledger.answered(first, "queued again")
    assert not ledger.answered(first, "twice")
    assert [i.id for i in ledger.asked()] == [second]
    assert ledger.intent(first).outcome == "queued again"
    assert [(t.kind, t.state, t.note) for t in ledger.transitions("a" * 64)] == [
        ("intent", "asked", "retry"), ("intent", "answered", "queued again"),
    ]  # fmt: skip


def test_a_result_is_taken_up_from_its_folder(ledger):
    """
    With the ledger lost, a job is as it was when it had just been recorded; a job that is known is left alone.
    """
    order = an_order()
    manifest = a_result(order, 3)[1]

    assert ledger.restore(order, manifest, ["pacs"])
    assert not ledger.restore(order, replace(manifest, attempt=4), ["pacs"])
    job = ledger.job(order.job_id)
    assert (job.state, job.attempt, job.document) == ("succeeded", 3, manifest.document)
    assert [d.path for d in ledger.deliveries(order.job_id)] == [
        f"results/{job.id}/3/{n}" for n in ("seg.dcm", "sr.dcm")
    ]
    assert [state for *_, state in states(ledger, order)] == ["pending", "pending"]


def test_dispatching_from_many_threads_runs_every_job_once(ledger):
    """
    Threads that race for a queue neither lose nor double a job.
    """
    orders = [an_order(f"1.2.{n}") for n in range(12)]
    queue(ledger, *orders)
    taken, guard = [], threading.Lock()

    def work(_: int) -> None:
        while queued := ledger.queued():
            if attempt := ledger.start(queued[0].id):
                order = next(o for o in orders if o.job_id == queued[0].id)
                assert ledger.finish(order.job_id, attempt, a_result(order, attempt)[1], ["pacs"])
                with guard:
                    taken.append(order.job_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert sorted(taken) == sorted(o.job_id for o in orders)
    assert ledger.counts()["deliveries"] == {"pacs": {"pending": 24}}
