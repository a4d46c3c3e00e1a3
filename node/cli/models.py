"""`radnode models`: what is installed, and whether it is what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from node import logs
from node.cli.options import ConfigOption, configuration
from node.errors import ConfigError, ModelFailed
from node.inference.package import MANIFEST, Package, find_packages, load_package, read_manifest

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
    with _extra("radnode models train"):
        from node.training import command
        from node.training.folder import put, vacant
        from node.training.spec import read_toml
    place = vacant(out, read_toml(spec)[0].get("id"))
    files = command.train(table, spec, exploratory=exploratory, progress=lambda line: typer.echo(line, err=True))
    package = put(place, files)
    typer.echo(f"{out}: {package.facts.id} {package.facts.version} {package.digest[:12]}")
    typer.echo(f"{package.facts.training}")
    if package.facts.exploratory:
        typer.echo(f"{package.facts.exploratory}")


def _check_card(package: Package) -> str:
    """A card that was made here is what its manifest says; returns what could be compared, for the line shown."""
    from node.training.card_check import comparable, differs

    path = package.folder / "card.md"
    if not path.is_file():
        return "no card"
    card, plain = path.read_text(encoding="utf-8"), read_manifest(package.folder)
    if differs(card, plain):
        raise ModelFailed("card.md is not what model.toml says", at=package.label, do="restore the package")
    return f"card: {comparable(card, plain)} compared"


@app.command()
def verify(
    models: Annotated[Optional[list[str]], typer.Argument(help="Package ids or folders; all without.")] = None,  # noqa: UP045
    config: ConfigOption = None,
) -> None:
    """Hash every file, run every golden case, hold every card against its manifest; exit 1 if a package is not so."""
    logs.configure("CRITICAL")
    wrong = 0
    for name, folder in sorted(_named(models or [], config).items()):
        try:
            package = load_package(folder)
            package.verify()
            compared = _check_card(package)
            typer.echo(f"ok     {name} {package.facts.version} {package.digest[:12]} ({compared})")
        except ModelFailed as error:
            wrong += 1
            typer.echo(f"WRONG  {name}: {error}")
    raise typer.Exit(1 if wrong else 0)


@app.command("import")
def bring_model(
    source: Annotated[Path, typer.Argument(help="Folder of an nnU-Net v2 export with ONNX, or of a MONAI bundle.")],
    out: Annotated[Path, typer.Option("--out", help="New folder of the package, called as its id.")],
    package_id: Annotated[str, typer.Option("--id", help="Package id; the folder's name without.")] = "",
    configuration_name: Annotated[str, typer.Option("--configuration", help="nnU-Net: which of its plans.")] = "",
    orientation: Annotated[
        str, typer.Option("--orientation", help="What array axes run towards, such as SPL, where no file says it.")
    ] = "",
    spacing: Annotated[str, typer.Option("--spacing", help="MONAI: mm along the axes, such as 1,1,1.")] = "",
    lesion: Annotated[Optional[list[str]], typer.Option("--lesion", help="Label that is the lesion.")] = None,  # noqa: UP045
    role: Annotated[Optional[list[str]], typer.Option("--role", help="Role of a channel, such as 0=flair.")] = None,  # noqa: UP045
    modality: Annotated[str, typer.Option("--modality", help="CT, MR or PT, where no file says it.")] = "",
    graph: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--graph", help="ONNX file, where there are several; those of nnU-Net's folds are averaged."),
    ] = None,
    mirror: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--mirror", help="nnU-Net: axes mirrored in further passes, such as 0,1,2 as it does itself."),
    ] = None,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ignore", help="MONAI: step after the network without effect on the label that is drawn."),
    ] = None,
) -> None:
    """Make a segmenter package of a model from elsewhere; what its files do not say is asked for, never guessed."""
    from node.training.asked import wishes_of
    from node.training.bring import bring
    from node.training.folder import put, vacant

    logs.configure("CRITICAL")
    place = vacant(out, package_id or out.resolve().name)
    wishes = wishes_of(
        configuration=configuration_name, orientation=orientation, spacing=spacing, lesion=lesion or [],
        roles=role or [], modality=modality, graphs=graph or [], mirror=mirror or [], ignore=ignore or [],
    )  # fmt: skip
    with _extra("radnode models import with several --graph"):
        imported = bring(source, place.name, wishes)
    package = put(place, imported.files)
    told, folder = package.facts, out.parent
    typer.echo(f"{told.id} {told.version} in {out}: {told.target}. Not validated here: read card.md.")
    typer.echo(f"To use it, let node.models_dir be {folder} and name model:{told.id} in a pipeline's lesion.from.")


@contextmanager
def _extra(at: str) -> Iterator[None]:
    """Says what to install where a library of the extra `train` is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        do = "install radnode with the extra `train`"
        raise ConfigError([f"{error.name} is not installed"], at=at, do=do) from error


def _named(models: list[str], config: Path | None) -> dict[str, Path]:
    """Packages by id; a name that is a folder with a package is that one."""
    folders = {name: Path(name) for name in models if (Path(name) / MANIFEST).is_file()}
    if models and len(folders) == len(models):
        return folders
    found = find_packages(configuration(config).model_dirs)
    if absent := [name for name in models if name not in found and name not in folders]:
        raise ModelFailed("no such package", at=", ".join(absent), do="see `radnode models list`")
    return {name: folder for name, folder in found.items() if name in models} | folders if models else found
