"""Which RTSTRUCT, SEG, SR or GSPS belongs to the series that is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from node.assemble.study import (
    LESION_SOURCES,
    RTSTRUCT,
    SEEDS,
    SEGMENTATIONS,
    Current,
    Study,
    as_input,
    refers_to,
    series_number,
)
from node.domain import sources as words
from node.domain.language import Said, joined, say
from node.domain.order import LesionRules, LesionSource, SourceKind, Unused
from node.domain.rules import Fit
from node.domain.series import Instance

OUTLINES = ("rtstruct", "seg")

Speaks = Callable[[Current, LesionRules], bool]
"""
Whether an object speaks for a lesion.

Most SRs and GSPS mark none, and are no source of anything; most sets of organs are none either.
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """
    The sources of the lesion that are at hand.

    Attributes:
        found: In the pipeline's order of preference; of one kind the newest object first. Outlines (RTSTRUCT, SEG) on
            the measured series come before outlines on another one, and so do marks.
        ambiguous: Why a source cannot be assigned to one series, "" when all can.
        conflict: SOP Instance UID of a source that was received with two contents, "" when none.
        unused: What may show a lesion as well, and belongs to no series of the pipeline.
    """

    found: tuple[LesionSource, ...]
    ambiguous: str = ""
    conflict: str = ""
    unused: tuple[Unused, ...] = ()

    @property
    def told(self) -> list[str]:
        """For the operator: each with the series that it was drawn on, where that is not the measured one."""
        used = [each.model or each.kind + (f" on {each.role}" if each.role else "") for each in self.found]
        return used + [f"{each.kind} on series {each.series_uid} (not used: {each.why})" for each in self.unused]

    @property
    def why_unused(self) -> Said:
        """What is not used, and why; the same of several objects once."""
        said = (joined([words.NAMES[each.kind], each.why], ": ") for each in self.unused)
        return joined(dict.fromkeys(said), "; ")


def sources(study: Study, roles: Mapping[str, Fit], rules: LesionRules, speaks: Speaks) -> Sources:
    """
    Collect the sources that belong to the series of a pipeline, the first of which is measured.

    An object belongs to the series whose instances it references, or which it names where it references instances that
    nobody knows (de-identification often renumbers the one and forgets the other); without such references, to the one
    series of its Frame of Reference.
    """
    found: list[LesionSource] = []
    ambiguous = conflict = ""
    first = next(iter(roles))
    for name, role in _turns(rules, roles):
        if name.startswith("model:"):
            found.append(LesionSource(kind="model", model=name.removeprefix("model:")))
            continue
        drawn: list[LesionSource] = []
        for entry in study.objects:
            if _kind(entry.stored.instance) != name:
                continue
            verdict = _belongs(entry.stored.instance, roles[role], study)
            asks_nothing = (name == "seed" or verdict == "ambiguous") and not speaks(entry, rules)
            if verdict == "no" or asks_nothing:
                continue
            if verdict == "ambiguous":
                ambiguous = ambiguous or _ambiguity(entry.stored.instance, study)
                continue
            conflict = conflict or (entry.stored.instance.sop_uid if entry.conflict else "")
            kind = _kind(entry.stored.instance) or "seg"
            on = "" if role == first else role
            drawn.append(LesionSource(kind=kind, inputs=(as_input(entry.stored),), role=on))
        found += _joined(drawn)
    return Sources(tuple(found), ambiguous, conflict, tuple(_unused(study, roles, rules, speaks, found)))


def _unused(
    study: Study, roles: Mapping[str, Fit], rules: LesionRules, speaks: Speaks, found: Sequence[LesionSource]
) -> Iterator[Unused]:
    """What lies on images of this study that are not used, or cannot be assigned, and speaks for a lesion."""
    used = {each.sop_uid for source in found for each in source.inputs}
    there = joined([words.role_of(name, series_number(fitting.instances[0])) for name, fitting in roles.items()], " / ")
    for entry in study.objects:
        instance = entry.stored.instance
        kind = _kind(instance)
        if kind is None or kind not in rules.sources or instance.sop_uid in used:
            continue
        image = _drawn_on(instance, study)
        if image is None or not speaks(entry, rules):
            continue
        vague = any(_belongs(instance, fitting, study) == "ambiguous" for fitting in roles.values())
        why = _ambiguity(instance, study) if vague else words.on_no_role(series_number(image), there)
        description = "".join(image.attributes.get("SeriesDescription", ())[:1])
        series = " ".join(filter(None, (series_number(image), description)))
        yield Unused(kind=kind, sop_uid=instance.sop_uid, series_uid=image.series_uid, series=series, why=why)


def _drawn_on(candidate: Instance, study: Study) -> Instance | None:
    """An image of the study that an object refers to, or whose frame of reference it names where it refers to none."""
    named = {candidate.frame_uid, *candidate.referenced_frames} - {""}
    vague, references = not (candidate.references or candidate.referenced_series), frozenset(candidate.references)
    for entry in study.instances:
        image = entry.stored.instance
        if image.sop_class in LESION_SOURCES:
            continue
        if image.sop_uid in references or image.series_uid in candidate.referenced_series:
            return image
        if vague and image.frame_uid in named:
            return image
    return None


def is_drawn_on(images: Fit, study: Study, rules: LesionRules, speaks: Speaks) -> bool:
    """Whether a drawing or mark of a kind that the pipeline reads refers to a series."""
    for entry in study.objects:
        kind = _kind(entry.stored.instance)
        belongs = kind in rules.sources and refers_to(entry.stored.instance, images)
        if belongs and (kind != "seed" or speaks(entry, rules)):
            return True
    return False


def _turns(rules: LesionRules, roles: Mapping[str, Fit]) -> Iterator[tuple[str, str]]:
    """Each source with each role, in the order in which they are asked; a model chooses its role itself."""
    for _, names in groupby(rules.sources, lambda name: "outline" if name in OUTLINES else name):
        alike = tuple(names)
        for role in roles if alike[0] in {*OUTLINES, "seed"} else list(roles)[:1]:
            yield from ((name, role) for name in alike)


def _joined(drawn: list[LesionSource]) -> list[LesionSource]:
    """
    What counts together.

    A structure set is whole in itself, so that a newer one replaces an older one; of Segmentations and marks there may
    be one for each lesion.
    """
    if not drawn or drawn[0].kind == "rtstruct":
        return drawn
    return [replace(drawn[0], inputs=tuple(one for source in drawn for one in source.inputs))]


def _kind(instance: Instance) -> SourceKind | None:
    if instance.sop_class == RTSTRUCT:
        return "rtstruct"
    if instance.sop_class in SEGMENTATIONS:
        return "seg"
    return "seed" if instance.sop_class in SEEDS else None


def _belongs(candidate: Instance, measured: Fit, study: Study) -> str:
    """'yes', 'no' or 'ambiguous'."""
    if refers_to(candidate, measured):
        return "yes"
    if candidate.references or candidate.referenced_series:
        return "no"
    frame = measured.instances[0].frame_uid
    named = {candidate.frame_uid, *candidate.referenced_frames} - {""}
    if not frame or frame not in named:
        return "no"
    return "yes" if study.patient_frames.get(frame, frozenset()) == {measured.instances[0].series_uid} else "ambiguous"


def _ambiguity(candidate: Instance, study: Study) -> str:
    named = {candidate.frame_uid, *candidate.referenced_frames} - {""}
    count = max((len(study.patient_frames.get(frame, ())) for frame in named), default=0)
    return say(
        "the {modality} references no image, and {count} image series share its frame of reference; it cannot be told "
        "which of them it was drawn on",
        modality=candidate.modality,
        count=count,
    )
