"""SIGKILL at any moment: nothing that was answered Success is lost, nothing is recorded twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from node.deliver.cstore import deliver
from node.deliver.outbox import Destination, Outbox
from node.network.scp import Peer
from node.receive.record import Recorder
from node.store import results
from node.store.ledger import Ledger
from node.store.spool import Meta, Spool
from tests.support.ledgers import Clock, a_result, an_order
from tests.support.peers import free_port, program, until
from tests.support.series import image_series, save

RECORD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from node.receive.record import Recorder
from node.store.ledger import Ledger
from node.store.spool import Spool
state = Path(sys.argv[1])
clock = lambda: datetime.now(UTC)
ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", clock)
recorder = Recorder(ledger, Spool(state / "spool"), clock)
print("ready", flush=True)
while True:
    recorder.step()
"""


def keep(spool: Spool, path: Path) -> None:
    """What the door does with one object."""
    data, syntax = path.read_bytes(), "1.2.840.10008.1.2.1"
    start = 144 + int.from_bytes(data[140:144], "little")
    sop_uid = path.stem
    spool.keep(data[start:], Meta(sop_class="1.2.840.10008.5.1.4.1.1.2", sop_uid=sop_uid, transfer_syntax=syntax))


def test_a_recorder_killed_again_and_again_loses_and_doubles_nothing(tmp_path):
    """
    Files keep coming while the recorder is killed at random moments; in the end each is known once and kept once.
    """
    series = image_series(np.zeros((120, 8, 8), np.int16), study_uid="1.2.826.1")
    sources = [
        path.rename(path.with_name(f"{ds.SOPInstanceUID}.dcm"))
        for ds, path in zip(series, save(series, tmp_path / "in"), strict=True)
    ]
    state, chance = tmp_path / "state", random.Random(7)
    spool = Spool(state / "spool")
    rest = list(sources)
    while rest:
        process = subprocess.Popen(
            [sys.executable, "-c", RECORD, str(state)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            for path in rest[:40]:
                keep(spool, path)
            time.sleep(chance.uniform(0, 0.15))  # the random moment is the point
            process.kill()
        rest = rest[40:]
    clock = Clock(datetime.now(UTC))
    ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", clock)
    Recorder(ledger, spool, clock).step()
    stored = ledger.study("1.2.826.1")
    kept = {path.relative_to(state).as_posix() for path in spool.kept()}
    ledger.close()

    assert sorted(s.instance.sop_uid for s in stored) == sorted(ds.SOPInstanceUID for ds in series)
    assert {s.path for s in stored} == kept
    assert len(kept) == 120
    assert spool.waiting() == []


def test_an_outbox_delivers_when_the_archive_comes_back(tmp_path):
    """
    DCMTK's storescp is away, then there: both objects arrive, as they were recorded.
    """
    order = an_order("1.2.826.2")
    objects = image_series(np.zeros((2, 8, 8), np.int16))
    paths = [tmp_path / "in" / p.name for p in save(objects, tmp_path / "in")]
    files, manifest = a_result(order)
    contents = {"seg.dcm": paths[0].read_bytes(), "sr.dcm": paths[1].read_bytes(), "order.json": files["order.json"]}
    listed = tuple(
        results.ResultFile.of(name, kind, ds, contents[name])
        for name, kind, ds in (("seg.dcm", "seg", objects[0]), ("sr.dcm", "sr", objects[1]))
    )
    manifest = results.Manifest(job_id=order.job_id, attempt=1, state="succeeded", document={}, files=listed)
    results.write(tmp_path / results.folder_of(order.job_id, 1), contents, manifest)
    clock, port, inbox = Clock(), free_port(), tmp_path / "inbox"
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    ledger.restore(order, manifest, ["pacs"])
    peer = Peer(name="pacs", ae_title="ARCHIVE", host="127.0.0.1", port=port)
    to = Destination(name="pacs", send=partial(deliver, peer=peer, calling_ae="RADNODE"))
    outbox = Outbox(ledger, to, root=tmp_path, clock=clock, give_up_after=timedelta(hours=168))
    clock.now = outbox.step() or clock.now
    while_away = [d.state for d in ledger.deliveries(order.job_id)]
    inbox.mkdir()
    with subprocess.Popen([program("storescp"), "-od", inbox, "-aet", "ARCHIVE", str(port)]) as archive:

        def delivered() -> bool:
            clock.now = outbox.step() or clock.now
            return all(d.state == "sent" for d in ledger.deliveries(order.job_id))

        try:
            until(delivered, what="the delivery")
        finally:
            archive.terminate()
    ledger.close()

    assert while_away == ["pending", "pending"]
    assert len(list(inbox.iterdir())) == 2
