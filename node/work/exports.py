"""What a job leaves beside its result objects, where its pipeline asks for it: files that are no DICOM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from node.dicom.envelope import Envelope
from node.domain.document import ExportKind
from node.domain.order import Order
from node.store.results import ExportFile
from node.work.features_csv import features_csv
from node.work.pipeline import Result


def exported(order: Order, result: Result) -> Iterator[tuple[ExportFile, bytes]]:
    """Every export that the order asks for, described, with its content."""
    makers: Mapping[ExportKind, Callable[[Order, Result], tuple[ExportFile, bytes]]] = {"csv": _csv, "fhir": _fhir}
    for kind in order.pipeline.exports:
        yield makers[kind](order, result)


def _csv(order: Order, result: Result) -> tuple[ExportFile, bytes]:
    content = features_csv(order, result.findings)
    return ExportFile.of("features.csv", "csv", content), content


def _fhir(order: Order, result: Result) -> tuple[ExportFile, bytes]:
    from node.fhir.bundle import bundle_uid, encode_fhir  # its validation loads what most jobs do not need

    envelope = Envelope.of(order, refused=result.findings.state == "refused")
    modality = order.pipeline.modality
    content = encode_fhir(
        result.findings, envelope, modality=modality, sr=result.objects["sr"], seg=result.objects.get("seg")
    )
    return ExportFile.of("fhir.json", "fhir", content, bundle_uid(envelope)), content
