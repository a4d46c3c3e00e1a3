"""
Whether a destination keeps what it was sent: it is asked to commit itself (Storage Commitment, PS3.4 annex J).

A transaction is written down before it is sent. After a crash, or without an answer, the same is asked again later with
a new transaction; an answer to the former one still counts when it comes. Nothing is sent again unless the destination
says that it lacks it. Failure reasons: PS3.3 section C.14.1.1.

| the destination says                                | what follows                                         |
|-----------------------------------------------------|------------------------------------------------------|
| committed                                           | `committed`                                          |
| 0112 not there, 0110, 0213, or an unknown reason    | sent again, three times at most, then `dead`         |
| 0131 duplicate transaction, or nothing about it     | asked again                                          |
| 0122 this SOP class is not committed, 0119 conflict | `dead`, for sending it again would not change that   |
| nothing at all, or it cannot be reached             | asked again, until `give_up_after_h` is over: `dead` |
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from node.deliver.outbox import back_off
from node.errors import LedgerError
from node.network.associate import Failure
from node.network.commitment import (
    INVALID_VALUE,
    NOT_AUTHORISED,
    PROCESSING_FAILURE,
    SUCCESS,
    Answer,
    Reference,
    Report,
)
from node.network.commitment import ask as ask_peer
from node.network.scp import Peer
from node.store.commitments import CommitmentRow, Decision
from node.store.deliveries import DeliveryRow
from node.store.ledger import Ledger

log = structlog.get_logger()

RESENDS = 3
UNSURE = timedelta(minutes=5)
"""How long to wait for a report when it is not known whether the question arrived."""

DUPLICATE_TRANSACTION = 0x0131
FAILURES = {
    0x0110: "it could not process the request",
    0x0112: "it does not have the object",
    0x0119: "it has another SOP class under this UID",
    0x0122: "it commits itself to no objects of this SOP class",
    0x0131: "it knows the transaction already",
    0x0213: "it is out of resources",
}
FINAL = {
    0x0119: "see which object the destination holds under this UID",
    0x0122: "set `commit = false` for this destination, or leave the kind out of `send`",
}


class Ask(Protocol):
    """`node.network.commitment.ask`, or what stands in for it."""

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
        """Ask; take a report that comes at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """
    A destination that is asked.

    Attributes:
        name: What the configuration calls it.
        peer: The DICOM node behind it.
        calling_ae: The AE title with which we call it.
        wait: How long to wait for its report before it is asked again.
        patience: How long a result may wait, from when it was made, before it is given up.
    """

    name: str
    peer: Peer
    calling_ae: str
    wait: timedelta
    patience: timedelta


class Reports:
    """Takes what destinations report, on whichever association; called from the network's threads."""

    def __init__(self, ledger: Ledger, archives: Mapping[str, Archive], clock: Callable[[], datetime]) -> None:
        self._ledger, self._archives, self._clock = ledger, archives, clock

    def take(self, report: Report) -> int:
        """Write a report down and carry out what follows; the status that answers it."""
        try:
            return self._take(report)
        except LedgerError as error:
            log.error("commitment.rejected", calling=report.ae_title, host=report.host, reason=str(error))
            return PROCESSING_FAILURE

    def _take(self, report: Report) -> int:
        about = {"calling": report.ae_title, "host": report.host}
        known = self._ledger.commitment(report.transaction_uid)
        if known is None:
            log.warning("commitment.rejected", **about, reason="we never asked this transaction")
            return INVALID_VALUE
        archive = self._archives.get(known.destination)
        if archive is None or not _is_from(archive.peer, report):
            log.warning("commitment.rejected", **about, reason="another destination was asked")
            return NOT_AUTHORISED
        decisions = list(_decide(known, report, self._clock()))
        lacking = len([d for d in decisions if d.verdict != "committed"])
        outcome = f"{len(decisions) - lacking} committed, {lacking} not"
        self._ledger.commitment_answered(report.transaction_uid, decisions, outcome)
        if lacking:
            log.warning("commitment.refused", destination=archive.name, count=lacking, reason=outcome)
        else:
            log.info("commitment.made", destination=archive.name, count=len(decisions))
        return SUCCESS


class Committer:
    """
    Asks one destination, in a thread of its own.

    Args:
        reports: Takes what it reports at once.
        ask: Asks it.
    """

    def __init__(
        self,
        ledger: Ledger,
        archive: Archive,
        reports: Reports,
        clock: Callable[[], datetime],
        ask: Ask = ask_peer,
    ) -> None:
        self._ledger, self._archive, self._reports = ledger, archive, reports
        self._clock, self._ask = clock, ask
        self._failures = 0  # in a row
        self._last = "no answer"

    @property
    def name(self) -> str:
        """Name of the destination."""
        return self._archive.name

    def step(self) -> int:
        """
        Ask about what is due; about how many objects.

        Raises:
            LedgerError: The database failed.
        """
        now = self._clock()
        rows = self._ledger.to_commit(self.name, now)
        if any(row.first_at <= now - self._archive.patience for row in rows):
            self._give_up(now)
            rows = self._ledger.to_commit(self.name, now)
        if rows:
            self._request(rows, now)
        return len(rows)

    def _request(self, rows: Sequence[DeliveryRow], now: datetime) -> None:
        uid = f"2.25.{uuid.uuid4().int}"
        self._ledger.ask_commitment(uid, self.name, [row.id for row in rows], now + UNSURE)
        answer = self._ask(
            self._archive.peer,
            self._archive.calling_ae,
            uid,
            [(row.sent_class, row.sent_uid) for row in rows],
            on_report=self._reports.take,
            answered=lambda: self._is_answered(uid),
        )
        if answer.status == SUCCESS:
            self._failures = 0
            self._ledger.await_commitment(uid, self._clock() + self._archive.wait)
            log.info("commitment.requested", destination=self.name, count=len(rows))
            return
        self._failed(uid, len(rows), answer)

    def _failed(self, uid: str, count: int, answer: Answer) -> None:
        """The question was refused or did not arrive; where it may have arrived, the answer is waited for."""
        self._failures += 1
        wait = back_off(self._failures, salt=self.name)
        if answer.failure is Failure.NO_RESPONSE:
            wait = max(wait, UNSURE)
        self._last = answer.detail or f"it refuses to be asked (0x{answer.status or 0:04X})"
        if answer.failure is Failure.NO_CONTEXT:
            self._last += "; it may not know Storage Commitment: see its settings, or set `commit = false`"
        self._ledger.await_commitment(uid, self._clock() + wait, f"sent, not committed: {self._last}")
        log.warning(
            "commitment.deferred",
            destination=self.name,
            count=count,
            reason=self._last,
            wait_s=round(wait.total_seconds()),
        )

    def _give_up(self, now: datetime) -> None:
        hours = self._archive.patience.total_seconds() / 3600
        reason = f"sent, but not committed within {hours:g} h; last: {self._last}"
        if dead := self._ledger.give_up_commitment(self.name, now - self._archive.patience, reason):
            log.error("delivery.dead", destination=self.name, count=dead, reason=reason)

    def _is_answered(self, uid: str) -> bool:
        known = self._ledger.commitment(uid)
        return known is None or known.answered_at is not None


def _is_from(peer: Peer, report: Report) -> bool:
    """Whether a peer reports; on our own association its address is the name that we called."""
    return report.ae_title == peer.ae_title.strip() and (
        report.host == peer.host or peer.calls_from(report.ae_title, report.host)
    )


def _decide(known: CommitmentRow, report: Report, now: datetime) -> list[Decision]:
    """What follows for each object that was asked about and still awaits its commitment."""
    committed, failed = set(report.committed), dict(report.failed)
    decisions = []
    for row in known.deliveries:
        if not row.awaits_commitment:
            continue
        reference = (row.sent_class, row.sent_uid)
        if reference in failed:
            decisions.append(_failure(row, failed[reference], now))
        elif reference in committed:
            decisions.append(Decision(delivery_id=row.id, verdict="committed"))
        else:
            reason = "sent, not committed: the report did not say what became of it"
            at = now + back_off(1, salt=row.sop_uid)
            decisions.append(Decision(delivery_id=row.id, verdict="ask", reason=reason, at=at))
    return decisions


def _failure(row: DeliveryRow, code: int, now: datetime) -> Decision:
    said = f"not committed: {FAILURES.get(code, 'it gives an unknown reason')} (0x{code:04X})"
    if code in FINAL:
        return Decision(delivery_id=row.id, verdict="dead", reason=f"sent, {said}; {FINAL[code]}")
    at = now + back_off(row.commit_failures + 1, salt=row.sop_uid)
    if code == DUPLICATE_TRANSACTION:
        return Decision(delivery_id=row.id, verdict="ask", reason=f"sent, {said}", at=at)
    if row.commit_failures >= RESENDS:
        return Decision(delivery_id=row.id, verdict="dead", reason=f"sent {RESENDS + 1} times, {said}")
    return Decision(delivery_id=row.id, verdict="resend", reason=f"to be sent again, {said}", at=at)
