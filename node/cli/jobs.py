"""`radnode jobs`: look at the ledger, and leave wishes that the service takes up."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Optional

import typer

from node.cli.options import ConfigOption, configuration, open_ledger
from node.config import Config
from node.errors import LedgerError
from node.store import results
from node.store.cases import CaseRow
from node.store.deliveries import DeliveryRow
from node.store.jobs import JobRow
from node.store.ledger import Ledger

app = typer.Typer(help="Look at cases, jobs and deliveries; retry or cancel them.", no_args_is_help=True)

ANSWER_S = 3.0
"""How long a command waits for the service to answer a wish; it does so within a second when it is up."""


@app.command("list")
def list_jobs(
    state: Annotated[Optional[str], typer.Option("--state", help="Only jobs in this state.")] = None,  # noqa: UP045
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only jobs of which a destination lacks something.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", help="At most so many of each.")] = 50,
    config: ConfigOption = None,
) -> None:
    """Jobs, newest first, then the cases that led to none, then what still arrives, each with its state and reason."""
    ledger = open_ledger(configuration(config))
    typer.echo(f"{'job':12}  {'state':<10} {'pipeline':<12} study")
    for job in ledger.jobs(state=state, undelivered=undelivered, limit=limit):
        typer.echo(_line(job) + _undelivered(ledger, job))
    if state is None and not undelivered:
        for study_uid in ledger.due_studies(datetime.now(UTC))[:limit]:
            typer.echo(f"{'-':12}  {'arriving':<10} {'':<12} {study_uid}  judged once nothing more arrives")
        for (study_uid, stands, why), cases in groupby(ledger.cases(without_job=True, limit=limit), _outcome):
            names = ", ".join(case.pipeline for case in cases)
            typer.echo(f"{'-':12}  {stands:<10} {names:<12} {study_uid}  {why}")
        for received in ledger.unreadables()[-limit:]:
            typer.echo(f"{'-':12}  unreadable {received.path}  {received.reason}")


def _outcome(case: CaseRow) -> tuple[str, str, str]:
    """Study, state and reason: pipelines that say the same of a study share a line."""
    return case.study_uid, case.state, case.explanation.get("why", "")


def _undelivered(ledger: Ledger, job: JobRow) -> str:
    """What of a result its destinations do not have yet, or do not vouch for; "" when they have all."""
    rows = ledger.deliveries(job.id)
    counts = Counter(f"{each.state} for {each.destination}" for each in rows if each.state in {"pending", "dead"})
    counts.update(f"not committed by {each.destination}" for each in rows if each.awaits_commitment)
    return "".join(f"  [{number} {what}]" for what, number in counts.items())


@app.command()
def show(
    job: Annotated[str, typer.Argument(help="Job id (or its first characters), or a Study Instance UID.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the job's JSON document instead.")] = False,
    config: ConfigOption = None,
) -> None:
    """The whole story of a job or a study: why each series fits or not, transitions, deliveries, findings."""
    settings = configuration(config)
    ledger = open_ledger(settings)
    row = None if "." in job else ledger.job(job)
    study_uid = row.study_uid if row else job
    cases = ledger.cases(study_uid)
    found = (row,) if row else ledger.jobs(study_uid=study_uid)
    if not found and not cases:
        raise LedgerError("no such job or study", at=job, do="see `radnode jobs list`")
    if as_json:
        typer.echo(json.dumps([each.document for each in found], indent=2, ensure_ascii=False))
        return
    for case in cases:
        _explain(case)
    for each in found:
        _story(ledger, each, settings.node.state_dir)


@app.command()
def retry(
    job: Annotated[Optional[str], typer.Argument(help="Job id, or its first characters.")] = None,  # noqa: UP045
    destination: Annotated[Optional[str], typer.Option("--destination", help="Deliver again to this one.")] = None,  # noqa: UP045
    config: ConfigOption = None,
) -> None:
    """Queue a failed or cancelled job again; with --destination, revive its dead deliveries (or all) instead."""
    settings = configuration(config)
    if job is None and destination is None:
        raise typer.BadParameter("name a job, or a --destination whose dead deliveries shall be tried again")
    if destination is not None and destination not in settings.destinations:
        known = ", ".join(settings.destinations) or "none"
        raise typer.BadParameter(f"no destination {destination!r} is configured; there are: {known}")
    _ask(settings, "deliver" if destination else "retry", job, destination)


@app.command()
def cancel(
    job: Annotated[str, typer.Argument(help="Job id, or its first characters.")], config: ConfigOption = None
) -> None:
    """End a queued or running job."""
    _ask(configuration(config), "cancel", job, None)


@app.command("run")
def run_study(study: Annotated[str, typer.Argument(help="Study Instance UID.")], config: ConfigOption = None) -> None:
    """Examine a study again on request, whatever its age: writes a new order, so a new revision."""
    ledger = open_ledger(configuration(config))
    if not ledger.study(study):
        raise LedgerError("no such study", at=study, do="see `radnode jobs list`")
    _await_answer(ledger, ledger.ask("run", study, None))


def _ask(config: Config, verb: str, prefix: str | None, destination: str | None) -> None:
    ledger = open_ledger(config)
    job_id = ""
    if prefix is not None:
        row = ledger.job(prefix)
        if row is None:
            raise LedgerError("no such job", at=prefix, do="see `radnode jobs list`")
        job_id = row.id
    _await_answer(ledger, ledger.ask(verb, job_id, destination))


def _await_answer(ledger: Ledger, number: int) -> None:
    """Print what the service made of a wish, or that it will be taken up when there is one."""
    end = time.monotonic() + ANSWER_S
    while time.monotonic() < end:
        wish = ledger.intent(number)
        if wish is not None and wish.outcome:
            typer.echo(wish.outcome)
            return
        time.sleep(0.1)
    typer.echo("written down; the service does not answer now and takes it up as soon as it can")


def _explain(case: CaseRow) -> None:
    typer.echo(f"case  {case.pipeline}: {case.state}  {case.explanation.get('why', '')}".rstrip())
    for series_uid, roles in case.explanation.get("series", {}).items():
        for role, why in roles.items():
            typer.echo(f"      series {series_uid} as {role}: {why}")
    if case.explanation.get("reports"):
        typer.echo(f"      reports of readers at hand: {', '.join(case.explanation['reports'])}")
    if "sources" in case.explanation:
        typer.echo(f"      lesion sources at hand: {', '.join(case.explanation['sources']) or 'none'}")


def _story(ledger: Ledger, job: JobRow, state_dir: Path) -> None:
    typer.echo(_line(job))
    for step in ledger.transitions(job.id):
        if step.kind != "delivery":
            typer.echo(f"      {_local(step.at)}  {step.kind:<9} {step.state:<10} {step.note}".rstrip())
    for delivery in ledger.deliveries(job.id):
        typer.echo(_delivery(delivery))
    manifest = results.read(state_dir / results.folder_of(job.id, job.attempt))
    if manifest is not None:
        typer.echo("\n" + manifest.report)
    elif job.document:
        typer.echo("      the result files are not below this state_dir; --json prints what the ledger knows")


def _delivery(delivery: DeliveryRow) -> str:
    tried = "1 try" if delivery.tries == 1 else f"{delivery.tries} tries"
    again = f", next at {_local(delivery.next_at)}" if delivery.state == "pending" else ""
    if delivery.awaits_commitment and delivery.commit_at is not None:
        again = f", waiting for commitment until {_local(delivery.commit_at)}"
    return (
        f"      to {delivery.destination}: {delivery.kind} {delivery.state}, {tried}{again}  {delivery.reason}".rstrip()
    )


def _line(job: JobRow) -> str:
    reason = f"  {job.reason_code}: {job.reason}" if job.reason_code else f"  {job.reason}"
    return (
        f"{job.id[:12]}  {job.state:<10} {job.pipeline:<12} {job.study_uid}  rev {job.revision}, "
        f"attempt {job.attempt}, {_local(job.updated_at)}{reason}"
    ).rstrip()


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
