"""`radnode jobs`: look at the ledger, and leave wishes that the service takes up."""

from __future__ import annotations

import json
from typing import Annotated, Optional

import typer

from node.cli.options import ConfigOption, configuration, open_ledger
from node.errors import LedgerError
from node.store.jobs import JobRow
from node.store.ledger import Ledger

app = typer.Typer(help="Look at cases, jobs and deliveries; retry or cancel them.", no_args_is_help=True)

JobArgument = Annotated[str, typer.Argument(help="Job id, or its first characters.")]


@app.command("list")
def list_jobs(
    state: Annotated[Optional[str], typer.Option("--state", help="Only jobs in this state.")] = None,  # noqa: UP045
    limit: Annotated[int, typer.Option("--limit", help="At most so many.")] = 50,
    config: ConfigOption = None,
) -> None:
    """Jobs, newest first, then the cases that led to none, each with its state and reason."""
    ledger = open_ledger(configuration(config))
    for job in ledger.jobs(state=state, limit=limit):
        typer.echo(_line(job))
    if state is None:
        for case in ledger.cases():
            if case.state != "ready":
                why = case.explanation.get("why", "")
                typer.echo(f"{'-':12}  {case.state:<10} {case.pipeline:<12} {case.study_uid}  {why}")
        for received in ledger.unreadables():
            typer.echo(f"{'-':12}  unreadable {received.path}  {received.reason}")


@app.command()
def show(
    job: Annotated[str, typer.Argument(help="Job id (or its first characters), or a Study Instance UID.")],
    config: ConfigOption = None,
) -> None:
    """The whole story of a job or a study: why each series fits or not, transitions, deliveries, findings."""
    ledger = open_ledger(configuration(config))
    row = None if "." in job else ledger.job(job)
    study_uid = row.study_uid if row else job
    cases = ledger.cases(study_uid)
    if row is None and not cases:
        raise LedgerError("no such job or study", at=job, do="see `radnode jobs list`")
    for case in cases:
        typer.echo(f"case  {case.pipeline}: {case.state}  {case.explanation.get('why', '')}")
        for series_uid, roles in case.explanation.get("series", {}).items():
            for role, why in roles.items():
                typer.echo(f"      series {series_uid} as {role}: {why}")
        typer.echo(f"      lesion sources at hand: {', '.join(case.explanation.get('sources', ())) or 'none'}")
    for each in [row] if row else ledger.jobs(study_uid=study_uid):
        _story(ledger, each)


def _story(ledger: Ledger, job: JobRow) -> None:
    typer.echo(_line(job))
    for step in ledger.transitions(job.id):
        typer.echo(f"      {step.at:%Y-%m-%d %H:%M:%S}  {step.kind:<9} {step.state:<10} {step.note}")
    for delivery in ledger.deliveries(job.id):
        sent = f"{delivery.kind} {delivery.state}, {delivery.tries} tries"
        typer.echo(f"      to {delivery.destination}: {sent}  {delivery.reason}".rstrip())
    if job.document:
        typer.echo(json.dumps(job.document, indent=2, ensure_ascii=False))


@app.command()
def retry(
    job: JobArgument,
    destination: Annotated[Optional[str], typer.Option("--destination", help="Deliver again to this one.")] = None,  # noqa: UP045
    config: ConfigOption = None,
) -> None:
    """Queue a failed or cancelled job again; with --destination, revive its dead deliveries instead."""
    _ask(config, "deliver" if destination else "retry", job, destination)


@app.command()
def cancel(job: JobArgument, config: ConfigOption = None) -> None:
    """End a queued or running job."""
    _ask(config, "cancel", job, None)


@app.command("run")
def run_study(study: Annotated[str, typer.Argument(help="Study Instance UID.")], config: ConfigOption = None) -> None:
    """Examine a study again on request, whatever its age: writes a new order, so a new revision."""
    ledger = open_ledger(configuration(config))
    ledger.ask("run", study, None)
    typer.echo("asked; the service takes it up within a second, or when it is started")


def _ask(config: ConfigOption, verb: str, prefix: str, destination: str | None) -> None:
    ledger = open_ledger(configuration(config))
    job = ledger.job(prefix)
    if job is None:
        raise LedgerError("no such job", at=prefix, do="see `radnode jobs list`")
    ledger.ask(verb, job.id, destination)
    typer.echo(f"asked for {job.id[:12]}; the service takes it up within a second, or when it is started")


def _line(job: JobRow) -> str:
    reason = f"  {job.reason_code}: {job.reason}" if job.reason_code else f"  {job.reason}"
    return (
        f"{job.id[:12]}  {job.state:<10} {job.pipeline:<12} {job.study_uid}  rev {job.revision}, "
        f"attempt {job.attempt}, {job.updated_at:%Y-%m-%d %H:%M:%S}{reason}"
    ).rstrip()
