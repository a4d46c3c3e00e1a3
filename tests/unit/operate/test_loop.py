"""A loop's bug ends the process with a clear line; a full disk is waited out."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from node.errors import LedgerError, LedgerFull
from node.operate.loop import Loop, no_space


def run(step: Callable[[], object]) -> tuple[list[str], list[dict[str, object]]]:
    """Run a loop until it crashes: who was told, and what was logged."""
    crashed, told = threading.Event(), []

    def on_crash(name: str) -> None:
        told.append(name)
        crashed.set()

    with capture_logs() as lines:
        Loop("recorder", step, 0.01, on_crash, pause_s=0.01).start()
        assert crashed.wait(10)
    return told, [dict(line) for line in lines]


def test_a_crash_names_the_loop_and_the_place_and_not_the_values():
    """The text of a foreign error may hold anything a sender wrote."""

    def step() -> None:
        raise ValueError("Mueller^Karl")

    told, [line] = run(step)
    assert told == ["recorder"]
    assert (line["event"], line["exception"]) == ("loop.ended", "ValueError")
    assert "test_loop.py" in str(line["at"])
    assert "Mueller" not in str(line)


def test_our_own_errors_are_told_in_full():
    """They say where, what was found and what to do: that is what the person on call needs."""

    def step() -> None:
        raise LedgerError("the lock was lost", at="ledger", do="start again")

    _, [line] = run(step)
    assert line["reason"] == "ledger: the lock was lost; start again"


def test_a_full_disk_pauses_the_loop_and_ends_nothing():
    """The steps go on as soon as there is space."""
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        raise LedgerError("done", at="test", do="nothing")

    _, lines = run(step)
    assert [line["event"] for line in lines] == ["loop.paused", "loop.ended"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LedgerFull("full", at="ledger", do="free space"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (LedgerError("broken", at="ledger", do="repair"), False),
    ],
)
def test_only_want_of_space_is_waited_out(error, expected):
    """A broken disk or database is not."""
    assert no_space(error) is expected
