"""Storage Commitment as its SCU: what follows from each answer, and from none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.deliver.commit import RESENDS, Archive, Committer, Reports
from node.network.associate import Failure
from node.network.commitment import Answer, Reference, Report
from node.network.scp import Peer
from node.store.ledger import Ledger
from tests.support.ledgers import Clock, a_result, an_order

PACS = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
HOUR = timedelta(hours=1)


class Asked:
    """Plays the network: remembers requests and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, tuple[Reference, ...]]] = []
        self.answer = Answer(status=0)
        self.at_once: Callable[[str, tuple[Reference, ...]], Report] | None = None
        self.known: list[bool] = []  # whether the transaction was in the ledger before it was sent
        self.ledger: Ledger | None = None

    def __call__(
        self,
        peer: Peer,
        calling_ae: str,
        transaction_uid: str,
        references: Sequence[Reference],
        *,
        on_report: Callable[[Report], int],
        answered: Callable[[], bool],
    ) -> Answer:
        assert self.ledger is not None
        assert (peer, calling_ae) == (PACS, "RADNODE")
        self.known.append(self.ledger.commitment(transaction_uid) is not None)
        self.requests.append((transaction_uid, tuple(references)))
        if self.at_once is not None:
            assert on_report(self.at_once(transaction_uid, tuple(references))) == 0
            assert answered()
        return self.answer


class Site:
    """A ledger with one result that was sent, and a destination that is asked."""

    def __init__(self, state: Path) -> None:
        self.clock, self.asked = Clock(), Asked()
        self.ledger = self.asked.ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", self.clock)
        self.archive = Archive(name="pacs", peer=PACS, calling_ae="RADNODE", wait=HOUR, patience=168 * HOUR)
        self.reports = Reports(self.ledger, {"pacs": self.archive}, self.clock)
        self.committer = self.restarted()
        order = an_order()
        self.ledger.restore(order, a_result(order)[1], ("pacs",))
        self.job_id = order.job_id
        self.send()

    def restarted(self) -> Committer:
        """A new start of the service."""
        return Committer(self.ledger, self.archive, self.reports, self.clock, self.asked)

    def send(self) -> None:
        """Send what waits."""
        for row in self.ledger.deliveries(self.job_id):
            if row.state == "pending":
                self.ledger.sent(row.id, commit=True)

    def report(self, number: int = -1, *, failed: dict[int, int] | None = None, only: slice = slice(None)) -> int:
        """What the archive says of a request: all committed, but for some by their place."""
        uid, references = self.asked.requests[number]
        reasons = failed or {}
        return self.reports.take(
            Report(
                transaction_uid=uid,
                committed=tuple(r for n, r in enumerate(references) if n not in reasons)[only],
                failed=tuple((references[n], reason) for n, reason in reasons.items()),
                ae_title="PACS",
                host="127.0.0.1",
            )
        )

    @property
    def states(self) -> list[str]:
        """States of the deliveries."""
        return [d.state for d in self.ledger.deliveries(self.job_id)]

    @property
    def reasons(self) -> list[str]:
        """Their reasons."""
        return [d.reason for d in self.ledger.deliveries(self.job_id)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh one."""
    site = Site(tmp_path)
    yield site
    site.ledger.close()


def test_all_of_a_job_is_asked_about_at_once_and_written_down_first(site):
    """
    One transaction for both files, known before it is sent, and not asked again while its answer is awaited.
    """
    site.committer.step()
    site.clock.forward(minutes=59)
    site.committer.step()

    assert site.asked.known == [True]
    assert [len(references) for _, references in site.asked.requests] == [2]
    assert (site.report(), site.states) == (0, ["committed", "committed"])


def test_nothing_is_asked_while_a_part_of_the_job_still_waits(site):
    """
    The PACS is asked once for the whole of a result.
    """
    first, _ = site.ledger.deliveries(site.job_id)
    site.ledger.dead(first.id, "x")
    site.committer.step()
    site.report(failed={0: 0x0112})
    site.clock.forward(hours=2)
    site.committer.step()

    assert len(site.asked.requests) == 1


def test_a_report_on_the_same_association_is_not_overwritten_by_the_answer(site):
    """
    It may come before the N-ACTION is over; what it said stands.
    """
    site.asked.at_once = lambda uid, references: Report(
        transaction_uid=uid, failed=tuple((r, 0x0112) for r in references), ae_title="PACS", host="127.0.0.1"
    )
    site.committer.step()

    assert site.states == ["pending", "pending"]
    assert all(d.next_at - site.clock() <= timedelta(seconds=5) for d in site.ledger.deliveries(site.job_id))


def test_silence_is_asked_again_with_a_new_transaction_and_a_late_answer_counts(site):
    """
    After the wait the same objects are asked about; nothing is sent again; the first answer settles it.
    """
    site.committer.step()
    site.clock.forward(minutes=61)
    site.committer.step()
    (first, objects), (second, again) = site.asked.requests

    assert first != second
    assert objects == again
    assert (site.report(0), site.states) == (0, ["committed", "committed"])
    assert (site.report(1), site.states) == (0, ["committed", "committed"])


def test_after_a_crash_before_the_answer_it_is_asked_again_only_after_a_while(site):
    """
    Whether the question arrived is not known: the answer has five minutes to come.
    """
    row = [d.id for d in site.ledger.deliveries(site.job_id)]
    site.ledger.ask_commitment("1.2.3", "pacs", row, site.clock() + timedelta(minutes=5))
    again = site.restarted()
    again.step()
    early = len(site.asked.requests)
    site.clock.forward(minutes=6)
    again.step()

    assert (early, len(site.asked.requests)) == (0, 1)


def test_what_is_lacking_is_sent_again_three_times_then_dead(site):
    """
    0x0112 each time: the other file is committed at once, this one is given up after the fourth refusal.
    """
    for _ in range(RESENDS + 1):
        site.committer.step()
        site.report(failed={0: 0x0112})
        site.send()
        site.clock.forward(hours=1)

    assert site.states == ["dead", "committed"]
    assert site.reasons[0].startswith("sent 4 times, not committed: it does not have the object (0x0112)")
    assert [len(references) for _, references in site.asked.requests] == [2, 1, 1, 1]


@pytest.mark.parametrize(
    ("reason", "state"),
    [(0x0110, "pending"), (0x0213, "pending"), (0x0119, "dead"), (0x0122, "dead"), (0x0131, "sent")],
)
def test_a_failure_reason_decides_whether_it_is_sent_asked_or_given_up(site, reason, state):
    """
    Only where a second copy can help is one sent (PS3.3 section C.14.1.1).
    """
    site.committer.step()
    site.report(failed={0: reason})

    assert site.states == [state, "committed"]
    assert f"0x{reason:04X}" in site.reasons[0]


def test_what_a_report_leaves_out_is_asked_about_again(site):
    """
    Neither committed nor failed is no answer.
    """
    site.committer.step()
    site.report(only=slice(1))
    site.clock.forward(seconds=6)
    site.committer.step()

    assert site.states == ["committed", "sent"]
    assert [len(references) for _, references in site.asked.requests] == [2, 1]


def test_only_the_destination_that_was_asked_is_believed(site):
    """
    A report on a transaction that is not ours, or by another peer, is refused and changes nothing.
    """
    site.committer.step()
    uid, references = site.asked.requests[0]
    strangers = [
        Report(transaction_uid="1.2.3", committed=references, ae_title="PACS", host="127.0.0.1"),
        Report(transaction_uid=uid, committed=references, ae_title="OTHER", host="127.0.0.1"),
        Report(transaction_uid=uid, committed=references, ae_title="PACS", host="127.0.0.9"),
    ]

    assert [site.reports.take(each) for each in strangers] == [0x0115, 0x0124, 0x0124]
    assert site.states == ["sent", "sent"]


def test_an_archive_that_is_away_is_asked_ever_less_often_then_given_up(site):
    """
    What was sent stays sent for as long as a delivery may wait, and is dead then: an operator must hear of it.
    """
    site.asked.answer = Answer(failure=Failure.UNREACHABLE, detail="PACS at 127.0.0.1:104 cannot be reached")
    impatient = Committer(site.ledger, replace(site.archive, patience=2 * HOUR), site.reports, site.clock, site.asked)
    for _ in range(7 * 15):
        site.clock.forward(minutes=1)
        impatient.step()
    before, asked = site.states, len(site.asked.requests)
    site.clock.forward(minutes=16)
    impatient.step()

    assert (before, site.states) == (["sent", "sent"], ["dead", "dead"])
    assert 10 < asked < 20
    assert "sent, but not committed within 2 h; last: PACS at 127.0.0.1:104 cannot be reached" in site.reasons[0]


def test_no_response_is_waited_for(site):
    """
    The archive may have heard the question: its report has time to come before it is asked again.
    """
    site.asked.answer = Answer(failure=Failure.NO_RESPONSE, detail="no response")
    site.committer.step()
    site.clock.forward(minutes=4)
    site.committer.step()

    assert len(site.asked.requests) == 1
    assert site.report() == 0
    assert site.states == ["committed", "committed"]


def test_it_is_asked_for_what_went_out(site):
    """
    Where the destination took another class only, that object is what it keeps.
    """
    first, second = site.ledger.deliveries(site.job_id)
    site.ledger.sent(second.id, commit=True, sent_as=("1.2.840.10008.5.1.4.1.1.88.33", "2.25.99"))
    site.committer.step()

    assert site.asked.requests[0][1] == (
        (first.sop_class, first.sop_uid),
        ("1.2.840.10008.5.1.4.1.1.88.33", "2.25.99"),
    )
