"""What both compositions take from the site: installation, model pins, clinical values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from node.assemble.clinical import ClinicalFile
from node.assemble.prepare import Site
from node.assemble.study import RTSTRUCT, SEGMENTATIONS, Current
from node.config import Config
from node.dicom import hints
from node.dicom.evaluations import read_report
from node.domain.clinical import Clinical, from_header, merge
from node.domain.order import LesionRules, ModelPin
from node.domain.reader import ReaderReport
from node.domain.series import Patient
from node.errors import InstanceUnreadable, ModelFailed
from node.inference.package import Package, find_packages, load_package

log = structlog.get_logger()

REMEMBERED = 4096
"""Drawings of which it is remembered whether they speak for a lesion: files are never changed, only added."""


def compose(config: Config, *, installation: str, root: Path, clinical: Path | None = None) -> Site:
    """
    Gather what orders take from the site.

    Args:
        root: What the ledger's relative paths are taken from.
        clinical: Clinical file to use instead of the configured one.

    Raises:
        ConfigError: The clinical file holds mistakes.
    """
    path = clinical or config.clinical.csv
    file = ClinicalFile.read(path) if path else None

    def values(patient: Patient, attributes: Mapping[str, tuple[str, ...]], readers: Clinical) -> Clinical:
        return merge(file.lookup(patient) if file else Clinical(), readers, from_header(attributes))

    @lru_cache(maxsize=REMEMBERED)
    def speaking(path: Path, kind: str, rules: LesionRules) -> bool:
        try:
            if kind == RTSTRUCT:
                return hints.structure_set_speaks(path, rules)
            if kind in SEGMENTATIONS:
                return hints.segmentation_speaks(path, rules)
            return hints.mark_speaks(path, rules, _anywhere)
        except InstanceUnreadable:
            return False

    def speaks(entry: Current, rules: LesionRules) -> bool:
        return speaking(root / entry.stored.path, entry.stored.instance.sop_class, rules)

    own = config.clinical.own_names

    def reads(entry: Current) -> ReaderReport | None:
        try:
            return read_report(root / entry.stored.path, own)
        except InstanceUnreadable:
            return None

    packages = _usable(config)
    return Site(
        installation=installation,
        node_version=version("radnode"),
        models={name: _pin(package, config) for name, package in packages.items()},
        clinical=values,
        speaks=speaks,
        reads=reads,
        asks={name: _asked(package) for name, package in packages.items()},
    )


def _anywhere(_sop_uid: str, _frame: int | None, _column: float, _row: float) -> NDArray[np.float64]:
    """Any place will do: the question is only whether there is a mark."""
    return np.zeros(3)


def _usable(config: Config) -> dict[str, Package]:
    """Every usable package; an unusable one is logged, and its predictions say "model unavailable"."""
    found = {}
    for name, folder in find_packages(config.model_dirs).items():
        try:
            found[name] = load_package(folder)
        except ModelFailed as error:
            log.error("model.refused", model=name, error=str(error))
    return found


def _pin(package: Package, config: Config) -> ModelPin:
    site = config.models.get(package.facts.id)
    return ModelPin(version=package.facts.version, digest=package.digest, prevalence=site.prevalence if site else None)


def _asked(package: Package) -> frozenset[str]:
    """Clinical quantities that a model takes."""
    return frozenset(i.quantity for i in package.manifest.needs.inputs if i.source.startswith("clinical:"))


def installation(state_dir: Path) -> str:
    """The identity of this installation: drawn once, kept in the state directory, survives the ledger."""
    path = state_dir / "installation"
    if not path.exists():
        path.write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    return path.read_text(encoding="ascii").strip()
