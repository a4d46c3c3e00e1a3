"""Study x pipeline: what became of it and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, exists, func, insert, or_, select, update

from node.domain.order import Order
from node.store.database import Database
from node.store.jobs import insert_job
from node.store.schema import study_case
from node.store.studies import hold_study, mark_examined
from node.store.transitions import case_key, log_transition

CaseState = Literal["arriving", "waiting", "ready", "unmatched"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """
    One case.

    Attributes:
        explanation: Which series matched which role and why others did not; plain JSON values.
    """

    study_uid: str
    pipeline: str
    state: CaseState
    explanation: dict[str, Any]
    updated_at: datetime


class Cases(Database):
    """The assembler writes here."""

    def examine(
        self,
        study_uid: str,
        seen: datetime,
        cases: Sequence[CaseRow],
        orders: Sequence[Order],
        again: tuple[datetime, str] | None = None,
    ) -> bool:
        """
        Keep the outcome of an examination and queue its orders, in one transaction.

        Args:
            study_uid: The study.
            seen: `last_arrival` of the study, read before the study itself was read.
            cases: What became of it in each pipeline.
            orders: New orders; one whose job is known already is passed over.
            again: When the study is due again although nothing may have come by then, and why.

        Returns:
            False, with nothing written, when the study changed after `seen`.

        Raises:
            LedgerError: The database failed; nothing was written.
        """
        now = self._clock()
        with self.writing() as connection:
            if not mark_examined(connection, study_uid, seen, now):
                return False
            if again:
                hold_study(connection, study_uid, *again)
            for case in cases:
                _keep(connection, case, now)
            for order in orders:
                insert_job(connection, order, now)
        return True

    def cases(
        self, study_uid: str | None = None, *, without_job: bool = False, limit: int | None = None
    ) -> tuple[CaseRow, ...]:
        """
        All cases, or those of one study; the latest changed first.

        Args:
            study_uid: Only this study's.
            without_job: Only those that led to no job (any more); that a pipeline passed over what another one took is
                not told.
            limit: At most so many.
        """
        query = select(study_case).order_by(
            study_case.c.updated_at.desc(), study_case.c.study_uid, study_case.c.pipeline
        )
        if study_uid is not None:
            query = query.where(study_case.c.study_uid == study_uid)
        if without_job:
            other = study_case.alias()
            taken = exists().where(other.c.study_uid == study_case.c.study_uid, other.c.state != "unmatched")
            query = query.where(study_case.c.state != "ready", or_(study_case.c.state != "unmatched", ~taken))
        with self.reading() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return tuple(CaseRow(r.study_uid, r.pipeline, r.state, json.loads(r.explanation), r.updated_at) for r in rows)


def _keep(connection: Connection, case: CaseRow, now: datetime) -> None:
    this = and_(study_case.c.study_uid == case.study_uid, study_case.c.pipeline == case.pipeline)
    former = connection.execute(select(study_case.c.state).where(this)).scalar()
    values = {"state": case.state, "explanation": json.dumps(case.explanation), "updated_at": now}
    if former is None:
        key = {"study_uid": case.study_uid, "pipeline": case.pipeline}
        connection.execute(insert(study_case).values(key | values))
    else:
        connection.execute(update(study_case).where(this).values(values))
    if former != case.state:
        log_transition(connection, now, kind="case", key=case_key(case.study_uid, case.pipeline), state=case.state)


def count_cases(connection: Connection) -> dict[str, dict[str, int]]:
    """Figures for `Ledger.counts`: how many cases are in which state."""
    rows = connection.execute(select(study_case.c.state, func.count()).group_by(study_case.c.state))
    return {"cases": dict(rows.tuples().all())}
