"""A model as a folder of files: found, checked against its own hashes, opened by an engine of ours."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node import shipped
from node.domain.facts import ModelFacts
from node.domain.language import say
from node.domain.plain import canonical
from node.errors import ModelFailed
from node.inference.manifest import Manifest, parse
from node.inference.model import Classifier, Segmenter

MANIFEST = "model.toml"
_RESTORE = say("restore the whole package")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """
    One model as it lies on disk, its hashes checked when it was loaded.

    Attributes:
        folder: Where it lies.
        manifest: What `model.toml` says.
        digest: SHA-256 (hex) over the manifest, which holds the hash of every other file.
    """

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def facts(self) -> ModelFacts:
        """What every output must be able to say about the model."""
        m = self.manifest
        return ModelFacts(
            id=m.id, version=m.version, kind=m.kind, digest=self.digest, manufacturer=m.manufacturer, name=m.name,
            target=m.target, gene=m.gene, hgnc_id=m.hgnc_id, calibrated=m.calibration.calibrated,
            slope=m.calibration.slope, slope_interval=m.calibration.slope_interval,
            prevalence=m.training.prevalence, interval_level=m.interval.level, operating_point=m.operating_point,
            training=m.training.sentence, intended_use=m.intended_use, limits=m.limits, exploratory=m.exploratory,
            holds_missing=m.interval.holds_missing,
        )  # fmt: skip

    def read(self, name: str) -> bytes:
        """
        The bytes of one file, checked at the moment they are used.

        Raises:
            ModelFailed: The manifest does not list it, it cannot be read, or its hash differs.
        """
        expected = self.manifest.files.get(name)
        if expected is None:
            raise ModelFailed(say("[files] does not list {names}", names=name), at=self.label, do=_RESTORE)
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            problem = say("{name} cannot be read ({fault})", name=name, fault=str(error.strerror))
            raise ModelFailed(problem, at=self.label, do=_RESTORE) from error
        if hashlib.sha256(content).hexdigest() != expected:
            problem = say("{name} is not the file that model.toml was made for: its SHA-256 differs", name=name)
            raise ModelFailed(problem, at=self.label, do=say("restore the package; never edit one in place"))
        return content

    def open(self, *, threads: int = 1) -> Segmenter | Classifier:
        """
        Make the model ready to answer.

        Raises:
            ModelFailed: A file was altered, or the engine cannot use it.
        """
        return ENGINES[self.manifest.engine](self, threads)

    def verify(self) -> None:
        """
        Check every hash, then let the model answer its golden case and compare.

        Raises:
            ModelFailed: A file was altered, or the model answers otherwise than when it was made.
        """
        from node.inference.golden import check_golden

        check_files(self)
        check_golden(self, self.open())

    @property
    def label(self) -> str:
        """The package for a message: id, version, place."""
        return f"{self.manifest.id} {self.manifest.version} ({self.folder})"


def load_package(folder: Path) -> Package:
    """
    Read a package's manifest and check every file against it.

    Raises:
        ModelFailed: The manifest cannot be used, or a file is absent, altered or not listed.
    """
    plain = read_manifest(folder)
    manifest = parse(plain, at=str(folder / MANIFEST))
    if folder.resolve().name != manifest.id:
        problem = say("id is {id}, but its folder is called {folder}", id=manifest.id, folder=folder.resolve().name)
        raise ModelFailed(problem, at=str(folder / MANIFEST), do=say("give the folder the package's id as name"))
    package = Package(folder=folder, manifest=manifest, digest=digest_of(plain))
    check_files(package)
    return package


def read_manifest(folder: Path) -> dict[str, Any]:
    """
    `model.toml` as plain values.

    Raises:
        ModelFailed: It is absent or no TOML.
    """
    path = folder / MANIFEST
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = say("cannot be read ({fault})", fault=str(error.strerror))
        raise ModelFailed(problem, at=str(path), do=_RESTORE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelFailed(say("is no TOML: {error}", error=str(error)), at=str(path), do=_RESTORE) from error


def digest_of(plain: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the manifest's canonical form; layout and comments of the file do not count."""
    return hashlib.sha256(canonical(plain)).hexdigest()


def check_files(package: Package) -> None:
    """
    Compare every file with the manifest.

    Raises:
        ModelFailed: One is absent, altered or not listed.
    """
    for name in package.manifest.files:
        package.read(name)
    if stray := sorted(package_files(package.folder) - set(package.manifest.files)):
        problem = say("[files] does not list {names}", names=", ".join(stray))
        do = say("remove them, or publish a new version that lists them")
        raise ModelFailed(problem, at=package.label, do=do)


def package_files(folder: Path) -> set[str]:
    """Names of all files that belong into [files], relative to the folder; what tools leave behind does not."""
    names = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    left_behind = {n for n in names if any(part.startswith(".") or part == "__pycache__" for part in n.parts)}
    return {n.as_posix() for n in names - left_behind} - {MANIFEST}


def find_packages(folders: Sequence[Path]) -> dict[str, Path]:
    """
    Package id to folder. A later folder counts before an earlier one, so a site may replace a shipped model.

    A package's folder carries its id as name; what has no `model.toml` is no package.
    """
    manifests = [m for folder in folders if folder.is_dir() for m in sorted(folder.glob(f"*/{MANIFEST}"))]
    return {manifest.parent.name: manifest.parent for manifest in manifests}


def shipped_models() -> Path:
    """Where the models lie that come with radnode: inside an installed wheel, or beside `node/` in a checkout."""
    return shipped.models()


def _onnx(package: Package, threads: int) -> Segmenter | Classifier:
    manifest = package.manifest
    if manifest.segmenter is not None:
        from node.inference.onnx_segmenter import OnnxSegmenter

        graph, modality = package.read("model.onnx"), manifest.declared.modality
        return OnnxSegmenter(package.facts, manifest.segmenter, graph, modality=modality, threads=threads)
    from node.inference.onnx import OnnxClassifier

    return OnnxClassifier(package.facts, package.manifest.inputs, package.read("model.onnx"), threads=threads)


def _lung_lesion(package: Package, _threads: int) -> Segmenter:
    from node.inference.lung_lesion import LungLesion

    return LungLesion(package.facts, package.manifest.parameters)


def _refusal(package: Package, _threads: int) -> Classifier:
    from node.inference.refusal import RefusalClassifier

    assert package.manifest.refusal is not None  # noqa: S101 - `parse` demands it for this engine
    return RefusalClassifier(package.facts, package.manifest.refusal)


ENGINES: dict[str, Callable[[Package, int], Segmenter | Classifier]] = {
    "onnx": _onnx,
    "lung-lesion": _lung_lesion,
    "refusal": _refusal,
}
"""Every engine of this version. A package names one; it never carries code that the node runs."""
