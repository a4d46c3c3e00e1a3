"""Two radnodes do not work on one state directory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from node.errors import Locked
from node.store.lock import ServiceLock, StateLock


def test_a_second_radnode_is_told_who_works_here(tmp_path):
    """
    The lock names the process that holds it, and is free once that one lets go.
    """
    with StateLock(tmp_path / "state"), pytest.raises(Locked, match=f"process {os.getpid()}"):
        StateLock(tmp_path / "state").acquire()

    with StateLock(tmp_path / "state") as again:
        assert again is not None


def test_a_killed_radnode_holds_no_lock(tmp_path):
    """
    The kernel releases the lock of a process that was killed.
    """
    script = (
        "import os, signal\nfrom pathlib import Path\nfrom node.store.lock import StateLock\n"
        f"StateLock(Path({str(tmp_path)!r})).acquire()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False)
    with StateLock(tmp_path):
        pass

    assert done.returncode == -9
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_state_directory_that_cannot_be_made_is_said_so(tmp_path):
    """
    A file where the state directory should be is a clear message.
    """
    (tmp_path / "state").write_text("")

    with pytest.raises(Locked, match="cannot be opened"):
        StateLock(tmp_path / "state").acquire()


def test_on_sqlite_there_is_no_standby():
    """
    The state directory's lock is enough.
    """
    lock = ServiceLock("sqlite:////nowhere/ledger.sqlite")

    assert lock.acquire(threading.Event())
    assert lock.held()
    lock.release()
