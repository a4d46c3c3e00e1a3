"""How often the node would refuse patients like those of the training, counted by limits that do not know them."""

import numpy as np
import pytest

from node.inference.applicability import applies
from node.training.distance import fitted
from node.training.held_out import refusals
from node.training.rows import patients
from node.training.sheet import read_table
from node.training.spec import read_spec
from tests.support.tables import HEAD, rows, write_spec, write_table

EXTRA = [f"original_firstorder_{name}" for name in ("Mean", "Range", "Entropy", "Median", "Skewness", "Uniformity")]


def judged(tmp_path, given, /, **changes):
    """The shares for a table, with the toy's specification changed."""
    columns, read = read_table(write_table(tmp_path / "table.csv", given))
    spec = read_spec(write_spec(tmp_path / "spec.toml", **changes), columns)
    return refusals(patients(read, spec, at="table"), spec)


def test_patients_of_one_kind_are_hardly_refused(tmp_path):
    """One in a hundred, as the limits say; in every draw, with age and volume counted."""
    found = judged(tmp_path, rows(400), fit={"repeats": 3})
    assert found["ranges"] == ["age", "lesion_volume_ml"]
    assert found["draws"] == 3
    assert 0.002 < found["refused"] <= found["refused_most"] < 0.03
    assert 0.02 < found["flagged"] < 0.09


def test_patients_who_set_no_limits_are_refused_more_often(tmp_path):
    """Limits that sixty patients set refuse none of the sixty; limits that they did not set refuse some of them."""
    rng = np.random.default_rng(0)
    few = [{**row, **{name: f"{rng.standard_t(4):.6f}" for name in EXTRA}} for row in rows(60)]
    asked = {
        "declared": {"modality": "CT"},
        "extraction": {"spacing_mm": 1.0},
        "views": [],
        "baselines": [],
        "golden": [],
    }
    found = judged(tmp_path, few, fit={"repeats": 5}, table={"features": ["original_*"]}, **asked)
    columns, read = read_table(tmp_path / "table.csv")
    spec = read_spec(tmp_path / "spec.toml", columns)
    table = patients(read, spec, at="table").table
    own = fitted(table, spec.inputs)
    known = [{n: float(v) for n, v in zip(table.names, row, strict=True) if not np.isnan(v)} for row in table.features]
    assert all(applies(own, numbers).outcome != "outside" for numbers in known)
    assert found["refused"] > 0.01


def test_declared_ranges_are_counted(tmp_path):
    """Whoever lies outside is refused, whoever lies outside of what is usual is flagged; both shares are known."""
    table = rows()
    old = np.mean([row["age"] > 70 for row in table])
    large = np.mean([row["volume_ml"] != "" and float(row["volume_ml"]) > 20 for row in table])
    either = np.mean([row["age"] > 70 or (row["volume_ml"] != "" and float(row["volume_ml"]) > 20) for row in table])
    assert min(old, large, either - old, either - large) > 0.02
    declared = {"modality": "CT", "age": [0.0, 70.0], "lesion_volume_ml": [0.0, 20.0]}
    assert judged(tmp_path, table, declared=declared)["refused"] == pytest.approx(either, abs=0.02)
    usual = {"modality": "CT", "age_usual": [0.0, 70.0]}
    assert judged(tmp_path, table, declared=usual)["flagged"] == pytest.approx(old, abs=0.06)


def test_a_required_input_that_lacks_is_a_refusal(tmp_path):
    """As it is in use: the model gives no answer without it."""
    table = rows()
    blank = np.mean([row["volume_ml"] == "" for row in table])
    inputs = [*HEAD["inputs"][:2], {**HEAD["inputs"][2], "required": True}]
    assert blank > 0.05
    assert judged(tmp_path, table, inputs=inputs)["refused"] == pytest.approx(blank, abs=0.025)


def test_a_range_is_named_only_where_the_table_tells_it(tmp_path):
    """Without ages or volumes nothing is said of them."""
    sex = [HEAD["inputs"][1]]
    found = judged(tmp_path, rows(), inputs=sex, views=[], baselines=[], golden=[])
    assert found == {"refused": 0.0, "refused_most": 0.0, "flagged": 0.0, "draws": 1, "ranges": []}
