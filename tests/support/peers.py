"""Where the real programs are. In CI a missing one is a failure, elsewhere a skip that says so."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SYSTEM = "/usr/bin:/usr/local/bin:/usr/sbin"  # pynetdicom installs tools of the same names in the virtual environment


def program(name: str) -> str:
    """Full path of a peer program, e.g. `storescu`."""
    path = shutil.which(name, path=SYSTEM) or ""
    if not path:
        missing(f"{name} is not installed: run ../shared/tools/install-peers")
    return path


def tool(name: str) -> Path:
    """Full path of a script in shared/tools."""
    path = Path(os.environ.get("RADNODE_TOOLS", Path(__file__).parents[3] / "shared" / "tools")) / name
    if not path.exists():
        missing(f"{path} is absent")
    return path


def missing(why: str) -> None:
    """Fail in CI, skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], *, within_s: float = 30, what: str = "the condition") -> object:
    """Wait for a condition to become true and return its value; fail after `within_s`."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"{what} did not come true within {within_s} s")
