"""Every object that a job makes of a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from pydicom.dataset import Dataset

from node.domain.clinical import Clinical
from node.domain.document import ResultKind
from node.domain.language import Language
from node.domain.order import LesionRules, Order, Pipeline
from node.stages.load import Loaded
from node.work import objects
from tests.support.findings import Case


def order_of(language: Language = "en") -> Order:
    """An order of the pipeline "lung" for the study of `make_case`."""
    return Order(
        installation="site-7",
        node_version="0.1.0",
        pipeline=Pipeline(
            name="lung", number=0, roles={}, lesion=LesionRules(), finding_site=("39607008", "SCT", "Lung"),
            language=language,
        ),
        study_uid="1.2.99",
        patient_key="00",
        revision=1,
        roles={},
        lesion=(),
        models={},
        clinical=Clinical(),
        written_at=datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
    )  # fmt: skip


def every_object(case: Case, language: Language = "en") -> dict[ResultKind, Dataset]:
    """Each kind of result that this version can make, also those that no destination asks for."""
    made: dict[ResultKind, Dataset] = {}
    order = order_of(language)
    for kind in get_args(ResultKind):
        one = replace(order, pipeline=replace(order.pipeline, kinds=(kind,)))
        try:
            made |= objects.evaluated(one, case.findings, Loaded(case.volume, tuple(case.headers)))
        except KeyError as unknown:
            if unknown.args != (kind,):
                raise
    return made


def refused_objects(case: Case, language: Language = "en") -> dict[ResultKind, Dataset]:
    """What is made of a refused case: each kind that such a case has."""
    order = order_of(language)
    kinds = get_args(ResultKind)
    return objects.refused(replace(order, pipeline=replace(order.pipeline, kinds=kinds)), case.findings, case.headers)
