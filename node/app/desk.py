"""Where the operator's intents are carried out: the CLI only writes them down."""

from __future__ import annotations

import structlog

from node.assemble.settle import Assembler, request
from node.errors import LedgerError
from node.store.ledger import Ledger
from node.work.dispatch import Dispatcher

log = structlog.get_logger()


class Desk:
    """Takes up `retry`, `cancel`, `run` and `deliver` within a second, and notes the outcome."""

    def __init__(self, ledger: Ledger, assembler: Assembler, dispatcher: Dispatcher) -> None:
        self._ledger, self._assembler, self._dispatcher = ledger, assembler, dispatcher

    def step(self) -> None:
        """Carry out what was asked since the last call, in order."""
        for intent in self._ledger.asked():
            try:
                outcome = self._carry_out(intent.verb, intent.job_id, intent.destination)
            except LedgerError as error:
                outcome = str(error)
            self._ledger.answered(intent.id, outcome)
            log.info("intent.taken", verb=intent.verb, job_id=intent.job_id, destination=intent.destination)

    def _carry_out(self, verb: str, target: str, destination: str | None) -> str:
        if verb == "cancel":
            return "cancelled" if self._dispatcher.cancel(target) else "it was over already"
        if verb == "retry":
            return "queued again" if self._ledger.reopen(target) else "only a failed or cancelled job can be retried"
        if verb == "deliver":
            return f"{self._ledger.revive(target or None, destination)} deliveries are due again"
        if verb == "run":
            request(self._ledger, self._assembler, target)
            return "examined again"
        return f"unknown verb {verb!r}"
