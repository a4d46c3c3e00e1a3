"""One revision of a case: queued, running, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from node.domain.order import Order
from node.errors import LedgerError
from node.store.database import Database, exists
from node.store.schema import delivery, job
from node.store.transitions import log_transition, printable

JobState = Literal["queued", "running", "succeeded", "refused", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class JobRow:
    """
    One job.

    Attributes:
        attempt: Number of the latest attempt, from 1; 0 before the first. Only ever grows: it names a folder.
        document: The job's entry in the --json document, once it has a result.
        tries: Attempts that count against the limit (an attempt that radnode's own stop ended does not).
    """

    id: str
    study_uid: str
    pipeline: str
    revision: int
    state: JobState
    attempt: int
    order_json: str
    fingerprint: str
    reason_code: str
    reason: str
    document: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    tries: int = 0


class Jobs(Database):
    """The dispatcher writes here. Every change is conditional: False means that the job was no longer in that state."""

    def jobs(
        self, *, state: str | None = None, study_uid: str | None = None, undelivered: bool = False, limit: int = 100
    ) -> tuple[JobRow, ...]:
        """The latest jobs, newest first; `undelivered`: only those of which a destination lacks something."""
        query = select(job).order_by(job.c.number.desc()).limit(limit)
        if undelivered:
            lacking = select(delivery.c.job_id).where(delivery.c.state.in_(("pending", "dead")))
            query = query.where(job.c.id.in_(lacking))
        query = query if state is None else query.where(job.c.state == state)
        return self._jobs(query if study_uid is None else query.where(job.c.study_uid == study_uid))

    def job(self, prefix: str) -> JobRow | None:
        """
        The job whose id starts like this.

        Raises:
            LedgerError: Several do.
        """
        found = self._jobs(select(job).where(job.c.id.startswith(prefix, autoescape=True)).limit(2))
        exact = [row for row in found if row.id == prefix]
        if len(found) > 1 and not exact:
            raise LedgerError("several jobs start like this", at=f"job {prefix}", do="give more of the id")
        return exact[0] if exact else (found[0] if found else None)

    def latest_job(self, study_uid: str, pipeline: str) -> JobRow | None:
        """The highest revision of a case."""
        query = select(job).where(job.c.study_uid == study_uid, job.c.pipeline == pipeline)
        found = self._jobs(query.order_by(job.c.revision.desc(), job.c.number.desc()).limit(1))
        return found[0] if found else None

    def queued(self, limit: int | None = None) -> tuple[JobRow, ...]:
        """Jobs to run, oldest first; each row holds a whole order, so ask for no more than are needed."""
        return self._jobs(select(job).where(job.c.state == "queued").order_by(job.c.number).limit(limit))

    def running(self) -> tuple[JobRow, ...]:
        """Jobs that are being run, oldest first."""
        return self._jobs(select(job).where(job.c.state == "running").order_by(job.c.number))

    def start(self, job_id: str) -> int | None:
        """Begin the next attempt of a queued job; its number, or None when the job is not queued (any more)."""
        now = self._clock()
        with self.writing() as connection:
            attempt: int | None = connection.execute(
                update(job)
                .where(job.c.id == job_id, job.c.state == "queued")
                .values(state="running", attempt=job.c.attempt + 1, tries=job.c.tries + 1, updated_at=now)
                .returning(job.c.attempt)
            ).scalar()
            if attempt is not None:
                log_transition(connection, now, kind="job", key=job_id, state="running", note=f"attempt {attempt}")
        return attempt

    def fail(self, job_id: str, attempt: int, reason: str) -> bool:
        """The attempt ended, and there will be no other."""
        return self._change_job(job_id, "failed", *running_attempt(attempt), reason=reason)

    def requeue(self, job_id: str, attempt: int, *, counted: bool, reason: str) -> bool:
        """The attempt ended; there will be another. `counted`: whether it counts against the limit."""
        tries = job.c.tries if counted else job.c.tries - 1
        return self._change_job(job_id, "queued", *running_attempt(attempt), reason=reason, tries=tries)

    def cancel(self, job_id: str) -> bool:
        """Nobody wants the result any more; whoever runs it has lost."""
        return self._change_job(job_id, "cancelled", job.c.state.in_(("queued", "running")), reason="")

    def reopen(self, job_id: str) -> bool:
        """Queue a failed or cancelled job again, with all its tries."""
        return self._change_job(job_id, "queued", job.c.state.in_(("failed", "cancelled")), reason="", tries=0)

    def _jobs(self, query: Any) -> tuple[JobRow, ...]:
        with self.reading() as connection:
            return tuple(_row(row) for row in connection.execute(query))

    def _change_job(
        self, job_id: str, state: JobState, *conditions: ColumnElement[bool], reason: str, **values: Any
    ) -> bool:
        with self.writing() as connection:
            return move_job(connection, self._clock(), job_id, state, *conditions, reason=reason, **values)


def running_attempt(attempt: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The conditions under which an attempt may still be recorded (design rule 3)."""
    return job.c.state == "running", job.c.attempt == attempt


def move_job(
    connection: Connection,
    at: datetime,
    job_id: str,
    state: JobState,
    *conditions: ColumnElement[bool],
    reason: str,
    **values: Any,
) -> bool:
    """Change the state of a job if it meets the conditions, and log the transition; whether it did."""
    columns = {"state": state, "reason": printable(reason), "updated_at": at} | values
    done = connection.execute(update(job).where(job.c.id == job_id, *conditions).values(columns))
    if done.rowcount == 1:
        log_transition(connection, at, kind="job", key=job_id, state=state, note=reason)
    return done.rowcount == 1


def insert_job(connection: Connection, order: Order, at: datetime) -> bool:
    """Queue an order; False when its job is known already."""
    job_id = order.job_id
    if exists(connection, job.c.id == job_id):
        return False
    connection.execute(
        insert(job).values(
            id=job_id,
            study_uid=order.study_uid,
            pipeline=order.pipeline.name,
            revision=order.revision,
            state="queued",
            attempt=0,
            tries=0,
            order_json=order.to_json(),
            fingerprint=order.fingerprint,
            reason_code="",
            reason="",
            document=None,
            created_at=at,
            updated_at=at,
        )
    )
    log_transition(connection, at, kind="job", key=job_id, state="queued", note=f"revision {order.revision}")
    return True


def _row(row: Row[Any]) -> JobRow:
    values = {name: value for name, value in row._mapping.items() if name != "number"}
    return JobRow(**values | {"document": None if row.document is None else json.loads(row.document)})


def count_jobs(connection: Connection) -> dict[str, dict[str, int]]:
    """Figures for `Ledger.counts`: how many jobs are in which state."""
    rows = connection.execute(select(job.c.state, func.count()).group_by(job.c.state))
    return {"jobs": dict(rows.tuples().all())}
