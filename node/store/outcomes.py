"""The one commit point of a job: its result and its outbox rows are recorded together, or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from node.dicom.alternatives import all_uids
from node.domain.order import Order
from node.store.database import Database, exists
from node.store.deliveries import move_deliveries
from node.store.jobs import insert_job, move_job, running_attempt
from node.store.results import Manifest, ResultFile, folder_of
from node.store.schema import delivery, job, result_file
from node.store.transitions import log_transition

Destinations = Sequence[str] | Mapping[str, Collection[str]]
"""Names of destinations; as a mapping, each with the kinds of files it takes."""


class Outcomes(Database):
    """The dispatcher writes here."""

    def finish(self, job_id: str, attempt: int, manifest: Manifest, destinations: Destinations) -> bool:
        """
        Record the result of an attempt, once: job state, one delivery per destination and file, our SOP UIDs.

        Deliveries of earlier revisions of the case that are not sent yet are superseded; so are this job's own when a
        later revision has a result already.

        Returns:
            False, with nothing written, when the job is not running this attempt any more.

        Raises:
            LedgerError: The database failed; nothing was written.
            ValueError: The manifest is another attempt's.
        """
        if (manifest.job_id, manifest.attempt) != (job_id, attempt):
            raise ValueError(f"the manifest is of {manifest.job_id}/{manifest.attempt}, not of {job_id}/{attempt}")
        with self.writing() as connection:
            return _finish(connection, self._clock(), manifest, destinations)

    def restore(self, order: Order, manifest: Manifest, destinations: Destinations) -> bool:
        """
        Take up a result whose ledger was lost, from its folder: job, result and pending deliveries.

        Returns:
            False, with nothing written, when the job is known already.
        """
        now = self._clock()
        with self.writing() as connection:
            if not insert_job(connection, order, now):
                return False
            values = {"state": "running", "attempt": manifest.attempt, "tries": 1}
            connection.execute(update(job).where(job.c.id == manifest.job_id).values(values))
            return _finish(connection, now, manifest, destinations)


def _finish(connection: Connection, now: datetime, manifest: Manifest, destinations: Destinations) -> bool:
    job_id = manifest.job_id
    values = {"reason_code": manifest.reason_code, "document": json.dumps(manifest.document)}
    this = running_attempt(manifest.attempt)
    if not move_job(connection, now, job_id, manifest.state, *this, reason=manifest.reason, **values):
        return False
    for sop_uid in [uid for file in manifest.files for uid in all_uids(file.sop_class, file.sop_uid)]:
        if not exists(connection, result_file.c.sop_uid == sop_uid):
            connection.execute(insert(result_file).values(sop_uid=sop_uid, job_id=job_id))
    row = connection.execute(select(job).where(job.c.id == job_id)).one()
    _supersede_earlier(connection, now, row)
    late = exists(connection, _other_revisions(row, later=True), job.c.state.in_(("succeeded", "refused")))
    for name in destinations if manifest.deliver else ():
        kinds = destinations[name] if isinstance(destinations, Mapping) else None
        for seq, each in enumerate(manifest.outgoing):
            if isinstance(each, ResultFile) if kinds is None else each.kind in kinds:
                _queue(connection, now, _delivery(manifest, name, seq), late=late)
    return True


def _supersede_earlier(connection: Connection, now: datetime, row: Row[Any]) -> None:
    earlier = select(job.c.id).where(_other_revisions(row, later=False))
    open_ones = and_(delivery.c.job_id.in_(earlier), delivery.c.state.in_(("pending", "dead")))
    move_deliveries(connection, now, "superseded", f"revision {row.revision} replaces it", open_ones)


def _other_revisions(row: Row[Any], *, later: bool) -> ColumnElement[bool]:
    """Jobs of the same case; a re-run on request may share the revision number, then the order of entry decides."""
    if later:
        place = or_(job.c.revision > row.revision, and_(job.c.revision == row.revision, job.c.number > row.number))
    else:
        place = or_(job.c.revision < row.revision, and_(job.c.revision == row.revision, job.c.number < row.number))
    return and_(job.c.study_uid == row.study_uid, job.c.pipeline == row.pipeline, place)


def _delivery(manifest: Manifest, destination: str, seq: int) -> dict[str, Any]:
    """What one delivery row says of the file."""
    file = manifest.outgoing[seq]
    return {
        "job_id": manifest.job_id,
        "destination": destination,
        "seq": seq,
        "kind": file.kind,
        "sop_class": file.sop_class,
        "sop_uid": file.sop_uid,
        "sent_class": file.sop_class,
        "sent_uid": file.sop_uid,
        "path": f"{folder_of(manifest.job_id, manifest.attempt)}/{file.name}",
        "sha256": file.sha256,
    }


def _queue(connection: Connection, now: datetime, what: Mapping[str, Any], *, late: bool) -> None:
    state, reason = ("superseded", "a later revision has a result already") if late else ("pending", "")
    fresh = {"tries": 0, "refusals": 0, "first_at": now, "next_at": now, "state": state, "reason": reason}
    fresh |= {"commit_failures": 0}
    connection.execute(insert(delivery).values({**what, **fresh}))
    key = f"{what['job_id']}/{what['destination']}/{what['seq']}"
    log_transition(connection, now, kind="delivery", key=key, state=state, note=reason, subject=what["job_id"])
