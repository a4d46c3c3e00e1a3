"""What an operator asked for: written by the command line at any time, taken up by the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from node.store.database import Database
from node.store.schema import intent
from node.store.transitions import log_transition, printable


@dataclass(frozen=True, slots=True)
class Intent:
    """One wish: a verb ("retry", "cancel", …), on a job or study, for one destination or none in particular."""

    id: int
    verb: str
    job_id: str
    destination: str | None
    asked_at: datetime
    outcome: str = ""  #: "" until answered


class Intents(Database):
    """The command line asks; the service answers."""

    def ask(self, verb: str, job_id: str, destination: str | None = None) -> int:
        """Leave a wish; its number."""
        now = self._clock()
        values = {"verb": verb, "job_id": job_id, "destination": destination, "asked_at": now, "outcome": ""}
        with self.writing() as connection:
            number: int = connection.execute(insert(intent).values(values).returning(intent.c.number)).scalar_one()
            log_transition(connection, now, kind="intent", key=str(number), state="asked", note=verb, subject=job_id)
        return number

    def asked(self) -> tuple[Intent, ...]:
        """Wishes that nobody has answered, oldest first."""
        return self._intents(select(intent).where(intent.c.answered_at.is_(None)))

    def intent(self, intent_id: int) -> Intent | None:
        """One wish, answered or not."""
        found = self._intents(select(intent).where(intent.c.number == intent_id))
        return found[0] if found else None

    def answered(self, intent_id: int, outcome: str) -> bool:
        """Say what became of a wish; False when it was answered before."""
        now = self._clock()
        with self.writing() as connection:
            subject: str | None = connection.execute(
                update(intent)
                .where(intent.c.number == intent_id, intent.c.answered_at.is_(None))
                .values(answered_at=now, outcome=printable(outcome))
                .returning(intent.c.job_id)
            ).scalar()
            if subject is not None:
                log_transition(
                    connection, now, kind="intent", key=str(intent_id), state="answered", note=outcome, subject=subject
                )
        return subject is not None

    def _intents(self, query: Any) -> tuple[Intent, ...]:
        with self.reading() as connection:
            rows = connection.execute(query.order_by(intent.c.number)).all()
        return tuple(Intent(r.number, r.verb, r.job_id, r.destination, r.asked_at, r.outcome) for r in rows)
