"""Archives and modalities that speak Storage Commitment, and results that are ready to be sent to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.events import Event
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from node.store import results
from node.store.ledger import Ledger
from tests.support.ledgers import a_result, an_order
from tests.support.series import image_series, save

Reference = tuple[str, str]


def ready_result(
    state: Path, ledger: Ledger, destinations: Sequence[str] = ("pacs",), study_uid: str = "1.2.826.2"
) -> str:
    """A recorded result of two real DICOM objects (they play SEG and SR), waiting for its destinations; its job id."""
    order = an_order(study_uid)
    objects = image_series(np.zeros((2, 8, 8), np.int16))
    folder = state / "made" / study_uid
    paths = [folder / p.name for p in save(objects, folder)]
    contents = {"seg.dcm": paths[0].read_bytes(), "sr.dcm": paths[1].read_bytes()}
    contents["order.json"] = a_result(order)[0]["order.json"]
    listed = tuple(
        results.ResultFile.of(name, kind, ds, contents[name])
        for name, kind, ds in (("seg.dcm", "seg", objects[0]), ("sr.dcm", "sr", objects[1]))
    )
    manifest = results.Manifest(job_id=order.job_id, attempt=1, state="succeeded", document={}, files=listed)
    results.write(state / results.folder_of(order.job_id, 1), contents, manifest)
    assert ledger.restore(order, manifest, destinations)
    return order.job_id


class Archive:
    """
    A PACS made of pynetdicom, with Storage Commitment as its SCP.

    Attributes:
        how: "same": reports on the association of the request; "new": on one of its own; "never".
        lacks: Reason for each SOP Instance UID that it does not commit; asked anew for each request.
        actions: Transaction UID and references of each request.
        stored: SOP Instance UIDs, as often as they came.
        answers: Statuses with which its reports were answered.
    """

    def __init__(self, ae_title: str = "ORTHANC") -> None:
        self.ae_title, self.how, self.call_back = ae_title, "same", 0
        self.lacks: Callable[[str], int] = lambda _: 0
        self.actions: list[tuple[str, tuple[Reference, ...]]] = []
        self.stored: list[str] = []
        self.answers: list[int] = []
        self.action_status = 0
        self.commits = True  #: whether it knows the service at all
        self.port = 0

    @contextmanager
    def open(self) -> Iterator[Archive]:
        """Listen."""
        ae = AE(ae_title=self.ae_title)
        ae.add_supported_context(CTImageStorage)
        if self.commits:
            ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._asked)]
        server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self.port = server.socket.getsockname()[1]
        try:
            yield self
        finally:
            server.shutdown()

    def report(self, number: int = -1) -> int | None:
        """Report on a request by an association of our own, as Orthanc does; the status of the answer."""
        ae = AE(ae_title=self.ae_title)
        ae.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = ae.associate("127.0.0.1", self.call_back, ae_title="RADNODE", ext_neg=[role])
        if not association.is_established:
            return None
        status = self._send(association, *self.actions[number])
        association.release()
        return status

    def _store(self, event: Event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    def _asked(self, event: Event) -> tuple[int, None]:
        asked = event.action_information
        references = tuple(
            (str(i.ReferencedSOPClassUID), str(i.ReferencedSOPInstanceUID)) for i in asked.ReferencedSOPSequence
        )
        self.actions.append((str(asked.TransactionUID), references))
        if not self.action_status and self.how == "same":
            threading.Thread(target=self._send, args=(event.assoc, *self.actions[-1]), daemon=True).start()
        if not self.action_status and self.how == "new":
            threading.Thread(target=self.report, daemon=True).start()
        return self.action_status, None

    def _send(self, association: object, uid: str, references: Sequence[Reference]) -> int:
        said = report_of(uid, references, self.lacks)
        kind = 2 if "FailedSOPSequence" in said else 1
        answer, _ = association.send_n_event_report(  # type: ignore[attr-defined]
            said, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        self.answers.append(int(answer.get("Status", -1)))
        return self.answers[-1]


class Modality:
    """
    A scanner made of pynetdicom that asks for commitment.

    Attributes:
        reports: Transaction UID, committed SOP Instance UIDs and failed ones with their reasons, of each report.
    """

    def __init__(self, ae_title: str = "SCANNER") -> None:
        self.ae_title, self.port = ae_title, 0
        self.reports: list[tuple[str, list[str], dict[str, int]]] = []
        self.callers: list[tuple[bool, str]] = []  #: (whether a role was proposed, AE title) of each who calls it
        self.answer = 0

    @contextmanager
    def open(self) -> Iterator[Modality]:
        """Listen for reports."""
        ae = AE(ae_title=self.ae_title)
        ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._reported), (evt.EVT_ACCEPTED, self._called)]
        server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self.port = server.socket.getsockname()[1]
        try:
            yield self
        finally:
            server.shutdown()

    def ask(
        self, port: int, references: Sequence[Reference], *, uid: str = "", stay: Callable[[], object] | None = None
    ) -> int | None:
        """Ask the node at a port; `stay` is called before the association is released. None: no answer."""
        ae = AE(ae_title=self.ae_title)
        ae.add_requested_context(StorageCommitmentPushModel)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._reported)]
        association = orderly(ae.associate("127.0.0.1", port, ae_title="RADNODE", evt_handlers=handlers))
        if not association.is_established:
            return None
        wanted = report_of(uid or generate_uid(), references, lambda _: 0)
        answer, _ = association.send_n_action(wanted, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        if stay is not None:
            stay()
        association.release()
        return int(answer.get("Status", -1))

    def _called(self, event: Event) -> None:
        caller = event.assoc.requestor
        self.callers.append((StorageCommitmentPushModel in caller.role_selection, caller.ae_title.strip()))

    def _reported(self, event: Event) -> tuple[int, None]:
        said = event.event_information
        committed = [str(i.ReferencedSOPInstanceUID) for i in said.get("ReferencedSOPSequence") or ()]
        failed = {str(i.ReferencedSOPInstanceUID): int(i.FailureReason) for i in said.get("FailedSOPSequence") or ()}
        self.reports.append((str(said.TransactionUID), committed, failed))
        return self.answer, None


class _AnswersOnly(DIMSEServiceProvider):
    """Gives messages only to whoever waits for an answer."""

    def get_msg(self, block: bool = False) -> object:  # noqa: FBT001
        return super().get_msg(block=True) if block else (None, None)


def orderly(association: Association, *, waits: bool = True) -> Association:
    """
    Take two races out of a requestor of pynetdicom: on a busy machine they cost an answer or the end of the release.

    Its reactor polls the queue in which an answer is awaited, and may take it away. And the end of its thread for a
    report takes back the pause for which a release waits, which then would never return.

    Args:
        waits: Whether a release waits for a report that is being taken, and the next report for the release.
    """
    if not association.is_established:
        return association
    serve, release, serving = association._serve_request, association.release, threading.Lock()

    def served(message: object, context_id: int) -> None:
        with serving:
            serve(message, context_id)  # which passes over what comes after a release

    def released() -> None:
        with serving:
            release()

    association.dimse = _AnswersOnly(association)
    if waits:
        association._serve_request, association.release = served, released
    return association


def report_of(uid: str, references: Sequence[Reference], lacks: Callable[[str], int]) -> Dataset:
    """A request (when nothing is lacking) or a report."""
    said = Dataset()
    said.TransactionUID = uid
    committed, failed = [], []
    for sop_class, sop_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
        if reason := lacks(sop_uid):
            item.FailureReason = reason
            failed.append(item)
        else:
            committed.append(item)
    if committed:
        said.ReferencedSOPSequence = committed
    if failed:
        said.FailedSOPSequence = failed
    return said
