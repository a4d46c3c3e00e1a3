"""A named thread that repeats a step. Crash-only: one that fails unexpectedly ends the process, start-up recovers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class Loop:
    """Repeats `step` until stopped; waits `interval_s` between steps unless woken."""

    def __init__(
        self, name: str, step: Callable[[], object], interval_s: float, on_crash: Callable[[str], None]
    ) -> None:
        self._step, self._interval, self._on_crash = step, interval_s, on_crash
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
                log.critical("loop.ended", loop=self._thread.name, exception=type(error).__name__, error=_where(error))
                self._on_crash(self._thread.name)
                return
            if not self._stopping.is_set():
                self._wake.wait(self._interval)


def _where(error: BaseException) -> str:
    """File and line where an error arose; its text is left out because it may hold values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown place"
