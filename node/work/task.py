"""The small Protocol by which dispatch talks to whoever does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one job."""

    job_id: str
    attempt: int

    @property
    def key(self) -> str:
        """Name of the task, unique over all attempts."""
        return f"{self.job_id}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that is over. `error` says in words how it failed; "" means that it says it succeeded."""

    task: Task
    error: str = ""


class Crew(Protocol):
    """Some workers, each doing one task at a time."""

    def idle(self) -> int:
        """How many tasks could be taken at this moment."""
        ...

    def submit(self, task: Task, order_json: str) -> None:
        """Give a task to an idle worker."""
        ...

    def ended(self) -> list[Ended]:
        """Tasks that are over since the last call."""
        ...

    def kill(self, task: Task) -> None:
        """End the task by ending its worker, which is replaced."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What every worker process needs to know."""

    state_dir: str
    model_dirs: tuple[str, ...]
    threads: int
    log_level: str = "INFO"
