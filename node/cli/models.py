"""`radnode models`: what is installed, and whether it is what it says."""

from __future__ import annotations

from typing import Annotated

import typer

from node import logs
from node.cli.options import ConfigOption, configuration
from node.errors import ModelFailed
from node.inference.package import find_packages, load_package

app = typer.Typer(help="Look at the installed model packages and verify them.", no_args_is_help=True)


@app.command("list")
def list_models(config: ConfigOption = None) -> None:
    """Every installed package: id, version, what it predicts, where it lies."""
    for name, folder in sorted(find_packages(configuration(config).model_dirs).items()):
        try:
            facts = load_package(folder).facts
            typer.echo(f"{name:<16} {facts.version:<8} {facts.kind:<10} {facts.target or facts.name}  {folder}")
        except ModelFailed as error:
            typer.echo(f"{name:<16} UNUSABLE {error}")


@app.command()
def show(model: Annotated[str, typer.Argument(help="Package id.")], config: ConfigOption = None) -> None:
    """The model card."""
    folders = find_packages(configuration(config).model_dirs)
    if model not in folders:
        raise ModelFailed("no such package", at=model, do="see `radnode models list`")
    typer.echo((folders[model] / "card.md").read_text(encoding="utf-8"))


@app.command()
def verify(config: ConfigOption = None) -> None:
    """Hash every file and run every golden case; exit 1 if a package is not what it says."""
    logs.configure("CRITICAL")
    wrong = 0
    for name, folder in sorted(find_packages(configuration(config).model_dirs).items()):
        try:
            package = load_package(folder)
            package.verify()
            typer.echo(f"ok     {name} {package.facts.version} {package.digest[:12]}")
        except ModelFailed as error:
            wrong += 1
            typer.echo(f"WRONG  {name}: {error}")
    raise typer.Exit(1 if wrong else 0)
