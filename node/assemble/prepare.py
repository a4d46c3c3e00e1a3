"""From a settled study to a case and, when there is something new to do, a work order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from node.assemble.lesion import Sources, Speaks, sources
from node.assemble.match import Match, fill
from node.assemble.reader import Read, Stated, stated
from node.assemble.received import kind_of, received
from node.assemble.study import Current, Study, as_input
from node.domain.clinical import Clinical
from node.domain.language import Said, joined, say
from node.domain.order import Input, ModelPin, Order, Pipeline, Predecessor
from node.domain.refusals import NOT_USED
from node.domain.rules import Fit, Role
from node.domain.series import Patient, distinct
from node.domain.sources import NAMES, NO_SOURCE
from node.domain.stack import find_gap
from node.domain.terms import term

NOT_ASKED = ("no lesion", NO_SOURCE)
"""
Nobody drew or marked a lesion and no model searches: the study asks nothing, so that whatever else is wrong with its
images is no reason to send a document.
"""

CaseState = Literal["arriving", "waiting", "ready", "unmatched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    What an order takes from the site rather than from the study.

    Attributes:
        models: Package id to its pin; an id that a pipeline names and this lacks is answered "model unavailable".
        clinical: Values of a patient, given the header's attributes of the measured series and what readers state.
        speaks: Whether a drawing or mark speaks for a lesion.
        reads: Reads what a person states in an SR.
        asks: Package id to the clinical quantities that the model takes.
    """

    installation: str
    node_version: str
    models: Mapping[str, ModelPin]
    clinical: Callable[[Patient, Mapping[str, tuple[str, ...]], Clinical], Clinical]
    speaks: Speaks
    reads: Read
    asks: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """
    What became of one pipeline on one study.

    Attributes:
        explanation: Which series matched which role and why others did not; kept with the case.
        order: Present when the case is ready; revision and predecessor are still those of a first result.
        gap: Why the study should wait for more slices, "" when it is whole.
        better_source: Whether a source that the pipeline prefers over the one at hand may still come.
        lacks_until: Until when the study may wait for a series that fills an empty role; None where none is awaited.
    """

    state: CaseState
    explanation: dict[str, Any]
    order: Order | None = None
    gap: str = ""
    better_source: bool = False
    lacks_until: datetime | None = None


def prepare(study: Study, pipeline: Pipeline, site: Site, now: datetime, *, on_request: bool = False) -> Prepared:
    """
    Judge one study for one pipeline.

    Args:
        now: Aware time; becomes the order's time of writing, and decides whether the study is a prior.
        on_request: An operator asked for this study, so its age does not matter.
    """
    match = fill(study, pipeline, site.speaks)
    explanation: dict[str, Any] = {"series": match.why}
    if not match.roles:
        return Prepared(state="unmatched", explanation={**explanation, "why": "no series fits a role"})
    if not on_request and (age := _too_old(study, pipeline, now)):
        return Prepared(state="unmatched", explanation={**explanation, "why": age})
    if missing := [role for role in pipeline.roles if role not in match.roles]:
        return _incomplete(study, pipeline, site, now, match, missing, on_request=on_request)
    at_hand = sources(study, match.fits, pipeline.lesion, site.speaks)
    gaps = [gap for _, fitting in match.roles.values() if (gap := _gap(fitting, pipeline))]
    order = _order(study, pipeline, site, now, match, at_hand)
    explanation["sources"] = at_hand.told
    explanation["reports"] = [report.sop_uid for report in order.reports]
    return Prepared(
        state="ready",
        explanation=explanation,
        order=order,
        gap=gaps[0] if gaps else "",
        better_source=_better(pipeline, at_hand),
    )


def _incomplete(
    study: Study, pipeline: Pipeline, site: Site, now: datetime, match: Match, missing: list[str], *, on_request: bool
) -> Prepared:
    """Some roles are filled and others are not: wait for a while, then say so where the study is read."""
    why = say("no series fits {roles}", roles=joined([_wanted(name, pipeline.roles[name]) for name in missing], ", "))
    at_hand = sources(study, match.fits, pipeline.lesion, site.speaks)
    explanation: dict[str, Any] = {"series": match.why, "why": why, "sources": at_hand.told}
    last = max(entry.stored.received_at for entry in study.instances)
    until = last + timedelta(seconds=pipeline.role_wait_s)
    if now < until and not on_request:
        return Prepared(state="waiting", explanation=explanation, lacks_until=until)
    order = _order(study, pipeline, site, now, match, at_hand)
    refusal = order.refusal
    if refusal == NOT_ASKED or (refusal is None and not _asks(study, pipeline, site, at_hand)):
        refusal = ("no lesion", joined([why, NO_SOURCE], "; "))
    elif refusal is None or refusal[0] in {"ambiguous reference", NOT_USED}:
        wanted = {pipeline.roles[name].modality for name in missing}
        refusal = ("role missing", joined([why, received(study, wanted), at_hand.why_unused], "; "))
    return Prepared(state="ready", explanation=explanation, order=replace(order, lesion=(), refusal=refusal))


def _asks(study: Study, pipeline: Pipeline, site: Site, at_hand: Sources) -> bool:
    """Whether a model searches, or something drawn speaks for a lesion: a set of organs asks nothing."""
    used = {each.sop_uid for source in at_hand.found for each in source.inputs}
    return any(source.model for source in at_hand.found) or any(
        entry.stored.instance.sop_uid in used and site.speaks(entry, pipeline.lesion) for entry in study.objects
    )


def revise(order: Order, former: Order, predecessor: Predecessor | None) -> Order:
    """The next revision after `former`; `predecessor` is None when the former one left no result."""
    return replace(order, revision=former.revision + 1, predecessor=predecessor)


def change(new: Order, old: Order) -> str:
    """One sentence for the reader: what changed since the former result."""
    if new.patient_key != old.patient_key:
        return say("The patient identity of the study was corrected.")
    parts = []
    if added := _keys(new.lesion) - _keys(old.lesion):
        kinds = joined([NAMES[kind] for kind in sorted({kind for kind, _ in added})], ", ")
        parts.append(say("a new source of the lesion arrived ({kinds})", kinds=kinds))
    if _keys(old.lesion) - _keys(new.lesion):
        parts.append(say("a former source of the lesion no longer counts"))
    if {u.sop_uid for u in new.unused} - {u.sop_uid for u in old.unused}:
        parts.append(say("a drawing of a lesion arrived that cannot be used"))
    if new.stated != old.stated:
        changed = sorted({name for name, _ in new.stated.items() ^ old.stated.items()})
        names = joined(map(term, changed), ", ")
        parts.append(say("a reader's report states other findings ({names})", names=names))
    parts += _images(new, old)
    if not parts:
        same = new.refusal == old.refusal
        parts.append(say("it was run again on request") if same else say("the conflict of inputs changed"))
    return say("{parts:capital}.", parts=joined(parts, "; "))


def _images(new: Order, old: Order) -> Iterator[Said]:
    """What changed in the series that fill the roles."""
    for role, inputs in new.roles.items():
        before = {i.sop_uid for i in old.roles.get(role, ())}
        now = {i.sop_uid for i in inputs}
        if role not in old.roles:
            yield say("the series that fills {role} arrived", role=role)
        elif {i.series_uid for i in inputs} != {i.series_uid for i in old.roles[role]}:
            yield say("another series fills {role}", role=role)
        elif now - before:
            yield say("{count} more images arrived for {role}", count=len(now - before), role=role)


def _keys(lesion: tuple[Any, ...]) -> set[tuple[str, str]]:
    return {(s.kind, i.content) for s in lesion for i in s.inputs}


def _wanted(name: str, role: Role) -> Said:
    """A role with what it asks for: "t1c (T1 with contrast agent)"."""
    kind = kind_of(role.sequence, role.contrast)
    return joined([name, joined(["(", kind, ")"], "") if kind else ""])


def _too_old(study: Study, pipeline: Pipeline, now: datetime) -> str:
    if pipeline.max_study_age_days is None:
        return ""
    dates = [date for c in study.instances for date in c.stored.instance.attributes.get("StudyDate", ())[:1]]
    try:
        taken = datetime.strptime(max(dates, default=""), "%Y%m%d").replace(tzinfo=now.tzinfo)
    except ValueError:
        return ""
    if now - taken <= timedelta(days=pipeline.max_study_age_days + 1):
        return ""
    return f"the study is older than {pipeline.max_study_age_days} days: kept as a prior, run only on request"


def _gap(fitting: Fit, pipeline: Pipeline) -> str:
    frames = [frame for instance in fitting.instances for frame in instance.frames]
    return find_gap(frames, pipeline.load) or ""


def _better(pipeline: Pipeline, at_hand: Sources) -> bool:
    wanted = pipeline.lesion.sources[0].split(":")[0] if pipeline.lesion.sources else ""
    return not any(source.kind == wanted for source in at_hand.found)


def _order(study: Study, pipeline: Pipeline, site: Site, now: datetime, match: Match, at_hand: Sources) -> Order:
    by_uid = {entry.stored.instance.sop_uid: entry for entry in study.instances}
    roles = {role: _inputs(fitting, by_uid) for role, (_, fitting) in match.roles.items()}
    measured = next(iter(match.roles.values()))[1]
    told = _stated(study, pipeline, site, measured)
    first = measured.instances[0]
    patients = study.patients
    owners = (
        patients if len(patients) > 1 else distinct(i.patient for i in measured.instances)
    )  # a drawing corrects none
    needed = (*pipeline.models, *(s.model for s in at_hand.found if s.model))
    return Order(
        installation=site.installation,
        node_version=site.node_version,
        pipeline=pipeline,
        study_uid=study.uid,
        patient_key=patient_key(owners),
        revision=1,
        roles=roles,
        lesion=at_hand.found,
        models={name: site.models[name] for name in needed if name in site.models},
        clinical=site.clinical(first.patient, first.attributes, told.clinical),
        written_at=now,
        unused=at_hand.unused,
        reports=told.inputs,
        stated={name: str(value.value) for name, value in told.clinical.values.items()},
        refusal=_refusal(patients, match, by_uid, at_hand),
        taken_numbers=study.series_numbers,
    )


def _stated(study: Study, pipeline: Pipeline, site: Site, measured: Fit) -> Stated:
    asked = [site.asks[model] for model in pipeline.models if model in site.asks]
    return stated(study, measured, frozenset().union(*asked), site.reads)


def _inputs(fitting: Fit, by_uid: Mapping[str, Current]) -> tuple[Input, ...]:
    return tuple(as_input(by_uid[i.sop_uid].stored) for i in sorted(fitting.instances, key=lambda i: i.sop_uid))


def patient_key(patients: frozenset[Patient]) -> str:
    """SHA-256 (hex) of the identity of whoever a study belongs to: comparable, yet no identifier."""
    text = "\0".join(f"{p.id}\0{p.issuer}" for p in sorted(patients))
    return hashlib.sha256(text.encode()).hexdigest()


def _refusal(
    patients: frozenset[Patient], match: Match, by_uid: Mapping[str, Current], at_hand: Sources
) -> tuple[str, str] | None:
    if len(patients) > 1:
        found = say("the study was received under {count} patient identities", count=len(patients))
        return ("patient identity conflict", found)
    if not next(iter(patients)).id:
        return ("no patient id", say("the images carry no Patient ID (0010,0020)"))
    used = [i.sop_uid for _, fitting in match.roles.values() for i in fitting.instances]
    conflicting = [uid for uid in used if by_uid[uid].conflict]
    if at_hand.conflict:
        conflicting.append(at_hand.conflict)
    if conflicting:
        count = len(conflicting)
        found = say("{count} instances were received with different pixels under one UID", count=count)
        return ("conflicting instances", found)
    drawn = [source for source in at_hand.found if source.kind != "model"]
    if at_hand.ambiguous and not drawn:
        return ("ambiguous reference", at_hand.ambiguous)
    if at_hand.unused and not at_hand.found:
        return (NOT_USED, at_hand.why_unused)
    return None if at_hand.found else NOT_ASKED
