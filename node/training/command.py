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
from node.training import extraction, leaks, masks, publish, stability
from node.training.folder import write
from node.training.judge import Progress
from node.training.lesions import Drawn
from node.training.rows import Patients, patients
from node.training.sheet import read_table
from node.training.spec import Spec, read_spec
from node.training.spec import exploratory as marked

CHECK, STABILITY, MASKS = "--check", "--stability", "--masks"


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
    read, found = admitted(table, spec, exploratory=exploratory)
    if found.left_out:
        named = "".join(f"; {n} of them say {value!r}" for value, n in found.unrecognised.items())
        progress(f"{found.left_out} rows are left out: {read.table.target} is neither of the two{named}")
    wanted = marked(read) if exploratory else read
    return publish.make(wanted, found, also=also or {}, progress=progress)


def admitted(table: Path, spec: Path, *, exploratory: bool = False) -> tuple[Spec, Patients]:
    """
    Specification and patients that a model may be trained on.

    Raises:
        ConfigError: Table or specification cannot be used; every reason at once.
    """
    columns, rows = read_table(table)
    read = read_spec(spec, columns)
    extraction.check(read, table, at=spec)
    found = patients(rows, read, at=str(table))
    leaks.check(found, read, at=str(table), exploratory=exploratory)
    return read, found


def shipped(
    folder: Path,
    rows: Callable[[], Sequence[Mapping[str, object]]],
    arguments: Sequence[str],
    *,
    lesions: Callable[[], Iterable[Drawn]] | None = None,
    drawn: str = "",
    masks_of: Path | None = None,
    alike: Sequence[Path] = (),
) -> int:
    """
    What the `train.py` of a shipped model ends in: the command itself, on the table that the script prepared.

    Args:
        folder: The package, with `spec.toml` and `train.py`.
        rows: Makes the table.
        arguments: "--check": make it anew and compare, byte for byte, instead of writing. "--stability": only measure
            `lesions` anew, and tell the package of it; with "--check" too, compare. "--masks": only measure anew what
            the masks of `masks_of` do.
        lesions: Real lesions on which the stability of its inputs is assessed.
        drawn: What lesions they are, for the reader.
        masks_of: Segmenter whose masks are compared with those of experts, on patients that it was not trained on.
        alike: Packages that read the same measurements, and are told of these masks by the same run.

    Returns:
        Exit code: 0; 1 when a check found a difference or the table is refused; 2 for an argument that it lacks.
    """
    offered = [CHECK, *([STABILITY] if lesions else []), *([MASKS] if masks_of else [])]
    if _unknown(folder, arguments, offered):
        return 2
    if lesions and STABILITY in arguments:
        check = CHECK in arguments
        return _refusals_said(lambda: stability.shipped(folder, lesions(), data=drawn, progress=_say, check=check))
    if masks_of and MASKS in arguments:
        return _refusals_said(lambda: masks.shipped([folder, *alike], masks_of, progress=_say))

    def make() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as temporary:
            kept = [name for name in ("train.py", *publish.MEASURED.values()) if (folder / name).is_file()]
            also = {name: (folder / name).read_bytes() for name in kept}
            return train(_written(rows(), Path(temporary)), folder / "spec.toml", also=also, progress=_say)

    return write_or_check(folder, make, arguments)


def _written(rows: Sequence[Mapping[str, object]], folder: Path) -> Path:
    table = folder / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def write_or_check(folder: Path, make: Callable[[], dict[str, bytes]], arguments: Sequence[str]) -> int:
    """
    Write what `make` makes into a folder or, with "--check", say what differs from what stands there.

    Returns:
        Exit code, as `shipped`.
    """
    if _unknown(folder, arguments, [CHECK]):
        return 2
    return _refusals_said(lambda: _write_or_check(folder, make(), check=CHECK in arguments))


def _write_or_check(folder: Path, files: dict[str, bytes], *, check: bool) -> int:
    if not check:
        write(folder, files)
        return 0
    changed = publish.differences(folder, files)
    print("\n".join(f"differs: {name}" for name in changed) or "reproduced, byte for byte")  # noqa: T201 - a command
    return 1 if changed else 0


def _refusals_said(act: Callable[[], int]) -> int:
    """Data that lack, or a table that cannot be used, end a command with every reason, not with a traceback."""
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


def _unknown(folder: Path, arguments: Sequence[str], offered: Sequence[str]) -> bool:
    """Whether an argument is none that is offered, which is said: "--chek" must not write the package."""
    unknown = [argument for argument in arguments if argument not in offered]
    compared = STABILITY in offered and sorted(arguments) == sorted([STABILITY, CHECK])
    wrong = bool(unknown) or (len(arguments) > 1 and not compared)
    if wrong:
        _say(f"{folder / 'train.py'}: takes nothing or one of {', '.join(offered)}, not {' '.join(arguments)}")
    return wrong


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - a command shows how far it is
