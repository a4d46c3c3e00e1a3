"""What peers asked us to commit ourselves to, and how long we promised to keep it (PS3.4 annex J as its SCP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, and_, func, insert, select, update

from node.store.database import Database, scalars
from node.store.schema import instance, pledge, pledge_item
from node.store.transitions import printable

PledgeState = Literal["asked", "judged", "reported", "given up"]


@dataclass(frozen=True, slots=True)
class PledgeItem:
    """
    One instance of a request.

    Attributes:
        failure: 0: we keep it; else the reason why not (PS3.3 section C.14.1.1); None: not judged yet.
    """

    sop_class: str
    sop_uid: str
    failure: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgeRow:
    """
    One request.

    Attributes:
        peer: Name of the peer that asked.
        tries: How often the report was tried.
        next_at: Not before then.
    """

    transaction_uid: str
    peer: str
    asked_at: datetime
    state: PledgeState
    tries: int
    next_at: datetime
    reason: str
    items: tuple[PledgeItem, ...]


class Pledges(Database):
    """
    Promises to keep what a modality may delete.

    Nothing of the node deletes a received instance; whatever does one day must ask `promised_until` first, and must
    keep everything for a while after a ledger was rebuilt, for promises do not outlive it.
    """

    def ask_pledge(
        self, transaction_uid: str, peer: str, references: Sequence[tuple[str, str]], judge_at: datetime
    ) -> bool:
        """
        Write down a request; the very same one again changes nothing.

        Args:
            references: SOP class and SOP Instance UID of each instance.
            judge_at: When to look whether they are here.

        Returns:
            False, with nothing written, when another request has this transaction UID.
        """
        wanted = {sop_uid: sop_class for sop_class, sop_uid in references}
        with self.writing() as connection:
            if known := _pledges(connection, transaction_uid):
                return known[0].peer == peer and {i.sop_uid: i.sop_class for i in known[0].items} == wanted
            values = {"peer": peer, "asked_at": self._clock(), "state": "asked", "tries": 0, "reason": ""}
            row = {"transaction_uid": transaction_uid, "next_at": judge_at} | values
            connection.execute(insert(pledge).values(row))
            items = [
                {"transaction_uid": transaction_uid, "sop_uid": sop_uid, "sop_class": sop_class}
                for sop_uid, sop_class in wanted.items()
            ]
            connection.execute(insert(pledge_item), items)
        return True

    def open_pledges(self, now: datetime) -> tuple[PledgeRow, ...]:
        """Requests to judge or to report on now, oldest first."""
        due = and_(pledge.c.state.in_(("asked", "judged")), pledge.c.next_at <= now)
        query = select(pledge.c.transaction_uid).where(due).order_by(pledge.c.asked_at)
        with self.reading() as connection:
            return tuple(row for uid in scalars(connection, query) for row in _pledges(connection, uid))

    def pledge(self, transaction_uid: str) -> PledgeRow | None:
        """One request; None when it is not known."""
        with self.reading() as connection:
            found = _pledges(connection, transaction_uid)
        return found[0] if found else None

    def judge_pledge(self, transaction_uid: str, failures: Mapping[str, int], keep_until: datetime) -> None:
        """
        Promise, from now on and before anybody is told.

        Args:
            failures: For each SOP Instance UID 0, or the reason why it is not committed.
            keep_until: Until when what is committed will be kept.
        """
        with self.writing() as connection:
            for sop_uid, failure in failures.items():
                this = and_(pledge_item.c.transaction_uid == transaction_uid, pledge_item.c.sop_uid == sop_uid)
                values = {"failure": failure, "keep_until": None if failure else keep_until}
                connection.execute(update(pledge_item).where(this).values(values))
            _move(connection, transaction_uid, state="judged", next_at=self._clock())

    def defer_pledge(self, transaction_uid: str, until: datetime, reason: str, *, tried: bool = True) -> None:
        """Look at it again later; `tried`: the report was, and did not arrive."""
        with self.writing() as connection:
            tries = pledge.c.tries + int(tried)
            _move(connection, transaction_uid, next_at=until, reason=printable(reason), tries=tries)

    def close_pledge(self, transaction_uid: str, state: PledgeState, reason: str = "") -> None:
        """It is over: reported, or given up. The promise stands either way."""
        with self.writing() as connection:
            _move(connection, transaction_uid, state=state, reason=printable(reason), tries=pledge.c.tries + 1)

    def promised_until(self, study_uid: str) -> datetime | None:
        """Until when some instance of this study must be kept, as we promised; None when we promised nothing."""
        of_study = select(instance.c.sop_uid).where(instance.c.study_uid == study_uid)
        query = select(func.max(pledge_item.c.keep_until)).where(pledge_item.c.sop_uid.in_(of_study))
        with self.reading() as connection:
            found: datetime | None = connection.execute(query).scalar()
            return found


def _pledges(connection: Connection, transaction_uid: str) -> list[PledgeRow]:
    items = select(pledge_item).where(pledge_item.c.transaction_uid == transaction_uid).order_by(pledge_item.c.sop_uid)
    found = tuple(PledgeItem(r.sop_class, r.sop_uid, r.failure) for r in connection.execute(items))
    rows = connection.execute(select(pledge).where(pledge.c.transaction_uid == transaction_uid))
    return [PledgeRow(**row._mapping, items=found) for row in rows]


def _move(connection: Connection, transaction_uid: str, **values: object) -> None:
    connection.execute(update(pledge).where(pledge.c.transaction_uid == transaction_uid).values(**values))


def count_pledges(connection: Connection) -> dict[str, int]:
    """Figures for `Ledger.counts`: instances that we promised to keep."""
    promised = select(pledge_item.c.sop_uid).where(pledge_item.c.keep_until.is_not(None)).distinct()
    return {"promised": connection.execute(select(func.count()).select_from(promised.subquery())).scalar_one()}
