"""From queued jobs to recorded results, with a crew that the test plays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from node.errors import LedgerError
from node.store import results
from node.store.results import Manifest, ResultFile
from node.work.dispatch import Dispatcher
from node.work.task import Ended, Task
from tests.unit.assemble.test_settle import STACK, Bench


class Played:
    """A crew of one whose work the test does by hand."""

    def __init__(self) -> None:
        self.at_work: dict[Task, str] = {}
        self.over: list[Ended] = []
        self.killed: list[Task] = []

    def idle(self) -> int:
        return 1 - len(self.at_work)

    def submit(self, task: Task, order_json: str) -> None:
        self.at_work[task] = order_json

    def ended(self) -> list[Ended]:
        over, self.over = self.over, []
        return over

    def kill(self, task: Task) -> None:
        self.at_work.pop(task, None)
        self.killed.append(task)

    def close(self) -> None:
        self.at_work.clear()

    def end(self, error: str = "") -> None:
        """The task under way is over."""
        [task] = self.at_work
        del self.at_work[task]
        self.over.append(Ended(task, error))


class Work(Bench):
    """A bench with one queued job, and a dispatcher."""

    room = True

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'ledger.sqlite'}")
        self.root = folder / "results"
        self.receive(*STACK)
        self.after(121)
        self.start()

    def start(self) -> None:
        """As after a start of the node."""
        self.crew = Played()
        self.dispatcher = Dispatcher(
            self.ledger, self.crew, self.root, self.clock, destinations={"pacs": ("seg",)}, attempts=3,
            time_limit=timedelta(minutes=15), room=lambda: self.room,
        )  # fmt: skip

    @property
    def job(self):
        [row] = self.ledger.jobs()
        return row

    def leave(self, attempt: int) -> None:
        """Write a whole result for an attempt, as a worker would."""
        content = {"seg.dcm": b"seg", "order.json": self.job.order_json.encode()}
        file = ResultFile(
            name="seg.dcm", kind="seg", sop_class="1.1", sop_uid="1.2.9", series_uid="1.2.8", series_description="AI",
            sha256=hashlib.sha256(b"seg").hexdigest(),
        )  # fmt: skip
        manifest = Manifest(job_id=self.job.id, attempt=attempt, state="succeeded", document={}, files=(file,))
        results.write(self.root / self.job.id / str(attempt), content, manifest)


@pytest.fixture
def work(tmp_path) -> Iterator[Work]:
    made = Work(tmp_path)
    yield made
    made.ledger.close()


def test_a_whole_result_is_recorded_once(work):
    """The job succeeds; the attempt is not computed again."""
    work.dispatcher.step()
    work.leave(1)
    work.crew.end()
    work.dispatcher.step()
    assert work.job.state == "succeeded"
    work.dispatcher.step()
    assert work.crew.at_work == {}


def test_a_lost_worker_costs_an_attempt_and_the_last_one_fails_the_job(work):
    """Three attempts, then failed with the reason in words."""
    for _ in range(3):
        work.dispatcher.step()
        work.crew.end("the worker process died")
    work.dispatcher.step()
    assert (work.job.state, work.job.attempt, work.job.reason) == ("failed", 3, "the worker process died")


def test_a_worker_that_died_after_its_manifest_has_succeeded(work):
    """What counts is the manifest, not the word of the crew."""
    work.dispatcher.step()
    work.leave(1)
    work.crew.end("the worker process died")
    work.dispatcher.step()
    assert work.job.state == "succeeded"


def test_too_long_a_job_is_ended_and_tried_again(work):
    """The time limit ends the worker's process."""
    work.dispatcher.step()
    work.now += timedelta(minutes=16)
    work.dispatcher.step()
    assert work.crew.killed == [Task(work.job.id, 1)]
    assert work.job.attempt == 2


def test_a_start_records_what_was_finished_and_requeues_what_was_not(work):
    """After SIGKILL: the whole attempt is recorded, the other one tried again."""
    work.dispatcher.step()
    work.start()
    work.dispatcher.recover()
    assert work.job.state == "queued"
    work.dispatcher.step()
    work.leave(2)
    work.start()
    work.dispatcher.recover()
    assert (work.job.state, work.job.attempt) == ("succeeded", 2)


def test_a_result_that_the_ledger_has_no_room_for_is_recorded_when_it_has(work):
    """The disk is full when the attempt ends: nothing is lost, nothing computed again."""
    work.dispatcher.step()
    work.leave(1)
    work.crew.end()
    with work.ledger.writing() as connection:
        connection.execute(text("CREATE TRIGGER full BEFORE UPDATE ON job BEGIN SELECT RAISE(ABORT, 'no room'); END"))
    with pytest.raises(LedgerError):
        work.dispatcher.step()
    with work.ledger.writing() as connection:
        connection.execute(text("DROP TRIGGER full"))
    work.dispatcher.step()
    assert (work.job.state, work.job.attempt) == ("succeeded", 1)


def test_a_stop_requeues_without_counting_the_attempt(work):
    """An orderly stop is nobody's fault."""
    for _ in range(5):
        work.dispatcher.step()
        work.dispatcher.stop()
    assert work.job.state == "queued"


def test_a_cancelled_job_ends_its_worker_and_its_late_result_is_garbage(work):
    """An operator's word stands."""
    work.dispatcher.step()
    assert work.dispatcher.cancel(work.job.id)
    assert work.crew.killed == [Task(work.job.id, 1)]
    work.leave(1)
    work.dispatcher.step()
    assert work.job.state == "cancelled"


def test_a_superseded_attempt_records_nothing(work):
    """Attempt 1 comes back from a partition after attempt 2 was started: it has lost."""
    work.dispatcher.step()
    work.now += timedelta(minutes=16)
    work.dispatcher.step()
    work.leave(1)
    work.crew.over.append(Ended(Task(work.job.id, 1)))
    work.dispatcher.step()
    assert (work.job.state, work.job.attempt) == ("running", 2)


def test_a_full_disk_burns_no_attempt(work):
    """Nothing is begun until there is room for a result."""
    work.room = False
    work.dispatcher.step()
    assert (work.job.state, work.job.attempt) == ("queued", 0)
    work.room = True
    work.dispatcher.step()
    assert (work.job.state, work.job.attempt) == ("running", 1)
