"""`radnode models train`: one table and one specification in, one model package out."""

from __future__ import annotations

import csv
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from node.errors import ConfigError
from node.training import leaks, publish, stability
from node.training.judge import Progress
from node.training.lesions import Drawn
from node.training.rows import patients, read_table
from node.training.spec import exploratory as marked
from node.training.spec import read_spec


def train(
    table: Path,
    spec: Path,
    *,
    exploratory: bool = False,
    also: Mapping[str, bytes] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, bytes]:
    """
    Train a tabular model.

    Args:
        table: CSV with one row per patient.
        spec: `spec.toml`.
        exploratory: Allow fewer than ten patients of a class.
        also: Further files of the package.
        progress: Told how far the work is.

    Returns:
        File name to content of the package.

    Raises:
        ConfigError: Table or specification cannot be used; every reason at once.
        ModelFailed: The specification makes no manifest.
    """
    columns, rows = read_table(table)
    read = read_spec(spec, columns)
    found = patients(rows, read, at=str(table))
    leaks.check(found, read, at=str(table), exploratory=exploratory)
    if found.left_out:
        progress(f"{found.left_out} rows are left out: {read.table.target} is neither of the two")
    wanted = marked(read) if exploratory else read
    return publish.make(wanted, found, also=also or {}, progress=progress)


def shipped(
    folder: Path,
    rows: Sequence[Mapping[str, object]],
    arguments: Sequence[str],
    *,
    lesions: Callable[[], Iterable[Drawn]] = tuple,
    drawn: str = "",
) -> int:
    """
    What the `train.py` of a shipped model ends in: the command itself, on the table that the script prepared.

    Args:
        folder: The package, with `spec.toml` and `train.py`.
        rows: The table.
        arguments: "--check": make it anew and compare, byte for byte, instead of writing. "--stability": only measure
            `lesions` anew, and tell the package of it; with "--check" compare instead.
        lesions: Real lesions on which the stability of its inputs is assessed.
        drawn: What lesions they are, for the reader.

    Returns:
        Exit code: 0, or 1 when a check found a difference or the table is refused.
    """
    if "--stability" in arguments:
        check = "--check" in arguments
        return _or_refused(lambda: stability.shipped(folder, lesions(), data=drawn, progress=_say, check=check))

    def make() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as temporary:
            table = Path(temporary) / "table.csv"
            with table.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            kept = [name for name in ("train.py", publish.STABILITY) if (folder / name).is_file()]
            also = {name: (folder / name).read_bytes() for name in kept}
            return train(table, folder / "spec.toml", also=also, progress=_say)

    return write_or_check(folder, make, arguments)


def write_or_check(folder: Path, make: Callable[[], dict[str, bytes]], arguments: Sequence[str]) -> int:
    """Write what `make` makes into a folder or, with "--check", say what differs from what stands there."""
    return _or_refused(lambda: _write_or_check(folder, make(), arguments))


def _write_or_check(folder: Path, files: dict[str, bytes], arguments: Sequence[str]) -> int:
    if "--check" not in arguments:
        publish.write(folder, files)
        return 0
    changed = publish.differences(folder, files)
    print("\n".join(f"differs: {name}" for name in changed) or "reproduced, byte for byte")  # noqa: T201 - a command
    return 1 if changed else 0


def _or_refused(act: Callable[[], int]) -> int:
    """Exit code of a command; 1 with every reason where it cannot be carried out."""
    try:
        return act()
    except ConfigError as error:
        for mistake in error.mistakes:
            _say(f"{error.at}: {mistake}; {error.do}")
        return 1


def source(name: str, digest: str) -> Path:
    """
    A file below $RADNODE_DATA (or ../shared/data), checked to be the very one that a model was made from.

    Raises:
        ConfigError: It is not there, or another.
    """
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("RADNODE_DATA", default)) / name
    do = "set RADNODE_DATA to the folder of public data that the model's card names"
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], at=str(path), do=do) from error
    if found != digest:
        raise ConfigError([f"is another file: its SHA-256 is {found}, not {digest}"], at=str(path), do=do)
    return path


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - a command shows how far it is
