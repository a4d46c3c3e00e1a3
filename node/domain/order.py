"""The work order: one frozen document with all that a result depends on (design rule 2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from node.domain.clinical import Clinical
from node.domain.document import ALWAYS, ExportKind, ResultKind
from node.domain.language import Language
from node.domain.lesion_names import LESION, NO_LETTER_AFTER, NO_LETTER_BEFORE
from node.domain.plain import canonical, from_plain, to_plain
from node.domain.rules import Role
from node.domain.volume import LoadRules

SourceKind = Literal["rtstruct", "seg", "seed", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRules:
    """
    How a pipeline finds and picks lesions.

    Attributes:
        sources: In order of preference: "rtstruct", "seg", "seed", "model:<package id>".
        roi_patterns: Regular expressions on ROI names, in order of preference, tried after interpreted type GTV.
        roi_excludes: Regular expressions on ROI names and SEG labels that are never a tumour.
        target_volumes: Whether ITV, CTV and PTV may stand in for a GTV.
        label_pattern: Regular expression on SEG segment labels that marks a lesion whatever its property type.
        unite_parts: Whether SEG segments that are called parts of a tumour are measured as one with what they touch.
        seed_pattern: Regular expression on GSPS graphic layers or text labels that marks a seed.
        pick: "all" lesions of the source, or only the "largest" one by volume.
        min_trust: A machine-drawn lesion with less trust than this is refused.
        wait_s: How long to wait for a better source than the one at hand.
    """

    sources: tuple[str, ...] = ("rtstruct", "seg", "seed")
    roi_patterns: tuple[str, ...] = (
        r"(?i)(?<![a-z])i?gtv(?![a-mo-z])|(?<![a-z])i?gtv[ _-]?(p|primary|t|tumou?r)(?![a-z])",
        rf"(?i){NO_LETTER_BEFORE}(primary|{LESION}){NO_LETTER_AFTER}",
    )
    roi_excludes: tuple[str, ...] = (
        r"(?i)gtv[ _-]*(n|nd|ln|node|nodes|nodal)[ _-]*\d*(?![a-z])",
        r"(?i)(?<![a-z])(node|nodes|nodal|lymph|ln)(?![a-z])",
        rf"(?i){NO_LETTER_BEFORE}(lymphknoten\w*|lk|ganglios?|ganglions|adenopat\w*|adénopat\w*){NO_LETTER_AFTER}",
        r"(?i)(?<![a-z])(bed|markers?|clips?|fiducials?|old|prior|shell|minus|margin|avoid|opt|eval)(?![a-z])",
        r"(?i)(?<![a-z])ring(?![ _-]*enhanc)(?![a-z])",
        r"(?i)(gtv|tumou?r)[ _-]?(old|bed|bett)(?![a-z])|(?<![a-z])(lecho|lit)[ _-]tumoral",
        r"(?i)[+-] ?\d+([.,]\d+)? ?[mc]m(?![a-z])",
        r"(?i)(?<![a-z])(lungs?|lungen?|pulm\w*|brain|hirn|gehirn|liver|leber|body|external|[cip]tv)([ _][lr])?"
        r"[ _]*-[ _]*i?[gcip]tv",  # what is left of an organ without the tumour (AAPM TG-263)
    )
    target_volumes: bool = False
    label_pattern: str = rf"(?i){NO_LETTER_BEFORE}(gtv|{LESION})"
    unite_parts: bool = False
    seed_pattern: str = rf"(?i){NO_LETTER_BEFORE}(seed|{LESION})"
    pick: Literal["all", "largest"] = "all"
    min_trust: float = 0.5
    wait_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """
    How radiomic features are computed (IBSI terms).

    Attributes:
        spacing_mm: Isotropic voxel size after resampling; None keeps the source grid.
        bin_width: Width of a grey level bin in the volume's unit.
        normalise: Whether intensities are first scaled by mean and standard deviation of the whole image.
        filters: Image types beside the original: "wavelet", "log".
        log_sigma_mm: Sigmas of the Laplacian of Gaussian filter.
        bins: Fixed number of grey level bins in place of `bin_width`.
        intensity_range: Voxels outside it (inclusive) are left out of all but the shape features (re-segmentation).
        bias_correction: "n4": MR intensities are corrected by N4ITK before anything else.
        outlier_sigma: So are voxels further from the lesion's mean than so many standard deviations.
    """

    spacing_mm: float | None = 1.0
    bin_width: float = 25.0
    normalise: bool = False
    filters: tuple[str, ...] = ()
    log_sigma_mm: tuple[float, ...] = ()
    bins: int | None = None
    intensity_range: tuple[float, float] | None = None
    outlier_sigma: float | None = None
    bias_correction: Literal["", "n4"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """
    A pipeline as resolved from the configuration.

    Attributes:
        number: Place among the configured pipelines, from 0; part of the SeriesNumber of results.
        roles: Role name to conditions.
        measured: Role of the series that is measured and whose geometry results take; "" for the first one.
        organ: "lung" makes the node look for lungs and refuse other anatomy; "" asks for nothing.
        partial_organ: What to do when the organ is cut off: "refuse" always, "flag" never, "auto" refuses only where a
            machine searched for the lesion (a drawn lesion does not need the whole organ).
        region_code: Finding Site as (code, scheme, meaning).
        silent_refusals: Refusal codes whose "not evaluated" SR is made but not sent to destinations.
        max_study_age_days: Older studies are kept as priors and run only on request; None: no limit.
        features: Whether all radiomic features are computed even when no model asks for one.
        kinds: Result objects to make.
        exports: What else to write into the job's folder.
        language: Of every sentence in them; codes and their meanings stay English.
        role_wait_s: How long after the last arrival a study with some but not all roles waits before it is refused.
    """

    name: str
    number: int
    roles: Mapping[str, Role]
    lesion: LesionRules
    load: LoadRules = field(default_factory=LoadRules)
    extraction: Extraction = field(default_factory=Extraction)
    models: tuple[str, ...] = ()
    organ: Literal["", "lung"] = ""
    partial_organ: Literal["auto", "refuse", "flag"] = "auto"
    finding_site: tuple[str, str, str] | None = None
    send_to: tuple[str, ...] = ()
    silent_refusals: tuple[str, ...] = ("no lesion", "wrong anatomy")
    max_study_age_days: int | None = 30
    features: bool = False
    series_base: int = 9900
    kinds: tuple[ResultKind, ...] = ALWAYS
    exports: tuple[ExportKind, ...] = ()
    language: Language = "en"
    role_wait_s: float = 1800.0
    measured: str = ""

    @property
    def modality(self) -> str:
        """Of the series that is measured."""
        return self.roles[self.measured or next(iter(self.roles))].modality

    @property
    def asks_for_features(self) -> bool:
        """Whether something that is made shows every radiomic feature."""
        return self.features or "feature-sr" in self.kinds or "csv" in self.exports


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """
    One instance that a job reads.

    Attributes:
        digest: SHA-256 of the data set that is read (the newest header).
        content: Identity of its pixels and geometry: digest of the first version that showed them.
        path: File relative to the state directory (or absolute, for `radnode run`).
    """

    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    digest: str
    content: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSource:
    """One possible source of the lesion; the pipeline tries them in order."""

    kind: SourceKind
    inputs: tuple[Input, ...] = ()  #: the RTSTRUCT, SEG, SR or GSPS; empty for a model
    model: str = ""  #: package id, for kind "model"
    role: str = ""  #: whose images it was drawn on; "" for the measured series


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """
    A drawing or mark of a lesion that belongs to no series of the pipeline.

    Attributes:
        series: Number and description of the series that it lies on: free text, for result objects, never for a log.
        why: A clause without free text.
    """

    kind: SourceKind
    sop_uid: str
    series_uid: str
    series: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPin:
    """The exact package that a job was ordered with."""

    version: str
    digest: str  #: package digest: SHA-256 over the manifest's file hashes
    prevalence: float | None = None  #: site prevalence to re-base to; None: as trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The result that a revision replaces."""

    job_id: str
    objects: tuple[tuple[str, str, str], ...]  #: (SOP class, SOP Instance UID, Series Instance UID) of its files
    change: str  #: one sentence: what changed since


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    All that a result depends on.

    Attributes:
        roles: Role name to its instances, sorted by SOP Instance UID.
        lesion: Sources at hand in the pipeline's order of preference.
        unused: Drawings and marks that nothing can be measured by; they make no revision.
        reports: SRs in which readers state what `clinical` holds of findings.
        stated: Quantity to level as those state it, whatever a clinical file says: a changed file makes no revision.
        refusal: (code, sentence) when it is already known that the case must not be evaluated.
        taken_numbers: Series numbers of the study that are already in use.
        written_at: When the order was written (aware); all dates and times of results derive from it.
    """

    installation: str
    node_version: str
    pipeline: Pipeline
    study_uid: str
    patient_key: str  #: SHA-256 of (Patient ID, issuer): identity without the identifier
    revision: int
    roles: Mapping[str, tuple[Input, ...]]
    lesion: tuple[LesionSource, ...]
    models: Mapping[str, ModelPin]
    clinical: Clinical
    written_at: datetime
    unused: tuple[Unused, ...] = ()
    reports: tuple[Input, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)
    refusal: tuple[str, str] | None = None
    taken_numbers: tuple[int, ...] = ()
    predecessor: Predecessor | None = None
    schema: int = 1

    @property
    def job_id(self) -> str:
        """SHA-256 (hex) of the canonical order without the time of writing and without local paths."""
        plain = to_plain(self)
        del plain["written_at"]
        if not self.unused:
            del plain["unused"]  # an order of before there was such a thing keeps its id; and so below
        if not self.pipeline.lesion.unite_parts:
            del plain["pipeline"]["lesion"]["unite_parts"]
        _drop_paths(plain)
        return hashlib.sha256(canonical(plain)).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Equal for two orders exactly when a second one would be no new revision (design: Case, job, delivery)."""
        what: dict[str, object] = {
            "study": self.study_uid,
            "patient": self.patient_key,
            "roles": {r: [(i.sop_uid, i.content) for i in inputs] for r, inputs in self.roles.items()},
            "lesion": [(s.kind, s.model, [(i.sop_uid, i.content) for i in s.inputs]) for s in self.lesion],
            "refusal": self.refusal[0] if self.refusal else None,
        }
        if self.stated:  # not "stated": {}, which would make a revision of everything known before there were readers
            what["stated"] = self.stated
        return hashlib.sha256(canonical(what)).hexdigest()

    def to_json(self) -> str:
        """The order as JSON text."""
        return json.dumps(to_plain(self, sentences=True), ensure_ascii=False, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Order:
        """
        Read what `to_json` wrote.

        Raises:
            ValueError: It is no order of this schema.
        """
        order = from_plain(cls, json.loads(text))
        first = order.pipeline.measured  # JSON is written with sorted keys, and here the first one counts
        roles = {role: order.roles[role] for role in sorted(order.roles, key=lambda role: role != first)}
        return replace(order, roles=roles)

    def at(self, written_at: datetime) -> Order:
        """The same order, written at another time."""
        return replace(self, written_at=written_at)


def _drop_paths(plain: object) -> None:
    if isinstance(plain, dict):
        plain.pop("path", None)
    for value in plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ():
        _drop_paths(value)
