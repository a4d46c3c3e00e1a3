"""
Receive speed as a ratio to DCMTK `storescp --fork`, both measured in one run, alternating, on tmpfs where there is one.

    python -m tests.benchmarks.bench_receive [rounds]

300 CT slices of 512 x 512 (Explicit VR Little Endian) over one association of DCMTK `storescu`. Our side syncs each
file and folder before it answers (a formality on tmpfs); storescp never does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.support.peers import free_port, program, until
from tests.support.series import image_series, save

SLICES = 300
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}

SERVE = """
import sys, time
from pathlib import Path
from node import logs
from node.network.scp import Peer, Scp, ScpSettings
from node.receive.door import Door
from node.store.spool import Spool
logs.configure("WARNING")
door = Door(Spool(Path(sys.argv[1])), low_disk_bytes=0, max_object_bytes=1 << 30, on_received=lambda one: None)
peers = (Peer(name="bench", ae_title="STORESCU"),)
Scp(ScpSettings(ae_title="RADNODE", port=int(sys.argv[2]), peers=peers), door.on_store).start()
time.sleep(3600)
"""


@contextmanager
def server(command: list[str], port: int) -> Iterator[None]:
    """A server process, from the moment it answers a C-ECHO to the end of the block."""
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    echo = [program("echoscu"), "-aet", "STORESCU", "-aec", "RADNODE", "127.0.0.1", str(port)]
    try:
        until(lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0, what="the server")
        yield
    finally:
        process.terminate()
        process.wait()


def send_all(folder: Path, port: int) -> float:
    """Seconds that storescu needs for the folder over one association."""
    command = [program("storescu"), "-aec", "RADNODE", "+sd", "127.0.0.1", str(port), str(folder)]
    start = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - start


def ours(folder: Path, work: Path) -> float:
    """One round against the node's door."""
    port = free_port()
    with server([sys.executable, "-c", SERVE, str(work / "spool"), str(port)], port):
        seconds = send_all(folder, port)
        assert len(list((work / "spool" / "new").iterdir())) == SLICES
    return seconds


def dcmtk(folder: Path, work: Path) -> float:
    """One round against storescp, which writes the data set as it came (+B) and forks for each association."""
    port = free_port()
    kept = work / "dcmtk"
    kept.mkdir()
    with server([program("storescp"), "--fork", "+B", "-aet", "RADNODE", "-od", str(kept), str(port)], port):
        seconds = send_all(folder, port)
        assert len(list(kept.iterdir())) == SLICES
    return seconds


def stock(folder: Path, work: Path) -> float:
    """One round against pynetdicom's own storescp: what the node would be without `node.network.wire`."""
    port = free_port()
    kept = work / "stock"
    command = [sys.executable, "-m", "pynetdicom", "storescp", "-q", "-od", str(kept), str(port)]
    with server(command, port):
        seconds = send_all(folder, port)
        assert len(list(kept.iterdir())) == SLICES
    return seconds


def main(rounds: int = 5) -> None:
    """Print medians and their ratio."""
    root = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(dir=root) as name:
        base = Path(name)
        voxels = np.random.default_rng(1).integers(-1000, 1000, size=(SLICES, 512, 512), dtype=np.int16)
        save(image_series(voxels), base / "study")
        servers = {"radnode": ours, "storescp --fork": dcmtk, "pynetdicom": stock}
        times: dict[str, list[float]] = {who: [] for who in servers}
        for number in range(rounds):
            for who, measure in servers.items():
                with tempfile.TemporaryDirectory(dir=base, prefix=f"{number}-") as work:
                    times[who].append(measure(base / "study", Path(work)))
    medians = {who: SLICES / statistics.median(seconds) for who, seconds in times.items()}
    for who, speed in medians.items():
        print(f"{who:16} {speed:6.0f} instances/s")
    for who in ("storescp --fork", "pynetdicom"):
        print(f"radnode is {medians['radnode'] / medians[who]:.2f} x {who}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
