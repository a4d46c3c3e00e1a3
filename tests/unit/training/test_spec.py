"""A specification is refused before anything is trained, with every mistake at once."""

import pytest

from node.errors import ConfigError
from node.training import toml
from node.training.spec import read_spec
from tests.support.tables import HEAD, rows, write_spec

COLUMNS = tuple(rows(1)[0])


def mistakes(tmp_path, **changes):
    """What is wrong with the toy's specification, changed."""
    try:
        read_spec(write_spec(tmp_path / "spec.toml", **changes), COLUMNS)
    except ConfigError as error:
        return error.mistakes
    return []


def blank(**where):
    """A view with one rule."""
    return [{"name": "v", "where": [{"input": "female", "when": "age", "value": 1.0, **where}]}]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": "1.0"}, "version '1.0' is no semantic version"),
        ({"engine": "onxx"}, "engine: 'onxx' is none of ('onnx', 'lung-lesion', 'refusal')"),
        ({"engine": "lung-lesion"}, "engine: 'lung-lesion' is not trained on a table; say one of onnx, refusal"),
        ({"tragets": "x"}, "tragets: no such key; did you mean 'target'?"),
        ({"declared": {"modality": 5}}, "declared: expected str, not 5"),
        ({"performance": {"auc": 0.9}}, "performance: is measured by the training; leave it out"),
        ({"inputs": [*HEAD["inputs"], HEAD["inputs"][0]]}, "two inputs have the same name"),
        ({"fit": {"folds": 1}}, "fit.folds: 1, but two at least"),
        ({"fit": {"repeats": 0}}, "fit.repeats: 0, but one at least"),
        ({"fit": {"replicates": 1}}, "fit.replicates: 1, but 20 at least"),
        ({"fit": {"level": 95.0}}, "fit.level: 95, but above 0 and below 1"),
        ({"fit": {"strengths": []}}, "fit.strengths: list one at least, all above 0"),
        ({"fit": {"mixes": [1.5]}}, "fit.mixes: list one at least, all from 0 to 1"),
        ({"fit": {"seed": -1}}, "fit.seed: -1, but from 0 to 2147483647"),
        ({"fit": {"fold": 5}}, "fit: Recipe has no fold"),
        ({"golden": [{"name": "g", "inputs": {"volume_ml": 3.0}}]},
         "golden case 'g' gives 'volume_ml', which is no input but a quantity; name size"),
        ({"views": blank(input="aged")}, "view 'v': where.input is 'aged', which is no input"),
        ({"views": blank(when="volume_ml")}, "view 'v': where.when is 'volume_ml', which is no input"),
        ({"views": 2 * [{"name": "v", "missing": ["age"]}]}, "view 'v' stands there twice"),
        ({"baselines": [{"name": "b", "without": ["Age"]}]}, "baseline 'b' is without 'Age', which is no input"),
        ({"baselines": [{"name": "b", "without": ["age", "sex", "size"]}]},
         "baseline 'b' is without every input, so there is nothing to compare with"),
        ({"baselines": [{"name": "b"}]}, "baseline 'b': give either its own inputs, or what it is without"),
        ({"subgroups": 2 * HEAD["subgroups"]}, "subgroup 'women' stands there twice"),
        ({"subgroups": {"name": "women"}}, "subgroups: expected a list of tables, [[subgroups]]"),
    ],
)  # fmt: skip
def test_one_mistake_is_told_with_its_place(tmp_path, changes, why):
    """Key or name, what stands there, what was meant."""
    assert mistakes(tmp_path, **changes) == [why]


@pytest.mark.parametrize("key", ["id", "target", "intended_use", "kind"])
def test_what_lacks_is_named(tmp_path, key):
    """No traceback of a missing key."""
    (tmp_path / "s.toml").write_text(toml.dumps({name: value for name, value in HEAD.items() if name != key}))
    with pytest.raises(ConfigError) as caught:
        read_spec(tmp_path / "s.toml", COLUMNS)
    assert caught.value.mistakes == [f"{key}: must be given"]


def test_every_mistake_is_told_at_once(tmp_path):
    """One in each part: none hides another."""
    found = mistakes(
        tmp_path, version="one", colour="red", table={"cohort": "hospital"}, fit={"folds": 1},
        inputs=[*HEAD["inputs"], {"name": "x", "sauce": "clinical:age"}, {"name": "y", "source": "clinical:ki67"}],
        subgroups=[{"name": "women", "column": "gender", "values": ["female"]}],
    )  # fmt: skip
    for part in (
        "inputs 4: ",
        "colour: ",
        "version 'one'",
        "table.cohort: ",
        "subgroup 'women': ",
        "input y: ",
        "fit.folds: ",
    ):
        assert any(each.startswith(part) for each in found), part


def test_a_refusal_names_its_data(tmp_path):
    """Its sentence begins with them."""
    assert mistakes(tmp_path, engine="refusal", data=[]) == [
        "data: a refusal names the data that it rests on; list [[data]]",
        "engine 'refusal' needs [refusal] text",
    ]


def test_a_file_without_any_table_is_told(tmp_path):
    """What lacks, and not that there are no such columns."""
    (tmp_path / "s.toml").write_text('id = "toy"\n')
    with pytest.raises(ConfigError) as caught:
        read_spec(tmp_path / "s.toml", COLUMNS)
    assert caught.value.mistakes[0].startswith("table: TableRules")
    assert "version: must be given" in caught.value.mistakes
    assert not any("no column" in each for each in caught.value.mistakes)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"rqs": {"open": {"points": 99}}}, "reporting.rqs.open.points is 99, but a whole number from -5 to 4"),
        ({"rqs": {"open": {"points": "x"}}}, "reporting.rqs.open.points is 'x'"),
        ({"rqs": {"open": 3}}, "reporting.rqs.open takes points and why"),
        ({"rqs": {"opn": {"points": 1}}}, "reporting.rqs.opn is no item of the score: protocol"),
        ({"rqs": "x"}, "reporting.rqs is no table"),
        ({"tripod": "x"}, "reporting.tripod is no table"),
        ({"tripod": {"99z": "x"}}, "reporting.tripod.99z is no item of TRIPOD+AI"),
        ({"tripod": {"5b": 3}}, "reporting.tripod.5b is 3, but an answer in words"),
        ({"rqz": {}}, "[reporting] takes the tables rqs and tripod"),
    ],
)
def test_what_is_reported_is_an_item_of_its_guideline(tmp_path, stated, why):
    """Before anything is trained: a card never says 99 of 36 points, and no answer gets lost."""
    [mistake] = mistakes(tmp_path, reporting=stated)
    assert mistake.startswith(why)


def test_names_that_fit_nothing_are_told(tmp_path):
    """A pattern of features that no column has, and an input known before that is none."""
    found = mistakes(tmp_path, table={"features": ["orignal_shape_*"], "known_before": ["gradd"]})
    assert found == ["table.features: no column fits 'orignal_shape_*'", "table.known_before: 'gradd' is no input"]


def test_numbers_that_are_none_fit_nothing(tmp_path):
    """NaN is neither above 0 nor from 0 to 1."""
    found = mistakes(tmp_path, fit={"strengths": [1.0, float("nan")], "mixes": [0.0, float("nan")]})
    assert [each.split(":")[0] for each in found] == ["fit.strengths", "fit.mixes"]
