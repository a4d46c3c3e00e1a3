"""The tables of config.toml as frozen models; `node.config.reading` makes them of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, SecretStr, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from node import shipped
from node.domain.document import ResultKind
from node.domain.order import Extraction, LesionRules, Pipeline
from node.domain.refusals import REFUSALS
from node.domain.rules import Condition, Role
from node.domain.volume import LoadRules


def _ae_title(text: str) -> str:
    if not 1 <= len(text.strip()) <= 16 or not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]+", text):
        raise ValueError(
            "an AE title has 1 to 16 characters, no backslash and no control character (PS3.5 table 6.2-1)"
        )
    return text.strip()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


AETitle = Annotated[str, AfterValidator(_ae_title)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Share = Annotated[float, Field(gt=0, lt=1)]
SourceName = Annotated[str, Field(pattern=r"^(rtstruct|seg|seed|model:[a-z0-9-]+)$")]


class Section(BaseModel):
    """A table of config.toml: unknown keys are mistakes, values do not change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NodeSection(Section):
    """The node itself."""

    state_dir: Path = Field(Path("state"), description="Folder for spool, results and ledger; on a local disk.")
    models_dir: Path | None = Field(
        None, description="Folder with the site's own model packages, beside the shipped ones."
    )
    ledger_url: SecretStr | None = Field(
        None, description="Database URL, e.g. postgresql+psycopg://user@host/radnode; SQLite in state_dir when absent."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level logged.")


class ReceiveSection(Section):
    """The DICOM door."""

    ae_title: AETitle = Field("RADNODE", description="Our application entity title, at most 16 characters.")
    host: str = Field("0.0.0.0", description="Address that the SCP binds.")  # noqa: S104 - a DICOM node listens
    port: int = Field(11112, ge=0, le=65535, description="TCP port the SCP listens on; 0 takes a free one.")
    max_associations: int = Field(50, ge=1, description="Associations open at once, all peers together.")
    max_associations_per_peer: int = Field(25, ge=1, description="Associations open at once from one peer.")
    idle_timeout_s: float = Field(
        60, gt=0, description="Seconds without traffic after which an association is aborted."
    )
    largest_object_mb: float = Field(2048, gt=0, description="Larger objects are refused with 0xA700.")
    low_disk_gb: float = Field(2, ge=0, description="With less free space than this, C-STORE is refused with 0xA700.")
    tls: bool = Field(False, description="Whether only TLS is taken, and only from certificates that name the caller.")


class TlsSection(Section):
    """Our certificate, for TLS in either direction."""

    certificate: Path = Field(description="PEM file: our certificate, naming our AE title, then intermediate ones.")
    key: Path = Field(description="PEM file: its private key, without a password.")
    ca: Path = Field(description="PEM file: certificates of the authorities that sign for our peers.")


class SettleSection(Section):
    """When a study is complete."""

    study_quiet_s: float = Field(120, gt=0, description="Seconds without a new instance after which a study is judged.")
    gap_wait_s: float = Field(600, ge=0, description="Seconds to wait for slices that are missing inside a stack.")


class WorkSection(Section):
    """The workers that run the models."""

    workers: int = Field(1, ge=1, description="Worker processes on this machine.")
    memory_gb: float = Field(
        6, gt=0.5, description="Memory limit of one worker; beyond 95 % of it the worker is ended."
    )
    time_limit_s: float = Field(900, gt=0, description="A job that runs longer is ended and counts as one attempt.")
    attempts: int = Field(3, ge=1, description="Attempts before a job counts as failed.")
    scheduler: str | None = Field(None, description="Address of a Dask scheduler; None starts workers on this machine.")
    stop_grace_s: float = Field(20, ge=0, description="Seconds that open associations and running jobs get at a stop.")


class PeerSection(Section):
    """Another DICOM node."""

    ae_title: AETitle = Field(description="Its application entity title.")
    host: str | None = Field(None, description="Its address; when set, an association must come from there.")
    port: int | None = Field(None, ge=1, le=65535, description="Its port, when we send to it or query it.")
    may_send: bool = Field(True, description="Whether it may send to us.")
    tls: bool = Field(False, description="Whether we call it by TLS.")
    count: bool = Field(False, description="Whether to ask it by C-FIND how many instances a study has.")


class DestinationSection(Section):
    """Where results go."""

    peer: str = Field(description="Name of a peer.")
    send: tuple[ResultKind, ...] = Field(
        ("seg", "sr"),
        description='Which of `"seg"`, `"sr"` and `"key-sr"` (contour on the key slice); they are sent in this order.',
    )
    give_up_after_h: float = Field(168, gt=0, description="Hours after which an undelivered result is dead.")


class ClinicalSection(Section):
    """Clinical values that the images do not carry."""

    csv: Path | None = Field(
        None, description="CSV file keyed by PatientID (and IssuerOfPatientID, if such a column is there)."
    )


class ModelSection(Section):
    """A model at this site."""

    prevalence: Share | None = Field(None, description="Prevalence at this site; probabilities are re-based to it.")


class WhereSection(Section):
    """A condition on one DICOM attribute."""

    equals: str | float | None = Field(None, description="The value, whatever its case.")
    matches: Pattern | None = Field(None, description="Regular expression that some value must contain.")
    excludes: Pattern | None = Field(None, description="Regular expression that no value may contain.")
    min: float | None = Field(None, description="Smallest allowed number.")
    max: float | None = Field(None, description="Largest allowed number.")
    includes: tuple[str, ...] = Field((), description="Values that must be among the attribute's values.")
    lacks: tuple[str, ...] = Field((), description="Values that must not be among the attribute's values.")

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return value if isinstance(value, Mapping) else {"equals": value}

    def condition(self) -> Condition:
        """The domain's form."""
        equals = f"{self.equals:g}" if isinstance(self.equals, (int, float)) else self.equals
        return Condition(
            equals=equals, matches=self.matches, excludes=self.excludes, minimum=self.min, maximum=self.max,
            includes=self.includes, lacks=self.lacks,
        )  # fmt: skip


class RoleSection(Section):
    """A series that a pipeline needs."""

    modality: Literal["CT", "MR", "PT"] = Field(description="Modality (0008,0060) of the series.")
    where: dict[str, WhereSection] = Field(default_factory=dict, description="DICOM keyword to condition.")

    @model_validator(mode="after")
    def _keywords(self) -> RoleSection:
        for keyword in self.where:
            if (tag := tag_for_keyword(keyword)) is None:
                raise ValueError(f"where.{keyword}: no such DICOM keyword")
            if dictionary_VR(tag)[:2] in {"SQ", "OB", "OW", "UN", "OF", "OD", "OL", "OV"}:
                raise ValueError(f"where.{keyword}: conditions work on plain attributes, not on {dictionary_VR(tag)}")
        return self


class LesionSection(Section):
    """Where the lesion's drawing comes from; see `node.domain.order.LesionRules`."""

    sources: tuple[SourceName, ...] = Field(
        ("rtstruct", "seg", "seed"),
        alias="from",
        description="Sources in order of preference; the first present one counts.",
    )
    roi_patterns: tuple[Pattern, ...] = Field(
        LesionRules().roi_patterns, description="ROI names, in order of preference."
    )
    roi_excludes: tuple[Pattern, ...] = Field(
        LesionRules().roi_excludes, description="ROI names that are never a tumour."
    )
    target_volumes: bool = Field(False, description="Whether ITV, CTV and PTV may stand in for a GTV.")
    label_pattern: Pattern = Field(LesionRules().label_pattern, description="SEG segment labels that mark a lesion.")
    seed_pattern: Pattern = Field(LesionRules().seed_pattern, description="GSPS labels that mark a seed.")
    pick: Literal["all", "largest"] = Field("all", description="Which lesions are measured.")
    min_trust: float = Field(0.5, ge=0, le=1, description="Least trust in a machine-drawn lesion.")
    wait_s: float = Field(0, ge=0, description="Seconds to wait for a better source than the one at hand.")


class LoadSection(Section):
    """What a stack must be like; see `node.domain.volume.LoadRules`."""

    min_slices: int = Field(10, ge=1, description="Fewer slices are refused.")
    max_spacing_deviation: float = Field(0.1, gt=0, description="Largest deviation of a slice gap, as a share of it.")
    allow_lossy: bool = Field(False, description="Whether lossily compressed images are evaluated (and said to be).")


class ExtractionSection(Section):
    """How radiomic features are computed; see `node.domain.order.Extraction`."""

    spacing_mm: float | None = Field(1.0, gt=0, description="Isotropic voxel size after resampling.")
    bin_width: float = Field(25, gt=0, description="Width of a grey level bin.")
    normalise: bool = Field(False, description="Scale by mean and standard deviation of the whole image first.")
    filters: tuple[Literal["wavelet", "log"], ...] = Field((), description="Filtered images beside the original.")
    log_sigma_mm: tuple[PositiveFloat, ...] = Field((), description="Sigmas of the Laplacian of Gaussian filter.")
    bins: int | None = Field(None, ge=2, description="Fixed number of grey level bins in place of bin_width.")
    intensity_range: tuple[float, float] | None = Field(None, description="Other voxels count for shape only.")
    outlier_sigma: float | None = Field(None, gt=0, description="As do voxels so many deviations off the mean.")


class PipelineSection(Section):
    """What to look for, how to draw it, whom to ask, and where to send the answer."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="Short name, lower case.")
    series: dict[str, RoleSection] = Field(min_length=1, description="Roles; the first is the series that is measured.")
    lesion: LesionSection = Field(default_factory=LesionSection)
    load: LoadSection = Field(default_factory=LoadSection)
    extraction: ExtractionSection = Field(default_factory=ExtractionSection)
    models: tuple[str, ...] = Field((), description="Model packages to ask, by id.")
    organ: Literal["", "lung"] = Field("", description="Organ that must be in the image.")
    partial_organ: Literal["auto", "refuse", "flag"] = Field(
        "auto", description="When the organ is cut off: auto refuses only where a machine searched for the lesion."
    )
    finding_site: tuple[str, str, str] | None = Field(None, description="Code, scheme and meaning of the finding site.")
    send_to: tuple[str, ...] = Field((), description="Destinations.")
    deliver_refusals: tuple[str, ...] = Field(
        tuple(code for code in REFUSALS if code not in {"no lesion", "wrong anatomy"}),
        description="Refusals whose 'not evaluated' SR is sent; by default all but `no lesion` and `wrong anatomy`.",
    )
    max_study_age_days: int | None = Field(30, ge=0, description="Older studies are kept as priors and run on request.")
    features: bool = Field(False, description="Compute all radiomic features even when no model asks for one.")
    series_base: int = Field(9900, ge=1, description="Series numbers of results begin here.")

    def resolved(self, number: int) -> Pipeline:
        """The domain's form; `number` is the place among the pipelines."""
        return Pipeline(
            name=self.name,
            number=number,
            roles={
                name: Role(modality=role.modality, where={k: w.condition() for k, w in role.where.items()})
                for name, role in self.series.items()
            },
            lesion=LesionRules(**self.lesion.model_dump()),
            load=LoadRules(**self.load.model_dump()),
            extraction=Extraction(**self.extraction.model_dump()),
            silent_refusals=tuple(code for code in REFUSALS if code not in self.deliver_refusals),
            **self.model_dump(include={"models", "organ", "partial_organ", "finding_site", "send_to",
                                       "max_study_age_days", "features", "series_base"}),
        )  # fmt: skip


class Config(Section):
    """The whole of config.toml."""

    node: NodeSection = Field(default_factory=NodeSection)
    receive: ReceiveSection = Field(default_factory=ReceiveSection)
    tls: TlsSection | None = None
    settle: SettleSection = Field(default_factory=SettleSection)
    work: WorkSection = Field(default_factory=WorkSection)
    peers: dict[str, PeerSection] = Field(default_factory=dict)
    destinations: dict[str, DestinationSection] = Field(default_factory=dict)
    clinical: ClinicalSection = Field(default_factory=ClinicalSection)
    models: dict[str, ModelSection] = Field(default_factory=dict)
    pipelines: tuple[PipelineSection, ...] = Field(())

    @property
    def ledger_url(self) -> str:
        """Database URL of the ledger."""
        if self.node.ledger_url:
            return self.node.ledger_url.get_secret_value()
        return f"sqlite:///{self.node.state_dir.resolve() / 'ledger.sqlite'}"

    @property
    def model_dirs(self) -> tuple[Path, ...]:
        """Folders with model packages; a later one wins over an earlier one."""
        own = (self.node.models_dir,) if self.node.models_dir else ()
        return (shipped.models(), *own)

    def resolved(self) -> tuple[Pipeline, ...]:
        """The pipelines in the domain's form."""
        return tuple(pipeline.resolved(number) for number, pipeline in enumerate(self.pipelines))
