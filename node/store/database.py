"""One engine, two kinds of transaction, and the upgrade of the schema. SQLite and PostgreSQL behave the same here."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from node.errors import LedgerError, LedgerFull
from node.store.schema import HEAD

BUSY_TIMEOUT_S = 30
DISK_FULL = "53100"  # PostgreSQL, appendix A: error codes
WRITER_LOCK = 0x7261646E6F6465  # "radnode": key of the advisory lock that PostgreSQL writers take in turn


class Database:
    """
    Connections for whoever reads or writes.

    One writer at a time, as SQLite has it by nature: `BEGIN IMMEDIATE` there (a deferred transaction that reads before
    it writes loses updates or fails), an advisory lock held until commit on PostgreSQL. Readers see committed rows.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine, self._clock = engine, clock
        self._turn = threading.Lock()  # SQLite's busy handler is not fair between threads

    @property
    def url(self) -> str:
        """Where the ledger is, without a password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """
        One read transaction.

        Raises:
            LedgerError: The database failed.
        """
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """
        One write transaction: committed as a whole when the block ends, rolled back when it raises.

        Raises:
            LedgerError: The database failed; nothing was written.
        """
        with self._turn, self._translated(), self._engine.connect() as plain:
            connection = plain.execution_options(radnode_writes=True)
            with connection.begin():
                if self._engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
                yield connection

    def upgrade(self) -> None:
        """
        Bring the schema to `HEAD`, in one transaction.

        Raises:
            LedgerError: A newer radnode wrote this ledger, or the database failed.
        """
        with self.reading() as connection:
            if _revision(connection) == HEAD:
                return
        with self.writing() as connection:
            _run_migrations(connection, at=self.url)

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # the first line only: PostgreSQL quotes whole rows in the lines after it
            found = str(getattr(error, "orig", None) or error).partition("\n")[0]
            if _is_full(error):
                raise LedgerFull(found, at=self.url, do="free some disk space") from error
            raise LedgerError(
                f"{type(error).__name__}: {found}",
                at=self.url,
                do="see that the database is there, writable and sound",
            ) from error


def _is_full(error: SQLAlchemyError) -> bool:
    cause = getattr(error, "orig", None)
    full_sqlite = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return full_sqlite or getattr(cause, "sqlstate", None) == DISK_FULL


def connect(url: str) -> Engine:
    """
    An engine with the settings that keep what was committed.

    Raises:
        LedgerError: The URL is none, or names a database that we do not speak.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise LedgerError(
                f"{parsed.drivername} is not supported", at="ledger", do="use sqlite:///PATH or postgresql+psycopg://…"
            )
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    except (SQLAlchemyError, ImportError) as error:
        raise LedgerError(
            f"the database URL cannot be used ({type(error).__name__})",
            at="ledger",
            do="use sqlite:///PATH or postgresql+psycopg://… (the extra `postgresql` installs the driver)",
        ) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `_begin_sqlite` does
    for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("radnode_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _run_migrations(connection: Connection, *, at: str) -> None:
    from alembic import command  # only an upgrade pays for it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "node.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(
            f"cannot be upgraded from revision {_revision(connection)}",
            at=at,
            do="run the radnode that wrote it, or a newer one",
        ) from error


def scalars(connection: Connection, statement: Any) -> tuple[Any, ...]:
    """First column of all rows."""
    return tuple(connection.execute(statement).scalars())


def exists(connection: Connection, *conditions: Any) -> bool:
    """Whether some row meets the conditions."""
    return connection.execute(select(text("1")).where(*conditions).limit(1)).first() is not None
