"""
The straight line: one work order in, findings and result objects out. Read this first.

    load ▸ register ▸ organ ▸ judge ▸ segment ▸ measure ▸ judge ▸ predict ▸ redraw ▸ encode

A segmenter is judged before it draws, a classifier before it is asked.

A refused model is a value beside its siblings; a refused case is the one `Refused` error, caught once, here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from time import monotonic

import structlog
from pydicom.dataset import Dataset

from node.dicom.foreign import PassedOver, listed
from node.dicom.header import read_header
from node.dicom.uids import tracking
from node.domain.document import ResultKind
from node.domain.facts import ModelFacts
from node.domain.findings import Contour, Findings, Fitness, Lesion, Measurements, Prediction
from node.domain.order import Input, Order
from node.domain.panels import cautions
from node.domain.refusals import NOT_USED
from node.domain.sources import NAMES
from node.domain.volume import Volume
from node.errors import ModelFailed, Refused
from node.imaging.bias import Correct, n4
from node.imaging.noise import refuse_noise
from node.inference.knowledge import NOTHING, Knowledge
from node.inference.manifest import Declared, Manifest
from node.inference.model import Classifier, Segmenter
from node.stages.judge import judge
from node.stages.load import Loaded, load
from node.stages.measure import measure
from node.stages.predict import predict, unavailable
from node.stages.register import register
from node.stages.segment import SourceFiles, segment
from node.work import objects
from node.work.anatomy import Anatomy, look
from node.work.redraw import Answer, hold

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """An open classifier, and the manifest that says what it may be asked."""

    classifier: Classifier
    manifest: Manifest
    knowledge: Knowledge = NOTHING


@dataclass(frozen=True, slots=True)
class Drawer:
    """An open segmenter, and what it may draw on."""

    segmenter: Segmenter
    declared: Declared


@dataclass(frozen=True, slots=True)
class Parts:
    """
    What the worker process puts at the line's disposal.

    Attributes:
        drawers: Package id to an open segmenter.
        classifiers: Package id to an open classifier.
        unusable: Package id to why it is in neither: not installed, altered, or not what the order pinned.
        root: What relative paths in the order are taken from.
    """

    drawers: Mapping[str, Drawer]
    classifiers: Mapping[str, Asked]
    unusable: Mapping[str, ModelFailed]
    root: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What one job made: findings, and every result object in the order of delivery; destinations take their choice."""

    findings: Findings
    objects: Mapping[ResultKind, Dataset]


def run(order: Order, parts: Parts) -> Result:
    """
    Evaluate one order.

    Raises:
        ModelFailed: A segmenter broke its promise; the attempt fails.
    """
    try:
        return _evaluate(order, parts)
    except Refused as refusal:
        log.info("job.refused", job_id=order.job_id, code=refusal.code)
        return _refuse(order, parts, refusal)


def _evaluate(order: Order, parts: Parts) -> Result:
    findings, measured = examine(order, parts)
    with stage("encode"):
        return Result(findings, objects.evaluated(order, findings, measured))


def examine(order: Order, parts: Parts, *, correct: Correct = n4) -> tuple[Findings, Loaded]:
    """
    Everything of one order but its result objects.

    The bias field, which `correct` takes off MR, belongs to the image: that is done once, whatever number of lesions,
    models and redrawn contours asks for it.

    Returns:
        The findings, and the series that was measured.

    Raises:
        Refused: The case must not be evaluated.
        ModelFailed: A segmenter broke its promise.
    """
    if order.refusal:
        raise Refused(order.refusal[0], order.refusal[1], at=f"study {order.study_uid}")
    rules, correct = order.pipeline, cache(correct)
    with stage("load"):
        loaded = {role: load(_paths(inputs, parts), rules.load) for role, inputs in order.roles.items()}
    measured = next(iter(loaded.values()))
    for each in loaded.values():
        refuse_noise(each.volume)
    with stage("register"):
        registered = register({role: each.volume for role, each in loaded.items()})
    with stage("organ"):
        for_head = any(each.manifest.declared.organ == "head" for each in parts.classifiers.values())
        anatomy = look(measured.volume, rules.organ, for_head=for_head)
    with stage("segment"):
        fits = {name: _may_draw(each, registered.volumes, order, anatomy) for name, each in parts.drawers.items()}
        segmenters = {name: each.segmenter for name, each in parts.drawers.items()}
        at_hand = _sources(order, parts)
        ask = partial(segment, laid=registered.laid, fits=fits, aside=_aside(order))
        segmented = ask(registered.volumes, at_hand, rules.lesion, segmenters)
        covered = anatomy.coverage(rules.partial_organ, segmented.lesions)
        notes = (*measured.volume.notes, *registered.notes, *covered)
    with stage("measure"):
        asking = [each.manifest for each in parts.classifiers.values() if each.manifest.features]
        wanted = rules.asks_for_features or any(
            each.extraction_in(rules.extraction) == rules.extraction for each in asking
        )
        sizes = [
            measure(measured.volume, each.mask, rules.extraction, features=wanted, correct=correct)
            for each in segmented.lesions
        ]
    with stage("predict"):
        answers = [
            tuple(_panel(order, parts, measured.volume, contour, size, anatomy, correct))
            for contour, size in zip(segmented.lesions, sizes, strict=True)
        ]
    with stage("redraw"):
        answered = zip(answers, segmented.lesions, strict=True)
        panels = [hold(each, measured.volume, contour.mask, correct) for each, contour in answered]
    lesions = _lesions(order, segmented.lesions, sizes, panels)
    return Findings(
        state="succeeded",
        lesions=tuple(anatomy.placed(lesion, measured.volume) for lesion in lesions),
        rule=segmented.rule,
        skipped=segmented.skipped,
        notes=(*cautions(panels), *notes),  # those first that a crowded page must keep
        segmenter=_drawn_by(segmented.lesions, parts),
        models=_facts(rules.models, parts),
        change=order.predecessor.change if order.predecessor else "",
    ), measured


def _may_draw(drawer: Drawer, volumes: Mapping[str, Volume], order: Order, anatomy: Anatomy) -> Fitness:
    """The series of the segmenter's role and its patient, held against what the segmenter declares."""
    volume = volumes.get(drawer.segmenter.role, next(iter(volumes.values())))
    return judge(drawer.declared, volume, None, order.clinical, in_lung=True if anatomy.lungs else None)


def _sources(order: Order, parts: Parts) -> list[SourceFiles]:
    return [SourceFiles(s.kind, tuple(_paths(s.inputs, parts)), s.model, s.role) for s in order.lesion]


def _aside(order: Order) -> list[PassedOver]:
    """Drawings on series that fill no role."""
    return [PassedOver(NAMES[each.kind], each.series, each.why, NOT_USED) for each in order.unused]


def _paths(inputs: tuple[Input, ...], parts: Parts) -> list[Path]:
    return [parts.root / each.path for each in inputs]


def _panel(
    order: Order, parts: Parts, volume: Volume, contour: Contour, size: Measurements, anatomy: Anatomy, correct: Correct
) -> Iterator[Answer]:
    """What every model of the pipeline says about one lesion, each of features computed as it was trained with."""
    rules = order.pipeline
    known = {rules.extraction: size}
    for model in rules.models:
        asked = parts.classifiers.get(model)
        extraction = asked.manifest.extraction_in(rules.extraction) if asked else rules.extraction
        if extraction not in known:
            needed = {name for each in parts.classifiers.values() for name in each.manifest.feature_classes}
            again = measure(volume, contour.mask, extraction, features=True, classes=needed, correct=correct)
            known[extraction] = replace(size, features=again.features)
        answer = _predict(model, order, parts, volume, contour, known[extraction], anatomy)
        yield replace(answer, extraction=extraction)


def _predict(
    model: str, order: Order, parts: Parts, volume: Volume, contour: Contour, size: Measurements, anatomy: Anatomy
) -> Answer:
    asked = parts.classifiers.get(model)
    if asked is None:
        return Answer(prediction=unavailable(_unknown(model, order), parts.unusable[model]))
    seen = {"in_lung": anatomy.in_lung(contour.mask), "head": anatomy.head}
    fitness = judge(asked.manifest.declared, volume, size, order.clinical, **seen)
    needs, prevalence = asked.manifest.needs, order.models[model].prevalence
    ask = partial(predict, asked.classifier, needs, clinical=order.clinical, prevalence=prevalence)
    return Answer(
        prediction=ask(fitness=fitness, measurements=size, knowledge=asked.knowledge),
        needs=needs,
        ask=lambda again: ask(fitness=Fitness(outcome="in_domain"), measurements=again),
    )


def _unknown(model: str, order: Order) -> ModelFacts:
    """All that can be said of a model whose package cannot be used."""
    version = order.models[model].version if model in order.models else "unknown"
    return ModelFacts(id=model, version=version, kind="classifier", digest="", manufacturer="", name=model)


def _lesions(
    order: Order, contours: tuple[Contour, ...], sizes: list[Measurements], panels: list[tuple[Prediction, ...]]
) -> Iterator[Lesion]:
    for number, (contour, size, panel) in enumerate(zip(contours, sizes, panels, strict=True), start=1):
        identifier, uid = tracking(order.study_uid, order.pipeline.name, contour.provenance, number)
        yield Lesion(
            number=number,
            tracking_id=identifier,
            tracking_uid=uid,
            contour=contour,
            measurements=size,
            predictions=panel,
        )


def _drawn_by(lesions: tuple[Contour, ...], parts: Parts) -> ModelFacts | None:
    used = {contour.provenance.model for contour in lesions} & set(parts.drawers)
    return parts.drawers[used.pop()].segmenter.facts if used else None


def _facts(models: tuple[str, ...], parts: Parts) -> tuple[ModelFacts, ...]:
    return tuple(parts.classifiers[model].classifier.facts for model in models if model in parts.classifiers)


def _refuse(order: Order, parts: Parts, refusal: Refused) -> Result:
    findings = Findings(
        state="refused",
        reason_code=refusal.code,
        reason=refusal.found,
        skipped=listed(_aside(order)),
        models=_facts(order.pipeline.models, parts),
        change=order.predecessor.change if order.predecessor else "",
    )
    measured = next(iter(order.roles.values()))
    headers = [read_header(path) for path in _paths(measured, parts)]
    return Result(findings, objects.refused(order, findings, headers))


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name the stage in every log line inside, and time it."""
    start = monotonic()
    with structlog.contextvars.bound_contextvars(stage=name):
        log.debug("stage.started")
        yield
        log.info("stage.finished", duration_s=round(monotonic() - start, 3))
