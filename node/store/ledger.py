"""The ledger: all that the node knows beside the files themselves. One noun per base class."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from node.store.cases import CaseRow, Cases, count_cases
from node.store.commitments import Commitments, count_commitments
from node.store.database import connect, exists
from node.store.deliveries import Deliveries, DeliveryRow, count_deliveries
from node.store.instances import Arrival, Instances, Unreadable, count_instances
from node.store.intents import Intent, Intents
from node.store.jobs import JobRow, Jobs, count_jobs
from node.store.outcomes import Outcomes
from node.store.pledges import Pledges, count_pledges
from node.store.schema import mark
from node.store.studies import Studies, count_studies
from node.store.transitions import Transition, Transitions

__all__ = ["Arrival", "CaseRow", "DeliveryRow", "Intent", "JobRow", "Ledger", "Transition", "Unreadable"]

REBUILT = "rebuilt"


class Ledger(Instances, Studies, Cases, Jobs, Outcomes, Deliveries, Commitments, Pledges, Intents, Transitions):
    """
    Every public method is one transaction, may be called from any thread, and raises LedgerError when the database
    fails (nothing is written then).
    """

    @classmethod
    def open(cls, url: str, clock: Callable[[], datetime]) -> Ledger:
        """
        Open a ledger, making or upgrading its schema.

        Args:
            url: "sqlite:////absolute/path" or "postgresql+psycopg://user@host/database".
            clock: Gives the present, aware.

        Raises:
            LedgerError: The database cannot be used, or a newer radnode wrote it.
        """
        with ExitStack() as undo:
            ledger = cls(connect(url), clock)
            undo.callback(ledger.close)
            ledger.upgrade()
            undo.pop_all()
        return ledger

    def needs_rebuild(self) -> bool:
        """Whether this ledger is new: what spool and results hold must be taken up before it may be trusted."""
        with self.reading() as connection:
            return not exists(connection, mark.c.name == REBUILT)

    def rebuilt(self) -> None:
        """All that lay in spool and results has been taken up."""
        with self.writing() as connection:
            if not exists(connection, mark.c.name == REBUILT):
                connection.execute(insert(mark).values(name=REBUILT, set_at=self._clock()))

    def counts(self) -> dict[str, Any]:
        """
        Figures for a status line.

        Returns:
            "instances", "unjudged", "conflicts", "unreadable", "studies": numbers; "cases", "jobs": state to number;
            "deliveries": destination to state to number; "uncommitted": destination to number; "promised": number.
        """
        with self.reading() as connection:
            counters = (
                count_instances,
                count_studies,
                count_cases,
                count_jobs,
                count_deliveries,
                count_commitments,
                count_pledges,
            )
            return {key: value for counter in counters for key, value in counter(connection).items()}
