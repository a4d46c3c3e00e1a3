"""
One destination's outbox: sends what the ledger says is due, and writes down what came of it.

A delivery is recorded once it was answered. After a crash in between, the same object is sent again: the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from node.deliver.cstore import Receipt
from node.deliver.forms import said_otherwise
from node.errors import DeliveryFailed, InstanceUnreadable
from node.store.deliveries import DeliveryRow
from node.store.ledger import Ledger
from node.store.results import file_sha256

log = structlog.get_logger()

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 15 * 60
BURST = 50
"""How many objects one step sends at most, so that a stop need not wait for all of them."""

Send = Callable[[Path], Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """
    Where results go.

    Attributes:
        name: What the configuration calls it.
        send: Sends it one file; raises DeliveryFailed.
        commit: Whether it is asked afterwards to commit itself.
    """

    name: str
    send: Send
    commit: bool = False


class Outbox:
    """
    Destinations know nothing of one another: each has an outbox, and a thread, of its own.

    Args:
        root: The state directory, from which the ledger's paths are taken.
        give_up_after: How long a delivery may wait before it is dead.
    """

    def __init__(
        self,
        ledger: Ledger,
        destination: Destination,
        *,
        root: Path,
        clock: Callable[[], datetime],
        give_up_after: timedelta,
    ) -> None:
        self._ledger, self._to, self._root = ledger, destination, root
        self._clock, self._patience = clock, give_up_after
        self._failures = 0  # in a row, of the destination as a whole

    @property
    def name(self) -> str:
        """Name of the destination."""
        return self._to.name

    def step(self) -> datetime | None:
        """
        Send what is due.

        Returns:
            When the next delivery is due; None when nothing waits.

        Raises:
            LedgerError: The database failed.
        """
        for _ in range(BURST):
            due = self._ledger.due_deliveries(self.name, self._clock(), limit=1)
            if not due:
                break
            self._attempt(due[0])
        return self._ledger.next_delivery_at(self.name)

    def _attempt(self, row: DeliveryRow) -> None:
        try:
            path = self._unaltered(row)
            receipt = self._to.send(path)
        except DeliveryFailed as error:
            self._failed(row, error)
            return
        except InstanceUnreadable as error:
            self._bury(row, str(error))
            return
        sent_as = (receipt.sop_class, receipt.sop_uid) if receipt.sop_uid else None
        self._ledger.sent(row.id, receipt.note, commit=self._to.commit, sent_as=sent_as)
        if self._failures:
            self._failures = 0
            self._ledger.resume(self.name)  # it is back: what was put off because it was away need wait no longer
        log.info("delivery.sent", **_about(row) | _as_sent(receipt), status=receipt.status)

    def _unaltered(self, row: DeliveryRow) -> Path:
        """
        The file of a delivery.

        Raises:
            DeliveryFailed: It is gone, or not what was recorded.
        """
        path, do = self._root / row.path, "have the job run again"
        try:
            if file_sha256(path) != row.sha256:
                raise DeliveryFailed("the file is not the one that was recorded", at=row.path, do=do, retry=False)
        except FileNotFoundError as error:
            raise DeliveryFailed("the file is gone", at=row.path, do=do, retry=False) from error
        except OSError as error:
            found = f"the file cannot be read ({error.strerror})"
            raise DeliveryFailed(found, at=row.path, do="check the disk", retry=True, tries=3) from error
        return path

    def _failed(self, row: DeliveryRow, error: DeliveryFailed) -> None:
        reason = str(error)
        if error.unwanted and (other := said_otherwise(row, self._ledger.deliveries(row.job_id))):
            self._ledger.set_aside(row.id, f"not wanted: {error.found}; `{other}` tells the same")
            log.info("delivery.superseded", **_about(row), reason=reason)
        elif not error.retry or (error.tries is not None and row.refusals + 1 >= error.tries):
            self._bury(row, reason)
        elif error.tries is None:
            self._away(row, reason)
        else:
            wait = back_off(row.refusals + 1, salt=row.sop_uid)
            self._ledger.defer(row.id, self._clock() + wait, reason, refused=True)
            log.warning("delivery.deferred", **_about(row), reason=reason, wait_s=round(wait.total_seconds()))

    def _away(self, row: DeliveryRow, reason: str) -> None:
        """The destination takes nothing at the moment: one object found out for all."""
        self._failures += 1
        now, wait = self._clock(), back_off(self._failures, salt=self.name)
        self._ledger.defer(row.id, now + wait, reason)
        hours = self._patience.total_seconds() / 3600
        dead = self._ledger.give_up(
            self.name, now - self._patience, f"not delivered within {hours:g} h; last: {reason}"
        )
        waiting = self._ledger.postpone(self.name, now + wait, reason)
        if dead:
            log.error("delivery.dead", destination=self.name, count=dead, reason=reason)
        log.warning(
            "delivery.deferred", **_about(row), count=waiting, reason=reason, wait_s=round(wait.total_seconds())
        )

    def _bury(self, row: DeliveryRow, reason: str) -> None:
        self._ledger.dead(row.id, reason)
        log.error("delivery.dead", **_about(row), reason=reason)


def back_off(failures: int, *, salt: str) -> timedelta:
    """
    How long to wait after the n-th failure in a row: 5 s, doubled each time, 15 min at most.

    Up to a quarter is taken off, by a hash of `salt`: what failed together does not come back together.
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures - 1, 30))
    share = int.from_bytes(hashlib.sha256(f"{salt}/{failures}".encode()).digest()[:4], "big") / 2**32
    return timedelta(seconds=longest * (1 - share / 4))


def _about(row: DeliveryRow) -> dict[str, object]:
    return {
        "job_id": row.job_id,
        "destination": row.destination,
        "sop_uid": row.sop_uid,
        "sop_class": row.sop_class,
        "tries": row.tries + 1,
    }


def _as_sent(receipt: Receipt) -> dict[str, object]:
    return {"sop_class": receipt.sop_class, "sop_uid": receipt.sop_uid} if receipt.sop_uid else {}
