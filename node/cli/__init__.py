"""The command line: serve · run · features · demo · check · conformance · jobs · models."""

from __future__ import annotations

import sys
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Annotated, Optional

import typer

from node import logs
from node.cli import conformance, jobs, models
from node.cli.features import features
from node.cli.options import ConfigOption, configuration
from node.errors import ConfigError, Locked, NodeError

app = typer.Typer(
    name="radnode",
    help="A DICOM node that turns an imaging study into radiogenomic findings, sent back as SEG and SR.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(jobs.app, name="jobs")
app.add_typer(models.app, name="models")
app.command()(conformance.conformance)
app.command()(features)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"radnode {version('radnode')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A DICOM node that turns an imaging study into radiogenomic findings, sent back as SEG and SR."""


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the service: receive studies, evaluate them, send the results."""
    from node.app.serve import serve as run_service

    settings = configuration(config)
    logs.configure(settings.node.log_level)

    def announce(state_dir: Path, port: int) -> None:
        typer.echo(
            f"radnode {settings.receive.ae_title} listens on {settings.receive.host}:{port}, state in {state_dir}"
        )
        if not settings.peers:
            typer.echo("No peers are configured, so nothing is accepted: add [peers.NAME] to config.toml.")

    raise typer.Exit(run_service(settings, announce))


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(help="Folder with DICOM files; everything else in it is skipped.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the result objects.")],
    pipeline: Annotated[Optional[str], typer.Option("--pipeline", help="Only this pipeline.")] = None,  # noqa: UP045
    clinical: Annotated[Optional[Path], typer.Option("--clinical", help="CSV with clinical values.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the report.")] = False,
    config: ConfigOption = None,
) -> None:
    """Evaluate a folder of DICOM files without network; write the result objects and print the report."""
    import json

    from node.app.folder import run_folder

    settings = configuration(config)
    logs.configure("ERROR" if as_json else "WARNING")
    if not folder.is_dir():
        raise ConfigError([f"{folder} is no folder"], at="radnode run", do="name a folder with DICOM files")
    outcome = run_folder(settings, folder, out, pipeline=pipeline, clinical=clinical)
    if as_json:
        typer.echo(json.dumps(outcome.document(), indent=2, ensure_ascii=False))
    else:
        typer.echo(outcome.text())
    raise typer.Exit(1 if outcome.failed else 0)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check configuration, models, peers, disk, database, DICOMweb: a line each; exit 1 if anything is wrong."""
    from node.app.exchange import check_servers
    from node.assemble.clinical import ClinicalFile
    from node.operate.check import check as run_checks

    logs.configure("CRITICAL")
    try:
        settings = configuration(config)
        if settings.clinical.csv is not None:
            ClinicalFile.read(settings.clinical.csv)
    except ConfigError as error:
        for mistake in error.mistakes:
            typer.echo(f"WRONG  {error.at}: {mistake}")
        raise typer.Exit(1) from error
    wrong = 0
    for line in chain(run_checks(settings), check_servers(settings)):
        typer.echo(f"{'ok    ' if line.good else 'WRONG '} {line.what}: {line.found}")
        wrong += not line.good
    raise typer.Exit(1 if wrong else 0)


@app.command()
def demo(
    keep: Annotated[Optional[Path], typer.Option("--keep", help="Folder to work in and leave behind.")] = None,  # noqa: UP045
) -> None:
    """Play the whole line on this machine: a synthetic patient, this node, and an archive as the PACS."""
    from node.demo.show import show

    logs.configure("WARNING")
    raise typer.Exit(show(keep))


def main() -> None:
    """Entry point: what is wrong is told in words, with exit status 2 for usage and configuration, 1 for the rest."""
    try:
        app()
    except ConfigError as error:
        print(error.at, file=sys.stderr)  # noqa: T201
        for mistake in error.mistakes:
            print(f"  {mistake}", file=sys.stderr)  # noqa: T201
        print(error.do, file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except NodeError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2 if isinstance(error, Locked) else 1)
    except OSError as error:
        print(f"{error.filename or 'radnode'}: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
