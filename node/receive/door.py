"""The door: answers each C-STORE. Success means the bytes are on disk under their name (design rule 1); no SQL here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from node.errors import InstanceRejected
from node.network.scp import SUCCESS, Arrival
from node.store.spool import Meta, Spool, is_uid

log = structlog.get_logger()

OUT_OF_RESOURCES = 0xA700  # PS3.4 section B.2.3 "Refused: Out of Resources"
WRONG_CLASS = 0xA900  # PS3.4 section B.2.3 "Error: Data Set does not match SOP Class"
INVALID_INSTANCE = 0x0117  # PS3.7 section 9.1.1.1.9 "Invalid SOP Instance": the UID breaks the rules for UIDs
CANNOT_UNDERSTAND = 0xC000  # PS3.4 section B.2.3 "Error: Cannot understand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One instance that was answered Success: a durable file, and who sent it."""

    path: Path
    sop_class: str
    sop_uid: str
    transfer_syntax: str
    calling_ae: str
    host: str
    size_bytes: int


class Door:
    """
    Takes what the network hands over.

    Args:
        spool: Where it goes.
        low_disk_bytes: With less free space than this, nothing is taken.
        max_object_bytes: Longer data sets are not taken.
        on_received: Wakes whoever records; called after the file is durable and before the sender hears of it.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        low_disk_bytes: int,
        max_object_bytes: int,
        on_received: Callable[[Received], None],
    ) -> None:
        self._spool, self._on_received = spool, on_received
        self._low_disk_bytes, self._max_object_bytes = low_disk_bytes, max_object_bytes

    def on_store(self, arrival: Arrival) -> int:
        """Answer one C-STORE with a DICOM status."""
        try:
            received = self._receive(arrival)
        except InstanceRejected as error:
            log.warning("instance.rejected", error=str(error), calling=arrival.calling_ae, status=error.status)
            return error.status
        except OSError as error:
            log.error("instance.not_stored", error=error.strerror, calling=arrival.calling_ae, status=OUT_OF_RESOURCES)
            return OUT_OF_RESOURCES
        log.debug("instance.stored", sop_uid=received.sop_uid, calling=received.calling_ae)
        self._on_received(received)
        return SUCCESS

    def _receive(self, arrival: Arrival) -> Received:
        self._check(arrival)
        meta = Meta(
            sop_class=arrival.sop_class,
            sop_uid=arrival.sop_uid,
            transfer_syntax=arrival.transfer_syntax,
            calling_ae=arrival.calling_ae,
        )
        return Received(
            path=self._spool.keep(arrival.data, meta),
            sop_class=arrival.sop_class,
            sop_uid=arrival.sop_uid,
            transfer_syntax=arrival.transfer_syntax,
            calling_ae=arrival.calling_ae,
            host=arrival.host,
            size_bytes=len(arrival.data),
        )

    def _check(self, arrival: Arrival) -> None:
        """
        Refuse what we shall not or cannot keep.

        Raises:
            InstanceRejected: With the status that says why.
        """
        if not is_uid(arrival.sop_uid):
            raise _rejected("SOP Instance UID is no UID", INVALID_INSTANCE)
        if arrival.sop_class != arrival.negotiated:
            raise _rejected("SOP class is not the negotiated one", WRONG_CLASS)
        if not len(arrival.data):
            raise _rejected("the data set is empty", CANNOT_UNDERSTAND)
        if len(arrival.data) > self._max_object_bytes:
            raise _rejected(
                f"larger than {self._max_object_bytes} bytes", OUT_OF_RESOURCES, do="raise the limit or split it"
            )
        if (free := self._spool.free_bytes()) < self._low_disk_bytes + len(arrival.data):
            raise _rejected(f"only {free} bytes are free", OUT_OF_RESOURCES, do="free some disk space")


def _rejected(found: str, status: int, do: str = "have the sender corrected") -> InstanceRejected:
    return InstanceRejected(found, at="C-STORE", do=do, status=status)
