"""How many instances the sender of a study counts, asked at intervals: the assembler's loop comes by every second."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

Count = Callable[[str, str, Collection[str]], int | None]
"""
Ask the peer with this calling AE title how many instances a study has, not counting the named series; None when it
cannot tell.
"""

AGAIN = timedelta(seconds=15)
"""How long an answer holds for a study of which nothing new has come."""

SILENT = timedelta(seconds=60)
"""How long a peer is left alone that gave no answer: asking one that is away costs the whole time-out."""


class Census:
    """
    Remembers what each peer answered, and when it may be asked again.

    Args:
        ask: Does the query.
    """

    def __init__(self, ask: Count, clock: Callable[[], datetime]) -> None:
        self._ask, self._clock = ask, clock
        self._answers: dict[tuple[str, str, int], tuple[datetime, int]] = {}
        self._silent: dict[str, datetime] = {}

    def __call__(self, peer: str, study_uid: str, here: int, without: Collection[str]) -> int | None:
        """
        The peer's number of instances of a study, at most `AGAIN` old; None when it cannot tell.

        Args:
            peer: Calling AE title.
            here: Number of instances that have come: with another number the peer is asked at once.
            without: Series that do not count.
        """
        now, key = self._clock(), (peer, study_uid, here)
        self._answers = {k: v for k, v in self._answers.items() if now - v[0] < AGAIN}
        if key in self._answers:
            return self._answers[key][1]
        if now < self._silent.get(peer, now):
            return None
        there = self._ask(peer, study_uid, without)
        if there is None:
            self._silent[peer] = self._clock() + SILENT
        else:
            self._answers[key] = (now, there)
        return there
