"""When studies changed, and which of them wait to be examined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, insert, literal_column, or_, select, update

from node.store.database import Database, scalars
from node.store.schema import instance, study

TICK = timedelta(microseconds=1)


class Studies(Database):
    """
    `last_at` of a study grows with every change, by a microsecond at least: whoever reads it before reading the study
    holds a token that tells whether anything changed since, whatever clocks and threads did.
    """

    def due_studies(self, quiet_before: datetime) -> tuple[str, ...]:
        """
        Studies to examine: changed since they were examined, or held until now; quiet; nothing unjudged. Oldest first.

        Args:
            quiet_before: The last arrival must not be later than this.
        """
        changed = or_(  # as the partial index says it
            study.c.examined_at.is_(None), study.c.last_at > study.c.examined_at, study.c.held_until.is_not(None)
        )
        free = or_(study.c.held_until.is_(None), study.c.held_until <= self._clock())
        unjudged = select(instance.c.study_uid).where(instance.c.content == literal_column("''"))
        due = and_(changed, free, study.c.last_at <= quiet_before, study.c.study_uid.not_in(unjudged))
        with self.reading() as connection:
            return scalars(
                connection, select(study.c.study_uid).where(due).order_by(study.c.last_at, study.c.study_uid)
            )

    def hold(self, study_uid: str, until: datetime, why: str) -> None:
        """Not due before then, due afterwards; a new arrival (or `wake`) ends the hold."""
        with self.writing() as connection:
            hold_study(connection, study_uid, until, why)

    def held(self, study_uid: str) -> tuple[datetime, str] | None:
        """Until when a study is held and why; None when it is not."""
        query = select(study.c.held_until, study.c.held_why).where(study.c.study_uid == study_uid)
        with self.reading() as connection:
            row = connection.execute(query).first()
        return (row.held_until, row.held_why) if row and row.held_until else None

    def wake(self, study_uid: str) -> None:
        """Make a known study due again."""
        with self.writing() as connection:
            touch_study(connection, study_uid)

    def first_seen(self, study_uid: str) -> datetime | None:
        """When its first instance was received."""
        return self._moment(study_uid, "first_at")

    def last_arrival(self, study_uid: str) -> datetime | None:
        """When it last changed: the time of its last arrival, and the token that `examine` takes as `seen`."""
        return self._moment(study_uid, "last_at")

    def _moment(self, study_uid: str, column: str) -> datetime | None:
        with self.reading() as connection:
            found: datetime | None = connection.execute(
                select(study.c[column]).where(study.c.study_uid == study_uid)
            ).scalar()
            return found


def hold_study(connection: Connection, study_uid: str, until: datetime, why: str) -> None:
    """See `Studies.hold`."""
    connection.execute(update(study).where(study.c.study_uid == study_uid).values(held_until=until, held_why=why))


def touch_study(connection: Connection, study_uid: str, arrived: Sequence[datetime] = ()) -> None:
    """Mark a study as changed and end its hold; arrivals make it known if it is not."""
    row = connection.execute(select(study).where(study.c.study_uid == study_uid)).first()
    if row is None:
        if arrived:
            values = {"study_uid": study_uid, "first_at": min(arrived), "last_at": max(arrived), "held_why": ""}
            connection.execute(insert(study).values(values))
        return
    values = {
        "first_at": min([row.first_at, *arrived]),
        "last_at": max([row.last_at + TICK, *arrived]),
        "held_until": None,
        "held_why": "",
    }
    connection.execute(update(study).where(study.c.study_uid == study_uid).values(values))


def mark_examined(connection: Connection, study_uid: str, seen: datetime, now: datetime) -> bool:
    """Note that a study was examined as it was at `seen`; False when it changed since. A hold that is over ends."""
    known = and_(study.c.study_uid == study_uid, study.c.last_at <= seen)
    done = connection.execute(update(study).where(known).values(examined_at=study.c.last_at))
    over = and_(study.c.study_uid == study_uid, study.c.held_until <= now)
    if done.rowcount == 1:
        connection.execute(update(study).where(over).values(held_until=None, held_why=""))
    return done.rowcount == 1


def count_studies(connection: Connection) -> dict[str, int]:
    """Figures for `Ledger.counts`."""
    return {"studies": connection.execute(select(func.count()).select_from(study)).scalar_one()}
