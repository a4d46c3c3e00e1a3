"""In which forms a result file may go out, and what may stay behind where a destination does not take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from node.dicom.alternatives import all_uids, alternatives, as_class
from node.domain.document import ResultKind
from node.errors import InstanceUnreadable
from node.network.scu import Form
from node.store.deliveries import DeliveryRow

SAID_BY: Mapping[str, ResultKind] = {"labelmap": "seg"}
"""A kind that few receivers take yet, to the kind that says the same and that they all take."""


def forms(path: Path) -> list[Form]:
    """
    The file as it lies on disk, then as each class that may stand in for its own.

    Raises:
        InstanceUnreadable: It has no readable file meta information.
    """
    try:
        meta = read_file_meta_info(path)
        made_as, syntax = str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
        uids = all_uids(made_as, str(meta.MediaStorageSOPInstanceUID))
    except (InvalidDicomError, AttributeError) as error:
        raise InstanceUnreadable("no file meta information", at=path.name, do="write the object again") from error

    def converted(sop_class: str) -> Dataset:
        return as_class(dcmread(path), sop_class)

    return [
        Form(sop_class=each, sop_uid=uid, syntax=syntax, content=path if each == made_as else converted)
        for each, uid in zip((made_as, *alternatives(made_as)), uids, strict=True)
    ]


def said_otherwise(row: DeliveryRow, of_job: Iterable[DeliveryRow]) -> ResultKind | None:
    """The kind that tells the same destination the same, None where nothing does and the refusal is a fault."""
    other = SAID_BY.get(row.kind)
    beside = {each.kind for each in of_job if each.destination == row.destination and each.state != "dead"}
    return other if other in beside else None
