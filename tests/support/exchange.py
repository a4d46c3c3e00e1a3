"""What the service sends and promises, in this process: door, recorder, and the loops of `node.app.exchange`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from node.app.exchange import Exchange
from node.config import parse
from node.network.scp import Scp, ScpSettings
from node.operate.loop import Loop
from node.operate.peers import peers
from node.receive.door import Door
from node.receive.record import Recorder
from node.store.ledger import Ledger
from node.store.spool import Spool
from tests.support.commitments import ready_result


class Exchanging:
    """
    A node without workers; use it in a `with` statement.

    Args:
        state: Its state directory, to be made.
        sections: `[peers.*]` and `[destinations.*]` of config.toml.
    """

    def __init__(self, state: Path, sections: str) -> None:
        self.config, self.crashed = parse(sections, at="test", base=state), []
        self.ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", lambda: datetime.now(UTC))
        self.spool, self.state = Spool(state / "spool"), state
        self.exchange = Exchange(self.config, self.ledger, self.spool, lambda: datetime.now(UTC))
        recorder = Recorder(self.ledger, self.spool, lambda: datetime.now(UTC))
        self.recording = Loop("recorder", recorder.step, 1, self.crashed.append)
        door = Door(self.spool, low_disk_bytes=0, max_object_bytes=1 << 30, on_received=lambda _: self.recording.wake())
        settings = ScpSettings(ae_title="RADNODE", port=0, peers=tuple(peers(self.config).values()))
        self.scp = Scp(settings, door.on_store, service=self.exchange.office)
        self.port, self.loops = 0, [self.recording]

    def result(self, destination: str = "pacs") -> str:
        """A result that waits for a destination; its job id."""
        return ready_result(self.state, self.ledger, (destination,))

    def states(self, job_id: str) -> list[str]:
        """States of the deliveries of a job."""
        return [d.state for d in self.ledger.deliveries(job_id)]

    def reasons(self, job_id: str) -> list[str]:
        """Reasons of the deliveries of a job."""
        return [d.reason for d in self.ledger.deliveries(job_id)]

    def begin(self) -> None:
        """Start sending."""
        loops = [Loop(name, step, min(every, 0.1), self.crashed.append) for name, step, every in self.exchange.steps()]
        self.loops += loops
        for loop in loops:
            loop.start()

    def __enter__(self) -> Exchanging:
        self.port = self.scp.start()
        self.recording.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.scp.stop()
        for loop in self.loops:
            loop.stop()
        self.ledger.close()
        assert self.crashed == []
