"""Everything that may stand on the page, as texts and numbers; how much of it does is `layout`'s business."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from node.dicom.envelope import Envelope
from node.dicom.inherit import valid
from node.domain import page, words
from node.domain.evidence import headline, told_about
from node.domain.facts import ModelFacts
from node.domain.findings import Findings, Lesion, Prediction
from node.domain.flags import prevalence
from node.domain.volume import Volume

MOST_PACKAGES = 12
"""Hashes that the page has room for."""

Fact = tuple[str, str]
"""Label and value."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers to draw between 0 and 1; None where there is none."""

    title: str
    probability: float
    lower: float
    upper: float
    operating_point: float | None
    prevalence: float | None
    site: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's word on a lesion, in full and in one line."""

    headline: str
    short: str
    answered: bool
    scale: Scale | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LesionText:
    """A lesion in full (`sizes`, `said`), in rows (`short`: its size), and in one paragraph (`outcomes`)."""

    name: str
    description: str
    sizes: tuple[Fact, ...]
    short: str
    said: tuple[str, ...]
    answers: tuple[Answer, ...]
    outcomes: str


@dataclass(frozen=True, slots=True)
class Content:
    """
    The texts of a page.

    Attributes:
        refusal: Why the case was not evaluated, "" when it was.
        notes: What holds for the whole case.
        choice: Why these lesions.
        about: Name and key facts of each model that answered.
        provenance: From what, and with what, the result was made.
    """

    title: str
    revision: str
    patient: tuple[Fact, ...]
    examination: tuple[Fact, ...]
    refusal: str
    notes: tuple[str, ...]
    lesions: tuple[LesionText, ...]
    choice: tuple[str, ...]
    about: tuple[tuple[str, tuple[str, ...]], ...]
    provenance: tuple[Fact, ...]
    written: str


def content(findings: Findings, volume: Volume | None, headers: Sequence[Dataset], envelope: Envelope) -> Content:
    """
    Put the words together.

    Args:
        findings: Evaluated or refused.
        volume: What was measured; None when refused.
        headers: Of the examined images, at least one.
        envelope: The job.
    """
    case = words.case(findings)
    refusal = next((said for said in case if said.startswith("NOT EVALUATED")), "")
    return Content(
        title=page.title(envelope.pipeline),
        revision=page.revision(envelope.revision),
        patient=tuple(page.patient(*_patient(headers[0]))),
        examination=tuple(page.examination(*_examination(headers[0]))),
        refusal=refusal,
        notes=tuple(said for said in case if said not in {refusal, words.RESEARCH}),
        lesions=tuple(_lesion(lesion, len(findings.lesions)) for lesion in findings.lesions),
        choice=tuple(words.choice(findings)),
        about=tuple((name, tuple(said)) for name, said in map(page.about, told_about(findings)) if said),
        provenance=tuple(_provenance(findings, volume, headers, envelope)),
        written=page.written(envelope.written_at, envelope.node_version, envelope.installation),
    )


def texts(value: object) -> Iterator[str]:
    """Every text in a content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


def _lesion(lesion: Lesion, total: int) -> LesionText:
    return LesionText(
        name=page.lesion_name(lesion, total),
        description=words.description(lesion.contour.provenance),
        sizes=tuple(page.sizes(lesion)),
        short=page.size_in_short(lesion),
        said=tuple(page.said(lesion)),
        answers=tuple(map(_answer, lesion.predictions)),
        outcomes=page.answers_in_short(lesion),
    )


def _answer(prediction: Prediction) -> Answer:
    return Answer(
        headline=headline(prediction),
        short=page.answer_in_short(prediction),
        answered=words.is_answered(prediction),
        scale=_scale(prediction),
        evidence=tuple(page.proof(prediction)),
    )


def _scale(prediction: Prediction) -> Scale | None:
    facts, e, site = prediction.model, prediction.estimate, prediction.rebased_to
    if e is None or not words.is_answered(prediction):
        return None
    return Scale(
        title=page.scale_title(facts),
        probability=e.probability,
        lower=e.lower,
        upper=e.upper,
        operating_point=words.threshold(prediction),
        prevalence=prevalence(prediction),
        site=site is not None,
    )


def _provenance(
    findings: Findings, volume: Volume | None, headers: Sequence[Dataset], envelope: Envelope
) -> Iterator[Fact]:
    yield page.study(str(headers[0].get("StudyInstanceUID", "")))
    count = len(volume.slices) if volume else len(headers)
    uid = volume.series_uid if volume else str(headers[0].get("SeriesInstanceUID", ""))
    yield page.images(count, uid, examined=volume is not None)
    for role, read in envelope.beside:
        for uid, count in Counter(each.series_uid for each in read).items():
            yield page.also_read(role, uid, count)
    for lesion in findings.lesions[:1]:
        if volume:
            at = volume.slices[lesion.measurements.key_slice]
            yield page.key_image(at.sop_uid, at.frame)
        yield page.drawn_by(lesion.contour.provenance)
    models = _models(findings)
    for facts in models[:MOST_PACKAGES]:
        yield page.package(facts)
    if left := len(models[MOST_PACKAGES:]):
        yield page.further_packages(left)
    yield page.job(envelope.job_id)


def _models(findings: Findings) -> list[ModelFacts]:
    """Every package that had a part, once; those that could not be opened have no hash."""
    named = [findings.segmenter] if findings.segmenter else []
    named += [p.model for lesion in findings.lesions for p in lesion.predictions]
    named += findings.models if findings.state == "refused" else ()
    return [m for m in {(m.id, m.digest): m for m in named}.values() if m.digest]


def _patient(header: Dataset) -> tuple[str, str, str, str, str]:
    """Name with all its groups, identifier, date of birth, sex, age."""
    name, identifier, born, sex, age = (
        str(valid(header, keyword) or "")
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge")
    )
    return name, identifier, _date(born), sex, age.lstrip("0") if not born else ""


def _examination(header: Dataset) -> tuple[str, str, str, str]:
    """Date, description, accession number and series; what the header does not say is ""."""
    date, description, accession, modality, number, series = (
        str(valid(header, keyword) or "")
        for keyword in (
            "StudyDate", "StudyDescription", "AccessionNumber", "Modality", "SeriesNumber", "SeriesDescription",
        )
    )  # fmt: skip
    return _date(date), description, accession, " ".join(filter(None, (modality, number, series)))


def _date(da: str) -> str:
    """20261121 as 2026-11-21."""
    return f"{da[:4]}-{da[4:6]}-{da[6:]}" if len(da) == 8 else da
