"""The folder of a new package: vacant before anything is trained; then it holds the whole package, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from node.errors import ConfigError
from node.inference.package import MANIFEST, Package, load_package

Files = dict[str, bytes]
"""File name to content of a package."""


def vacant(folder: Path, package_id: object) -> Path:
    """
    See that a package can be put there.

    Args:
        folder: Absent, or empty.
        package_id: Of the specification, or as it was asked for.

    Returns:
        The folder as an absolute path without links.

    Raises:
        ConfigError: It is not called as the id, something stands there, or nothing can be written beside it.
    """
    place = folder.resolve()
    if place.name != package_id:
        told = f"the package's id is {package_id}" if package_id else "the specification has no id"
        do = "let the id and the name of the folder be the same"
        raise ConfigError([f"{told}, and the folder is called {place.name}"], at=str(folder), do=do)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        found = "holds a model" if (place / MANIFEST).exists() else "is not empty"
        raise ConfigError([found], at=str(folder), do="name another folder, or remove it")
    with _beside(place):  # minutes of work are not lost to a folder that cannot be written
        return place


def put(place: Path, files: Mapping[str, bytes]) -> Package:
    """
    Write a package beside its folder, verify it there, and only then give it its name.

    Raises:
        ConfigError: It cannot be written.
        ModelFailed: The package is not what it says, or answers otherwise than it was made.
    """
    with _beside(place) as beside:
        made = beside / place.name
        write(made, files)
        load_package(made).verify()
        made.rename(place)
    return load_package(place)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put the files of a package into its folder, whatever stands there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder on the same disk; one level down, so that nobody takes what is in it for a package."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=place.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise ConfigError([f"cannot be written ({error.strerror})"], at=str(place), do="name another folder") from error
