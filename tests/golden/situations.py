"""The situations that a result object must tell apart, each run through the whole line on images made of formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from pydicom.dataset import Dataset

from node.assemble.prepare import change
from node.dicom.header import read_instance
from node.domain.clinical import Clinical, Value
from node.domain.document import ResultKind
from node.domain.facts import ModelFacts
from node.domain.findings import Drawing, Estimate
from node.domain.order import Input, LesionRules, LesionSource, ModelPin, Order, Pipeline, Predecessor
from node.domain.rules import Role
from node.imaging.phantom import SPACING, Nodule, chest_phantom
from node.inference.inputs import ModelInput
from node.inference.manifest import Declared, Manifest
from node.work.pipeline import Asked, Drawer, Parts, Result, run
from tests.support.drawings import circle, structure_set
from tests.support.findings import EGFR, KRAS, SEGMENTER
from tests.support.segmentations import segmentation
from tests.support.series import MR, image_series, save

KINDS: tuple[ResultKind, ...] = get_args(ResultKind)
SHOWN = tuple(kind for kind in KINDS if kind not in {"sc", "feature-sr"})
"""What has golden texts; a picture and 107 features a lesion are no reading, and have tests of their own."""

STUDY, PRIOR = "1.2.3.100", "1.2.3.200"
LEFT, RIGHT = (10.0, 5.0, 80.0), (-20.0, -10.0, -75.0)  #: (z, y, x) LPS millimetres
RADIUS = {LEFT: 14.0, RIGHT: 9.0}
THIN = 2  #: every second slice of the phantom is kept
KNOWN = Clinical(
    {
        "age": Value(66.0, "PatientAge (0010,1010)"),
        "smoking": Value("never", "clinical file, line 2"),
    }
)
TRACKED = {"tracking_id": "Nodule A", "tracking_uid": "1.2.3.900"}


@dataclass(frozen=True, kw_only=True)
class Situation:
    """
    One job with all that it made.

    Attributes:
        order: What was asked.
        result: What came back.
        names: UID to what it stands for, as far as it is known beforehand.
    """

    order: Order
    result: Result
    names: Mapping[str, str]


@dataclass(frozen=True)
class Fixed:
    """A classifier that gives every lesion the same answer."""

    facts: ModelFacts
    inputs: tuple[str, ...] = ("age", "smoking", "pack_years")

    def __call__(self, _inputs: Mapping[str, float], /) -> Estimate:
        """The answer."""
        return Estimate(probability=0.413, lower=0.22, upper=0.63, contributions={"smoking": 0.8, "age": -0.31})


@dataclass(frozen=True)
class Finding:
    """A segmenter that draws the nodule in the left lung."""

    facts: ModelFacts = SEGMENTER
    role: str = ""

    def __call__(self, volumes: Mapping[str, Any], /) -> Drawing:
        """A ball."""
        geometry = next(iter(volumes.values())).geometry
        return Drawing(masks=(ball(geometry, LEFT),), trust=0.82, why="its outline is sharp")


@cache
def painted() -> np.ndarray:
    """HU of a chest with a nodule in either lung."""
    return chest_phantom([Nodule(centre=centre, radius_mm=radius) for centre, radius in RADIUS.items()]).voxels


def ball(geometry: Any, centre: tuple[float, float, float]) -> np.ndarray:
    """Voxels within the nodule at (z, y, x)."""
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), -1)
    apart = geometry.point(index.reshape(-1, 3)) - np.array(centre[::-1])
    return (np.linalg.norm(apart, axis=1) <= RADIUS[centre]).reshape(geometry.shape)


def parts() -> Parts:
    """Two classifiers and a segmenter; the second classifier was made for older patients than ours."""
    asked = {
        facts.id: Asked(Fixed(facts), manifest(facts, declared))
        for facts, declared in ((EGFR, Declared(modality="CT", organ="lung")), (KRAS, Declared(age=(70.0, 100.0))))
    }
    return Parts(drawers={SEGMENTER.id: Drawer(Finding(), Declared())}, classifiers=asked, unusable={}, root=Path("/"))


def manifest(facts: ModelFacts, declared: Declared) -> Manifest:
    """What a model's package says, as far as the line reads it."""
    return Manifest(
        id=facts.id, version=facts.version, name=facts.name, manufacturer=facts.manufacturer, kind="classifier",
        engine="onnx", intended_use="None.", files={}, target=facts.target, gene=facts.gene, hgnc_id=facts.hgnc_id,
        inputs=(
            ModelInput(name="age", source="clinical:age", range=(0, 130), unit="a"),
            ModelInput(name="smoking", source="clinical:smoking", levels={"never": 0, "former": 1, "current": 1}),
            ModelInput(name="pack_years", source="clinical:pack_years", unit="1"),
        ),
        declared=declared,
    )  # fmt: skip


LUNG = Pipeline(
    name="lung",
    number=0,
    roles={"ct": Role(modality="CT")},
    lesion=LesionRules(sources=("rtstruct", "seg", "model:lung-lesion")),
    models=(EGFR.id, KRAS.id),
    organ="lung",
    finding_site=("39607008", "SCT", "Lung"),
)
ALONE = replace(LUNG, models=(EGFR.id,))
BLIND = replace(ALONE, organ="")  #: looks for no lungs, which takes most of the time
THIGH = Pipeline(name="sarcoma", number=1, roles={"mr": Role(modality="MR")}, lesion=LesionRules())
WRITTEN_AT = datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC)


@dataclass
class Bench:
    """A study on disk, and the orders that can be written for it."""

    folder: Path
    names: dict[str, str] = field(default_factory=dict)

    def chest(self, study: str = STUDY, **attributes: Any) -> list[Dataset]:
        """A CT of a chest with a nodule in either lung."""
        voxels = painted()
        origin = [-(n - 1) / 2 * s for n, s in zip(voxels.shape, SPACING, strict=True)][::-1]
        series = image_series(
            voxels[::THIN], spacing=(SPACING[0] * THIN, *SPACING[1:]), origin=(origin[0], origin[1], origin[2]),
            **self._uids(study, "CT"), BodyPartExamined="CHEST", TimezoneOffsetFromUTC="+0100", **attributes,
        )  # fmt: skip
        return self._kept(series, "CT")

    def thigh(self) -> list[Dataset]:
        """An oblique MR of nothing in particular."""
        series = image_series(
            np.full((12, 40, 48), 100.0), spacing=(4.0, 1.5, 1.5), origin=(-40.0, 20.0, -300.0), sop_class=MR,
            orientation=(0.96, 0.28, 0.0, -0.168, 0.576, 0.8), **self._uids(STUDY, "MR"), BodyPartExamined="THIGH",
        )  # fmt: skip
        return self._kept(series, "MR")

    def drawn(
        self, series: Sequence[Dataset], rois: Mapping[str, tuple[float, float, float]], name: str = "RTSTRUCT"
    ) -> Path:
        """An RT Structure Set with circles on axial slices around the nodules."""
        planes = [float(ds.ImagePositionPatient[2]) for ds in series]
        found = []
        for roi, (z, y, x) in rois.items():
            radius = RADIUS[z, y, x]
            halves = {at: (radius**2 - (at - z) ** 2) ** 0.5 for at in planes if abs(at - z) < radius - 1}
            contours = [circle((x, y, at), half, (1, 0, 0), (0, 1, 0), 90) for at, half in halves.items()]
            found.append({"name": roi, "type": "GTV", "contours": contours})
        return self._structures(series, found, name)

    def boxed(self, series: Sequence[Dataset]) -> Path:
        """An RT Structure Set with a rectangle on four oblique slices."""
        cosines = np.array(series[0].ImageOrientationPatient, float).reshape(2, 3)
        corners = np.array([[14, 12], [31, 12], [31, 26], [14, 26]]) * 1.5 - 0.75  # (along a row, along a column)
        contours = [np.array(ds.ImagePositionPatient, float) + corners @ cosines for ds in series[4:8]]
        return self._structures(series, [{"name": "GTV", "type": "GTV", "contours": contours}], "RTSTRUCT")

    def tracked(self, series: Sequence[Dataset], name: str = "source SEG") -> Path:
        """A Segmentation of the left nodule that carries its tracking."""
        first = series[0]
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in (len(series), first.Rows, first.Columns)), indexing="ij"))
        steps = np.array([SPACING[0] * THIN, *SPACING[1:]])[:, None, None, None]
        points = grid * steps + np.array(first.ImagePositionPatient, float)[::-1, None, None, None]
        mask = np.linalg.norm(points - np.array(LEFT)[:, None, None, None], axis=0) <= RADIUS[LEFT]
        path = segmentation(
            self.folder / f"{name}.dcm", series, mask.astype(np.uint8), [{"label": "Nodule A", **TRACKED}]
        )
        self._named(path, name)
        self.names[TRACKED["tracking_uid"]] = "tracking UID of the source"
        return path

    def order(self, series: Sequence[Dataset], *sources: LesionSource, pipeline: Pipeline = LUNG, **more: Any) -> Order:
        """The order for a series."""
        paths = {ds.SOPInstanceUID: self.folder / f"{ds.SOPInstanceUID}.dcm" for ds in series}
        role = next(iter(pipeline.roles))
        return Order(
            installation="golden",
            node_version="1.2.3",
            pipeline=replace(pipeline, kinds=KINDS),
            study_uid=str(series[0].StudyInstanceUID),
            patient_key="one patient",
            roles={role: tuple(_input(path) for _, path in sorted(paths.items()))},
            lesion=sources,
            models={facts.id: ModelPin(version=facts.version, digest=facts.digest) for facts in (EGFR, KRAS)},
            clinical=KNOWN,
            **{"revision": 1, "written_at": WRITTEN_AT, **more},
        )

    def _uids(self, study: str, modality: str) -> dict[str, str]:
        frame, series = f"{study}.1", f"{study}.2"
        told = "study" if study == STUDY else "prior study"
        self.names |= {study: told, frame: f"frame of the {told}", series: f"{modality} series of the {told}"}
        return {"study_uid": study, "series_uid": series, "frame_uid": frame}

    def _kept(self, series: list[Dataset], modality: str) -> list[Dataset]:
        for ds in series:
            ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{ds.InstanceNumber}"
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            self.names[ds.SOPInstanceUID] = f"{modality} image {ds.InstanceNumber}"
            [path] = save([ds], self.folder / "one")
            path.rename(self.folder / f"{ds.SOPInstanceUID}.dcm")
        return series

    def _structures(self, series: Sequence[Dataset], rois: list[dict[str, Any]], name: str) -> Path:
        path = structure_set(
            self.folder / f"{name}-{series[0].StudyInstanceUID}.dcm", rois, frame_uid=series[0].FrameOfReferenceUID,
            sop_uids=[ds.SOPInstanceUID for ds in series], StudyInstanceUID=series[0].StudyInstanceUID,
            PatientID=series[0].PatientID,
        )  # fmt: skip
        self._named(path, name)
        return path

    def _named(self, path: Path, name: str) -> None:
        found = read_instance(path)
        self.names |= {found.sop_uid: name, found.series_uid: f"series of the {name}"}


def _input(path: Path) -> Input:
    found = read_instance(path)
    return Input(
        sop_uid=found.sop_uid, sop_class=found.sop_class, series_uid=found.series_uid, study_uid=found.study_uid,
        digest=found.digest, content=found.digest, path=str(path),
    )  # fmt: skip


def source(kind: Any, path: Path | None = None, model: str = "") -> LesionSource:
    """A source of lesions."""
    return LesionSource(kind=kind, inputs=(_input(path),) if path else (), model=model)


def done(order: Order, names: Mapping[str, str], title: str = "") -> Situation:
    """Run an order with every kind of result that there is."""
    result = run(replace(order, pipeline=replace(order.pipeline, kinds=SHOWN)), parts())
    told = f"{title} " if title else ""
    for kind, ds in result.objects.items():
        names = {**names, ds.SOPInstanceUID: f"{told}{kind}", ds.SeriesInstanceUID: f"series of the {told}{kind}"}
    return Situation(order=order, result=result, names=names)


def one_lesion(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """A nodule in the left lung, drawn by hand; one model answers."""
    series = bench.chest()
    order = bench.order(series, source("rtstruct", bench.drawn(series, {"GTV-1": LEFT})), pipeline=ALONE)
    yield "", done(order, bench.names)


def several_lesions(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """One nodule in either lung; one model answers, the other one refuses."""
    series = bench.chest()
    drawn = bench.drawn(series, {"GTV right": RIGHT, "GTV left": LEFT})
    yield "", done(bench.order(series, source("rtstruct", drawn)), bench.names)


def found_by_a_model(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """Nobody drew: a segmenter did."""
    series = bench.chest()
    yield "", done(bench.order(series, source("model", model=SEGMENTER.id), pipeline=ALONE), bench.names)


def time_points_that_the_source_tracks(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """The same lesion in two studies: its Segmentations carry one Tracking UID, and so do our results."""
    for name, study, day in (("first", PRIOR, "20260801"), ("second", STUDY, "20261101")):
        series = bench.chest(study, StudyDate=day)
        drawn = source("seg", bench.tracked(series, f"source SEG of the {name} study"))
        yield name, done(bench.order(series, drawn, pipeline=BLIND), bench.names, name)


def time_points_that_nobody_tracks(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """Two studies with one drawing each: nothing says that it is the same lesion, and neither do we."""
    for name, study, day in (("first", PRIOR, "20260801"), ("second", STUDY, "20261101")):
        series = bench.chest(study, StudyDate=day)
        drawn = source("rtstruct", bench.drawn(series, {"GTV-1": LEFT}, f"RTSTRUCT of the {name} study"))
        yield name, done(bench.order(series, drawn, pipeline=BLIND), bench.names, name)


def drawing_not_used(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """A structure set whose only gross tumour volume is a lymph node."""
    series = bench.chest()
    drawn = bench.drawn(series, {"lymph node": LEFT})
    yield "", done(bench.order(series, source("rtstruct", drawn), pipeline=BLIND), bench.names)


def refused(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """Two slices are missing."""
    series = bench.chest()
    series = [ds for ds in series if ds.InstanceNumber not in {20, 21}]
    yield "", done(bench.order(series, source("rtstruct", bench.drawn(series, {"GTV-1": LEFT}))), bench.names)


def revised(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """Drawn anew: the second result says what changed, and names the first; then the case is refused."""
    series = bench.chest()
    drawn = bench.drawn(series, {"GTV-1": LEFT})
    first = done(bench.order(series, source("rtstruct", drawn), pipeline=BLIND), bench.names, "first")
    again = bench.drawn(series, {"GTV-1": LEFT, "GTV-2": RIGHT}, "second RTSTRUCT")
    order = bench.order(series, source("rtstruct", again), pipeline=BLIND, revision=2)
    second = _after(first, order, {**first.names, **bench.names})
    yield "second", second
    torn = replace(second.order, refusal=("conflicting instances", ""), revision=3)
    yield "refused", _after(second, torn, second.names, "third")


def _after(before: Situation, order: Order, names: Mapping[str, str], title: str = "second") -> Situation:
    """A revision, whose predecessor is what `before` made."""
    objects_before = tuple(
        (str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.SeriesInstanceUID))
        for ds in before.result.objects.values()
    )
    job = replace(before.order, pipeline=replace(before.order.pipeline, kinds=SHOWN)).job_id
    predecessor = Predecessor(job_id=job, objects=objects_before, change=change(order, before.order))
    return done(replace(order, predecessor=predecessor), names, title)


def oblique_mr(bench: Bench) -> Iterator[tuple[str, Situation]]:
    """A lesion on an oblique MR of a limb, and no model that could be asked."""
    series = bench.thigh()
    yield "", done(bench.order(series, source("rtstruct", bench.boxed(series)), pipeline=THIGH), bench.names)


SITUATIONS: dict[str, Callable[[Bench], Iterator[tuple[str, Situation]]]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        one_lesion, several_lesions, found_by_a_model, time_points_that_the_source_tracks,
        time_points_that_nobody_tracks, drawing_not_used, refused, revised, oblique_mr,
    )
}  # fmt: skip


def situations(folder: Path) -> dict[str, dict[str, Situation]]:
    """Every situation by name, with its runs by name; files go to `folder`."""
    ran = {}
    for name, make in SITUATIONS.items():
        (folder / name).mkdir(parents=True)
        ran[name] = dict(make(Bench(folder / name)))
    return ran
