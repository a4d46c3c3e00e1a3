"""The tables of config.toml as frozen models; `node.config.reading` makes them of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from node import shipped
from node.config.base import AETitle, Section, Share
from node.config.pipelines import PipelineSection
from node.config.servers import FhirSection, StowSection
from node.domain.document import ExportKind, ResultKind
from node.domain.language import Language
from node.domain.order import Pipeline
from node.domain.reader import QUANTITIES


class NodeSection(Section):
    """The node itself."""

    state_dir: Path = Field(Path("state"), description="Folder for spool, results and ledger; on a local disk.")
    models_dir: Path | None = Field(
        None, description="Folder with the site's own model packages, beside the shipped ones."
    )
    ledger_url: SecretStr | None = Field(
        None, description="Database URL, e.g. postgresql+psycopg://user@host/radnode; SQLite in state_dir when absent."
    )
    language: Language = Field(
        "en", description="Language of the sentences in results: en, de or es. Codes and their meanings stay English."
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
    commit_keep_days: float = Field(
        30, gt=0, description="Days for which we promise to keep what a peer asks us to commit ourselves to."
    )


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
    may_ask_commitment: bool = Field(
        False,
        description="Whether we commit ourselves, when it asks, to keep what it sent (`receive.commit_keep_days`).",
    )


class DestinationSection(Section):
    """Where results go."""

    peer: str | None = Field(None, description="Name of a peer, for C-STORE; or else `stow` or `fhir`.")
    stow: StowSection | None = None
    fhir: FhirSection | None = None
    send: tuple[ResultKind, ...] = Field(
        ("seg", "sr"),
        description="Kinds of results, sent in the order of the table below.",
    )
    give_up_after_h: float = Field(168, gt=0, description="Hours after which an undelivered result is dead.")
    commit: bool = Field(
        False, description="Whether the peer is asked to commit itself to what it was sent (Storage Commitment)."
    )
    commit_wait_min: float = Field(60, gt=0, description="Minutes to wait for its answer before it is asked again.")

    @model_validator(mode="after")
    def _one_way(self) -> DestinationSection:
        if [self.peer, self.stow, self.fhir].count(None) != 2:
            raise ValueError("set one of `peer` (C-STORE), `stow` (DICOMweb) and `fhir` (a FHIR server)")
        if self.commit and self.peer is None:
            raise ValueError("`commit` needs a `peer`: Storage Commitment is a DICOM service, not one of DICOMweb")
        return self

    @property
    def takes(self) -> tuple[ResultKind | ExportKind, ...]:
        """Kinds of files that go there."""
        return self.send if self.fhir is None else ("fhir",)


class ClinicalSection(Section):
    """Clinical values that the images do not carry."""

    csv: Path | None = Field(
        None, description="CSV file keyed by PatientID (and IssuerOfPatientID, if such a column is there)."
    )
    sr_names: dict[str, tuple[tuple[str, str], ...]] = Field(
        {},
        description="Your own codes for a reader's findings in SRs: `effusion = [["
        '"PE", "99HOSPITAL"]]`; see Clinical values.',
    )

    @model_validator(mode="after")
    def _known_names(self) -> ClinicalSection:
        if unknown := sorted(set(self.sr_names) - QUANTITIES):
            raise ValueError(f"sr_names: no finding {', '.join(unknown)}; there are: {', '.join(sorted(QUANTITIES))}")
        names = [name for each in self.sr_names.values() for name in each]
        if len(names) != len(set(names)):
            raise ValueError("sr_names: a code names one finding only")
        return self

    @property
    def own_names(self) -> dict[tuple[str, str], str]:
        """(scheme, code value) to the finding."""
        return {(scheme, code): finding for finding, each in self.sr_names.items() for code, scheme in each}


class ModelSection(Section):
    """A model at this site."""

    prevalence: Share | None = Field(None, description="Prevalence at this site; probabilities are re-based to it.")


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
        return tuple(
            replace(pipeline.resolved(number, self._asked(pipeline)), language=self.node.language)
            for number, pipeline in enumerate(self.pipelines)
        )

    def _asked(self, pipeline: PipelineSection) -> set[ResultKind | ExportKind]:
        """What the destinations of a pipeline take."""
        return {kind for name in pipeline.send_to for kind in self.destinations[name].takes}
