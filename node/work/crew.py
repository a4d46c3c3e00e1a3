"""Dask's only home: worker processes on this machine, or behind a scheduler's address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, WorkerPlugin
from distributed.security import Security

from node import logs
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
}


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
        os.nice(10)
        from node.work import worker as ours

        ours.warm_up(self._workplace)


class DaskCrew:
    """Fulfils `node.work.task.Crew`: submits only to idle workers, one task each."""

    def __init__(self, workplace: Workplace, *, workers: int, memory_gb: float, scheduler: str | None = None) -> None:
        dask.config.set(_SETTINGS)
        logs.quieten()
        self._workplace = workplace
        self._futures: dict[str, tuple[Task, Future]] = {}
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._cluster = None if scheduler else _local(workplace, workers, memory_gb)
        self._client = Client(self._cluster or scheduler, set_as_default=False)
        self._client.register_plugin(Readiness(workplace))

    def idle(self) -> int:
        """Workers that are there, less the tasks that are under way."""
        workers = self._client.scheduler_info(n_workers=-1).get("workers", {})
        return max(0, len(workers) - len(self._futures))

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
        """Dask cannot end a running task, so its process is ended; the nanny starts another one."""
        entry = self._futures.pop(task.key, None)
        if entry is None:
            return
        held = self._client.processing()
        for address in [address for address, keys in held.items() if task.key in keys]:
            if pid := self._pid(address):
                os.kill(pid, signal.SIGKILL)
            elif self._cluster is None:
                self._client.restart_workers([address], timeout=30)
        entry[1].release()

    def pids(self) -> list[int]:
        """Process ids of the local workers."""
        nannies = self._cluster.workers.values() if self._cluster else ()
        return [nanny.process.pid for nanny in nannies if nanny.process is not None and nanny.process.pid]

    def close(self) -> None:
        """End our workers at once: what they were doing is requeued. A scheduler of others keeps its workers."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError, OSError, RuntimeError):
            self._client.close(timeout=2)
        if self._cluster is not None:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError, OSError, RuntimeError):
                self._cluster.close(timeout=5)

    def _pid(self, address: str) -> int | None:
        nannies = self._cluster.workers.values() if self._cluster else ()
        for nanny in nannies:
            if nanny.worker_address == address and nanny.process is not None:
                pid: int | None = nanny.process.pid
                return pid
        return None


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
    from node.errors import NodeError

    return str(error) if isinstance(error, NodeError) else f"{type(error).__name__} in the worker; see its log"
