"""The service: door, recorder, assembler, dispatcher, outboxes, under one lock and one clock."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from node.app import site
from node.app.desk import Desk
from node.app.exchange import Exchange
from node.assemble.settle import Assembler, Patience
from node.config import Config
from node.errors import ConfigError, LedgerError, StartFailed
from node.network.credentials import ENDING, ends
from node.network.credentials import mistakes as tls_mistakes
from node.network.scp import Scp, ScpSettings
from node.network.scu import count_instances
from node.network.tls import Credentials
from node.operate.loop import Loop
from node.operate.peers import credentials, peers
from node.receive.door import Door
from node.receive.record import Recorder, rebuild
from node.store.ledger import Ledger
from node.store.lock import ServiceLock, StateLock
from node.store.spool import Spool
from node.work.dispatch import Dispatcher
from node.work.task import Workplace

log = structlog.get_logger()

MB, GB = 10**6, 10**9
ONE_DAY_S = 24 * 3600.0
RESULT_BYTES = 16 * MB
"""With less free space no job is begun: a result takes a few megabytes, and an attempt that cannot write is lost."""


def now() -> datetime:
    """The node's clock, in the zone of the hospital: the times of results are read by people."""
    return datetime.now().astimezone()


class Node:
    """The running service. `start` returns when the door is open; `wait` when it should stop."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = now) -> None:
        self._config, self._clock = config, clock
        self._state = config.node.state_dir.resolve()
        self._over = threading.Event()  # set by the first signal, or by a crash
        self._hurry = threading.Event()  # set by the second signal
        self._crashed = ""
        self._loops: list[Loop] = []
        self.port = 0  #: the TCP port that the door listens on, once it is open

    def signalled(self, *_: object) -> None:
        """Stop in order; asked a second time, give open associations and jobs no more time."""
        if self._over.is_set():
            self._hurry.set()
        self._over.set()

    def start(self) -> bool:
        """
        Lock, schema, what lies in the spool, door, then workers.

        Returns:
            False when a standby was told to stop before its turn came.

        Raises:
            Locked: Another radnode works on this state directory.
            LedgerError: The ledger cannot be opened.
            ConfigError: A file that the configuration names holds mistakes.
            StartFailed: The disk or the port cannot be used.
        """
        try:
            self._trust()
            return self._locks() and self._begin()
        except OSError as error:
            raise StartFailed(
                f"the disk fails us ({error.strerror})",
                at=str(error.filename or self._state),
                do="make state_dir a local folder with space that we can write",
            ) from error

    def _trust(self) -> None:
        """Refuse to start with certificates that cannot work; one that has ended can be replaced while we spool."""
        tls = credentials(self._config)
        if tls is None:
            return
        if wrong := tls_mistakes(tls, self._config.receive.ae_title):
            raise ConfigError(wrong, at="[tls]", do="correct the files or config.toml and start again")
        self._loop("certificates", lambda: _tell_ends(tls), ONE_DAY_S)

    def _begin(self) -> bool:
        self._spool = Spool(self._state / "spool")
        self._spool.clean()
        self._ledger = Ledger.open(self._config.ledger_url, self._clock)
        self._exchange = Exchange(self._config, self._ledger, self._spool, self._clock)
        self._site = site.compose(self._config, installation=site.installation(self._state), root=self._state)
        recorder = Recorder(self._ledger, self._spool, self._clock)
        if self._ledger.needs_rebuild():
            rebuild(self._ledger, self._spool, self._state / "results", self._clock, self._destinations())
        recorder.step()
        recording = self._loop("recorder", recorder.step, 1.0)
        self._open_door(recording.wake)
        self._start_work()
        for loop in self._loops:
            loop.start()
        log.info("node.started", ae_title=self._config.receive.ae_title, port=self.port, state_dir=str(self._state),
                 version=self._site.node_version, count=len(self._config.peers))  # fmt: skip
        if not self._config.peers:
            log.warning("peer.missing", reason="no peers are configured: every association will be rejected")
        return True

    def wait(self) -> int:
        """Block until a signal or a crash; 0 for an orderly stop, 3 after a crash."""
        self._over.wait()
        if self._crashed:
            self._dispatcher_crew.kill_all()
            os._exit(3)  # crash-only: nothing is put in order here, start-up is the only recovery path
        self.stop()
        return 0

    def stop(self) -> None:
        """Refuse new associations, let open ones finish, let jobs use the rest of the grace time, requeue others."""
        grace = timedelta(seconds=self._config.work.stop_grace_s)
        end = self._clock() + grace
        log.info("node.stopping", wait_s=grace.total_seconds())
        self._scp.stop(grace_s=grace.total_seconds(), hurry=self._hurry)
        while self._dispatcher.busy and self._clock() < end and not self._hurry.wait(0.1):
            pass
        for loop in self._loops:
            loop.stop()
        self._dispatcher.stop()
        self._ledger.close()
        self._service_lock.release()
        self._state_lock.release()
        log.info("node.stopped")

    def _locks(self) -> bool:
        """One radnode per state directory, and one at work per ledger: on PostgreSQL a standby waits here."""
        self._state_lock = StateLock(self._state)
        self._state_lock.acquire()
        self._service_lock = ServiceLock(self._config.ledger_url)
        ours = self._service_lock.acquire(
            self._over, waiting=lambda: log.warning("node.waiting", reason="another radnode works on this ledger")
        )
        self._loop("lock", self._hold, 5.0)
        return ours

    def _hold(self) -> None:
        if not self._service_lock.held():
            raise LedgerError(
                "the lock on the ledger was lost", at="ledger", do="a standby may be at work; start again"
            )

    def _crash(self, loop: str) -> None:
        self._crashed = loop
        self._over.set()

    def _loop(self, name: str, step: Callable[[], object], interval_s: float) -> Loop:
        loop = Loop(name, step, interval_s, self._crash)
        self._loops.append(loop)
        return loop

    def _open_door(self, wake: Callable[[], None]) -> None:
        receive = self._config.receive
        door = Door(
            self._spool,
            low_disk_bytes=int(receive.low_disk_gb * GB),
            max_object_bytes=int(receive.largest_object_mb * MB),
            on_received=lambda _: wake(),
        )
        settings = ScpSettings(
            ae_title=receive.ae_title,
            host=receive.host,
            port=receive.port,
            peers=tuple(peers(self._config).values()),
            max_associations=receive.max_associations,
            max_per_peer=receive.max_associations_per_peer,
            idle_timeout_s=receive.idle_timeout_s,
            max_object_bytes=int(receive.largest_object_mb * MB),
            tls=credentials(self._config) if receive.tls else None,
        )
        self._scp = Scp(settings, door.on_store, service=self._exchange.office)
        try:
            self.port = self._scp.start()
        except OSError as error:
            raise StartFailed(
                f"nobody can listen there ({error.strerror})",
                at=f"{receive.host}:{receive.port}",
                do="end what uses the port, or set another one in [receive]; below 1024 it takes a privilege",
            ) from error

    def _start_work(self) -> None:
        from node.work.crew import DaskCrew

        config = self._config
        threads = max(1, (os.cpu_count() or 1) // config.work.workers)
        place = Workplace(
            state_dir=str(self._state),
            model_dirs=tuple(str(d) for d in config.model_dirs),
            threads=threads,
            log_level=config.node.log_level,
        )
        self._dispatcher_crew = DaskCrew(
            place, workers=config.work.workers, memory_gb=config.work.memory_gb, scheduler=config.work.scheduler
        )
        self._dispatcher = Dispatcher(
            self._ledger,
            self._dispatcher_crew,
            self._state / "results",
            self._clock,
            destinations=self._destinations(),
            attempts=config.work.attempts,
            time_limit=timedelta(seconds=config.work.time_limit_s),
            room=lambda: self._spool.free_bytes() > RESULT_BYTES,
        )
        self._dispatcher.recover()
        self._assembler = self._assemble()
        desk = Desk(self._ledger, self._assembler, self._dispatcher)
        self._loop("assembler", self._assembler.step, min(1.0, config.settle.study_quiet_s / 4))

        def work() -> None:  # one thread for both: an operator's cancel must not cross a start
            desk.step()
            self._dispatcher.step()

        self._loop("dispatcher", work, 0.2)
        for name, step, interval_s in self._exchange.steps():
            self._loop(name, step, interval_s)

    def _assemble(self) -> Assembler:
        settle, known = self._config.settle, peers(self._config)
        counting = {p.ae_title: known[name] for name, p in self._config.peers.items() if p.count}

        def count(sender: str, study_uid: str, without: Collection[str]) -> int | None:
            return count_instances(counting[sender], self._config.receive.ae_title, study_uid, without)

        patience = Patience(quiet=timedelta(seconds=settle.study_quiet_s), gap=timedelta(seconds=settle.gap_wait_s))
        pipelines = self._config.resolved()
        return Assembler(self._ledger, pipelines, self._site, patience, self._clock, count, frozenset(counting))

    def _destinations(self) -> dict[str, tuple[str, ...]]:
        return {name: destination.takes for name, destination in self._config.destinations.items()}


def _tell_ends(tls: Credentials) -> None:
    """Warn of certificates that end soon; the files may be in the middle of being renewed."""
    try:
        found = ends(tls)
    except (OSError, ValueError) as error:
        log.warning("certificate.unreadable", error=type(error).__name__)
        return
    for name, end in found.items():
        left, path = end - now(), str(getattr(tls, name))
        if left <= timedelta(0):
            log.error("certificate.ended", path=path, reason="nobody will speak TLS with us")
        elif left <= ENDING:
            log.warning("certificate.ending", path=path, reason=f"it ends in {left.days} days")


def serve(config: Config, announce: Callable[[Path, int], None]) -> int:
    """Run the service until a signal; `announce` is told the state directory and the port once the door is open."""
    node = Node(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, node.signalled)
    if not node.start():
        return 0
    announce(config.node.state_dir, node.port)
    return node.wait()
