"""What every result object shares: who made it, when, for which study, under which UIDs and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import get_args

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom.codes import PROCESSING_EQUIPMENT, SCHEMES
from node.dicom.inherit import inherit
from node.dicom.uids import IMPLEMENTATION_UID, derive_uid
from node.domain.document import ResultKind
from node.domain.facts import ModelFacts
from node.domain.findings import Findings
from node.domain.language import Language
from node.domain.order import Input, Order, Predecessor

KINDS: dict[ResultKind, int] = {kind: place for place, kind in enumerate(get_args(ResultKind), start=1)}
"""Kind of result to its place in the SeriesNumber."""

TITLES: dict[ResultKind, str] = {
    "seg": "SEG",
    "sr": "SR",
    "key-sr": "key-slice SR",
    "pdf": "report PDF",
    "sc": "report page",
    "text-sr": "text SR",
    "labelmap": "LABELMAP SEG",
    "feature-sr": "feature SR",
}
"""Kind of result as the Series Description names it."""

MANUFACTURER = "radnode project"
MODEL_NAME = "radnode"
"""Manufacturer's Model Name of the node: an instance with it in Contributing Equipment is ours (design rule 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """
    Facts of the job that its result objects state.

    Attributes:
        installation: Identifies this installation; Device Serial Number.
        written_at: Aware; every date and time of the objects is this one, never the clock.
        models: Every algorithm that had a part in the result, in a fixed order.
        site: Finding Site as (code, scheme, meaning), None where the pipeline names none.
        drawn: Whether every lesion was drawn by hand: a Segmentation of it is no work of an AI.
        reports: SRs of readers whose findings the models were asked with.
        beside: Role and instances of every series of the job besides the measured one: what was drawn on it, or read of
            it, was brought to the measured one.
        language: Of every sentence in the objects; names of series, codes and their meanings stay English.
    """

    job_id: str
    installation: str
    node_version: str
    written_at: datetime
    pipeline: str
    number: int = 0  #: place of the pipeline in the configuration, from 0
    series_base: int = 9900
    taken_numbers: tuple[int, ...] = ()
    revision: int = 1
    predecessor: Predecessor | None = None
    refused: bool = False
    models: tuple[ModelFacts, ...] = ()
    site: tuple[str, str, str] | None = None
    drawn: bool = False
    reports: tuple[Input, ...] = ()
    beside: tuple[tuple[str, tuple[Input, ...]], ...] = ()
    language: Language = "en"

    def __post_init__(self) -> None:
        if self.written_at.tzinfo is None:
            raise ValueError("written_at must be aware: a time without its zone means nothing in another hospital")

    @classmethod
    def of(cls, order: Order, *, models: Sequence[ModelFacts] = (), refused: bool = False) -> Envelope:
        """The envelope of a work order."""
        return cls(
            job_id=order.job_id,
            installation=order.installation,
            node_version=order.node_version,
            written_at=order.written_at,
            pipeline=order.pipeline.name,
            number=order.pipeline.number,
            series_base=order.pipeline.series_base,
            taken_numbers=order.taken_numbers,
            revision=order.revision,
            predecessor=order.predecessor,
            refused=refused,
            models=tuple(models),
            site=order.pipeline.finding_site,
            reports=order.reports,
            beside=tuple(order.roles.items())[1:],
            language=order.pipeline.language,
        )

    def naming(self, findings: Findings) -> Envelope:
        """
        The same envelope, with every model that drew or was asked among its algorithms, and who drew the lesions.

        A model whose package could not be used (it has no digest) was never asked: it contributed nothing.
        """
        named = [*self.models, *filter(None, [findings.segmenter])]
        named += [prediction.model for lesion in findings.lesions for prediction in lesion.predictions]
        by_hand = [lesion.contour.provenance.algorithm_type == "MANUAL" for lesion in findings.lesions]
        models = tuple({(m.id, m.digest): m for m in named if m.digest}.values())
        return replace(self, models=models, drawn=bool(by_hand) and all(by_hand))

    def uid(self, *parts: str) -> str:
        """A UID of this job: the same parts give the same UID, another job another one."""
        return derive_uid("job", self.job_id, *parts)

    def sop_uid(self, kind: ResultKind) -> str:
        """SOP Instance UID of the job's object of this kind."""
        return self.uid(kind)

    def series_uid(self, kind: ResultKind) -> str:
        """Series Instance UID: every kind is a series of its own."""
        return self.uid(kind, "series")

    def series_number(self, kind: ResultKind) -> int:
        """Base + 10 x pipeline + kind; the next free one in steps of 1000 where the study already uses that."""
        wanted = self.series_base + 10 * self.number + KINDS[kind]
        while wanted in self.taken_numbers:
            wanted += 1000
        return wanted

    def series_description(self, kind: ResultKind) -> str:
        """
        For example "AI lung SEG rev 2 [RESEARCH]", at most 64 characters (LO).

        "Drawn lung SEG" where no software drew, and "Measured lung SR" where no model had any part in it either.
        """
        revision = f" rev {self.revision}" if self.revision > 1 else ""
        tail = f" {TITLES[kind]}{revision} [RESEARCH]"
        lead = "AI "
        if self.drawn and kind in {"seg", "labelmap"}:
            lead = "Drawn "
        elif self.drawn and not self.models:
            lead = "Measured "
        task = re.sub(r"[\\\x00-\x1f]", " ", self.pipeline)[: 64 - len(lead) - len(tail)]
        return f"{lead}{task}{tail}"

    @property
    def also_read(self) -> list[Input]:
        """The instances of `beside`."""
        return [each for _, series in self.beside for each in series]

    @property
    def device_uid(self) -> str:
        """Device UID of this installation of the node."""
        return derive_uid("device", self.installation)


def device_uid(facts: ModelFacts) -> str:
    """Device UID of a model: another one for every package hash, as IHE AIR asks for."""
    return derive_uid("model", facts.digest)


def algorithm_name(facts: ModelFacts) -> str:
    """The one name of a model in Contributing Equipment, SEG and SR tree (IHE AIR table 6.5.3.1-1)."""
    return (facts.name or facts.id)[:64]


def seal(ds: Dataset, kind: ResultKind, envelope: Envelope, source: Dataset) -> None:
    """
    Give a freshly made object everything that results share, over whatever its writer put there.

    Args:
        ds: The object; changed in place.
        kind: Decides number, description and UIDs of the series.
        envelope: The job.
        source: Header of the image whose study the object goes to.

    Sets patient and study (PS3.3 C.7.1, C.7.2), General Series, General Equipment (the node), SOP Common with
    Contributing Equipment, dates and times, character set, and the file meta information's implementation.
    """
    shared = inherit(source)
    if "TimezoneOffsetFromUTC" in shared and _zone(shared) is None:
        del shared.TimezoneOffsetFromUTC
    ds.update(shared)
    ds.SpecificCharacterSet = "ISO_IR 192"
    _stamp(ds, envelope.written_at.astimezone(_zone(shared)) if _zone(shared) else envelope.written_at)
    ds.SeriesInstanceUID, ds.SOPInstanceUID = envelope.series_uid(kind), envelope.sop_uid(kind)
    ds.SeriesNumber, ds.InstanceNumber = envelope.series_number(kind), 1
    ds.SeriesDescription = envelope.series_description(kind)
    ds.ContentQualification = "RESEARCH"
    ds.Manufacturer, ds.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    ds.SoftwareVersions, ds.DeviceSerialNumber = envelope.node_version, envelope.installation[:64]
    ds.ContributingEquipmentSequence = equipment(envelope)
    if kind not in {"seg", "labelmap"}:
        ds.CodingSchemeIdentificationSequence = [_scheme(designator) for designator in SCHEMES]
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    ds.file_meta.ImplementationVersionName = f"RADNODE_{envelope.node_version}"[:16]


def equipment(envelope: Envelope) -> list[Dataset]:
    """Items of Contributing Equipment Sequence (0018,A001): one for each algorithm, then the node itself."""
    items = [
        _equipment(facts.manufacturer, algorithm_name(facts), facts.version, device_uid(facts), facts.kind)
        for facts in envelope.models
    ]
    node = _equipment(MANUFACTURER, MODEL_NAME, envelope.node_version, envelope.device_uid, "measurement and encoding")
    for item in [*items, node]:
        item.ContributionDateTime = envelope.written_at.strftime("%Y%m%d%H%M%S%z")
    return [*items, node]


def code_item(code: Code) -> Dataset:
    """A code as the item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _equipment(manufacturer: str, model: str, version: str, uid: str, role: str) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [code_item(PROCESSING_EQUIPMENT)]
    item.Manufacturer, item.ManufacturerModelName = manufacturer[:64], model
    item.SoftwareVersions, item.DeviceUID, item.ContributionDescription = version, uid, role
    return item


def _scheme(designator: str) -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = designator
    item.CodingSchemeName, item.CodingSchemeResponsibleOrganization = SCHEMES[designator]
    return item


def _stamp(ds: Dataset, at: datetime) -> None:
    for what in ("InstanceCreation", "Series", "Content"):
        setattr(ds, f"{what}Date", at.strftime("%Y%m%d"))
        setattr(ds, f"{what}Time", at.strftime("%H%M%S.%f"))


def _zone(ds: Dataset) -> timezone | None:
    """
    The zone that the source's own dates are in (0008,0201).

    One offset holds for every date and time of an object (PS3.3 C.12.1): ours are told in the source's zone where it
    states one; where it states none, we state none either, because we cannot know what zone its Study Time is in.
    """
    match = re.fullmatch(r"([+-])(\d{2})([0-5]\d)", str(ds.get("TimezoneOffsetFromUTC", "")))
    if not match or int(match[2]) > 14:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)
