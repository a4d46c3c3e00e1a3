"""The outbox: what it makes of answers, absences and crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from node.deliver.cstore import Receipt
from node.deliver.outbox import Destination, Outbox, back_off
from node.errors import DeliveryFailed
from node.store import results
from node.store.ledger import Ledger
from tests.support.ledgers import Clock, a_result, an_order

Answer = Callable[[Path], Receipt]


def away(path: Path) -> Receipt:
    """Nobody answers."""
    raise DeliveryFailed("connection refused", at="pacs", do="it will be tried again", retry=True)


def not_understood(path: Path) -> Receipt:
    """The receiver fails on this object (0xC000)."""
    raise DeliveryFailed("cannot understand (0xC000)", at="pacs", do="it will be tried again", retry=True, tries=3)


def never(path: Path) -> Receipt:
    """The receiver will never take this object (0xA900)."""
    raise DeliveryFailed("data set does not match SOP class (0xA900)", at="pacs", do="report it", retry=False)


def stored(path: Path) -> Receipt:
    """The receiver takes it."""
    return Receipt(status=0)


class Archive:
    """A receiver that answers as it is told, and remembers what it was sent."""

    def __init__(self) -> None:
        self.answer: Answer = stored
        self.sent: list[bytes] = []
        self.asked = 0

    def __call__(self, path: Path) -> Receipt:
        self.asked += 1
        receipt = self.answer(path)
        self.sent.append(path.read_bytes())
        return receipt


class Site:
    """A state directory with results, a ledger, and outboxes to two archives."""

    def __init__(self, state: Path) -> None:
        self.state, self.clock = state, Clock()
        self.ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", self.clock)
        self.archives = {name: Archive() for name in ("pacs", "archive")}
        self.pacs = self.archives["pacs"]

    def outbox(self, name: str = "pacs") -> Outbox:
        """An outbox as a start makes it."""
        to = Destination(name=name, send=self.archives[name])
        return Outbox(
            self.ledger,
            to,
            root=self.state,
            clock=self.clock,
            give_up_after=timedelta(hours=168),
        )

    def result(self, study_uid: str, destinations: tuple[str, ...] = ("pacs",)) -> str:
        """A recorded result; its job id."""
        order = an_order(study_uid)
        files, manifest = a_result(order)
        results.write(self.state / results.folder_of(order.job_id, 1), files, manifest)
        assert self.ledger.restore(order, manifest, destinations)
        return order.job_id

    def states(self, job_id: str) -> list[str]:
        """States of the deliveries, by destination and place."""
        return [d.state for d in self.ledger.deliveries(job_id)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh state directory."""
    site = Site(tmp_path)
    yield site
    site.ledger.close()


def test_a_result_goes_out_seg_before_sr_and_once(site):
    """
    One step sends the whole result in order; the next one has nothing to do.
    """
    job_id = site.result("1.2.1")
    outbox = site.outbox()
    due = outbox.step()
    outbox.step()

    assert due is None
    assert [content.split()[0] for content in site.pacs.sent] == [b"seg", b"sr"]
    assert site.states(job_id) == ["sent", "sent"]


def test_a_warning_of_the_receiver_is_kept(site):
    """
    0xB000 is stored, and the story says that elements were coerced.
    """
    job_id = site.result("1.2.1")
    site.pacs.answer = lambda _: Receipt(status=0xB000, note="stored with a warning: coercion of data elements")
    site.outbox().step()

    assert {d.reason for d in site.ledger.deliveries(job_id)} == {"stored with a warning: coercion of data elements"}


def test_an_absent_destination_is_asked_once_for_all_that_waits(site):
    """
    Twenty results wait: each time it is one object that finds out, at ever longer intervals, at most 15 minutes.
    """
    for n in range(20):
        site.result(f"1.2.{n}")
    site.pacs.answer = away
    outbox, waits = site.outbox(), []
    for n in range(12):
        due = outbox.step()
        assert site.pacs.asked == n + 1
        assert outbox.step() == due
        assert site.pacs.asked == n + 1
        waits.append((due - site.clock()).total_seconds())
        site.clock.now = due

    assert 3 < waits[0] <= 5
    assert waits[-1] <= 15 * 60
    assert all(later > earlier for earlier, later in pairwise(waits[:8]))


def test_a_destination_that_is_back_gets_everything(site):
    """
    The first success lets go of all that was put off because nobody was there, also after a restart.
    """
    jobs = [site.result(f"1.2.{n}") for n in range(5)]
    site.pacs.answer = away
    outbox = site.outbox()
    for _ in range(3):
        site.clock.now = outbox.step()
    outbox.step()  # away once more: all five are put off
    site.pacs.answer = stored
    jobs.append(site.result("1.2.99"))
    outbox.step()

    assert [state for job in jobs for state in site.states(job)] == ["sent"] * 12
    assert len(set(site.pacs.sent)) == len(site.pacs.sent) == 12


def test_destinations_do_not_wait_for_one_another(site):
    """
    One that is away leaves the other's deliveries alone.
    """
    job_id = site.result("1.2.1", ("pacs", "archive"))
    site.pacs.answer = away
    for name in ("pacs", "archive"):
        site.outbox(name).step()

    assert site.states(job_id) == ["sent", "sent", "pending", "pending"]


def test_an_object_that_is_not_understood_gets_three_tries(site):
    """
    0xCxxx: three tries of that object, others are sent meanwhile; an absence before does not count as a try.
    """
    odd, fine = site.result("1.2.1"), site.result("1.2.2")
    outbox = site.outbox()
    site.pacs.answer = away
    for _ in range(4):
        site.clock.now = outbox.step()
    site.pacs.answer = lambda path: (
        not_understood(path) if odd in str(path) and path.name == "seg.dcm" else stored(path)
    )
    site.clock.forward(hours=1)
    outbox.step()
    after_first = site.states(odd), site.states(fine)
    for _ in range(2):
        site.clock.forward(minutes=1)
        outbox.step()

    assert after_first == (["pending", "pending"], ["sent", "sent"])
    assert site.states(odd) == ["dead", "sent"]
    assert site.ledger.deliveries(odd)[0].reason == "pacs: cannot understand (0xC000); it will be tried again"


def test_a_refusal_for_good_is_dead_at_once_until_revived(site):
    """
    0xA900 is not tried again; the operator's retry is.
    """
    job_id = site.result("1.2.1")
    site.pacs.answer = never
    outbox = site.outbox()
    outbox.step()
    dead = site.states(job_id)
    site.pacs.answer = stored
    revived = site.ledger.revive(None, "pacs")
    outbox.step()

    assert (dead, revived) == (["dead", "dead"], 2)
    assert site.states(job_id) == ["sent", "sent"]


def test_what_nobody_took_for_a_week_is_given_up(site):
    """
    After 168 hours a delivery is dead with the last reason; a younger one goes on waiting.
    """
    old = site.result("1.2.1")
    site.pacs.answer = away
    outbox = site.outbox()
    outbox.step()
    site.clock.forward(hours=100)
    young = site.result("1.2.2")
    outbox.step()
    before = site.states(old)
    site.clock.forward(hours=68)
    outbox.step()

    assert before == ["pending", "pending"]
    assert site.states(old) == ["dead", "dead"]
    assert site.states(young) == ["pending", "pending"]
    assert "168 h" in site.ledger.deliveries(old)[0].reason
    assert "connection refused" in site.ledger.deliveries(old)[0].reason


def test_a_delivery_is_tried_before_it_is_given_up(site):
    """
    A node that was off for longer than the time limit still tries first.
    """
    job_id = site.result("1.2.1")
    site.clock.forward(hours=999)
    site.outbox().step()

    assert site.states(job_id) == ["sent", "sent"]


def test_after_a_crash_between_answer_and_note_the_same_bytes_go_again(site):
    """
    The receiver had it, the ledger did not know: it gets the same object, nothing else.
    """
    job_id = site.result("1.2.1")

    def power_cut(path: Path) -> Receipt:
        site.pacs.sent.append(path.read_bytes())
        raise KeyboardInterrupt

    site.pacs.answer = power_cut
    with pytest.raises(KeyboardInterrupt):
        site.outbox().step()
    site.pacs.answer = stored
    site.outbox().step()

    assert [content.split()[0] for content in site.pacs.sent] == [b"seg", b"seg", b"sr"]
    assert site.pacs.sent[0] == site.pacs.sent[1]
    assert site.states(job_id) == ["sent", "sent"]


def test_one_object_that_breaks_every_association_does_not_block_the_others(site):
    """
    An object that looks like an absent destination goes to the end of the queue.
    """
    poison, fine = site.result("1.2.1"), site.result("1.2.2")
    site.pacs.answer = lambda path: away(path) if poison in str(path) else stored(path)
    outbox = site.outbox()
    site.clock.now = outbox.step()
    outbox.step()

    assert site.states(fine) == ["sent", "sent"]
    assert site.states(poison) == ["pending", "pending"]


@pytest.mark.parametrize("damage", ["altered", "gone"])
def test_a_file_that_is_not_what_was_recorded_is_never_sent(site, damage):
    """
    Nothing but the recorded bytes leaves the node.
    """
    job_id = site.result("1.2.1")
    path = site.state / site.ledger.deliveries(job_id)[0].path
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"something else")
    site.outbox().step()

    assert [content.split()[0] for content in site.pacs.sent] == [b"sr"]
    assert site.states(job_id) == ["dead", "sent"]


def test_a_superseded_delivery_is_not_sent(site):
    """
    A newer revision takes the place of an undelivered one.
    """
    order = an_order("1.2.1", 2, sop_uids=("2",))
    first = site.result("1.2.1")
    site.pacs.answer = away
    outbox = site.outbox()
    outbox.step()
    files, manifest = a_result(order)
    results.write(site.state / results.folder_of(order.job_id, 1), files, manifest)
    site.ledger.restore(order, manifest, ["pacs"])
    site.pacs.answer = stored
    site.clock.forward(hours=1)
    outbox.step()

    assert site.states(first) == ["superseded", "superseded"]
    assert site.pacs.sent == [files["seg.dcm"], files["sr.dcm"]]


def test_the_log_names_destination_object_and_reason(site):
    """
    Every outcome is an event of the vocabulary.
    """
    site.result("1.2.1")
    outbox = site.outbox()
    with structlog.testing.capture_logs() as logs:
        for answer in (away, never, stored):
            site.pacs.answer = answer
            site.clock.forward(seconds=10)
            outbox.step()

    assert [(line["event"], line["destination"]) for line in logs] == [
        ("delivery.deferred", "pacs"), ("delivery.dead", "pacs"), ("delivery.dead", "pacs"),
    ]  # fmt: skip
    assert all(line["reason"] for line in logs)


@given(failures=st.integers(1, 10_000), salt=st.text())
def test_the_wait_grows_to_a_quarter_of_an_hour_and_no_further(failures, salt):
    """
    At least three quarters of the nominal time, at most all of it, and the same every time.
    """
    nominal = min(900, 5 * 2 ** min(failures - 1, 20))
    wait = back_off(failures, salt=salt)

    assert 0.75 * nominal <= wait.total_seconds() <= nominal
    assert wait == back_off(failures, salt=salt)
