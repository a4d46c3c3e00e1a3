"""Transactions of Storage Commitment in the ledger, in both roles, on both databases."""

from __future__ import annotations

from datetime import timedelta

from node.store.commitments import Decision
from node.store.pledges import PledgeItem
from tests.support.ledgers import START, a_result, an_arrival, an_instance, an_order

MINUTE = timedelta(minutes=1)


def sent(ledger, study_uid="1.2.1", *, commit=True):
    """A result that one destination was sent; its deliveries."""
    order = an_order(study_uid)
    ledger.restore(order, a_result(order)[1], ("pacs",))
    for row in ledger.deliveries(order.job_id):
        ledger.sent(row.id, commit=commit)
    return ledger.deliveries(order.job_id)


def test_only_who_asks_for_commitment_waits_for_it(ledger, clock):
    """
    Without `commit` what was sent is done with.
    """
    sent(ledger, commit=False)
    waiting = sent(ledger, "1.2.2")

    assert ledger.to_commit("pacs", clock()) == waiting
    assert ledger.to_commit("archive", clock()) == ()
    assert ledger.counts()["uncommitted"] == {"pacs": 2}


def test_a_transaction_is_known_until_it_is_answered_and_afterwards(ledger, clock):
    """
    The story of each delivery tells that it was committed; a second report changes nothing.
    """
    first, second = sent(ledger)
    ledger.ask_commitment("1.9", "pacs", [first.id, second.id], clock() + MINUTE)
    open_one = ledger.commitment("1.9")
    decisions = [Decision(delivery_id=row.id, verdict="committed") for row in (first, second)]
    ledger.commitment_answered("1.9", decisions, "2 committed")
    clock.forward(seconds=5)
    ledger.commitment_answered("1.9", [Decision(delivery_id=first.id, verdict="resend")], "1 failed")

    assert (open_one.destination, open_one.answered_at, len(open_one.deliveries)) == ("pacs", None, 2)
    assert (ledger.commitment("1.9").answered_at, ledger.commitment("1.9").outcome) == (START, "2 committed")
    assert [d.state for d in ledger.deliveries(first.job_id)] == ["committed", "committed"]
    steps = [(t.key.rpartition("/")[2], t.state) for t in ledger.transitions(first.job_id) if t.kind == "delivery"]
    assert steps[-2:] == [("0", "committed"), ("1", "committed")]
    assert ledger.commitment("1.8") is None


def test_an_answered_transaction_cannot_put_off_what_the_answer_said(ledger, clock):
    """
    The report may overtake the response to the request.
    """
    first, _ = sent(ledger)
    ledger.ask_commitment("1.9", "pacs", [first.id], clock() + MINUTE)
    ask_at = clock() + timedelta(seconds=3)
    ledger.commitment_answered("1.9", [Decision(delivery_id=first.id, verdict="ask", at=ask_at)], "")
    ledger.await_commitment("1.9", clock() + timedelta(hours=1))

    assert ledger.deliveries(first.job_id)[0].commit_at == ask_at


def test_an_operator_hastens_what_awaits_commitment_and_revives_what_was_given_up(ledger, clock):
    """
    `radnode jobs retry --destination` asks again at once, and sends a dead object from the start.
    """
    first, second = sent(ledger)
    ledger.ask_commitment("1.9", "pacs", [first.id, second.id], clock() + 60 * MINUTE)
    ledger.commitment_answered("1.9", [Decision(delivery_id=first.id, verdict="dead", reason="x")], "")
    revived = ledger.revive(destination="pacs")
    again, waiting = ledger.deliveries(first.job_id)

    assert revived == 2
    assert (again.state, again.commit_at, again.commit_failures) == ("pending", None, 0)
    assert (waiting.state, waiting.commit_at) == ("sent", clock())


def test_a_destination_that_is_no_longer_asked_keeps_nobody_waiting(ledger, clock):
    """
    With `commit = false` after a restart, what was sent counts as delivered.
    """
    first, _ = sent(ledger)

    assert ledger.waive_commitment({"pacs"}) == 0
    assert ledger.waive_commitment(()) == 2
    assert not ledger.deliveries(first.job_id)[0].awaits_commitment


def test_a_request_of_a_peer_is_written_down_once(ledger, clock):
    """
    The same again is the same; another one under its UID is refused.
    """
    references = [("1.1", "2.1"), ("1.1", "2.2")]
    outcomes = [
        ledger.ask_pledge("1.9", "ct", references, clock()),
        ledger.ask_pledge("1.9", "ct", references, clock()),
        ledger.ask_pledge("1.9", "ct", references[:1], clock()),
        ledger.ask_pledge("1.9", "mr", references, clock()),
    ]

    assert outcomes == [True, True, False, False]
    [row] = ledger.open_pledges(clock())
    assert (row.peer, row.state, row.items) == ("ct", "asked", (PledgeItem("1.1", "2.1"), PledgeItem("1.1", "2.2")))


def test_a_promise_outlives_its_report(ledger, clock):
    """
    Whoever would delete a study can ask until when something of it must be kept.
    """
    ledger.record([an_arrival(an_instance("2.1", "1.2.5")), an_arrival(an_instance("2.2", "1.2.5"))])
    ledger.ask_pledge("1.9", "ct", [("1.1", "2.1"), ("1.1", "2.2")], clock())
    none_yet = ledger.promised_until("1.2.5")
    ledger.judge_pledge("1.9", {"2.1": 0, "2.2": 0x0112}, clock() + 60 * MINUTE)
    ledger.defer_pledge("1.9", clock() + MINUTE, "away")
    early = ledger.open_pledges(clock())
    clock.forward(minutes=1)
    [late] = ledger.open_pledges(clock())
    ledger.close_pledge("1.9", "reported")

    assert (none_yet, early) == (None, ())
    assert (late.state, late.tries, late.reason, late.items[1].failure) == ("judged", 1, "away", 0x0112)
    assert ledger.open_pledges(clock() + 60 * MINUTE) == ()
    assert ledger.pledge("1.9").state == "reported"
    assert ledger.promised_until("1.2.5") == START + 60 * MINUTE
    assert ledger.counts()["promised"] == 1
