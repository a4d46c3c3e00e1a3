from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from node.assemble.census import AGAIN, SILENT, Census


class Peers:
    """Answers as set, and keeps what it was asked, by a clock of its own."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.answer: int | None = 12
        self.asked: list[tuple[str, str]] = []

    def __call__(self, peer: str, study_uid: str, _without: object) -> int | None:
        self.asked.append((peer, study_uid))
        return self.answer


@pytest.fixture
def peers():
    return Peers()


@pytest.fixture
def census(peers):
    return Census(peers, lambda: peers.now)


def test_an_answer_holds_for_a_while(peers, census):
    """A loop that comes by every second asks once."""
    assert [census("PACS", "1.2", 10, ()) for _ in range(5)] == [12] * 5
    assert peers.asked == [("PACS", "1.2")]
    peers.now += AGAIN
    census("PACS", "1.2", 10, ())
    assert len(peers.asked) == 2


def test_a_study_that_grew_is_asked_about_at_once(peers, census):
    """What was answered for ten instances says nothing of eleven."""
    census("PACS", "1.2", 10, ())
    peers.answer = 11
    assert census("PACS", "1.2", 11, ()) == 11


def test_a_peer_without_an_answer_is_left_alone(peers, census):
    """One that is away costs its time-out once a minute, for all studies together; others are asked."""
    peers.answer = None
    assert [census("PACS", uid, 10, ()) for uid in ("1.2", "1.3", "1.2")] == [None] * 3
    assert peers.asked == [("PACS", "1.2")]
    peers.answer = 12
    assert census("OTHER", "1.2", 10, ()) == 12
    peers.now += SILENT + timedelta(seconds=1)
    assert census("PACS", "1.3", 10, ()) == 12
