"""`radnode run`: the same order by the same line, on a folder, without network, Dask or the service's ledger."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from node.app import site
from node.assemble.settle import Assembler, Patience
from node.config import Config
from node.dicom.header import read_instance
from node.domain.document import Unmatched, document, job_document
from node.domain.order import Order
from node.errors import ConfigError, InstanceUnreadable, NodeError
from node.receive.compare import compare_versions
from node.store.instances import Arrival
from node.store.jobs import JobRow
from node.store.ledger import Ledger
from node.work import worker
from node.work.pipeline import run as run_line
from node.work.task import Workplace


@dataclass
class Outcome:
    """What a run made."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: bool = False

    def document(self) -> dict[str, Any]:
        """The document of `--json`."""
        return document(self.jobs, self.unmatched)

    def text(self) -> str:
        """The report for a person."""
        parts = [*self.reports]
        for study in self.unmatched:
            parts.append(f"Study {study.study_uid} matches no pipeline:")
            parts += [f"  series {uid}: {why}" for uid, why in study.series.items()]
        if self.skipped:
            parts.append("Skipped, no readable DICOM object: " + ", ".join(self.skipped))
        return "\n".join(parts) or "Nothing to do: the folder holds no DICOM object."


def run_folder(
    config: Config, folder: Path, out: Path, *, pipeline: str | None = None, clinical: Path | None = None
) -> Outcome:
    """
    Evaluate every study in a folder and write the result objects below `out`.

    Raises:
        ConfigError: The pipeline is unknown, `out` cannot be made, or the clinical file holds mistakes.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"{out} cannot be made ({error.strerror})"], at="--out", do="name a folder") from error
    outcome = Outcome()
    with assembled(config, folder, outcome, pipeline=pipeline, clinical=clinical) as ledger:
        _execute(ledger, config, out, outcome)
    return outcome


@contextmanager
def assembled(
    config: Config, folder: Path, outcome: Outcome, *, pipeline: str | None, clinical: Path | None
) -> Iterator[Ledger]:
    """
    A ledger of its own with the order of every study in a folder; what no pipeline takes is told to `outcome`.

    Raises:
        ConfigError: The pipeline is unknown, or the clinical file holds mistakes.
    """
    pipelines = config.resolved()
    if pipeline is not None and pipeline not in {each.name for each in pipelines}:
        known = ", ".join(each.name for each in pipelines)
        raise ConfigError([f"no pipeline {pipeline!r}; there are: {known}"], at="--pipeline", do="name one of them")
    with tempfile.TemporaryDirectory(prefix="radnode-run-") as scratch:
        ledger = Ledger.open(f"sqlite:///{Path(scratch).resolve() / 'ledger.sqlite'}", _now)
        here = site.compose(config, installation=f"run-{uuid.uuid4()}", root=folder, clinical=clinical)
        ledger.record(list(_arrivals(folder.resolve(), outcome)))
        compare_versions(ledger, folder)
        assembler = Assembler(
            ledger, pipelines, here, Patience(quiet=timedelta(0), gap=timedelta(0)), _now, lambda *_: None
        )
        for study_uid in ledger.due_studies(_now()):
            assembler.examine(study_uid, on_request=True, pipeline=pipeline)
        yield ledger
        _unmatched(ledger, outcome)
        ledger.close()


def _now() -> datetime:
    return datetime.now().astimezone()


def _arrivals(folder: Path, outcome: Outcome) -> Iterator[Arrival]:
    seen: set[str] = set()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            instance = read_instance(path)
        except InstanceUnreadable:
            outcome.skipped.append(path.name)
            continue
        if instance.digest in seen:
            continue
        seen.add(instance.digest)
        yield Arrival(
            instance=instance, path=str(path), calling_ae="", received_at=_now(), size_bytes=path.stat().st_size
        )


def _execute(ledger: Ledger, config: Config, out: Path, outcome: Outcome) -> None:
    place = Workplace(state_dir="/", model_dirs=tuple(str(d) for d in config.model_dirs), threads=0)
    for job in ledger.queued():
        order = Order.from_json(job.order_json)
        target = out / f"{order.pipeline.name}-{job.id[:12]}"
        try:
            result = run_line(order, worker.parts(order, place, root=Path("/")))
            manifest = worker.leave(order, result, target, attempt=1)
        except NodeError as error:
            _fail(outcome, job, str(error))
        except OSError as error:  # one full or read-only folder must not cost the other studies their report
            _fail(outcome, job, f"{target}: the result cannot be written ({error.strerror}); make room, then run again")
        else:
            outcome.jobs.append(manifest.document)
            outcome.reports.append(manifest.report)


def _fail(outcome: Outcome, job: JobRow, why: str) -> None:
    outcome.failed = True
    outcome.jobs.append(
        job_document(
            job_id=job.id,
            pipeline=job.pipeline,
            study_uid=job.study_uid,
            revision=job.revision,
            state="failed",
            reason_code="failed",
            reason=why,
        )
    )
    outcome.reports.append(f"Pipeline {job.pipeline} failed on study {job.study_uid}: {why}")


def _unmatched(ledger: Ledger, outcome: Outcome) -> None:
    matched = {case.study_uid for case in ledger.cases() if case.state == "ready"}
    rows: dict[str, dict[str, str]] = {}
    for case in ledger.cases():
        if case.study_uid in matched:
            continue
        for series_uid, roles in case.explanation.get("series", {}).items():
            why = "; ".join(f"{case.pipeline}/{role}: {text}" for role, text in roles.items())
            known = rows.setdefault(case.study_uid, {})
            known[series_uid] = "; ".join(filter(None, (known.get(series_uid), why)))
    outcome.unmatched += [Unmatched(study_uid, series) for study_uid, series in rows.items()]
