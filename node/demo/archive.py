"""A small archive that plays the PACS: takes everything, counts every C-STORE, and can misbehave on request."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from node.network.scp import SUCCESS, Arrival, Peer, Reason, Scp, ScpSettings
from node.network.tls import Credentials
from node.store.spool import Meta, part10_head

BUSY: Reason = (2, 3, 1)  # rejected-transient, temporary-congestion (PS3.8 table 9-21)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """
    One C-STORE request that arrived.

    Attributes:
        path: The object as a file, also when the answer was a failure.
        status: What it was answered.
    """

    sop_class: str
    sop_uid: str
    transfer_syntax: str
    calling_ae: str
    status: int
    at: datetime
    path: Path


class Archive:
    """
    A Storage SCP on loopback for the demo and the tests; use it in a `with` statement.

    Args:
        ae_title: What it calls itself; it does not mind being called otherwise.
        folder: Where its files go, one for each C-STORE.
        port: 0 takes a free one, kept over `leave` and `come_back`.
        tls: Its credentials; with them it takes only TLS.
    """

    def __init__(self, ae_title: str, folder: Path, *, port: int = 0, tls: Credentials | None = None) -> None:
        self.ae_title, self.folder, self.port, self._tls = ae_title, folder, port, tls
        self.stores: list[Store] = []
        self.requests = 0  #: association requests that it saw
        self._statuses: deque[int] = deque()
        self._reason: Reason | None = None
        self._talks = threading.Event()
        self._talks.set()
        self._lock = threading.Lock()
        self._scp: Scp | None = None

    def __enter__(self) -> Archive:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.come_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    @property
    def peer(self) -> Peer:
        """How others reach it."""
        return Peer(name=self.ae_title.lower(), ae_title=self.ae_title, host="127.0.0.1", port=self.port)

    def answer(self, *statuses: int) -> None:
        """Answer the next C-STOREs with these statuses, one each, then Success again."""
        self._statuses.extend(statuses)

    def reject(self, reason: Reason | None = BUSY) -> None:
        """Reject associations with this result, source and reason from now on; None: take them again."""
        self._reason = reason

    def fall_silent(self) -> None:
        """Take C-STOREs and answer none of them, until `speak`."""
        self._talks.clear()

    def speak(self) -> None:
        """Answer what is unanswered."""
        self._talks.set()

    def leave(self) -> None:
        """Go away: associations are aborted, nobody listens."""
        self._talks.set()
        if self._scp:
            self._scp.stop()
            self._scp = None

    def come_back(self) -> None:
        """Listen (again), on the same port."""
        settings = ScpSettings(ae_title=self.ae_title, port=self.port, accept_any=True, max_per_peer=50, tls=self._tls)
        self._scp = Scp(settings, self._store, self._judge)
        self.port = self._scp.start()

    def _judge(self) -> Reason | None:
        self.requests += 1
        return self._reason

    def _store(self, arrival: Arrival) -> int:
        meta = Meta(
            sop_class=arrival.sop_class,
            sop_uid=arrival.sop_uid,
            transfer_syntax=arrival.transfer_syntax,
            calling_ae=arrival.calling_ae,
        )
        with self._lock:
            status = self._statuses.popleft() if self._statuses else SUCCESS
            path = self.folder / f"{len(self.stores):05d}-{arrival.sop_uid}.dcm"
            path.write_bytes(part10_head(meta) + bytes(arrival.data))
            self.stores.append(
                Store(
                    sop_class=arrival.sop_class,
                    sop_uid=arrival.sop_uid,
                    transfer_syntax=arrival.transfer_syntax,
                    calling_ae=arrival.calling_ae,
                    status=status,
                    at=datetime.now(UTC),
                    path=path,
                )
            )
        self._talks.wait()
        return status
