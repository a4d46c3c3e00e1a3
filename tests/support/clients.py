"""DCMTK's clients, as a scanner would use them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.peers import program

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # or every send waits 40 ms: Nagle against delayed ACK


def dcmsend(
    port: int, *paths: Path, calling: str = "SCANNER", called: str = "RADNODE", options: tuple[str, ...] = ()
) -> None:
    """Send files and folders; every instance must be answered Success."""
    command = [program("dcmsend"), "-v", "-aet", calling, "-aec", called, *options, "127.0.0.1", str(port)]
    folders = ["+sd", "+r"] if any(path.is_dir() for path in paths) else []
    done = subprocess.run(
        [*command, *folders, *map(str, paths)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def start_dcmsend(port: int, *paths: Path, calling: str = "SCANNER") -> subprocess.Popen[bytes]:
    """Begin to send, for tests that disturb it."""
    command = [program("dcmsend"), "-aet", calling, "-aec", "RADNODE", "127.0.0.1", str(port), "+sd", "+r"]
    return subprocess.Popen(
        [*command, *map(str, paths)], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def judged(path: Path) -> list[str]:
    """Errors that dciodvfy finds in an object."""
    done = subprocess.run([program("dciodvfy"), str(path)], capture_output=True, text=True, check=False, timeout=120)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
