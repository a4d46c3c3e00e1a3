"""Files that a job leaves beside its objects."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace

import pytest

from node.domain.order import Extraction
from node.domain.radiomics import volume_unit
from node.stages.load import UNITS
from node.work.exports import exported
from node.work.features_csv import COLUMNS
from node.work.pipeline import Result
from tests.support.ledgers import an_order
from tests.support.radiomics import INFINITE, measured_case


@pytest.fixture(scope="module")
def case():
    """Two lesions with all features."""
    return measured_case(Extraction())


def rows_of(case, order):
    """features.csv as a reader of CSV has it."""
    [(file, content)] = exported(order, Result(case.findings, {}))
    assert (file.name, file.sha256) == ("features.csv", hashlib.sha256(content).hexdigest())
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def ordered(*kinds):
    """An order that asks for these exports."""
    order = an_order()
    return replace(order, pipeline=replace(order.pipeline, exports=kinds))


def test_nothing_is_left_unasked(case):
    """Off by default."""
    assert list(exported(an_order(), Result(case.findings, {}))) == []
    assert not an_order().pipeline.asks_for_features


def test_every_feature_is_a_row_with_its_exact_value(case):
    """Lesion by lesion, with IBSI code and unit; read back, each number is the one that was measured."""
    order = ordered("csv")
    rows = rows_of(case, order)
    value = {(int(r["lesion"]), r["feature"]): r for r in rows}

    assert order.pipeline.asks_for_features
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 107
    assert {row["job"] for row in rows} == {order.job_id}
    for lesion in case.findings.lesions:
        for name, expected in lesion.measurements.features.items():
            row = value[lesion.number, name]
            assert float(row["value"]) == expected
            assert (row["tracking_uid"], row["not_evaluated"]) == (lesion.tracking_uid, "")
    mean = value[1, "original_firstorder_Mean"]
    assert (mean["ibsi"], mean["unit"]) == ("Q4LE", "[hnsf'U]")


def test_what_is_not_finite_has_no_value_and_says_so(case):
    """An empty cell, never a zero or a missing row."""
    [first, _] = [row for row in rows_of(case, ordered("csv")) if row["feature"] == INFINITE]

    assert (first["value"], first["not_evaluated"]) == ("", "inf")


def test_nothing_of_the_patient_is_in_it(case):
    """Neither header values nor what a ROI was called, which may be a name."""
    [(_, content)] = exported(ordered("csv"), Result(case.findings, {}))
    text = content.decode()

    assert "GTV-1" not in text
    assert not [value for value in ("Test^Patient", "TEST-1", "1960") if value in text]


@pytest.mark.parametrize("modality", ["CT", "PT", "MR"])
def test_the_unit_of_a_table_is_that_of_the_volume(modality):
    """What a modality is loaded as."""
    assert volume_unit(modality) == UNITS[modality]
