"""From queued jobs to recorded results: the only place that records them (design rule 3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from node.domain.order import Order
from node.store import results
from node.store.jobs import JobRow
from node.store.ledger import Ledger
from node.work.task import Crew, Task

log = structlog.get_logger()


class Dispatcher:
    """Gives queued jobs to idle workers, and records what they left."""

    def __init__(
        self,
        ledger: Ledger,
        crew: Crew,
        results_root: Path,
        clock: Callable[[], datetime],
        *,
        destinations: Mapping[str, Collection[str]],
        attempts: int,
        time_limit: timedelta,
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        """`room` tells whether the disk can take a result; without room no attempt is begun."""
        self._ledger, self._crew, self._results = ledger, crew, results_root
        self._clock, self._attempts, self._limit = clock, attempts, time_limit
        self._room = room
        self._known = destinations  # name to the kinds of objects it takes
        self._started: dict[Task, datetime] = {}
        self._over: dict[Task, str] = {}  # ended, not yet written down: the ledger may have no room at the moment

    def recover(self) -> None:
        """At start: a running job whose current attempt left a whole result is recorded; any other is queued again."""
        for job in self._ledger.running():
            task = Task(job.id, job.attempt)
            if not self._record(task):
                self._again(task, "the node was stopped while this attempt ran")

    def step(self) -> None:
        """Record what ended, end what takes too long, start what waits."""
        self._gather()
        for task, since in list(self._started.items()):
            if self._clock() - since > self._limit:
                self.kill(task)
                self._over[task] = f"took longer than {self._limit.total_seconds():g} s"
        self._write_down()
        if (idle := self._crew.idle()) and self._room():  # on a full disk every attempt would be burned for nothing
            for job in self._ledger.queued(limit=idle):
                self._start(job)

    def kill(self, task: Task) -> None:
        """End one attempt without judging it."""
        self._started.pop(task, None)
        self._crew.kill(task)

    def _gather(self) -> None:
        for ended in self._crew.ended():
            self._started.pop(ended.task, None)
            self._over[ended.task] = ended.error or "the worker left no whole result"

    def _write_down(self) -> None:
        for task, reason in list(self._over.items()):
            if not self._record(task):
                self._again(task, reason)
            del self._over[task]

    def cancel(self, job_id: str) -> bool:
        """An operator's wish: the job is over, whatever its worker is doing."""
        done = self._ledger.cancel(job_id)
        for task in [task for task in self._started if task.job_id == job_id]:
            self.kill(task)
        return done

    @property
    def busy(self) -> int:
        """Attempts under way."""
        return len(self._started)

    def stop(self) -> None:
        """End the crew, and requeue what was under way, without counting the attempt; a whole result is recorded."""
        self._gather()
        self._write_down()
        self._crew.close()
        for task in list(self._started):
            del self._started[task]
            if not self._record(task):
                self._ledger.requeue(task.job_id, task.attempt, counted=False, reason="the node was stopped")
                log.info("job.requeued", job_id=task.job_id, attempt=task.attempt)

    def _start(self, job: JobRow) -> None:
        number = self._ledger.start(job.id)
        if number is None:
            return  # cancelled meanwhile
        task = Task(job.id, number)
        self._started[task] = self._clock()
        self._crew.submit(task, job.order_json)
        log.info("job.started", job_id=job.id, study_uid=job.study_uid, pipeline=job.pipeline, attempt=number)

    def _record(self, task: Task) -> bool:
        """Whether the attempt left a whole result; it is recorded once, and never when the attempt has lost."""
        manifest = results.read(self._results / task.job_id / str(task.attempt))
        if manifest is None:
            return False
        job = self._ledger.job(task.job_id)
        if job is None:
            return True
        if self._ledger.finish(task.job_id, task.attempt, manifest, self._destinations(job)):
            log.info(
                "job.finished",
                job_id=task.job_id,
                study_uid=job.study_uid,
                attempt=task.attempt,
                state=manifest.state,
                code=manifest.reason_code,
            )
        return True

    def _destinations(self, job: JobRow) -> dict[str, Collection[str]]:
        send_to = Order.from_json(job.order_json).pipeline.send_to
        return {name: self._known[name] for name in send_to if name in self._known}

    def _again(self, task: Task, reason: str) -> None:
        job = self._ledger.job(task.job_id)
        if job is not None and job.tries >= self._attempts:
            self._ledger.fail(task.job_id, task.attempt, reason)
            log.error("job.failed", job_id=task.job_id, attempt=task.attempt, reason=reason)
        else:
            self._ledger.requeue(task.job_id, task.attempt, counted=True, reason=reason)
            log.warning("job.requeued", job_id=task.job_id, attempt=task.attempt, reason=reason)
