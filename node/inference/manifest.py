"""`model.toml` as frozen values: what a package is, asks for, was made from, and may be believed for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from node.domain.facts import OperatingPoint
from node.domain.language import say
from node.domain.order import Extraction
from node.domain.plain import from_plain
from node.errors import ModelFailed
from node.inference import manifest_mistakes
from node.inference.inputs import Condition, ModelInput, Needs
from node.inference.layout import Layout

Engine = Literal["onnx", "lung-lesion", "refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """
    What a classifier may be asked about and a segmenter may draw on; outside of it there is no answer and no drawing.

    A range is (smallest, largest), inclusive. Inside a range but outside its `usual` one, which the training data
    had, the answer is flagged as borderline.

    Attributes:
        modality: Modality (0008,0060); "" for any.
        body_part: Words one of which Body Part Examined (0018,0015) must contain; where it is not stated the answer is
            flagged, unless the lesion lies in lung that was found.
        organ: "lung": the lesion must lie in or touch lung that was found in the image; "head": something in the image
            must have the size of a head.
        contrast: "required": neither names nor Contrast/Bolus Agent (0018,0010) may say that there was none, and where
            they say nothing the answer is flagged; "forbidden": they must not say that it was given.
        weighting: Weightings of MR ("t1", "t2", "flair") one of which the names of the series or the times of its
            sequence must tell; where nothing tells there is no answer.
        kernel: Words one of which Convolution Kernel (0018,1210) must contain; where it is not stated the answer is
            flagged. ["any"] takes any that is stated.
        sequence: Families of MR sequence one of which must be the image's where it is stated ("SE", "GR+IR").
        manufacturer: Words one of which Manufacturer (0008,0070) must contain; where it is not stated the answer is
            flagged.
        age: Years; an unknown age is flagged.
        slice_thickness_mm: Slice Thickness (0018,0050), and the distance of the slices where they lie further apart.
        pixel_spacing_mm: The larger distance of two pixels in the slice.
        lesion_volume_ml: Volume of the lesion that is asked about.
    """

    modality: str = ""
    body_part: tuple[str, ...] = ()
    organ: Literal["", "lung", "head"] = ""
    contrast: Literal["", "required", "forbidden"] = ""
    weighting: tuple[Literal["flair", "t1", "t2"], ...] = ()
    kernel: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()
    manufacturer: tuple[str, ...] = ()
    age: tuple[float, float] | None = None
    age_usual: tuple[float, float] | None = None
    slice_thickness_mm: tuple[float, float] | None = None
    slice_thickness_mm_usual: tuple[float, float] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    pixel_spacing_mm_usual: tuple[float, float] | None = None
    lesion_volume_ml: tuple[float, float] | None = None
    lesion_volume_ml_usual: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """
    Whom the model was made from.

    Attributes:
        sentence: One sentence for the reader: population and numbers.
        population: Who they were and where.
        n: Patients.
        events: Patients with the target.
        rows: Rows of the table, where a patient may have several.
        left_out: What else the target of a row said, and in how many rows, where it was neither of the two nor unknown.
        prevalence: Share (of the rows) with the target, which the answers are made for; None for a segmenter.
    """

    sentence: str = ""
    population: str = ""
    n: int | None = None
    events: int | None = None
    rows: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    prevalence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """
    Whether stated probabilities came true, in cross-validation.

    Attributes:
        calibrated: Whether they did: the interval of the slope shows it (`facts.shows_calibration`).
        method: How it was corrected.
        shrinkage: Factor on the log-odds that the correction applies in the shipped model.
        slope: Calibration slope of held-out log-odds (1 is ideal: smaller means too bold).
        slope_interval: Its 95 % interval.
        intercept: Log-odds that held-out answers lack on average (0 is ideal).
        ece: Expected calibration error.
        brier: Brier score.
    """

    calibrated: bool = False
    method: str = ""
    shrinkage: float | None = None
    slope: float | None = None
    slope_interval: tuple[float, float] | None = None
    intercept: float | None = None
    ece: float | None = None
    brier: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """
    What `lower` and `upper` mean.

    Attributes:
        holds_missing: Whether they hold what a missing input may change.
    """

    level: float = 0.95
    method: str = ""
    holds_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """One body of data that the model was made from."""

    source: str
    citation: str
    licence: str
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What an engine "refusal" answers."""

    text: str
    code: str = "refusal_by_design"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """
    The whole of `model.toml`.

    Attributes:
        exploratory: Why the model is exploratory, "" when it is not.
        preprocessing: What was done to images or values before the model saw them, in words.
        extraction: How its radiomic features were computed, and are; None for a model that reads none.
        performance: Name to number, interval or sentence, as measured by `train.py`.
        parameters: Numbers and words that the engine reads.
        least_inputs: How many quantities must be known for an answer, whichever they are.
        applicability: How the distance to the training data is judged, in words and numbers for the card.
        stability: How its inputs bear another contour and another grid, for the card.
        masks: How far its answer moves under other masks than those of experts, for the card.
        failure_modes: Sentences about cases in which the model is known or expected to fail.
        reporting: What the card answers to reporting guidelines: item to answer.
        origin: Where a model was imported from, what its files say of it, and what is done otherwise, for the card.
        segmenter: How an engine "onnx" brings an image to its graph, for a segmenter.
        files: Name to SHA-256 (hex) of every file of the package besides `model.toml`.
    """

    id: str
    version: str
    name: str
    manufacturer: str
    kind: Literal["segmenter", "classifier"]
    engine: Engine
    intended_use: str
    files: Mapping[str, str]
    target: str = ""
    gene: str = ""
    hgnc_id: str = ""
    limits: tuple[str, ...] = ()
    exploratory: str = ""
    inputs: tuple[ModelInput, ...] = ()
    conditions: tuple[Condition, ...] = ()
    declared: Declared = field(default_factory=Declared)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    extraction: Extraction | None = None
    training: Training = field(default_factory=Training)
    performance: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    operating_point: OperatingPoint | None = None
    interval: Interval = field(default_factory=Interval)
    data: tuple[DataSource, ...] = ()
    refusal: Refusal | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    least_inputs: int = 0
    applicability: Mapping[str, Any] = field(default_factory=dict)
    stability: Mapping[str, Any] = field(default_factory=dict)
    masks: Mapping[str, Any] = field(default_factory=dict)
    failure_modes: tuple[str, ...] = ()
    reporting: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    segmenter: Layout | None = None

    @property
    def needs(self) -> Needs:
        """What the pipeline must supply."""
        return Needs(inputs=self.inputs, conditions=self.conditions, least=self.least_inputs)

    @property
    def features(self) -> bool:
        """Whether radiomic features must be computed for it."""
        return bool(self.feature_classes)

    @property
    def feature_classes(self) -> frozenset[str]:
        """Classes of pyradiomics that hold the features it asks for: "shape", "firstorder", …"""
        names = [item.quantity for item in self.inputs if item.source.startswith("feature:")]
        return frozenset(name.split("_")[1] for name in names if "_" in name)

    def extraction_in(self, pipeline: Extraction) -> Extraction:
        """How its features are computed: as its package says; one that reads none takes what the pipeline has."""
        return self.extraction if self.features and self.extraction is not None else pipeline


def parse(plain: Mapping[str, Any], *, at: str) -> Manifest:
    """
    Check what `model.toml` says.

    Args:
        plain: The file as `tomllib` reads it.
        at: The file, for the message.

    Raises:
        ModelFailed: A key is missing, unknown or of the wrong kind, or two contradict each other.
    """
    try:
        manifest = from_plain(Manifest, plain)
    except (ValueError, AttributeError) as error:
        raise ModelFailed(str(error), at=at, do=say("correct the manifest and its version")) from error
    if mistakes := list(manifest_mistakes.found(manifest)):
        raise ModelFailed("; ".join(mistakes), at=at, do=say("correct the manifest and its version"))
    return manifest
