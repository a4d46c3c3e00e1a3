"""
What the node asks of others: C-ECHO, C-STORE of finished files, and C-FIND for the number of instances of a study.

Files go out as they lie on disk, never decoded, unless the peer takes them under another SOP class only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from node.errors import InstanceUnreadable
from node.network.associate import Failure, Unanswered, associated
from node.network.contexts import VERIFICATION, proposed
from node.network.scp import Peer

_config.STORE_SEND_CHUNKED_DATASET = True  # a path given to send_c_store is sent byte for byte

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PENDING = (0xFF00, 0xFF01)  # PS3.4 section C.4.1.1.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """
    One of the forms that an object may be sent in.

    Attributes:
        sop_class: SOP class of this form.
        sop_uid: Its SOP Instance UID.
        syntax: Transfer syntax UID.
        content: The file that is sent byte for byte, or what makes the data set of that class.
    """

    sop_class: str
    sop_uid: str
    syntax: str
    content: Path | Callable[[str], Dataset]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """
    What became of one file.

    Attributes:
        form: As what it was sent; None where nothing was, or there was but one.
        status: Status of the C-STORE response (PS3.4 table B.2-1); None when none came.
        failure: Why none came, else None.
        detail: The failure in words.
    """

    path: Path
    status: int | None = None
    failure: Failure | None = None
    detail: str = ""
    form: Form | None = None


def echo(peer: Peer, calling_ae: str, timeout_s: float = 10) -> str:
    """Ask whether a peer is there. Returns "" if it answers Success, else what happened instead, in words."""
    try:
        with associated(peer, calling_ae, [build_context(VERIFICATION)], timeout_s) as association:
            status = _status(association.send_c_echo())
    except Unanswered as error:
        return error.detail
    if status is None:
        return "no answer to the C-ECHO"
    return "" if status == 0 else f"the C-ECHO was answered with status 0x{status:04X}"


def send(paths: Sequence[Path], peer: Peer, calling_ae: str, timeout_s: float = 30) -> list[SendResult]:
    """
    Send files in the given order over one association that proposes exactly what they need.

    Args:
        paths: DICOM files.
        peer: Receiver; needs host and port.
        calling_ae: Our AE title.
        timeout_s: For the connection, its negotiation, and for each response.

    Returns:
        One result for each file. After a response that never came the rest is not sent.

    Raises:
        InstanceUnreadable: A file has no readable file meta information. Nothing has been sent.
    """
    contexts = proposed(_class_and_syntax(path) for path in paths)
    try:
        with associated(peer, calling_ae, contexts, timeout_s) as association:
            return [_send_one(association, path, path, number) for number, path in enumerate(paths)]
    except Unanswered as error:
        return [SendResult(path=path, failure=error.failure, detail=error.detail) for path in paths]


def send_best(path: Path, forms: Sequence[Form], peer: Peer, calling_ae: str, timeout_s: float = 30) -> SendResult:
    """
    Send one object in the best form that the peer takes: all are proposed in one association, one is sent.

    Args:
        path: File of the object, for the result.
        forms: At least one, the best first, each of another SOP class.
        peer: Receiver; needs host and port.
        calling_ae: Our AE title.
        timeout_s: For the connection, its negotiation, and the response.
    """
    contexts = proposed((form.sop_class, form.syntax) for form in forms)
    try:
        with associated(peer, calling_ae, contexts, timeout_s) as association:
            taken = {str(context.abstract_syntax) for context in association.accepted_contexts}
            form = next((form for form in forms if form.sop_class in taken), forms[0])
            content = form.content if isinstance(form.content, Path) else form.content(form.sop_class)
            return replace(_send_one(association, content, path, 0), form=form)
    except Unanswered as error:
        return SendResult(path=path, failure=error.failure, detail=error.detail)


def count_instances(
    peer: Peer, calling_ae: str, study_uid: str, without: Collection[str] = (), timeout_s: float = 10
) -> int | None:
    """
    How many instances of a study a peer holds, by C-FIND (PS3.4 section C.6.2).

    The study's own number is taken where the peer supplies it, else the sum over its series, else they are counted.

    Args:
        without: Series Instance UIDs that do not count, in which case the study's own number is of no use.

    Returns:
        The number; None when the peer is away, does not answer queries, or does not know the study.
    """
    try:
        with associated(peer, calling_ae, [build_context(STUDY_ROOT_FIND)], timeout_s) as association:
            return _count(association, study_uid, without)
    except Unanswered:
        return None


def _count(association: Association, study_uid: str, without: Collection[str]) -> int | None:
    study = _find(association, "STUDY", StudyInstanceUID=study_uid, NumberOfStudyRelatedInstances="")
    if not study:
        return None
    if not without and (number := study[0].get("NumberOfStudyRelatedInstances")) is not None:
        return int(number)
    series = _find(
        association, "SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", NumberOfSeriesRelatedInstances=""
    )
    if not series:
        return None
    series = [one for one in series if one.get("SeriesInstanceUID") not in without]
    numbers = [one.get("NumberOfSeriesRelatedInstances") for one in series]
    if all(number is not None for number in numbers):
        return sum(int(number) for number in numbers)
    total = 0
    for one in series:
        keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": one.SeriesInstanceUID, "SOPInstanceUID": ""}
        images = _find(association, "IMAGE", **keys)
        if images is None:
            return None
        total += len(images)
    return total


def _find(association: Association, level: str, **keys: str) -> list[Dataset] | None:
    """All matches of one query; None when it did not end with Success."""
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    found: list[Dataset] = []
    if not association.is_established:
        return None
    for answer, identifier in association.send_c_find(query, STUDY_ROOT_FIND):
        status = _status(answer)
        if status in PENDING and identifier is not None:
            found.append(identifier)
        elif status != 0:
            return None
    return found


def _send_one(association: Association, content: Path | Dataset, path: Path, number: int) -> SendResult:
    if not association.is_established:
        detail = "the association ended before this object was sent"
        return SendResult(path=path, failure=Failure.NO_RESPONSE, detail=detail)
    start = time.monotonic()
    try:
        answer = association.send_c_store(content, msg_id=number % 0xFFFF + 1)
    except ValueError:
        detail = "the peer accepted no presentation context for this SOP class in this transfer syntax"
        return SendResult(path=path, failure=Failure.NO_CONTEXT, detail=detail)
    if (status := _status(answer)) is None:
        waited = time.monotonic() - start >= association.dimse_timeout
        why = f"within {association.dimse_timeout:g} s" if waited else "before the association was lost"
        detail = f"no C-STORE response {why}"
        return SendResult(path=path, failure=Failure.NO_RESPONSE, detail=detail)
    return SendResult(path=path, status=status)


def _class_and_syntax(path: Path) -> tuple[str, str]:
    try:
        meta = read_file_meta_info(path)
        return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
    except (InvalidDicomError, AttributeError) as error:
        raise InstanceUnreadable("no file meta information", at=path.name, do="write the object again") from error


def _status(answer: Dataset) -> int | None:
    status = answer.get("Status")
    return None if status is None else int(status)
