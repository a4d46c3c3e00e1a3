"""`make demo`: the whole line on one machine, over real sockets, with a synthetic patient."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.uid import EncapsulatedPDFStorage

from node.demo.archive import Archive
from node.demo.patient import chest_ct
from node.dicom.header import read_header
from node.network.scp import Peer
from node.network.scu import send
from node.store.results import read

RESULTS = 4  #: Segmentation, report, key-slice report and report page
PATIENCE_S = 120


def show(keep: Path | None = None) -> int:
    """
    Play the line and print what happens; 0 only when every result came back over the network.

    Args:
        keep: Folder to work in; a temporary one, which stays as well, when None.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the node and the archive end with us
    began = time.monotonic()
    home = keep or Path(tempfile.mkdtemp(prefix="radnode-demo-"))
    home.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)

    with Archive("PACS", home / "pacs") as pacs:
        say(f"An archive plays the PACS: {pacs.ae_title} on port {pacs.port}.")
        port = _configure(home, pacs.port)
        with _node(home) as alive:
            say("radnode starts: SQLite ledger, one local worker, the shipped models.")
            study = chest_ct(home / "scanner", run=str(int(time.time())))
            say(f"A synthetic chest CT with a tumour was made: {len(study.paths)} slices.")
            _await(lambda: _listens(home), alive, "the node to open its door")
            peer = Peer(name="radnode", ae_title="RADNODE", host="127.0.0.1", port=port, may_send=True)
            sent = send(study.paths, peer, "SCANNER")
            if refused := [each for each in sent if each.status != 0]:
                sys.exit(
                    f"{len(refused)} instances were not taken, the first one: {refused[0].detail or refused[0].status}"
                )
            say(f"Sent by C-STORE: {len(sent)} instances, each answered Success when it was durable.")
            steps = _Steps(home, say)
            _await(
                lambda: steps.told() and len({r.sop_uid for r in pacs.stores}) >= RESULTS,
                alive,
                "SEG, SRs and the report page to come back",
            )
            for result in pacs.stores:
                say(f"Back in the PACS: {read_header(result.path).SeriesDescription}  {result.path}")
            page = _unpacked([result.path for result in pacs.stores], home / "report.pdf")
    manifest = next(filter(None, map(read, (home / "state" / "results").glob("*/*"))))
    print("\n" + manifest.report)
    print(f"The report page, taken out of its DICOM object: {page}")
    print(f"Everything is in {home}: config.toml, state (spool, ledger, results), pacs. Look at it with")
    print(f"  radnode jobs list --config {home / 'config.toml'}")
    print("Next: README, 'Configuration', to let your PACS send to radnode.")
    return 0


def _unpacked(results: Sequence[Path], target: Path) -> Path:
    """Write the PDF among the results as a plain file."""
    for ds in map(pydicom.dcmread, results):
        if ds.SOPClassUID == EncapsulatedPDFStorage:
            target.write_bytes(ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength])
    return target


def _configure(home: Path, pacs_port: int) -> int:
    """Write the demo's config.toml; returns the port that the node will listen on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (home / "config.toml").write_text(
        f"""# The demo's configuration: the shipped one, with the lesion search turned on and peers on this machine.
[node]
state_dir = "state"
[receive]
ae_title = "RADNODE"
host = "127.0.0.1"
port = {port}
low_disk_gb = 0.1
[settle]
study_quiet_s = 1
[work]
stop_grace_s = 2
[peers.scanner]
ae_title = "SCANNER"
[peers.pacs]
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs_port}
[destinations.pacs]
peer = "pacs"
send = ["seg", "sr", "key-sr", "pdf"]
[[pipelines]]
name = "lung"
models = ["lung-egfr"]
organ = "lung"
finding_site = ["39607008", "SCT", "Lung"]
send_to = ["pacs"]
[pipelines.series.ct]
modality = "CT"
[pipelines.lesion]
from = ["rtstruct", "seg", "seed", "model:lung-lesion"]
""",
        encoding="utf-8",
    )
    return port


@contextmanager
def _node(home: Path) -> Iterator[Callable[[], bool]]:
    """The service in a process of its own; yields whether it is still alive."""
    with (home / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "node", "serve", "--config", str(home / "config.toml")],
            stdout=log,
            stderr=log,
            env={**os.environ},
        )
        try:
            yield lambda: process.poll() is None
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _listens(home: Path) -> bool:
    return b"node.started" in (home / "node.log").read_bytes()


class _Steps:
    """Tells each step of the job once, as the node's log tells it."""

    SEEN = (
        (b"job.queued", "The study is quiet: a work order was written."),
        (b"job.started", "A worker has taken it: load, segment, measure, judge, predict, encode."),
        (b"job.finished", "The result is recorded; SEG, then SR, are on their way."),
    )

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self._log, self._say, self._told = home / "node.log", say, 0

    def told(self) -> bool:
        """Tell what is new; whether all has been told."""
        text = self._log.read_bytes()
        while self._told < len(self.SEEN) and self.SEEN[self._told][0] in text:
            self._say(self.SEEN[self._told][1])
            self._told += 1
        return self._told == len(self.SEEN)


def _await(condition: Callable[[], object], alive: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if not alive():
            sys.exit("The node ended unexpectedly; its log is in node.log.")
        if time.monotonic() > end:
            sys.exit(f"Waited {PATIENCE_S} s in vain for {what}; the node's log is in node.log.")
        time.sleep(0.1)
