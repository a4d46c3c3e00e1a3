"""`radnode conformance`: the DICOM Conformance Statement of this installation."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Optional

import typer

from node import logs
from node.cli.options import ConfigOption, configuration
from node.errors import ModelFailed
from node.inference.package import find_packages, load_package


def conformance(
    out: Annotated[Optional[Path], typer.Option("--out", help="File to write; else it is printed.")] = None,  # noqa: UP045
    config: ConfigOption = None,
) -> None:
    """Write the DICOM Conformance Statement and the IHE AIR capabilities, from the code and the configuration."""
    from node.app.conformance import statement
    from node.app.conformance.facts import Facts

    logs.configure("ERROR")
    settings = configuration(config)
    models = []
    for name, folder in sorted(find_packages(settings.model_dirs).items()):
        try:
            models.append(load_package(folder).facts)
        except ModelFailed as error:
            typer.echo(f"left out: {name}: {error}", err=True)
    text = statement(Facts(config=settings, models=tuple(models), version=version("radnode")))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
