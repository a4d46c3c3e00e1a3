"""`radnode models`: what is installed, and whether it is what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from node import logs
from node.cli.options import ConfigOption, configuration
from node.errors import ConfigError, ModelFailed
from node.inference.package import Package, find_packages, load_package, read_manifest

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
def train(
    table: Annotated[Path, typer.Argument(help="CSV with one row per patient.")],
    spec: Annotated[Path, typer.Option("--spec", help="spec.toml: inputs, target, what the columns mean.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the package; its name is the package's id.")],
    exploratory: Annotated[
        bool, typer.Option("--exploratory", help="Allow fewer than ten patients of a class; marked everywhere.")
    ] = False,
) -> None:
    """Train a tabular model on a table of features, and write it as a package."""
    try:
        from node.training import command, publish
    except ModuleNotFoundError as error:
        do = "install radnode with the extra `train`"
        raise ConfigError([f"{error.name} is not installed"], at="radnode models train", do=do) from error
    if (out / "model.toml").exists():
        raise ConfigError([f"{out} holds a model"], at="radnode models train", do="name another folder, or remove it")
    files = command.train(table, spec, exploratory=exploratory, progress=lambda line: typer.echo(line, err=True))
    publish.write(out, files)
    package = load_package(out)
    package.verify()
    typer.echo(f"{out}: {package.facts.id} {package.facts.version} {package.digest[:12]}")
    typer.echo(f"{package.facts.training}")
    if package.facts.exploratory:
        typer.echo(f"{package.facts.exploratory}")


def _check_card(package: Package) -> None:
    """A card that was made here is what its manifest says; the cards of others are their own."""
    from node.training.card import differs

    card = package.folder / "card.md"
    if card.is_file() and differs(card.read_text(encoding="utf-8"), read_manifest(package.folder)):
        raise ModelFailed("card.md is not what model.toml says", at=package.label, do="restore the package")


@app.command()
def verify(
    model: Annotated[Optional[str], typer.Argument(help="Package id; all of them where none is named.")] = None,  # noqa: UP045
    config: ConfigOption = None,
) -> None:
    """Hash every file, run every golden case, hold every card against its manifest; exit 1 if a package is not so."""
    logs.configure("CRITICAL")
    wrong, found = 0, find_packages(configuration(config).model_dirs)
    if model is not None and model not in found:
        raise ModelFailed("no such package", at=model, do="see `radnode models list`")
    for name, folder in sorted(found.items()):
        if model not in (None, name):
            continue
        try:
            package = load_package(folder)
            package.verify()
            _check_card(package)
            typer.echo(f"ok     {name} {package.facts.version} {package.digest[:12]}")
        except ModelFailed as error:
            wrong += 1
            typer.echo(f"WRONG  {name}: {error}")
    raise typer.Exit(1 if wrong else 0)
