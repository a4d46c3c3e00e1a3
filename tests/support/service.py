"""`radnode serve` in a process of its own, on a free port, with a configuration made for a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from node.store.ledger import Ledger
from tests.support.peers import free_port, until


class Service:
    """One node: its configuration, its process, its state on disk."""

    def __init__(
        self,
        folder: Path,
        *,
        pacs_port: int | None = None,
        pacs: str = "",
        receive: str = "",
        sections: str = "",
        pipeline: str = "",
        pipelines: str = "",
        send: tuple[str, ...] = ("seg", "sr"),
        quiet_s: float = 1.0,
        count: bool = False,
    ) -> None:
        """
        `sections` is added to config.toml as it is, `pipeline` inside the lung pipeline's table, `receive` and `pacs`
        inside the tables of the door and of the PACS; `count` asks the PACS for the number of instances of a study.
        `pipelines` stand in the place of the lung pipeline; `send` is what the PACS gets.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.state = folder, free_port(), folder / "state"
        self.config = folder / "config.toml"
        destination = (
            f'[peers.pacs]\nae_title = "ORTHANC"\nhost = "127.0.0.1"\nport = {pacs_port}\n'
            f"count = {json.dumps(count)}\n{pacs}\n"
            f'[destinations.pacs]\npeer = "pacs"\nsend = {json.dumps(send)}\n'
            if pacs_port
            else ""
        )
        lung = (
            f'[[pipelines]]\nname = "lung"\norgan = "lung"\nmodels = ["lung-egfr"]\nmax_study_age_days = 36500\n'
            f'finding_site = ["39607008", "SCT", "Lung"]\n'
            f"send_to = {json.dumps(['pacs'] if pacs_port else [])}\n{pipeline}\n"
            '[pipelines.series.ct]\nmodality = "CT"\n'
            '[pipelines.lesion]\nfrom = ["rtstruct", "seg", "seed", "model:lung-lesion"]\n'
        )
        self.config.write_text(
            f'[node]\nstate_dir = "state"\nlog_level = "DEBUG"\n'
            f'[receive]\nae_title = "RADNODE"\nhost = "127.0.0.1"\nport = {self.port}\nlow_disk_gb = 0.05\n{receive}\n'
            f"[settle]\nstudy_quiet_s = {quiet_s}\ngap_wait_s = 1\n[work]\nworkers = 1\nstop_grace_s = 5\n"
            f'[peers.scanner]\nae_title = "SCANNER"\n{destination}{sections}\n{pipelines or lung}'
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Service:
        """Start it and wait until the door answers."""
        log = (self.folder / "node.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "node", "serve", "--config", str(self.config)],
            stdout=log, stderr=log, start_new_session=True, env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )  # fmt: skip
        marker = b"node.started"
        before = self.log_bytes().count(marker)
        until(
            lambda: self.log_bytes().count(marker) > before or self.process.poll() is not None,
            within_s=180,
            what="radnode",
        )
        assert self.process.poll() is None, self.log_bytes().decode()[-3000:]
        return self

    def stop(self) -> int:
        """SIGTERM, and wait."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL the serving process alone; its workers must end by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def workers(self) -> list[int]:
        """Process ids of everything below the serving process."""
        assert self.process is not None
        return descendants(self.process.pid)

    def log_bytes(self) -> bytes:
        """All that it logged."""
        path = self.folder / "node.log"
        return path.read_bytes() if path.exists() else b""

    def ledger(self) -> Ledger:
        """The service's ledger, read beside it."""
        from datetime import UTC, datetime

        return Ledger.open(f"sqlite:///{self.state / 'ledger.sqlite'}", lambda: datetime.now(UTC))

    def jobs(self) -> list[Any]:
        """All jobs of the ledger."""
        ledger = self.ledger()
        try:
            return list(ledger.jobs())
        finally:
            ledger.close()

    def __enter__(self) -> Service:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


def descendants(pid: int) -> list[int]:
    """Process ids of all children and their children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found
