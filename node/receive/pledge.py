"""
Storage Commitment as its SCP (PS3.4 annex J): peers that may ask are told which of their instances we keep, and are
promised to have them kept for a while. radnode is no archive.

A request is written down before it is answered; promises are written down before anybody hears of them; the report is
repeated until the peer has taken it. A promise is made only over bytes that were read back from the disk. The instances
of a request that are here count as arrived; their study still waits for its quiet time, for a modality may ask after
each series. When the request names instances that are not here, something was lost on the way: the studies of the
others are held for the sender to repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from node.dicom.header import read_instance
from node.domain.series import Stored
from node.errors import InstanceUnreadable, LedgerError
from node.network.commitment import INVALID_VALUE, NOT_AUTHORISED, PROCESSING_FAILURE, SUCCESS, Answer, Report, Request
from node.network.scp import Peer
from node.store.ledger import Ledger
from node.store.pledges import PledgeItem, PledgeRow
from node.store.spool import Spool

log = structlog.get_logger()

NOT_HERE = 0x0112  # PS3.3 section C.14.1.1: no such object instance
OTHER_CLASS = 0x0119  # class / instance conflict
FIRST_LOOK = timedelta(seconds=1)
"""A peer that wants to hang up has done so by then; one that waits for its report on the association has not."""
PENDING_WAIT = timedelta(seconds=1)
FIRST_WAIT_S, LONGEST_WAIT_S = 5, 15 * 60
GIVE_UP = timedelta(days=7)

SendReport = Callable[[Peer, Report], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    What is promised.

    Attributes:
        peers: Who may ask, by name.
        keep: How long we keep.
        gap: How long a study is held for instances that its sender says it sent.
    """

    peers: Mapping[str, Peer]
    keep: timedelta
    gap: timedelta


class Keeper:
    """
    Takes requests in the network's threads, judges and reports in one of its own.

    Args:
        send: Reports to a peer.
    """

    def __init__(
        self, ledger: Ledger, spool: Spool, terms: Terms, clock: Callable[[], datetime], send: SendReport
    ) -> None:
        self._ledger, self._spool, self._terms = ledger, spool, terms
        self._clock, self._send = clock, send

    def take(self, request: Request) -> int:
        """Write a request down; the status that answers the N-ACTION."""
        names = [name for name, p in self._terms.peers.items() if p.calls_from(request.calling_ae, request.host)]
        about = {"calling": request.calling_ae, "host": request.host}
        if not names:
            log.warning("pledge.rejected", **about, reason="this peer may not ask for commitment")
            return NOT_AUTHORISED
        at = self._clock() + FIRST_LOOK
        try:
            known = self._ledger.ask_pledge(request.transaction_uid, names[0], request.references, at)
        except LedgerError as error:
            log.error("pledge.rejected", **about, reason=str(error))
            return PROCESSING_FAILURE
        if not known:
            log.warning("pledge.rejected", **about, reason="the transaction UID belongs to another request")
            return INVALID_VALUE
        return SUCCESS

    def step(self) -> int:
        """
        Judge and report what is due; how many requests that were.

        Raises:
            LedgerError: The database failed.
        """
        due = self._ledger.open_pledges(self._clock())
        for row in due:
            if row.state == "asked":
                self._judge(row)
            else:
                self._report(row)
        return len(due)

    def _judge(self, row: PledgeRow) -> None:
        now = self._clock()
        failures = {item.sop_uid: self._failure(item) for item in row.items}
        if NOT_HERE in failures.values() and self._spool.waiting():
            self._ledger.defer_pledge(row.transaction_uid, now + PENDING_WAIT, "not all is recorded yet", tried=False)
            return
        missing = [sop_uid for sop_uid, failure in failures.items() if failure]
        if missing:
            self._hold(failures, now)
        self._ledger.judge_pledge(row.transaction_uid, failures, now + self._terms.keep)
        log.info("pledge.made", peer=row.peer, count=len(failures) - len(missing), reason=f"{len(missing)} not here")

    def _failure(self, item: PledgeItem) -> int:
        """Why an instance is not committed; 0 when it is."""
        versions = self._ledger.versions(item.sop_uid)
        if not versions or not all(self._is_sound(version) for version in versions):
            return NOT_HERE
        return 0 if all(v.instance.sop_class == item.sop_class for v in versions) else OTHER_CLASS

    def _is_sound(self, version: Stored) -> bool:
        """Whether the file is there and holds what was received."""
        try:
            return read_instance(self._spool.root.parent / version.path).digest == version.instance.digest
        except (OSError, InstanceUnreadable):
            return False

    def _hold(self, failures: Mapping[str, int], now: datetime) -> None:
        here = [sop_uid for sop_uid, failure in failures.items() if not failure]
        for study_uid in self._ledger.studies_referenced(here):
            self._ledger.hold(study_uid, now + self._terms.gap, "its sender says that it sent more instances")

    def _report(self, row: PledgeRow) -> None:
        peer = self._terms.peers.get(row.peer)
        if peer is None:
            self._ledger.close_pledge(row.transaction_uid, "given up", "the peer may not ask any more")
            return
        answer = self._send(peer, _report(row))
        if answer.status == SUCCESS:
            self._ledger.close_pledge(row.transaction_uid, "reported")
            log.info("pledge.reported", peer=row.peer, tries=row.tries + 1)
            return
        reason = answer.detail or f"the report was answered with status 0x{answer.status or 0:04X}"
        now = self._clock()
        if now - row.asked_at > GIVE_UP:
            self._ledger.close_pledge(row.transaction_uid, "given up", reason)
            log.error("pledge.unreported", peer=row.peer, reason=reason, tries=row.tries + 1)
            return
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(row.tries, 30))
        self._ledger.defer_pledge(row.transaction_uid, now + timedelta(seconds=wait_s), reason)
        log.warning("pledge.deferred", peer=row.peer, reason=reason, wait_s=wait_s)


def _report(row: PledgeRow) -> Report:
    return Report(
        transaction_uid=row.transaction_uid,
        committed=tuple((item.sop_class, item.sop_uid) for item in row.items if not item.failure),
        failed=tuple(((item.sop_class, item.sop_uid), item.failure) for item in row.items if item.failure),
    )
