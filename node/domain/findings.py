"""What the pipeline found: the one value from which every output (SEG, SR, report, JSON) is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from node.domain.clinical import Value
from node.domain.explanation import Explanation
from node.domain.facts import ModelFacts
from node.domain.geometry import Side

if TYPE_CHECKING:
    from node.domain.stability import Stability  # it speaks with words, which speak of findings

SegmentAlgorithmType = Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"]
"""Segment Algorithm Type (0062,0008), PS3.3 C.8.20.2."""

PredictionState = Literal["predicted", "borderline", "not_evaluated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """
    A segmenter's answer.

    Attributes:
        masks: One boolean array per lesion, largest first; may be empty.
        trust: 0 (nobody should believe it) to 1, for the drawing as a whole.
        why: What the trust rests on, one sentence.
    """

    masks: tuple[NDArray[np.bool_], ...]
    trust: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """
    Who drew a lesion, and what may be said of its nature.

    Attributes:
        kind, algorithm_type: "rtstruct", "seg", "seed" or "model"; goes to the SEG unchanged.
        label: Name in the source (ROI name, segment label, annotation text); "" for a model.
        sop_class, sop_uid, series_uid, study_uid: Of the source object, `number` in it (ROI, segment); "" for a model.
        tracking_id, tracking_uid: As the source carries them, else "".
        model: Package id of the segmenter, else "".
        trust: The segmenter's trust, None for a human source.
        named_neoplasm: Whether a human source says that it is a neoplasm (GTV, property type, Finding).
        notes: What a reader must know about it, sentences.
    """

    kind: Literal["rtstruct", "seg", "seed", "model"]
    algorithm_type: SegmentAlgorithmType
    label: str = ""
    sop_class: str = ""
    sop_uid: str = ""
    series_uid: str = ""
    study_uid: str = ""
    number: int | None = None
    tracking_id: str = ""
    tracking_uid: str = ""
    model: str = ""
    trust: float | None = None
    named_neoplasm: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Contour:
    """A lesion on the grid of the measured volume: shape (slice, row, column), at least one voxel set."""

    mask: NDArray[np.bool_]
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """Outcome of the segment stage: lesions in reporting order, and what was passed over, with the reason."""

    lesions: tuple[Contour, ...]
    skipped: tuple[str, ...] = ()
    rule: str = ""  #: which lesions were picked and why, one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundGlass:
    """
    Ground-glass share of a lesion after its rim, vessels and air were taken off.

    Attributes:
        fraction: 0 to 1; None when too little was left to measure.
        reader_class: The reader's class: "0%", ">0-25%", "25-50%", "50-75%", "75-<100%", "100%"; "" when missing.
        why_missing: Reason, "" when measured.
    """

    fraction: float | None
    reader_class: str
    why_missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A straight line on one slice, in millimetres and as LPS end points."""

    length_mm: float
    start: tuple[float, float, float]
    end: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """
    What was measured on one lesion.

    Attributes:
        volume_ml: Voxel summation (IBSI YEKZ).
        long_axis: Longest in-plane distance across the lesion on any slice (RECIST 1.1).
        short_axis: Longest extent perpendicular to the long axis on the same slice.
        diameter_3d_mm: Maximum 3-D diameter over the surface (IBSI L0JK).
        key_slice: Index of the slice that carries the long axis.
        key_image: The same for a viewer: "image 117" (Instance Number), "frame 12"; "" where not stated.
        ground_glass: CT only, else None.
        features: pyradiomics name ("original_shape_Sphericity") to value; `no_value`: to what came out not finite.
        touches_edge: Whether the lesion reaches an edge of the volume, in whatever direction.
        notes: What a reader must know, sentences.
    """

    volume_ml: float
    long_axis: Axis
    short_axis: Axis
    diameter_3d_mm: float
    key_slice: int
    key_image: str = ""
    ground_glass: GroundGlass | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    no_value: Mapping[str, float] = field(default_factory=dict)
    touches_edge: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """
    Whether a model may be asked about a lesion.

    Attributes:
        outcome: "in_domain", "borderline" (predicts, flagged) or "outside" (refused).
        reasons: What was off, in plain words with value and allowed range; empty when in domain, as is `code`.
        code: "outside_domain", "wrong_anatomy" or "borderline_domain".
    """

    outcome: Literal["in_domain", "borderline", "outside"]
    reasons: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """
    A classifier's answer, before or after re-basing.

    Attributes:
        probability: 0 to 1.
        lower, upper: Ends of the interval.
        contributions: Input name to what it adds to the log-odds.
    """

    probability: float
    lower: float
    upper: float
    contributions: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEvaluated:
    """A classifier that does not answer: a stable code and the reason in words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """
    One model's word on one lesion; a refusal is a value beside its siblings (design rule 7).

    Attributes:
        estimate: After re-basing; None when not evaluated.
        reason_code, reason: Stable code when borderline or not evaluated, else "", and the same in words.
        inputs: What the model was given, with origin; only inputs that were present.
        missing_inputs: Names of inputs that were absent, in the manifest's order.
        rebased_to: Site prevalence that the three numbers were re-based to; None: as trained.
        statements: Sentences about this very result (histology supplied or not, …).
        explanations: What each known quantity did, and where it stands among the training patients.
        stability: What redrawing the contour does; None where nothing was redrawn.
    """

    model: ModelFacts
    state: PredictionState
    fitness: Fitness | None = None
    estimate: Estimate | None = None
    reason_code: str = ""
    reason: str = ""
    inputs: Mapping[str, Value] = field(default_factory=dict)
    missing_inputs: tuple[str, ...] = ()
    rebased_to: float | None = None
    statements: tuple[str, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    stability: Stability | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """One lesion with all that was found about it."""

    number: int  #: from 1, the Segment Number in our SEG
    tracking_id: str
    tracking_uid: str
    contour: Contour
    measurements: Measurements
    predictions: tuple[Prediction, ...] = ()
    lung: Side = ""  #: which lung it lies in, where the lungs were looked for and told apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """
    The whole result of one job.

    Attributes:
        state: "succeeded" or "refused" (the case as a whole).
        reason_code, reason: Refusal code, "" when succeeded, and the same in words for the reader.
        rule, skipped: Which lesions were picked and why; sources and ROIs that were passed over, with the reason.
        notes: What holds for the whole case (lossy source, partial organ, …).
        segmenter: Facts of the segmentation model, when one drew.
        change: First line of a revision: what changed since the predecessor; "" for a first result.
    """

    state: Literal["succeeded", "refused"]
    lesions: tuple[Lesion, ...] = ()
    reason_code: str = ""
    reason: str = ""
    rule: str = ""
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    segmenter: ModelFacts | None = None
    models: tuple[ModelFacts, ...] = ()
    change: str = ""
