"""
What a worker made: `results/<job>/<attempt>/`, valid from the moment that `manifest.json` stands in it.

Imports no database: the worker process writes here and knows nothing of the ledger.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from node.domain.document import ExportKind, ResultKind
from node.domain.plain import from_plain, to_plain

MANIFEST = "manifest.json"
ORDER = "order.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """One DICOM object of a result; `name` is its file name inside the attempt's folder."""

    name: str
    kind: ResultKind
    sop_class: str
    sop_uid: str
    series_uid: str
    series_description: str
    sha256: str

    @classmethod
    def of(cls, name: str, kind: ResultKind, ds: Any, content: bytes) -> ResultFile:
        """Describe one object: `ds` is its pydicom data set, `content` the file made of it."""
        return cls(
            name=name,
            kind=kind,
            sop_class=str(ds.SOPClassUID),
            sop_uid=str(ds.SOPInstanceUID),
            series_uid=str(ds.SeriesInstanceUID),
            series_description=str(ds.get("SeriesDescription", "")),
            sha256=hashlib.sha256(content).hexdigest(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """
    One file of a result that is no DICOM object.

    Attributes:
        name: File name inside the attempt's folder.
        sop_uid: UID by which its receiver knows it, "" for a file that stays here.
        sop_class: None has one.
    """

    name: str
    kind: ExportKind
    sha256: str
    sop_uid: str = ""
    sop_class: str = ""

    @classmethod
    def of(cls, name: str, kind: ExportKind, content: bytes, uid: str = "") -> ExportFile:
        """Describe one file."""
        return cls(name=name, kind=kind, sha256=hashlib.sha256(content).hexdigest(), sop_uid=uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """
    What one attempt made.

    Attributes:
        deliver: Whether the files go to destinations (a silent refusal stays here).
        document: The job's entry in the --json document.
        files: In the order in which they are to be sent.
        exports: Other files; they go only to destinations that name their kind.
        order_sha256: Of order.json in the same folder; `write` sees to it.
        report: The findings as text for a person.
    """

    job_id: str
    attempt: int
    state: Literal["succeeded", "refused"]
    reason_code: str = ""
    reason: str = ""
    deliver: bool = True
    document: dict[str, Any]
    files: tuple[ResultFile, ...] = ()
    exports: tuple[ExportFile, ...] = ()
    order_sha256: str = ""
    report: str = ""

    @property
    def outgoing(self) -> tuple[ResultFile | ExportFile, ...]:
        """All that may go to a destination, in the order of sending."""
        return (*self.files, *self.exports)


def folder_of(job_id: str, attempt: int) -> str:
    """Folder of an attempt, relative to the state directory."""
    return f"results/{job_id}/{attempt}"


def write(folder: Path, files: Mapping[str, bytes], manifest: Manifest) -> Manifest:
    """
    Make a result durable: the files first, the manifest last, so that a power cut leaves a whole result or none.

    Args:
        folder: The attempt's folder; made with its parents.
        files: File name to content; exactly the manifest's files and order.json.
        manifest: What they are.

    Returns:
        The manifest as written.

    Raises:
        ValueError: Files and manifest do not belong together.
        OSError: The disk failed or is full.
    """
    manifest = replace(manifest, order_sha256=hashlib.sha256(files.get(ORDER, b"")).hexdigest())
    wanted = _hashes(manifest)
    if {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} != wanted:
        raise ValueError(f"files {sorted(files)} are not what the manifest names: {sorted(wanted)}")
    _make(folder)
    (folder / MANIFEST).unlink(missing_ok=True)
    for name, content in files.items():
        _write_synced(folder / name, content)
    _sync(folder)
    _write_synced(folder / f"{MANIFEST}.part", json.dumps(to_plain(manifest), indent=1, sort_keys=True).encode())
    (folder / f"{MANIFEST}.part").replace(folder / MANIFEST)
    _sync(folder)
    return manifest


def read(folder: Path) -> Manifest | None:
    """The manifest of an attempt; None unless it is whole: every file there, with its hash."""
    try:
        manifest = from_plain(Manifest, json.loads((folder / MANIFEST).read_bytes()))
        hashes = _hashes(manifest)
        whole = all(file_sha256(folder / name) == sha256 for name, sha256 in hashes.items())
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if whole else None


def walk(root: Path) -> Iterator[tuple[str, Manifest]]:
    """
    The newest whole attempt of every job, with the text of its order.

    Args:
        root: The folder `results`; may be absent.
    """
    for job_folder in sorted(_folders(root)):
        attempts = [folder for folder in _folders(job_folder) if folder.name.isdecimal()]
        for folder in sorted(attempts, key=lambda f: int(f.name), reverse=True):
            manifest = read(folder)
            if manifest is not None and (manifest.job_id, str(manifest.attempt)) == (job_folder.name, folder.name):
                yield (folder / ORDER).read_text(encoding="utf-8"), manifest
                break


def file_sha256(path: Path) -> str:
    """
    SHA-256 (hex) of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashes(manifest: Manifest) -> dict[str, str]:
    hashes = {file.name: file.sha256 for file in manifest.outgoing}
    odd = [name for name in hashes if Path(name).name != name or name in {MANIFEST, ORDER}]
    if odd or len(hashes) != len(manifest.outgoing):
        raise ValueError("every file of a result has its own name, without a folder")
    return hashes | {ORDER: manifest.order_sha256}


def _folders(root: Path) -> list[Path]:
    return [entry for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []


def _make(folder: Path) -> None:
    """A folder whose entry in its parent is durable, and so on upwards."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
