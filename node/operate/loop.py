"""
A named thread that repeats a step. Crash-only: one that fails unexpectedly ends the process, start-up recovers.

A full disk is expected: the loop waits for space, so that the door goes on telling senders so (0xA700). Every step does
nothing by halves, so the next one simply takes up what this one left.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import structlog

from node.errors import LedgerFull, NodeError

log = structlog.get_logger()


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
PAUSE_S = 10.0
"""How long a loop waits for space on a full disk."""


class Loop:
    """Repeats `step` until stopped; waits `interval_s` between steps unless woken."""

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        interval_s: float,
        on_crash: Callable[[str], None],
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._step, self._interval, self._on_crash = step, interval_s, on_crash
        self._pause = pause_s
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to repeat."""
        self._thread.start()

    def wake(self) -> None:
        """Do the next step now."""
        self._wake.set()

    def stop(self, timeout_s: float = 30) -> None:
        """Let the step under way finish, then end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - the one place where a loop's bug becomes a clear end
                if not no_space(error):
                    self._end(error)
                    return
                log.error("loop.paused", loop=self._thread.name, reason="the disk is full", wait_s=self._pause)
                self._stopping.wait(self._pause)  # whatever arrives meanwhile: there is no room for it
                continue
            if not self._stopping.is_set():
                self._wake.wait(self._interval)

    def _end(self, error: Exception) -> None:
        words = str(error) if isinstance(error, NodeError) else getattr(error, "strerror", None) or ""
        log.critical(
            "loop.ended", loop=self._thread.name, exception=type(error).__name__, reason=words, at=_where(error)
        )
        self._on_crash(self._thread.name)


def no_space(error: Exception) -> bool:
    """Whether something failed only because a disk is full."""
    return isinstance(error, LedgerFull) or (isinstance(error, OSError) and error.errno in NO_SPACE)


def _where(error: BaseException) -> str:
    """File and line where an error arose; its text is left out because it may hold values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown place"
