"""`radnode features`: a table of what is measured in a folder of studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from node import logs
from node.cli.options import ConfigOption, configuration
from node.errors import ConfigError


def features(
    folder: Annotated[Path, typer.Argument(help="Folder with DICOM files; everything else in it is skipped.")],
    out: Annotated[Path, typer.Option("--out", help="CSV to write; a .toml beside it tells how it was measured.")],
    pipeline: Annotated[Optional[str], typer.Option("--pipeline", help="Measure as this pipeline does.")] = None,  # noqa: UP045
    clinical: Annotated[Optional[Path], typer.Option("--clinical", help="CSV with clinical values.")] = None,  # noqa: UP045
    ids: Annotated[bool, typer.Option("--ids", help="Write Patient ID and Study Instance UID into the table.")] = False,
    config: ConfigOption = None,
) -> None:
    """Measure every lesion below a folder into one table, for `radnode models train`."""
    from node.app.features import measure_folder, write

    settings = configuration(config)
    logs.configure("ERROR")
    if not folder.is_dir():
        raise ConfigError([f"{folder} is no folder"], at="radnode features", do="name a folder with DICOM files")
    if ids:
        typer.echo(
            f"WARNING: {out} will name patients (Patient ID, Study Instance UID): keep it as you keep them.", err=True
        )
    table = measure_folder(
        settings,
        folder,
        pipeline=pipeline,
        clinical=clinical,
        ids=ids,
        progress=lambda line: typer.echo(line, err=True),
    )
    for each in table.left_out:
        typer.echo(f"left out: study {each.study}: {each.code}: {each.reason}")
    if table.skipped:
        typer.echo(f"skipped, no readable DICOM objects: {table.skipped} files")
    if not table.rows:
        typer.echo("No lesion was measured, so there is no table.", err=True)
        raise typer.Exit(1)
    about = write(table, out)
    typer.echo(f"{out}: {len(table.rows)} lesions of {table.studies} studies; how they were measured: {about}")
