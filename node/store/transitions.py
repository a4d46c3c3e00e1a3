"""What happened to a case, a job, a delivery: one row for each change of state, never altered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from node.store.database import Database
from node.store.schema import transition


@dataclass(frozen=True, slots=True)
class Transition:
    """
    One change of state.

    Attributes:
        kind: "case", "job", "delivery" or "intent".
        key: What changed: a case key, a job id, "<job id>/<destination>/<seq>", an intent's number.
    """

    at: datetime
    kind: str
    key: str
    state: str
    note: str


class Transitions(Database):
    """Read side; the other nouns write with `log_transition` in their own transaction."""

    def transitions(self, subject: str) -> tuple[Transition, ...]:
        """The story of a job (its deliveries and the operator's intents included) or of a case, oldest first."""
        columns = (transition.c.at, transition.c.kind, transition.c.key, transition.c.state, transition.c.note)
        query = select(*columns).where(transition.c.subject == subject).order_by(transition.c.number)
        with self.reading() as connection:
            return tuple(Transition(*row) for row in connection.execute(query))


def case_key(study_uid: str, pipeline: str) -> str:
    """Name of a case, as `Ledger.transitions` takes it."""
    return f"{study_uid}/{pipeline}"


def log_transition(
    connection: Connection, at: datetime, *, kind: str, key: str, state: str, note: str = "", subject: str = ""
) -> None:
    """Write one change of state; `subject` is whose story it belongs to, the key itself unless said otherwise."""
    row = {"at": at, "kind": kind, "key": key, "subject": subject or key, "state": state, "note": printable(note)}
    connection.execute(insert(transition).values(row))


def printable(text: str) -> str:
    """A text that both databases take: PostgreSQL stores no NUL, neither stores half a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
