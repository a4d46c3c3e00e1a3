"""What the one-page report says beside the sentences of `words` and `evidence`: titles, labels, what was left out."""

from __future__ import annotations

from datetime import datetime

from node.domain.cards import heard
from node.domain.evidence import evidence, learnt_from, limits, model_name
from node.domain.facts import ModelFacts
from node.domain.findings import Lesion, Prediction, Provenance
from node.domain.flags import flags
from node.domain.language import figure, joined, named, say, told
from node.domain.words import NO_SUBSTITUTE, is_answered, key_slice, measured, number, percent, source, target, volume

SOFTWARE = say("Written by software; no person has read or signed this page.")
WHERE_ALL_IS = say("Everything that was found is in the structured report of the same study.")
UNPRINTABLE = say("\ufffd stands for a character that this page cannot print.")
OTHER_SCRIPT = say("(the name in another script cannot be printed here)")
NO_NAME = say("(the name cannot be printed here)")


def title(pipeline: str) -> str:
    """The page's title."""
    return say("AI analysis: {pipeline}", pipeline=pipeline)


def revision(number_: int) -> str:
    """That this page replaces another one; "" on a first result."""
    return say("Revision {number}: replaces every earlier page", number=number_) if number_ > 1 else ""


def written(at: datetime, node: str, installation: str) -> str:
    """Who made the page, and when."""
    when = at.strftime("%Y-%m-%d %H:%M %Z")
    return say("Written {when} by radnode {node}, installation {installation}.", when=when, node=node,
               installation=installation)  # fmt: skip


def lesion_name(lesion: Lesion, total: int) -> str:
    """Heading of a lesion: "Lesion 1 of 3: GTV-1"."""
    alone = say("Lesion {number}", number=lesion.number)
    counted = say("Lesion {number} of {total}", number=lesion.number, total=total) if total > 1 else alone
    return joined([counted, "" if lesion.tracking_id == alone else lesion.tracking_id], ": ")


def sizes(lesion: Lesion) -> list[tuple[str, str]]:
    """Label and value of what was measured."""
    m = lesion.measurements
    rows: list[tuple[str, str]] = [
        (say("Volume"), volume(m.volume_ml)),
        (say("Long axis (in plane)"), number(m.long_axis.length_mm, "mm")),
        (say("Short axis (same slice)"), number(m.short_axis.length_mm, "mm")),
        (say("3-D diameter"), number(m.diameter_3d_mm, "mm")),
    ]
    if m.ground_glass is not None and m.ground_glass.fraction is not None:
        rows.append((say("Ground-glass share"), percent(m.ground_glass.fraction)))
    return rows


def said(lesion: Lesion) -> list[str]:
    """What a reader must know of the measurements, without the place that stands below the pictures."""
    place = key_slice(lesion.measurements)
    return [each for each in measured(lesion) if not place or place not in each]


def size_in_short(lesion: Lesion) -> str:
    """Volume and axes in one line."""
    m = lesion.measurements
    return say(
        "{volume}, {long} × {short}", volume=volume(m.volume_ml), long=number(m.long_axis.length_mm),
        short=number(m.short_axis.length_mm, "mm"),
    )  # fmt: skip


def answer_in_short(prediction: Prediction) -> str:
    """A row of a table: what is predicted, with interval and limits, or why not."""
    facts, e = prediction.model, prediction.estimate
    if e is None or not is_answered(prediction):
        why = told(prediction.reason or say("the model gave no number"))
        return say("AI-predicted {target}: not evaluated. {why:sentence}", target=target(facts), why=why)
    answer = say(
        "AI-predicted {target}: {share} ({level:.0f}% interval {lower} to {upper}).", target=target(facts),
        share=percent(e.probability), level=100 * float(facts.interval_level), lower=percent(e.lower),
        upper=percent(e.upper),
    )  # fmt: skip
    return joined([answer, *flags(prediction)])


def answers_in_short(lesion: Lesion) -> str:
    """Every answer on a lesion in one paragraph; those that were not given without the reason."""
    return joined(map(_outcome, lesion.predictions))


def _outcome(prediction: Prediction) -> str:
    if is_answered(prediction):
        return answer_in_short(prediction)
    return say("AI-predicted {target}: not evaluated.", target=target(prediction.model))


def proof(prediction: Prediction) -> list[str]:
    """The evidence of an answer, without what the page says once for all: the model's name and `NO_SUBSTITUTE`."""
    elsewhere = {NO_SUBSTITUTE, f"Model: {model_name(prediction.model)}."}
    return [each for each in evidence(prediction) if each not in elsewhere]


def scale_title(facts: ModelFacts) -> str:
    """What the scale under the headline shows."""
    level = 100 * float(facts.interval_level)
    if facts.calibrated:
        return say("Calibrated probability, {level:.0f}% interval", level=level)
    if facts.uncertain:
        return say("Probability of uncertain calibration, {level:.0f}% interval", level=level)
    return say("Score, NOT calibrated; {level:.0f}% interval", level=level)


def at_operating_point(share: float) -> str:
    """Label of the operating point on the scale."""
    return say("operating point {share}", share=percent(share))


def at_prevalence(share: float, *, site: bool) -> str:
    """Label of the prevalence on the scale."""
    if site:
        return say("prevalence {share}, stated by this site", share=percent(share))
    return say("prevalence in training {share}", share=percent(share))


def view_name(plane: str, *, oblique: bool, whole: bool) -> str:
    """Name of a picture: "axial", "oblique coronal", "axial, whole slice"."""
    names = {"axial": say("axial"), "coronal": say("coronal"), "sagittal": say("sagittal")}
    name = say("oblique {plane}", plane=names[plane]) if oblique else names[plane]
    return say("{plane}, whole slice", plane=name) if whole else name


def pictures(place: str, window: tuple[float, float], unit: str) -> str:
    """What the pictures have in common: where they lie, their window, and what the line is."""
    digits = 0 if window[1] >= 20 else 1 if window[1] >= 2 else 2
    centre, width = (figure(v, digits) for v in window)
    unit = {"1": say("arbitrary units")}.get(unit, unit)
    where = say("Slice of the long axis: {place}.", place=place) if place else say("Slice of the long axis.")
    return say(
        "{where} Window: centre {centre}, width {width} {unit}. The line is the outline of the voxels that were "
        "measured; the other two planes are cut through the stack where the lesion is largest.",
        where=where, centre=centre, width=width, unit=unit,
    )  # fmt: skip


def further_lesions(count: int) -> str:
    """What was left for the structured report."""
    if count == 1:
        return say("1 further lesion: see the structured report.")
    return say("{count} further lesions: see the structured report.", count=count)


def further_answers(count: int) -> str:
    """What was left for the structured report."""
    if count == 1:
        return say("1 further answer of a model: see the structured report.")
    return say("{count} further answers of models: see the structured report.", count=count)


def further_sentences(count: int) -> str:
    """What was left for the structured report."""
    if count == 1:
        return say("1 further sentence: see the structured report.")
    return say("{count} further sentences: see the structured report.", count=count)


def cut_short(text: str) -> str:
    """A sentence that was too long for the page."""
    return say("{text} … (in full: see the structured report)", text=text)


def about(facts: ModelFacts) -> tuple[str, list[str]]:
    """A model's key facts, those first that must stay where room is short: its limits, its use, whom it learnt from."""
    use = [say("Intended use: {use}", use=heard(facts.intended_use))] if facts.intended_use else []
    return say("About {model}", model=named(facts.name or facts.id)), [*limits(facts), *use, *learnt_from(facts)]


def package(facts: ModelFacts) -> tuple[str, str]:
    """A model's package as provenance."""
    return say("Package {id} {version}", id=facts.id, version=facts.version), say(
        "SHA-256 {digest}", digest=facts.digest
    )


def further_packages(count: int) -> tuple[str, str]:
    """What was left for the structured report."""
    return say("Packages"), say("{count} further: see the structured report.", count=count)


def drawn_by(provenance: Provenance) -> tuple[str, str]:
    """Where a lesion's outline comes from."""
    return say("Outline"), joined([source(provenance), provenance.sop_uid], ", ")


def images(count: int, series_uid: str, *, examined: bool) -> tuple[str, str]:
    """The series as provenance; of a refused case it was received, and not examined."""
    return say("Examined series") if examined else say("Series received"), say(
        "{uid} ({count} images)", uid=series_uid, count=count
    )


def also_read(role: str, series_uid: str, count: int) -> tuple[str, str]:
    """A series besides the examined one as provenance: the lesion may have been drawn on it."""
    return say("Also read"), say("{role}: {uid} ({count} instances)", role=role, uid=series_uid, count=count)


def key_image(sop_uid: str, frame: int | None) -> tuple[str, str]:
    """The image that the first picture shows."""
    where = say("frame {frame}", frame=frame) if frame else ""
    return say("Key image"), joined([sop_uid, where], ", ")


def study(uid: str) -> tuple[str, str]:
    """The study as provenance."""
    return say("Study"), uid


def job(identifier: str) -> tuple[str, str]:
    """The job as provenance."""
    return say("Job"), identifier


def patient(name: str, identifier: str, birth_date: str, sex: str, age: str) -> list[tuple[str, str]]:
    """The patient line; what the images do not say is left out, but never name and identifier."""
    return [
        (say("Patient"), name or say("no name")),
        (say("Patient ID"), identifier or say("none")),
        *([(say("Born"), birth_date)] if birth_date else []),
        *([(say("Sex"), sex)] if sex else []),
        *([(say("Age"), age)] if age else []),
    ]


def with_note(name: str, note: str) -> str:
    """A name, and what is said of it."""
    return say("{name} {note}", name=name, note=note)


def examination(date: str, description: str, accession: str, series: str) -> list[tuple[str, str]]:
    """The study line."""
    rows = (
        (say("Examined"), date), (say("Study"), description), (say("Accession"), accession), (say("Series"), series),
    )  # fmt: skip
    return [(label, value) for label, value in rows if value]
