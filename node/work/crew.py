"""Dask's only home: worker processes on this machine, or behind a scheduler's address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Nanny, Status, WorkerPlugin
from distributed.security import Security

from node import logs
from node.errors import NodeError, StartFailed
from node.work.task import Ended, Task, Workplace

_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # attempts are counted in the ledger
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # a paused worker would never take work again
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.daemon": True,
    "distributed.admin.tick.limit": "30s",
    "distributed.scheduler.http.routes": [],  # its pages are nobody's business, on loopback neither
    "distributed.worker.http.routes": [],
}

GONE_S = 15
"""How long a killed worker may take to vanish from the scheduler's list."""

ALONE_S = 120
"""How long a local crew may be without any worker; a replaced one is there after seconds."""


def attempt(order_json: str, number: int, workplace: Workplace) -> None:
    """Runs in the worker process; the import stays inside, so that a serving process holds no image library."""
    from node.work import worker

    worker.execute(order_json, number, workplace)


class Readiness(WorkerPlugin):  # type: ignore[misc]  # distributed is untyped
    """Makes a new worker process polite and warm before it takes work."""

    name = "radnode-readiness"

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Ignore the terminal's signals (the serving process decides), yield to the door, import what costs time."""
        with contextlib.suppress(ValueError):  # only a main thread may set handlers
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.nice(10)
        try:
            from node.work import worker as ours

            ours.warm_up(self._workplace)
        except (ImportError, OSError) as error:
            raise StartFailed(
                f"{type(error).__name__}: {error}", at="worker process", do="install radnode and its libraries anew"
            ) from error


class DaskCrew:
    """Fulfils `node.work.task.Crew`: submits only to idle workers, one task each."""

    def __init__(self, workplace: Workplace, *, workers: int, memory_gb: float, scheduler: str | None = None) -> None:
        dask.config.set(_SETTINGS)
        logs.quieten()
        self._workplace = workplace
        self._futures: dict[str, tuple[Task, Future]] = {}
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        try:
            self._cluster = None if scheduler else _local(workplace, workers, memory_gb)
            self._client = Client(self._cluster or scheduler, set_as_default=False)
            self._client.register_plugin(Readiness(workplace))
        except (OSError, RuntimeError, TimeoutError) as error:
            raise StartFailed(
                f"no worker process could be started ({type(error).__name__})",
                at=scheduler or "workers",
                do="see the lines before; is the scheduler there, is memory_gb enough?",
            ) from error
        self._last_seen = time.monotonic()

    def idle(self) -> int:
        """
        Workers that are there, less the tasks that are under way.

        Raises:
            StartFailed: The local workers died and none comes back.
        """
        present = self._present()
        if present or self._cluster is None:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > ALONE_S:
            raise StartFailed(
                f"there has been no worker process for {ALONE_S} s", at="workers", do="start again and see why"
            )
        return max(0, len(present) - len(self._futures))

    def submit(self, task: Task, order_json: str) -> None:
        """Submit under a key that no other attempt has."""
        future = self._client.submit(attempt, order_json, task.attempt, self._workplace, key=task.key, pure=False)
        self._futures[task.key] = (task, future)
        future.add_done_callback(lambda done: self._ended.put(Ended(task, _error(done))))

    def ended(self) -> list[Ended]:
        """Tasks that are over since the last call, without those that were killed."""
        over = []
        with contextlib.suppress(Empty):
            while True:
                one = self._ended.get_nowait()
                if self._futures.pop(one.task.key, None):
                    over.append(one)
        return over

    def kill(self, task: Task) -> None:
        """
        Dask cannot end a running task, so its process is ended; the nanny starts another one.

        Returns when the scheduler knows: the next task must not be given to the dying worker and die with it.
        """
        entry = self._futures.pop(task.key, None)
        if entry is None:
            return
        held = self._client.processing()
        for address in [address for address, keys in held.items() if task.key in keys]:
            if self._cluster is None:
                self._client.restart_workers([address], timeout=30)
            else:
                self._end(address)
        entry[1].release()

    def pids(self) -> list[int]:
        """Process ids of the local workers."""
        return [pid for nanny in self._nannies() if (pid := _pid(nanny))]

    def kill_all(self) -> None:
        """SIGKILL to the local workers, and nothing else: for a process that ends in this very moment."""
        for nanny in self._nannies():
            nanny.status = Status.closing_gracefully  # it must not replace the worker that is ended here
        for pid in self.pids():
            _kill(pid)

    def close(self) -> None:
        """End our workers at once: what they were doing is requeued. A scheduler of others gets its workers back."""
        if self._cluster is None:
            for task, _ in list(self._futures.values()):
                self.kill(task)
        self.kill_all()
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError, OSError, RuntimeError):
            self._client.close(timeout=2)
        if self._cluster is not None:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError, OSError, RuntimeError):
                self._cluster.close(timeout=5)

    def _present(self) -> set[str]:
        """Addresses of the workers that the scheduler knows at this moment."""
        if self._client.status != "running":
            return set()  # what the client remembers then is old
        return set(self._client.scheduler_info(n_workers=-1).get("workers", {}))

    def _end(self, address: str) -> None:
        for pid in [_pid(nanny) for nanny in self._nannies() if nanny.worker_address == address]:
            if pid:
                _kill(pid)
        end = time.monotonic() + GONE_S
        while address in self._present() and time.monotonic() < end:
            time.sleep(0.05)

    def _nannies(self) -> list[Nanny]:
        return list(self._cluster.workers.values()) if self._cluster else []


def _pid(nanny: Nanny) -> int | None:
    pid: int | None = nanny.process.pid if nanny.process is not None else None
    return pid


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _local(workplace: Workplace, workers: int, memory_gb: float) -> LocalCluster:
    """A cluster that only this process can talk to: loopback, TLS with throw-away certificates, no dashboard."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tls",
        security=Security.temporary(),
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # None alone means port 8787, which may be another's
        memory_limit=int(memory_gb * 1e9),
        local_directory=str(Path(workplace.state_dir) / "dask"),
        silence_logs=logging.ERROR,
        env={name: str(workplace.threads) for name in _THREADS},
    )


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def _error(future: Future) -> str:
    """How a task failed, in words; "" when it did not. Of a foreign error only the name: its text may hold values."""
    if future.status == "finished":
        return ""
    if future.status == "cancelled":
        return "the worker was lost"
    error = future.exception()
    if isinstance(error, KilledWorker):
        return "the worker process died (out of memory, or killed)"
    if isinstance(error, NodeError):
        return str(error)
    words = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{words} in the worker, at {_where(future.traceback())}"


def _where(trace: TracebackType | None) -> str:
    """File and line where an error arose."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
