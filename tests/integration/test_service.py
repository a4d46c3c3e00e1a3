"""The service as its operator meets it: signals, a port that is taken, a worker that hangs, a disk that is full."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.demo.patient import chest_ct
from tests.support.clients import dcmsend
from tests.support.peers import program, until
from tests.support.service import Service

GB = 10**9


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A folder with a synthetic chest CT."""
    folder = tmp_path_factory.mktemp("ct")
    chest_ct(folder, seed=3)
    return folder


def serve(node: Service) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected to end by itself."""
    command = [sys.executable, "-m", "node", "serve", "--config", str(node.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def edit(node: Service, old: str, new: str) -> Service:
    """Change one line of its configuration."""
    text = node.config.read_text()
    assert old in text
    node.config.write_text(text.replace(old, new))
    return node


def workers(node: Service) -> list[int]:
    """The worker processes, without Python's resource tracker."""
    return [pid for pid in node.workers() if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def gone(pids: list[int]) -> bool:
    """Whether all have ended (a zombie has)."""
    alive = [Path(f"/proc/{pid}/stat") for pid in pids if Path(f"/proc/{pid}/stat").exists()]
    return all(stat.read_text().rpartition(")")[2].split()[0] == "Z" for stat in alive)


def test_a_port_that_is_taken_is_told_in_words(tmp_path):
    """Where, what, and what to do; no traceback."""
    node = Service(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", node.port))
        other.listen()
        done = serve(node)
    assert done.returncode == 1
    assert f"127.0.0.1:{node.port}: nobody can listen there (Address already in use)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_folder_that_cannot_be_made_is_told_in_words(tmp_path):
    """A mistake of the configuration: starting again will not help, so status 2."""
    (tmp_path / "file").write_text("no folder")
    done = serve(edit(Service(tmp_path), 'state_dir = "state"', 'state_dir = "file/state"'))
    assert done.returncode == 2
    assert "state_dir" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_ledger_is_told_in_words(tmp_path):
    """Nothing is overwritten."""
    node = Service(tmp_path)
    node.state.mkdir()
    (node.state / "ledger.sqlite").write_bytes(b"no database" * 1000)
    done = serve(node)
    assert done.returncode == 1
    assert "file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_that_cannot_start_end_the_service_with_the_reason(tmp_path):
    """A library that does not load is named."""
    broken = tmp_path / "broken" / "radiomics"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("libfoo.so.1: cannot open shared object file")')
    node = Service(tmp_path / "node")
    command = [sys.executable, "-m", "node", "serve", "--config", str(node.config)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False,
        env={**os.environ, "PYTHONPATH": str(broken.parent)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "worker process: ImportError: libfoo.so.1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_process_group_ends_it_in_order(number, tmp_path):
    """A terminal's Ctrl-C and some supervisors signal the workers as well: they leave it to the service."""
    with Service(tmp_path) as node:
        pids = node.workers()
        start = time.monotonic()
        os.killpg(node.process.pid, number)
        assert node.process.wait(30) == 0
        assert time.monotonic() - start < 10
        assert b"node.stopped" in node.log_bytes()
        until(lambda: gone(pids), what="the end of the workers")


def test_the_second_signal_ends_the_grace_time_and_the_workers_end_with_the_service(study, tmp_path):
    """A job under way is queued again without counting; nothing is left behind."""
    node = edit(Service(tmp_path), "stop_grace_s = 5", "stop_grace_s = 60")
    with node:
        dcmsend(node.port, study)
        until(lambda: b"job.started" in node.log_bytes(), within_s=60, what="the job")
        os.kill(workers(node)[0], signal.SIGSTOP)  # it will not finish by itself
        pids = node.workers()
        node.process.send_signal(signal.SIGTERM)
        until(lambda: b"node.stopping" in node.log_bytes(), what="the stop")
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(30) == 0
        until(lambda: gone(pids), what="the end of the workers")
    [job] = node.jobs()
    assert (job.state, job.attempt, job.tries) == ("queued", 1, 0)


@pytest.mark.slow
def test_a_job_that_hangs_is_ended_and_costs_the_next_attempt_nothing(study, tmp_path):
    """The attempt after a time limit must not be given to the worker that is being killed."""
    node = edit(Service(tmp_path), "workers = 1", "workers = 1\ntime_limit_s = 40\nattempts = 2")
    with node:
        dcmsend(node.port, study)
        until(lambda: b"job.started" in node.log_bytes(), within_s=60, what="the job")
        os.kill(workers(node)[0], signal.SIGSTOP)
        until(lambda: b"job.finished" in node.log_bytes(), within_s=150, what="the second attempt")
        [job] = node.jobs()
    assert (job.state, job.attempt) == ("succeeded", 2)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 120 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system takes a privilege")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_to_the_sender_and_waited_out(study, small_disk, tmp_path):
    """0xA700 while it is full, the service lives, and the job runs through once there is space."""
    node = edit(Service(tmp_path), 'state_dir = "state"', f'state_dir = "{small_disk / "state"}"')
    node.state = small_disk / "state"
    edit(node, "low_disk_gb = 0.05", "low_disk_gb = 0")
    with node:
        free = shutil.disk_usage(small_disk).free
        (small_disk / "hog").write_bytes(bytes(free - 2_000_000))
        command = [program("dcmsend"), "-v", "-aet", "SCANNER", "-aec", "RADNODE", "127.0.0.1", str(node.port)]
        told = subprocess.run([*command, "+sd", str(study)], capture_output=True, text=True, check=False, timeout=120)
        assert "REFUSED" in told.stdout + told.stderr
        until(lambda: b"loop.paused" in node.log_bytes(), within_s=30, what="a loop that waits for space")
        assert node.process.poll() is None
        (small_disk / "hog").unlink()
        dcmsend(node.port, study)
        until(lambda: b"job.finished" in node.log_bytes(), within_s=120, what="the job")
        assert node.stop() == 0
