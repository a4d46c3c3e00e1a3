"""Where a value stands among the training patients, and what it did to the answer."""

import json

import pytest

from node.domain.clinical import Value
from node.errors import ModelFailed
from node.inference.explain import Spread, explain, parse
from node.inference.inputs import ModelInput
from node.training.distance import percentiles

INPUTS = (
    ModelInput(name="age", source="clinical:age", unit="a"),
    ModelInput(name="glass", source="image:glass", levels={"0%": 0.0, ">0-25%": 0.125, "25-50%": 0.375}),
    ModelInput(name="a", source="clinical:kind", levels={"a": 1.0, "b": 0.0}),
    ModelInput(name="b", source="clinical:kind", levels={"a": 0.0, "b": 1.0}),
)


@pytest.fixture(scope="module")
def spreads():
    glass = ["0%"] * 60 + [">0-25%"] * 30 + ["25-50%"] * 10
    rows = [{"clinical:age": float(n), "image:glass": g, "clinical:kind": "a" if n % 4 else "b"} for n, g in
            enumerate(glass)]  # fmt: skip
    return parse(percentiles(INPUTS, rows), at="toy")


def test_a_number_stands_where_it_stood_in_training(spreads):
    """Inside by interpolation, outside at the ends, ties in their middle."""
    age = spreads["clinical:age"]
    assert [age.percentile(v) for v in (-5.0, 0.0, 49.5, 99.0, 200.0)] == pytest.approx([0, 0, 50, 100, 100], abs=1)
    ties = Spread(kind="number", quantiles=(*[0.0] * 51, *map(float, range(1, 51))))
    assert ties.percentile(0.0) == pytest.approx(25)


def test_words_in_order_have_percentiles_and_others_shares(spreads):
    """A reader's class has an order; a histology has none."""
    assert spreads["image:glass"].percentile("25-50%") == pytest.approx(95)
    assert spreads["image:glass"].percentile("0%") == pytest.approx(30)
    assert spreads["image:glass"].share("0%") is None
    assert spreads["clinical:kind"].share("b") == 0.25
    assert spreads["clinical:kind"].percentile("b") is None


def test_every_known_quantity_is_explained_once(spreads):
    """A category is one quantity though two inputs; what is unknown is not explained."""
    known = {"clinical:age": Value(50.0, "x"), "clinical:kind": Value("B", "y")}
    told = explain(INPUTS, known, {"age": 0.5, "kind": -0.2, "glass": 0.0}, spreads)
    assert [(e.name, e.value, e.log_odds, e.unit) for e in told] == [("age", 50.0, 0.5, "a"), ("kind", "b", -0.2, "1")]
    assert told[0].percentile == pytest.approx(50, abs=1)
    assert told[1].share == 0.25


def test_without_percentiles_contributions_are_told_all_the_same():
    """A package that holds no distribution."""
    [told] = explain(INPUTS[:1], {"clinical:age": Value(50.0, "x")}, {"age": 0.5}, {})
    assert (told.percentile, told.share, told.odds_ratio) == (None, None, pytest.approx(1.6487, abs=1e-3))


def test_no_patient_can_be_read_from_the_file(spreads):
    """Quantiles and shares, rounded; never a row."""
    content = json.loads(percentiles(INPUTS, [{"clinical:age": 61.2345678, "clinical:kind": "a"}]))
    assert content["clinical:age"]["quantiles"] == [61.235] * 101
    with pytest.raises(ModelFailed, match=r"percentiles\.json"):
        parse(b"[1]", at="toy")
