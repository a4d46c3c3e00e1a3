"""Result x destination x file: what still has to be sent, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, update

from node.domain.document import ExportKind, ResultKind
from node.store.database import Database
from node.store.schema import delivery
from node.store.transitions import log_transition, printable

DeliveryState = Literal["pending", "sent", "committed", "dead", "superseded"]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """
    One file on its way to one destination.

    Attributes:
        id: Number of the row.
        seq: Place among the files of the job, from 0.
        path: File, relative to the state directory.
        tries: How often it was tried.
        first_at: Since when it waits (operator's revival included).
        next_at: Not before then.
        sha256: Of the file as it was recorded.
        refusals: How often the receiver refused this very object, as opposed to being away.
        sent_class: SOP class as it went out; that of the file unless the receiver would only take another.
        sent_uid: SOP Instance UID as it went out.
        commit_at: When to ask whether it is committed, or to ask again; None when nobody asks.
        commit_failures: How often the receiver said that it does not keep what it was sent.
    """

    id: int
    job_id: str
    destination: str
    seq: int
    kind: ResultKind | ExportKind
    sop_class: str
    sop_uid: str
    path: str
    state: DeliveryState
    tries: int
    first_at: datetime
    next_at: datetime
    reason: str
    sha256: str = ""
    refusals: int = 0
    sent_class: str = ""
    sent_uid: str = ""
    commit_at: datetime | None = None
    commit_failures: int = 0

    @property
    def awaits_commitment(self) -> bool:
        """Whether it was sent, and the receiver has not said yet that it keeps it."""
        return self.state == "sent" and self.commit_at is not None


class Deliveries(Database):
    """The outbox writes here."""

    def due_deliveries(self, destination: str, now: datetime, limit: int = 10) -> tuple[DeliveryRow, ...]:
        """
        What to send now; a later file of a job waits while an earlier one is pending.

        The least tried first, then the oldest: one object that breaks every association does not block the others.
        """
        query = _sendable(select(delivery), destination).where(delivery.c.next_at <= now)
        return self._deliveries(query.order_by(delivery.c.tries, delivery.c.number).limit(limit))

    def next_delivery_at(self, destination: str) -> datetime | None:
        """When the next delivery is due; None when nothing waits."""
        with self.reading() as connection:
            found: datetime | None = connection.execute(
                _sendable(select(func.min(delivery.c.next_at)), destination)
            ).scalar()
            return found

    def deliveries(self, job_id: str) -> tuple[DeliveryRow, ...]:
        """All deliveries of a job, by destination, in the order of sending."""
        query = select(delivery).where(delivery.c.job_id == job_id)
        return self._deliveries(query.order_by(delivery.c.destination, delivery.c.seq))

    def sent(
        self, delivery_id: int, note: str = "", *, commit: bool = False, sent_as: tuple[str, str] | None = None
    ) -> bool:
        """
        The receiver has it (true even when the row was superseded meanwhile).

        Args:
            note: What it said to it.
            commit: Whether it is to be asked to commit itself.
            sent_as: SOP class and SOP Instance UID under which it went out, when those are not the file's.
        """
        sop_class, sop_uid = sent_as or (delivery.c.sop_class, delivery.c.sop_uid)
        values = {
            "tries": delivery.c.tries + 1,
            "sent_class": sop_class,
            "sent_uid": sop_uid,
            "commit_at": self._clock() if commit else None,
        }
        this = (delivery.c.number == delivery_id, delivery.c.state != "committed")
        return bool(self._change_deliveries("sent", note, *this, **values))

    def defer(self, delivery_id: int, until: datetime, reason: str, *, refused: bool = False) -> bool:
        """Try this one again later; `refused`: the receiver was there and would not have it."""
        with self.writing() as connection:
            values = {"next_at": until, "reason": printable(reason), "tries": delivery.c.tries + 1}
            done = connection.execute(
                update(delivery)
                .where(delivery.c.number == delivery_id, delivery.c.state == "pending")
                .values(values | {"refusals": delivery.c.refusals + int(refused)})
            )
        return done.rowcount == 1

    def postpone(self, destination: str, until: datetime, reason: str) -> int:
        """Nothing goes to this destination before then: it is away. Returns how many deliveries wait."""
        waits = (delivery.c.destination == destination, delivery.c.state == "pending", delivery.c.next_at < until)
        with self.writing() as connection:
            done = connection.execute(update(delivery).where(*waits).values(next_at=until, reason=printable(reason)))
        return int(done.rowcount)

    def resume(self, destination: str) -> None:
        """What was put off only because the destination was away is due now."""
        waits = (delivery.c.destination == destination, delivery.c.state == "pending", delivery.c.refusals == 0)
        with self.writing() as connection:
            connection.execute(update(delivery).where(*waits).values(next_at=self._clock()))

    def dead(self, delivery_id: int, reason: str) -> bool:
        """Give one up, until an operator revives it."""
        one_more = {"tries": delivery.c.tries + 1}
        return bool(
            self._change_deliveries(
                "dead", reason, delivery.c.number == delivery_id, delivery.c.state == "pending", **one_more
            )
        )

    def set_aside(self, delivery_id: int, reason: str) -> bool:
        """The receiver does not take it, and has the same in another form: nothing is missing, nobody need be woken."""
        waits = (delivery.c.number == delivery_id, delivery.c.state == "pending")
        return bool(self._change_deliveries("superseded", reason, *waits, tries=delivery.c.tries + 1))

    def give_up(self, destination: str, waiting_since: datetime, reason: str) -> int:
        """Give up what waits for this destination since then or longer; how many."""
        too_long = delivery.c.first_at <= waiting_since
        return self._change_deliveries(
            "dead", reason, delivery.c.destination == destination, delivery.c.state == "pending", too_long
        )

    def revive(self, job_id: str | None = None, destination: str | None = None) -> int:
        """
        Try again now, of a job, a destination, or all: dead deliveries from the start, waiting ones without the pause.

        What was sent and awaits commitment is asked about again.

        Returns:
            How many there were.
        """
        which = [] if job_id is None else [delivery.c.job_id == job_id]
        which += [] if destination is None else [delivery.c.destination == destination]
        now = self._clock()
        waits = (*which, delivery.c.state == "pending", delivery.c.next_at > now)
        with self.writing() as connection:
            hastened = int(connection.execute(update(delivery).where(*waits).values(next_at=now)).rowcount)
            asked = (*which, delivery.c.state == "sent", delivery.c.commit_at > now)
            hastened += int(connection.execute(update(delivery).where(*asked).values(commit_at=now)).rowcount)
        again = {"tries": 0, "refusals": 0, "first_at": now, "next_at": now, "commit_at": None, "commit_failures": 0}
        dead = delivery.c.state == "dead"
        return hastened + self._change_deliveries("pending", "revived", dead, *which, **again)

    def _deliveries(self, query: Select[Any]) -> tuple[DeliveryRow, ...]:
        with self.reading() as connection:
            return tuple(delivery_row(row) for row in connection.execute(query))

    def _change_deliveries(
        self, state: DeliveryState, reason: str, *conditions: ColumnElement[bool], **values: Any
    ) -> int:
        with self.writing() as connection:
            return move_deliveries(connection, self._clock(), state, reason, *conditions, **values)


def move_deliveries(
    connection: Connection,
    at: datetime,
    state: DeliveryState,
    reason: str,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> int:
    """Change the state of the deliveries that meet the conditions, and log each transition; how many."""
    columns = {"state": state, "reason": printable(reason)} | values
    moved = connection.execute(
        update(delivery)
        .where(*conditions)
        .values(columns)
        .returning(delivery.c.job_id, delivery.c.destination, delivery.c.seq)
    ).all()
    for row in sorted(moved):
        key = f"{row.job_id}/{row.destination}/{row.seq}"
        log_transition(connection, at, kind="delivery", key=key, state=state, note=reason, subject=row.job_id)
    return len(moved)


def _sendable(query: Select[Any], destination: str) -> Select[Any]:
    earlier = delivery.alias("earlier")
    blocked = select(earlier.c.number).where(
        earlier.c.job_id == delivery.c.job_id,
        earlier.c.destination == delivery.c.destination,
        earlier.c.seq < delivery.c.seq,
        earlier.c.state == "pending",
    )
    return query.where(delivery.c.destination == destination, delivery.c.state == "pending", ~blocked.exists())


def delivery_row(row: Row[Any]) -> DeliveryRow:
    """One row of the table."""
    values = dict(row._mapping)
    return DeliveryRow(id=values.pop("number"), **values)


def count_deliveries(connection: Connection) -> dict[str, dict[str, dict[str, int]]]:
    """Figures for `Ledger.counts`: per destination, how many deliveries are in which state."""
    columns = (delivery.c.destination, delivery.c.state)
    counts: dict[str, dict[str, int]] = {}
    for name, state, count in connection.execute(select(*columns, func.count()).group_by(*columns)):
        counts.setdefault(name, {})[state] = count
    return {"deliveries": counts}
