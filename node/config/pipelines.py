"""The `[[pipelines]]` of config.toml: which series, whose drawing, which models, where to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from pydantic import Field, PositiveFloat, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from node.config.base import Pattern, Section, SourceName
from node.domain.document import ALWAYS, ExportKind, ResultKind
from node.domain.order import Extraction, LesionRules, Pipeline
from node.domain.refusals import REFUSALS
from node.domain.rules import Condition, Role
from node.domain.volume import LoadRules


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
    sequence: Literal["", "flair", "t1", "t2"] = Field(
        "", description="MR weighting that the series must be recognised as, by its names or its times."
    )
    contrast: bool | None = Field(None, description="Whether contrast agent must, or must not, have been given.")

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
        LesionRules().roi_excludes, description="ROI names and SEG labels that are never a tumour."
    )
    target_volumes: bool = Field(False, description="Whether ITV, CTV and PTV may stand in for a GTV.")
    label_pattern: Pattern = Field(LesionRules().label_pattern, description="SEG segment labels that mark a lesion.")
    unite_parts: bool = Field(
        False,
        description="Whether SEG segments called parts of a tumour (core, oedema …) are one with what they touch.",
    )
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
    bias_correction: Literal["", "n4"] = Field("", description="n4: correct MR intensities by N4ITK before all else.")


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
    role_wait_s: float = Field(
        1800, ge=0, description="Seconds to wait for a series that is lacking while others are there, then refuse."
    )
    features: bool = Field(False, description="Compute all radiomic features even when no model asks for one.")
    series_base: int = Field(9900, ge=1, description="Series numbers of results begin here.")
    also: tuple[ResultKind, ...] = Field((), description="Results to make although no destination asks for them.")
    exports: tuple[ExportKind, ...] = Field((), description="What else to write into the job's folder.")

    def resolved(self, number: int, asked: Iterable[ResultKind | ExportKind] = ()) -> Pipeline:
        """The domain's form; `number` is the place among the pipelines, `asked` what its destinations ask for."""
        wanted = {*ALWAYS, *self.also, *self.exports, *asked}
        return Pipeline(
            name=self.name,
            number=number,
            measured=next(iter(self.series)),
            roles={
                name: Role(
                    modality=role.modality,
                    where={k: w.condition() for k, w in role.where.items()},
                    sequence=role.sequence,
                    contrast=role.contrast,
                )
                for name, role in self.series.items()
            },
            lesion=LesionRules(**self.lesion.model_dump()),
            load=LoadRules(**self.load.model_dump()),
            extraction=Extraction(**self.extraction.model_dump()),
            kinds=tuple(kind for kind in get_args(ResultKind) if kind in wanted),
            exports=tuple(kind for kind in get_args(ExportKind) if kind in wanted),
            silent_refusals=tuple(code for code in REFUSALS if code not in self.deliver_refusals),
            **self.model_dump(include={"models", "organ", "partial_organ", "finding_site", "send_to",
                                       "max_study_age_days", "features", "series_base", "role_wait_s"}),
        )  # fmt: skip
