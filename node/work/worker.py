"""Composition of the worker process: opens the models, runs the line, leaves a whole result or none."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import cast

import structlog
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from node import logs
from node.domain.document import ResultFile as DocumentFile
from node.domain.document import job_document
from node.domain.language import say
from node.domain.order import Order
from node.domain.report import report
from node.errors import ModelFailed
from node.inference.knowledge import knowledge
from node.inference.model import Classifier, Segmenter
from node.inference.package import Package, find_packages, load_package
from node.stages.measure import extractor_class
from node.store import results
from node.store.results import Manifest, ResultFile
from node.work.exports import exported
from node.work.pipeline import Asked, Drawer, Parts, Result, run
from node.work.task import Workplace

log = structlog.get_logger()

Model = Segmenter | Classifier

REPAIR = say("see `radnode models verify`; once it is ok restart radnode, then `radnode jobs run STUDY-UID`")
"""The packages that orders name are read once, when the node starts."""

_open: dict[tuple[str, str], Model] = {}  # a process opens each package once; its digest is part of the key


def warm_up(workplace: Workplace) -> None:
    """Import what costs time and open every model, before the first order comes."""
    logs.configure(workplace.log_level)
    extractor_class()
    for name, folder in find_packages([Path(d) for d in workplace.model_dirs]).items():
        try:
            _opened(load_package(folder), workplace.threads)
        except ModelFailed as error:
            log.error("model.refused", model=name, error=str(error))


def execute(order_json: str, attempt: int, workplace: Workplace) -> Manifest:
    """
    Do one attempt: writes `results/<job>/<attempt>/`, the manifest last, and nothing else.

    Raises:
        NodeError: The attempt failed.
        ValueError: The order is not readable.
    """
    order = Order.from_json(order_json)
    state_dir = Path(workplace.state_dir)
    with structlog.contextvars.bound_contextvars(job_id=order.job_id, attempt=attempt):
        result = run(order, parts(order, workplace, root=state_dir))
        return leave(order, result, state_dir / "results" / order.job_id / str(attempt), attempt)


def parts(order: Order, workplace: Workplace, *, root: Path) -> Parts:
    """Open the models that the order needs; one whose files are not those that were pinned answers that it is not."""
    folders = find_packages([Path(d) for d in workplace.model_dirs])
    drawers: dict[str, Drawer] = {}
    classifiers: dict[str, Asked] = {}
    unusable: dict[str, ModelFailed] = {}
    for name in dict.fromkeys((*order.pipeline.models, *(s.model for s in order.lesion if s.model))):
        try:
            package = _pinned(name, folders, order)
            model, known = _opened(package, workplace.threads), knowledge(package)
        except ModelFailed as error:
            log.error("model.refused", model=name, error=str(error))
            unusable[name] = error
            continue
        if package.manifest.kind == "segmenter":
            drawers[name] = Drawer(cast(Segmenter, model), package.manifest.declared)
        else:
            classifiers[name] = Asked(cast(Classifier, model), package.manifest, known)
    return Parts(drawers, classifiers, unusable, root)


def _pinned(name: str, folders: Mapping[str, Path], order: Order) -> Package:
    if name not in folders:
        do = say("install it, restart radnode, then `radnode jobs run STUDY-UID`")
        raise ModelFailed(say("the package is not installed"), at=name, do=do)
    if name not in order.models:
        found = say("the package could not be used when the order was written")
        raise ModelFailed(found, at=name, do=REPAIR)
    package = load_package(folders[name])
    if package.digest != order.models[name].digest:
        raise ModelFailed(say("its files are not those that the order names"), at=name, do=REPAIR)
    return package


def _opened(package: Package, threads: int) -> Model:
    key = (package.manifest.id, package.digest)
    if key not in _open:
        _open[key] = package.open(threads=threads)
        log.info("model.loaded", model=package.manifest.id, version=package.manifest.version)
    return _open[key]


def leave(order: Order, result: Result, folder: Path, attempt: int) -> Manifest:
    """Write the result objects, the order and the manifest into `folder`, durable before the manifest appears."""
    contents = {f"{kind}.dcm": as_bytes(ds) for kind, ds in result.objects.items()}
    listed = tuple(
        ResultFile.of(f"{kind}.dcm", kind, ds, contents[f"{kind}.dcm"]) for kind, ds in result.objects.items()
    )
    exports = dict(exported(order, result))
    contents |= {file.name: content for file, content in exports.items()}
    paths = [str(folder / file.name) for file in listed]
    found = result.findings
    title = say(
        "{node} · pipeline {pipeline} · study {study}",
        node=f"radnode {order.node_version}", pipeline=order.pipeline.name, study=order.study_uid,
    )  # fmt: skip
    manifest = Manifest(
        job_id=order.job_id,
        attempt=attempt,
        state=found.state,
        reason_code=found.reason_code,
        reason=str(found.reason),
        deliver=found.reason_code not in order.pipeline.silent_refusals,
        document=job_document(
            job_id=order.job_id,
            pipeline=order.pipeline.name,
            study_uid=order.study_uid,
            revision=order.revision,
            state=found.state,
            findings=found,
            files=[_described(path, file) for path, file in zip(paths, listed, strict=True)],
        ),
        report=report(
            found,
            title=title,
            files=[*paths, *(str(folder / file.name) for file in exports)],
            language=order.pipeline.language,
        ),
        files=listed,
        exports=tuple(exports),
    )
    return results.write(folder, {**contents, results.ORDER: order.to_json().encode()}, manifest)


def _described(path: str, file: ResultFile) -> DocumentFile:
    return DocumentFile(
        path=path,
        sop_class_uid=file.sop_class,
        sop_instance_uid=file.sop_uid,
        series_instance_uid=file.series_uid,
        series_description=file.series_description,
    )


def as_bytes(ds: Dataset) -> bytes:
    """The Part 10 file of a data set; the same data set gives the same bytes."""
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()
