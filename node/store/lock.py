"""Only one radnode works on a state directory, and only one on a PostgreSQL ledger, where a standby waits its turn."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from node.errors import LedgerError, Locked
from node.store.database import connect

SERVICE_LOCK = 0x7261646E6F6401
"""Key of the advisory lock that the working radnode holds for as long as it is connected."""


class StateLock:
    """
    An flock on `lock` in the state directory, released by the kernel when the process ends, however it ends.

    Also a context manager.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """
        Take the lock, or say who has it.

        Raises:
            Locked: Another process holds it, or the directory cannot be written.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise Locked(
                f"another radnode (process {holder}) works here",
                at=str(self._path.parent),
                do="stop it, or set another state_dir",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; nothing to do when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> StateLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise Locked(
                f"cannot be opened ({error.strerror})", at=str(self._path), do="make state_dir a folder we can write"
            ) from error


class ServiceLock:
    """
    The right to work on a ledger. On SQLite the state directory's lock is enough and this one does nothing.

    On PostgreSQL it is an advisory lock of one connection: when that connection is lost, so is the lock, and a standby
    may be at work already; `held` tells, and the process must then end.
    """

    def __init__(self, url: str) -> None:
        """
        Raises:
            LedgerError: The URL cannot be used.
        """
        self._engine = connect(url) if url.startswith("postgresql") else None
        self._connection: Connection | None = None

    def acquire(
        self, stop: threading.Event, *, waiting: Callable[[], None] = lambda: None, every_s: float = 1.0
    ) -> bool:
        """
        Wait for the lock; `waiting` is called once if that takes time.

        Returns:
            False when `stop` was set first.

        Raises:
            LedgerError: The database failed.
        """
        told = False
        while not self._try():
            if not told:
                waiting()
                told = True
            if stop.wait(every_s):
                return False
        return True

    def held(self) -> bool:
        """Whether the lock is still ours."""
        if self._engine is None:
            return True
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def release(self) -> None:
        """Let a standby work."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            self._engine.dispose()

    def _try(self) -> bool:
        if self._engine is None:
            return True
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            query = text("SELECT pg_try_advisory_lock(:key)")
            return bool(self._connection.execute(query, {"key": SERVICE_LOCK}).scalar())
        except SQLAlchemyError as error:
            raise LedgerError(
                f"the database failed ({type(error).__name__})", at="ledger", do="see that it is there and reachable"
            ) from error
