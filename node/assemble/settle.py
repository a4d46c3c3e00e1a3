"""Is a study ready? The loop that turns settled studies into cases and orders."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from node.assemble.census import Census, Count
from node.assemble.prepare import Prepared, Site, change, prepare, revise
from node.assemble.study import LESION_SOURCES, Study, current
from node.domain.order import Order, Pipeline, Predecessor
from node.domain.series import Patient, distinct
from node.errors import LedgerError
from node.store.cases import CaseRow
from node.store.jobs import JobRow
from node.store.ledger import Ledger

log = structlog.get_logger()

IMAGES = frozenset({"CT", "MR", "PT"})

RUNNING_WAIT = timedelta(seconds=2)
"""How soon a study is looked at again whose former revision is being computed at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what."""

    quiet: timedelta
    gap: timedelta
    counted_quiet: timedelta = timedelta(seconds=3)  #: quiet time when the sender itself confirms the count


class Assembler:
    """Examines studies that became quiet; every decision is kept as a case."""

    def __init__(
        self,
        ledger: Ledger,
        pipelines: Sequence[Pipeline],
        site: Site,
        patience: Patience,
        clock: Callable[[], datetime],
        count: Count,
        counting: frozenset[str] = frozenset(),
    ) -> None:
        """`counting` holds the calling AE titles of the peers that can be asked for a count."""
        self._ledger, self._pipelines, self._site = ledger, pipelines, site
        self._patience, self._clock = patience, clock
        self._count, self._counting = Census(count, clock), counting
        self._told: set[tuple[str, str]] = set()
        self._one_at_a_time = threading.Lock()

    def step(self) -> int:
        """Examine what is due; return the number of new orders."""
        now = self._clock()
        orders = 0
        if self._counting:
            for study_uid in self._ledger.due_studies(now - self._patience.counted_quiet):
                if self._counted(study_uid) == "complete":
                    orders += self.examine(study_uid)
        for study_uid in self._ledger.due_studies(now - self._patience.quiet):
            if self._counting and self._counted(study_uid) == "short" and self._may_wait(study_uid, now):
                self._ledger.hold(study_uid, now + self._patience.quiet, "the sender counts more instances")
                continue
            orders += self.examine(study_uid)
        return orders

    def examine(self, study_uid: str, *, on_request: bool = False, pipeline: str | None = None) -> int:
        """Judge one study for every pipeline (or one of them); return the number of new orders."""
        with self._one_at_a_time:  # the loop and an operator's request must not write the same revision twice
            return self._examine(study_uid, on_request, pipeline)

    def _examine(self, study_uid: str, on_request: bool, pipeline: str | None) -> int:  # noqa: FBT001
        now = self._clock()
        seen = self._ledger.last_arrival(study_uid) or now
        study = look(self._ledger, study_uid)
        self._tell_others(study)
        cases, orders, lacking = [], [], []
        for each in self._pipelines:
            if pipeline not in (None, each.name):
                continue
            prepared = prepare(study, each, self._site, now, on_request=on_request)
            if why := self._wait(study_uid, prepared, each, now):
                self._ledger.hold(study_uid, now + why[1], why[0])
                return 0
            order = self._new(prepared.order, again=on_request) if prepared.order else None
            if prepared.lacks_until:
                lacking.append(prepared.lacks_until)
            cases.append(CaseRow(study_uid, each.name, prepared.state, prepared.explanation, now))
            if order is not None:
                orders.append(order)
        again = (min(lacking), "a series that a pipeline needs may come") if lacking else None
        if not self._ledger.examine(study_uid, seen, cases, orders, again):
            return 0  # something arrived meanwhile: the study is still due and will be quiet again
        for order in orders:
            log.info(
                "job.queued",
                job_id=order.job_id,
                study_uid=study_uid,
                pipeline=order.pipeline.name,
                revision=order.revision,
            )
        return len(orders)

    def _wait(
        self, study_uid: str, prepared: Prepared, pipeline: Pipeline, now: datetime
    ) -> tuple[str, timedelta] | None:
        """Why and how long this study should wait although it is quiet; None when it should not."""
        last = self._ledger.last_arrival(study_uid) or now
        first = self._ledger.first_seen(study_uid) or now
        if prepared.gap and now < last + self._patience.gap:
            return prepared.gap, last + self._patience.gap - now
        better_until = first + timedelta(seconds=pipeline.lesion.wait_s)
        if prepared.order and prepared.better_source and now < better_until:
            return "a better source of the lesion may come", better_until - now
        if (
            prepared.order
            and (former := self._ledger.latest_job(study_uid, pipeline.name))
            and former.state == "running"
            and former.fingerprint != prepared.order.fingerprint
        ):
            return "the former revision is being computed", RUNNING_WAIT
        return None

    def _new(self, order: Order, *, again: bool) -> Order | None:
        """The order, as first or next revision; None when the latest job already answers it."""
        former = self._ledger.latest_job(order.study_uid, order.pipeline.name)
        if former is None:
            return order
        if former.fingerprint == order.fingerprint and not again:
            return None
        before = Order.from_json(former.order_json)
        if former.state == "queued":
            self._ledger.cancel(former.id)
        return revise(order, before, _predecessor(former, before, change(order, before)))

    def _counted(self, study_uid: str) -> str:
        """'complete', 'short' or 'unknown', by the word of the peer that sent the study."""
        versions = self._ledger.study(study_uid)
        senders = {v.calling_ae for v in versions} & self._counting
        here = len({v.instance.sop_uid for v in versions})
        ours = self._made_for(study_uid) if senders else frozenset()
        for sender in sorted(senders):
            there = self._count(sender, study_uid, here, ours)
            if there is not None:
                return "complete" if here >= there else "short"
        return "unknown"

    def _made_for(self, study_uid: str) -> frozenset[str]:
        """Series of our own results: the sender counts them, and nobody waits for them."""
        files = [f for job in self._ledger.jobs(study_uid=study_uid) for f in (job.document or {}).get("files", ())]
        return frozenset(f["series_instance_uid"] for f in files)

    def _may_wait(self, study_uid: str, now: datetime) -> bool:
        last = self._ledger.last_arrival(study_uid)
        return last is not None and now < last + self._patience.gap

    def _tell_others(self, study: Study) -> None:
        """A drawing may lie in another study than the images it was made on: have those examined again."""
        for entry in study.instances:
            instance = entry.stored.instance
            key = (instance.digest, study.uid)
            if instance.sop_class not in LESION_SOURCES or key in self._told:
                continue
            self._told.add(key)
            for other in self._touched_by(instance.references, instance.patient):
                if other != study.uid:
                    self._ledger.wake(other)

    def _touched_by(self, references: Sequence[str], patient: Patient) -> tuple[str, ...]:
        known = self._ledger.studies_referenced(references) if references else ()
        return known or self._ledger.patient_studies(patient)


def look(ledger: Ledger, study_uid: str) -> Study:
    """Read one study and what belongs to its patient from the ledger."""
    versions = ledger.study(study_uid)
    instances = current(versions)
    objects = [each for each in versions if each.instance.sop_class in LESION_SOURCES]  # whatever issuer they lack
    frames: Mapping[str, set[str]] = defaultdict(set)
    for patient in sorted(distinct(entry.stored.instance.patient for entry in instances)):
        objects += ledger.objects_of(patient, LESION_SOURCES)
        for other in ledger.patient_studies(patient):
            for entry in instances if other == study_uid else current(ledger.study(other)):
                if entry.stored.instance.modality in IMAGES and entry.stored.instance.frame_uid:
                    frames[entry.stored.instance.frame_uid].add(entry.stored.instance.series_uid)
    newest_first = sorted(
        current(objects), key=lambda c: (c.stored.received_at, c.stored.instance.sop_uid), reverse=True
    )
    return Study(study_uid, instances, tuple(newest_first), {uid: frozenset(s) for uid, s in frames.items()})


def _predecessor(former: JobRow, before: Order, what: str) -> Predecessor | None:
    """
    The result that a revision replaces: the former one, or what that one would have replaced had it been made.

    Of a refusal that is kept to ourselves no archive knows the report, so nothing refers to it.
    """
    files = (former.document or {}).get("files", ())
    if former.state not in {"succeeded", "refused"} or not files:
        return replace(before.predecessor, change=what) if before.predecessor else None
    if former.reason_code in before.pipeline.silent_refusals:
        known = before.predecessor.objects if before.predecessor else ()
        return Predecessor(job_id=former.id, objects=known, change=what)
    objects = tuple((f["sop_class_uid"], f["sop_instance_uid"], f["series_instance_uid"]) for f in files)
    return Predecessor(job_id=former.id, objects=objects, change=what)


def request(ledger: Ledger, assembler: Assembler, study_uid: str) -> None:
    """
    Run a study because an operator asked for it, whatever its age and whether or not anything is new.

    Raises:
        LedgerError: The ledger holds no such study.
    """
    if not ledger.study(study_uid):
        raise LedgerError("no such study", at=study_uid, do="see `radnode jobs list` for the studies at hand")
    assembler.examine(study_uid, on_request=True)
