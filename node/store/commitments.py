"""What destinations were asked to commit themselves to, and what they said (Storage Commitment, PS3.4 annex J)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from node.store.database import Database
from node.store.deliveries import DeliveryRow, delivery_row, move_deliveries
from node.store.schema import commitment, commitment_item, delivery
from node.store.transitions import printable

Verdict = Literal["committed", "resend", "ask", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRow:
    """
    One transaction.

    Attributes:
        deliveries: What it asked about, as it is now.
        answered_at: When the report came; None while none has.
        outcome: What it said, in words.
    """

    transaction_uid: str
    destination: str
    asked_at: datetime
    answered_at: datetime | None
    outcome: str
    deliveries: tuple[DeliveryRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What a report makes of one delivery.

    Attributes:
        verdict: The destination keeps it; send it again; ask again; give it up.
        at: When to send or ask again.
    """

    delivery_id: int
    verdict: Verdict
    reason: str = ""
    at: datetime | None = None


class Commitments(Database):
    """Who asks destinations writes here. A transaction is written down before it is sent."""

    def to_commit(self, destination: str, now: datetime, limit: int = 100) -> tuple[DeliveryRow, ...]:
        """What to ask a destination about now: of jobs of which nothing waits to be sent there any more."""
        waits = delivery.alias("waits")
        sending = select(waits.c.number).where(
            waits.c.job_id == delivery.c.job_id,
            waits.c.destination == delivery.c.destination,
            waits.c.state == "pending",
        )
        query = select(delivery).where(*_awaiting(destination), delivery.c.commit_at <= now, ~sending.exists())
        with self.reading() as connection:
            rows = connection.execute(query.order_by(delivery.c.commit_at, delivery.c.number).limit(limit))
            return tuple(delivery_row(row) for row in rows)

    def ask_commitment(
        self, transaction_uid: str, destination: str, deliveries: Sequence[int], again_at: datetime
    ) -> None:
        """
        Write down what is about to be asked.

        Args:
            deliveries: Numbers of the rows.
            again_at: When to ask again if nothing more is heard: neither whether the question arrived, nor an answer.
        """
        row = {"transaction_uid": transaction_uid, "destination": destination, "asked_at": self._clock(), "outcome": ""}
        items = [{"transaction_uid": transaction_uid, "delivery": number} for number in deliveries]
        with self.writing() as connection:
            connection.execute(insert(commitment).values(row))
            connection.execute(insert(commitment_item), items)
            _ask_again(connection, delivery.c.number.in_(deliveries), at=again_at)

    def await_commitment(self, transaction_uid: str, again_at: datetime, reason: str = "") -> None:
        """Ask again then, unless the report comes first (or came already, faster than this)."""
        unanswered = select(commitment.c.transaction_uid).where(
            commitment.c.transaction_uid == transaction_uid, commitment.c.answered_at.is_(None)
        )
        items = select(commitment_item.c.delivery).where(commitment_item.c.transaction_uid.in_(unanswered))
        with self.writing() as connection:
            _ask_again(connection, delivery.c.number.in_(items), at=again_at, reason=reason)

    def commitment(self, transaction_uid: str) -> CommitmentRow | None:
        """One transaction; None when it was never ours."""
        items = select(commitment_item.c.delivery).where(commitment_item.c.transaction_uid == transaction_uid)
        rows = select(delivery).where(delivery.c.number.in_(items)).order_by(delivery.c.number)
        with self.reading() as connection:
            this = connection.execute(select(commitment).where(commitment.c.transaction_uid == transaction_uid)).first()
            if this is None:
                return None
            deliveries = tuple(delivery_row(row) for row in connection.execute(rows))
        return CommitmentRow(**this._mapping, deliveries=deliveries)

    def commitment_answered(self, transaction_uid: str, decisions: Collection[Decision], outcome: str) -> None:
        """
        Write down a report and what follows from it, in one transaction.

        Deliveries that no longer await commitment are left as they are: a report may come twice, or late.
        """
        now = self._clock()
        with self.writing() as connection:
            this = (commitment.c.transaction_uid == transaction_uid, commitment.c.answered_at.is_(None))
            values = {"answered_at": now, "outcome": printable(outcome)}
            connection.execute(update(commitment).where(*this).values(values))
            for decision in decisions:
                _carry_out(connection, now, decision)

    def give_up_commitment(self, destination: str, waiting_since: datetime, reason: str) -> int:
        """Give up what was sent, and awaits commitment since then or longer; how many."""
        too_long = (
            *_awaiting(destination),
            delivery.c.first_at <= waiting_since,
            delivery.c.commit_at <= self._clock(),
        )
        with self.writing() as connection:
            return move_deliveries(connection, self._clock(), "dead", reason, *too_long, commit_at=None)

    def waive_commitment(self, destinations: Collection[str]) -> int:
        """Only these destinations are asked (any more): what others were sent counts as delivered; how many."""
        others = (delivery.c.state == "sent", delivery.c.commit_at.is_not(None))
        with self.writing() as connection:
            done = connection.execute(
                update(delivery)
                .where(*others, delivery.c.destination.not_in(sorted(destinations)))
                .values(commit_at=None)
            )
        return int(done.rowcount)


def _awaiting(destination: str) -> tuple[ColumnElement[bool], ...]:
    return delivery.c.destination == destination, delivery.c.state == "sent", delivery.c.commit_at.is_not(None)


def _ask_again(connection: Connection, which: ColumnElement[bool], *, at: datetime, reason: str = "") -> None:
    waits = (which, delivery.c.state == "sent", delivery.c.commit_at.is_not(None))
    values = {"commit_at": at} | ({"reason": printable(reason)} if reason else {})
    connection.execute(update(delivery).where(*waits).values(values))


def _carry_out(connection: Connection, now: datetime, decision: Decision) -> None:
    this = delivery.c.number == decision.delivery_id
    waits = (this, delivery.c.state == "sent", delivery.c.commit_at.is_not(None))
    if decision.verdict == "ask":
        _ask_again(connection, this, at=decision.at or now, reason=decision.reason)
    elif decision.verdict == "resend":
        again = {"next_at": decision.at or now, "commit_at": None, "commit_failures": delivery.c.commit_failures + 1}
        move_deliveries(connection, now, "pending", decision.reason, *waits, **again)
    else:
        move_deliveries(connection, now, decision.verdict, decision.reason, *waits, commit_at=None)


def count_commitments(connection: Connection) -> dict[str, dict[str, int]]:
    """Figures for `Ledger.counts`: for each destination, how much of what it was sent awaits its commitment."""
    waits = (delivery.c.state == "sent", delivery.c.commit_at.is_not(None))
    query = select(delivery.c.destination, func.count()).where(*waits).group_by(delivery.c.destination)
    return {"uncommitted": dict(connection.execute(query).tuples().all())}
