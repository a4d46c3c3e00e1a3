"""`radnode features`: measure every study below a folder, and nothing else, for whoever trains a model."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from node.app.folder import Outcome, assembled
from node.config import Config
from node.dicom.header import read_instance
from node.domain.clinical import with_implied
from node.domain.findings import Lesion
from node.domain.order import Order, Pipeline
from node.errors import ConfigError, NodeError, Refused
from node.training import toml
from node.work import worker
from node.work.pipeline import examine
from node.work.task import Workplace

KEY_DIGITS = 16
"""Of the SHA-256 that stands for a Study Instance UID."""

Cells = dict[str, str]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One study without a row: its key, a stable code, and why."""

    study: str
    code: str
    reason: str


@dataclass
class Table:
    """
    What was measured.

    Attributes:
        pipeline: How.
        rows: One for each lesion: column to cell; a column that others have may be absent.
        left_out: Studies that were refused, matched nothing or failed.
        skipped: How many files were no readable DICOM objects.
        studies: Keys of the studies that have rows.
    """

    pipeline: Pipeline
    rows: list[Cells] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    skipped: int = 0

    @property
    def columns(self) -> list[str]:
        """In the order in which they first occur."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    @property
    def studies(self) -> int:
        """How many studies have rows."""
        return len({row["study"] for row in self.rows})

    def csv(self) -> bytes:
        """The table for `radnode models train`: UTF-8, lines ended by CR LF (RFC 4180); what is unknown is blank."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns, restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()

    def about(self, name: str) -> bytes:
        """The file beside the table (TOML): how it was measured, what the columns mean, which studies are not in it."""
        extraction = {key: value for key, value in asdict(self.pipeline.extraction).items() if value is not None}
        plain = {
            "table": name,
            "written_by": f"radnode {version('radnode')}",
            "pipeline": self.pipeline.name,
            "lesions": len(self.rows),
            "studies": self.studies,
            "columns": {
                "study": f"the first {KEY_DIGITS} digits of the SHA-256 of the Study Instance UID",
                "patient": "a number within this table only: rows of one patient have the same",
                "features": "names and units of pyradiomics; lengths in mm, volume_ml in mL",
            },
            "extraction": {
                key: list(value) if isinstance(value, tuple) else value for key, value in extraction.items()
            },
            "left_out": [asdict(each) for each in self.left_out],
        }
        return toml.dumps(plain).encode()


def measure_folder(
    config: Config,
    folder: Path,
    *,
    pipeline: str | None = None,
    clinical: Path | None = None,
    ids: bool = False,
    progress: Progress = lambda _: None,
) -> Table:
    """
    Load, segment and measure every study below a folder as a pipeline does; no model is asked.

    Args:
        config: Of the site.
        folder: With DICOM files.
        pipeline: Its name; needed where several are configured, since one table is measured in one way.
        clinical: CSV with clinical values, as for `radnode run`.
        ids: Whether rows carry Patient ID and Study Instance UID.
        progress: Told each study, by its key.

    Raises:
        ConfigError: The pipeline is unknown or not named, or the clinical file holds mistakes.
    """
    rules = _pipeline(config, pipeline)
    table, outcome = Table(rules), Outcome()
    with assembled(config, folder, outcome, pipeline=rules.name, clinical=clinical) as ledger:
        orders = [Order.from_json(job.order_json) for job in ledger.queued() if job.pipeline == rules.name]
        patients = {key: n for n, key in enumerate(sorted({order.patient_key for order in orders}), 1)}
        for number, order in enumerate(sorted(orders, key=lambda each: key_of(each.study_uid)), 1):
            told = _study(config, order, table, patients[order.patient_key], ids=ids)
            progress(f"{number}/{len(orders)}  study {key_of(order.study_uid)}  {told}")
    for study in outcome.unmatched:
        why = "; ".join(dict.fromkeys(study.series.values())) or "no series fits the pipeline"
        table.left_out.append(LeftOut(key_of(study.study_uid), "no pipeline", why))
    table.skipped = len(outcome.skipped)
    return table


def write(table: Table, out: Path) -> Path:
    """
    Write the table, and beside it what it is (the same name, ending in .toml).

    Returns:
        The second file.

    Raises:
        ConfigError: They cannot be written.
    """
    about = out.with_suffix(".toml")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(table.csv())
        about.write_bytes(table.about(out.name))
    except OSError as error:
        raise ConfigError(
            [f"{out} cannot be written ({error.strerror})"], at="--out", do="name another file"
        ) from error
    return about


def key_of(study_uid: str) -> str:
    """What stands for a study in the table."""
    return hashlib.sha256(study_uid.encode()).hexdigest()[:KEY_DIGITS]


def _pipeline(config: Config, name: str | None) -> Pipeline:
    known = {each.name: each for each in config.resolved()}
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name not in known:
        found = f"no pipeline {name!r}" if name else "several pipelines are configured"
        raise ConfigError([f"{found}; there are: {', '.join(known)}"], at="--pipeline", do="name one of them")
    return known[name]


def _study(config: Config, order: Order, table: Table, patient: int, *, ids: bool) -> str:
    """Add the rows of one study, or why there are none; returns the same in a few words."""
    place = Workplace(state_dir="/", model_dirs=tuple(str(d) for d in config.model_dirs), threads=0)
    asked = replace(order, pipeline=replace(order.pipeline, models=(), features=True))
    key = key_of(order.study_uid)
    try:
        findings, _ = examine(asked, worker.parts(asked, place, root=Path("/")))
    except Refused as refusal:
        table.left_out.append(LeftOut(key, refusal.code, refusal.found))
        return f"refused: {refusal.code}"
    except NodeError as error:
        table.left_out.append(LeftOut(key, "failed", error.found))
        return "failed"
    head = {"study": key, "patient": str(patient), **(_identity(order) if ids else {})}
    known = {name: _cell(value.value) for name, value in with_implied(order.clinical).values.items()}
    table.rows += [{**head, **dict(_measured(lesion)), **known, **_features(lesion)} for lesion in findings.lesions]
    return f"{len(findings.lesions)} lesions"


def _identity(order: Order) -> Cells:
    first = next(iter(order.roles.values()))[0]
    return {"patient_id": read_instance(Path(first.path)).patient.id, "study_uid": order.study_uid}


def _measured(lesion: Lesion) -> Iterator[tuple[str, str]]:
    """Columns by the names under which a model asks for them; nothing that others wrote (names of ROIs)."""
    m = lesion.measurements
    yield "lesion", str(lesion.number)
    yield "tracking_uid", lesion.tracking_uid
    yield "source", lesion.contour.provenance.model or lesion.contour.provenance.kind
    yield "volume_ml", _cell(m.volume_ml)
    yield "long_axis_mm", _cell(m.long_axis.length_mm)
    yield "short_axis_mm", _cell(m.short_axis.length_mm)
    yield "diameter_3d_mm", _cell(m.diameter_3d_mm)
    if m.ground_glass is not None:
        yield "ground_glass", m.ground_glass.reader_class


def _features(lesion: Lesion) -> Mapping[str, str]:
    return {name: _cell(value) for name, value in lesion.measurements.features.items()}


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else repr(float(value))
