"""What no model may be trained on is refused, with every reason at once."""

import re

import numpy as np
import pytest

from node.errors import ConfigError
from node.training.command import train
from node.training.leaks import check
from node.training.rows import patients
from node.training.sheet import read_table
from node.training.spec import read_spec
from tests.support.tables import HEAD, rows, write_spec, write_table


def mistakes(tmp_path, data, *, exploratory=False, **changes):
    """What is wrong with a table, without training anything."""
    path, spec = write_table(tmp_path / "table.csv", data), write_spec(tmp_path / "spec.toml", **changes)
    columns, read = read_table(path)
    try:
        asked = read_spec(spec, columns)
        check(patients(read, asked, at="table"), asked, at="table", exploratory=exploratory)
    except ConfigError as error:
        return error.mistakes
    return []


MEAN = "feature:original_firstorder_Mean"
FEATURES = {"extraction": {"spacing_mm": 1.0}}


def with_column(name, value, source=MEAN):
    """The toy's table with one more column, and inputs that take it."""
    table = [{**row, name: value(n, row)} for n, row in enumerate(rows())]
    more = {"name": "extra", "source": source}
    return table, {**FEATURES, "inputs": [*HEAD["inputs"], more], "table": {"columns": {source: name}}}


def test_an_honest_table_is_taken(tmp_path):
    """Nothing is wrong with it."""
    assert mistakes(tmp_path, rows()) == []


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("marker", lambda _n, row: row["answer"], "tells the target by itself (AUC 1.00)"),
        ("marker", lambda n, row: 3 - 2 * row["answer"] + 0.001 * (n % 7), "tells the target by itself"),
        ("marker", lambda n, row: (n * 37 % 11) if row["answer"] else "", "is filled tells the target"),
        ("accession number", lambda n, _row: n * 7 % 1000, "numbers patients or rows"),
        ("PatientID", lambda n, _row: n * 37 % 1000, "numbers patients or rows"),
        ("MRIScanNumber", lambda n, _row: n * 37 % 1000, "numbers patients or rows"),
        ("measure", lambda n, _row: 1000 + n, "numbers patients or rows"),
        ("measure", lambda n, _row: 10_000 + 37 * n + n * 7 % 30, "numbers patients or rows"),
        ("measure", lambda n, _row: 10_000 - n * n, "numbers patients or rows"),
        ("survival_days", lambda n, _row: n * 37 % 11, "known only after"),
        ("WHO grade", lambda n, _row: n * 37 % 3, "known only after"),
        ("constant", lambda _n, _row: 1.0, "fewer than two different values"),
    ],
)
def test_a_leaking_column_is_refused(tmp_path, column, value, why):
    """Copies of the target, missing values that tell it, numbers of rows, what is known only later, constants."""
    table, changes = with_column(column, value)
    [found] = mistakes(tmp_path, table, **changes)
    assert found.startswith("input extra: ")
    assert why in found


@pytest.mark.parametrize("name", ["original_shape_Maximum2DDiameterRow", "original_glcm_Id"])
def test_a_feature_numbers_nobody(tmp_path, name):
    """Some are called as identifiers are, and a table may be sorted by a whole number of them."""
    table, changes = with_column(name, lambda n, _row: n * n + 10, f"feature:{name}")
    assert mistakes(tmp_path, table, **changes) == []


def test_a_leaking_input_of_a_baseline_is_refused(tmp_path):
    """What the model must beat must not know the answer; an input of the model is told once."""
    table = [{**row, "copy": row["answer"], "same": 1} for row in rows()]
    clinic = {
        "name": "clinic",
        "inputs": [{"name": "z", "source": "clinical:copy"}, {"name": "s", "source": "clinical:same"}],
    }
    assert mistakes(tmp_path, table, baselines=[clinic]) == [
        "baseline 'clinic', input z: column 'copy' tells the target by itself (AUC 1.00): a copy of it?",
        "baseline 'clinic', input s: has fewer than two different values",
    ]


def test_a_subgroup_of_nobody_is_refused(tmp_path):
    """It would be reported with no patients; what the column says is told."""
    women = [{"name": "women", "column": "sex", "values": ["F"]}]
    [found] = mistakes(tmp_path, rows(), subgroups=women)
    assert re.fullmatch("subgroup 'women': no row says F in column 'sex', but (fe)?male, (fe)?male", found)


def test_what_only_looks_late_can_be_declared(tmp_path):
    """The person who knows the column says that it is known in time."""
    table, changes = with_column("grade", lambda n, _row: n * 37 % 3)
    changes["table"]["known_before"] = ["extra"]
    assert mistakes(tmp_path, table, **changes) == []


def test_the_target_is_no_input(tmp_path):
    """Nor is the patient."""
    table, changes = with_column("unused", lambda _n, _row: 0)
    changes["table"]["columns"] = {MEAN: "answer"}
    assert "is the target, the patient or the cohort" in mistakes(tmp_path, table, **changes)[0]


def test_a_patient_who_stands_there_twice_is_refused(tmp_path):
    """By name, unless rows of one patient are allowed; by measurements, under whatever name."""
    table = rows()
    again = [*table, {**table[0], "volume_ml": "3.333"}]
    assert "1 patients stand in more than one row" in mistakes(tmp_path, again)[0]
    assert mistakes(tmp_path, again, table={"repeated": True}) == []
    names = [f"original_firstorder_{name}" for name in ("Mean", "Range", "Entropy")]
    inputs = [*HEAD["inputs"], *({"name": n, "source": f"feature:{n}"} for n in names)]
    rng = np.random.default_rng(0)
    measured = [{**row, **{n: f"{rng.normal():.6f}" for n in names}} for row in table]
    copied = [*measured, {**measured[5], "who": "somebody else"}]
    found = mistakes(tmp_path, copied, inputs=inputs, **FEATURES)
    assert found == ["1 rows repeat the measurements of another patient exactly"]


def test_one_class_and_few_events_are_refused(tmp_path):
    """One class always; fewer than ten events unless the person insists; fewer than the folds always."""
    table = rows()
    one = [{**row, "answer": 0} for row in table]
    assert mistakes(tmp_path, one)[0].startswith("one class only: no patient with the target")
    few = [{**row, "answer": int(n < 7)} for n, row in enumerate(table)]
    assert "fewer than 10 carry no model (--exploratory overrides)" in mistakes(tmp_path, few)[0]
    assert mistakes(tmp_path, few, exploratory=True) == []
    fewer = [{**row, "answer": int(n < 4)} for n, row in enumerate(table)]
    assert "fewer than the 5 folds" in mistakes(tmp_path, fewer, exploratory=True)[0]


def test_a_specification_names_what_is_there(tmp_path):
    """Absent columns, views and golden cases of unknown inputs, and unknown keys are told together."""
    found = mistakes(
        tmp_path, rows(), table={"cohort": "hospital"}, views=[{"name": "v", "missing": ["colour"]}],
        golden=[{"name": "g", "inputs": {"colour": 1.0}}],
    )  # fmt: skip
    assert found == [
        "table.cohort: the table has no column 'hospital'",
        "view 'v' leaves out 'colour', which is no input",
        "golden case 'g' gives 'colour', which is no input",
    ]
    assert mistakes(tmp_path, rows(), table={"colour": "red"}) == ["table: TableRules has no colour"]


def test_cells_that_cannot_be_read_are_told(tmp_path):
    """A word where a number stands, a level that the input does not list, a number without end."""
    table = rows()
    table[0]["age"], table[1]["sex"], table[2]["volume_ml"] = "old", "diverse", "inf"
    assert mistakes(tmp_path, table) == [
        "column age: 'old' is no number",
        "column sex: 'diverse' is none of female, male",
        "column volume_ml: 'inf' is no number",
    ]


def test_values_that_no_model_can_be_made_of_are_told(tmp_path):
    """No logarithm of 0, nothing that float32 cannot hold: which columns, and how many values, before any training."""
    table = [{**row, "long_axis_mm": "-1e39" if n < 2 else f"{n}.5"} for n, row in enumerate(rows())]
    table[0]["volume_ml"], table[1]["volume_ml"], table[2]["volume_ml"] = "0", "-1", "0.0"
    inputs = [
        *HEAD["inputs"][:2],
        {"name": "size", "source": "measure:volume_ml", "scale": "log"},
        {"name": "energy", "source": "measure:long_axis_mm"},
    ]
    assert mistakes(tmp_path, table, inputs=inputs) == [
        'column volume_ml: 3 values are not above 0, and scale = "log" takes their logarithm',
        "column long_axis_mm: 2 values lie beyond 1e+30",
    ]


def test_a_file_that_is_no_table_is_told(tmp_path):
    """Not there, empty, a double column, a short row."""
    spec = write_spec(tmp_path / "spec.toml")
    for text, why in (("", "no patients"), ("a,a\n1,2\n", "stands there twice"), ("a,b\n1\n", "has 1 cells, not 2")):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(ConfigError, match=why):
            train(tmp_path / "t.csv", spec)
    with pytest.raises(ConfigError, match="cannot be read"):
        train(tmp_path / "none.csv", spec)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("codes in no order", lambda n, row: (0 if n % 2 else 2) if row["answer"] else 1, "AUC 1.00, value by value"),
        ("both ends", lambda n, row: (-1) ** n * (row["answer"] + 0.01 * (n % 37)), "value by value"),
    ],
)
def test_a_copy_of_the_target_in_no_order_is_refused(tmp_path, name, value, why):
    """Codes 0 and 2 for the one and 1 for the other, and numbers far to either side: neither rises with the target."""
    table, changes = with_column(name, value)
    [found] = mistakes(tmp_path, table, **changes)
    assert found.startswith("input extra: ")
    assert why in found


def test_words_that_tell_the_target_are_refused(tmp_path):
    """Two words mean with and two without: no single one of them tells, the column does."""
    words = {1: ("north", "east"), 0: ("south", "west")}
    table = [{**row, "histology": words[row["answer"]][n % 2]} for n, row in enumerate(rows())]
    inputs = [
        {
            "name": word,
            "source": "clinical:histology",
            "levels": {w: float(w == word) for pair in words.values() for w in pair},
        }
        for word in ("north", "east", "south")
    ]
    found = mistakes(tmp_path, table, inputs=[*HEAD["inputs"], *inputs])
    assert len(found) == 3
    assert all("column 'histology' tells the target by itself (AUC 1.00, value by value)" in each for each in found)


@pytest.mark.parametrize(
    "again", [str.upper, lambda name: f"{name}.0", lambda name: name.replace(" ", "_ "), "0{}".format]
)
def test_a_patient_under_another_spelling_is_the_same(tmp_path, again):
    """Capitals, the decimal point and the zeros of a spreadsheet, another separator: forty patients, each twice."""
    table = [
        {**row, "who": row["who"].removeprefix("patient ") if again is not str.upper else row["who"]} for row in rows()
    ]
    copied = [{**row, "who": again(row["who"]), "volume_ml": ""} for row in table[1:41]]
    assert "40 patients stand in more than one row" in mistakes(tmp_path, [*table, *copied])[0]


def test_a_row_that_is_copied_whole_is_found(tmp_path):
    """One number with four digits is a patient's own; how it is written, and the name, do not matter."""
    table = rows()
    precise = next(row for row in table if len(str(row["volume_ml"])) >= 5)
    copied = [*table, {**precise, "who": "somebody else", "volume_ml": f"{precise['volume_ml']}0", "sex": "MALE"}]
    copied[-1]["sex"] = str(precise["sex"]).upper()
    assert mistakes(tmp_path, copied) == ["1 rows repeat the row of another patient in every cell"]


def test_coarse_rows_may_agree_by_chance_but_not_so_often(tmp_path):
    """Three of 120 patients of whole numbers may be alike; one in five is a table that was pasted twice."""
    coarse = [{**row, "volume_ml": str(10 * (n % 40) + 10)} for n, row in enumerate(rows())]
    pasted = [{**row, "who": f"other {n}"} for n, row in enumerate(coarse)]
    assert mistakes(tmp_path, [*coarse, *pasted[:3]]) == []
    [found] = mistakes(tmp_path, [*coarse, *pasted[:30]])
    assert found.endswith("rows repeat the row of another patient in every cell, far more than chance makes alike")


def test_rows_of_one_patient_are_no_events_more(tmp_path):
    """Three patients with five rows each are three patients, fewer than the folds; nine are fewer than ten."""
    few = [{**row, "who": f"patient {n if n > 14 else n // 5}", "answer": int(n < 15)} for n, row in enumerate(rows())]
    found = mistakes(tmp_path, few, table={"repeated": True})
    assert found == ["3 patients with the target: fewer than the 5 folds of cross-validation"]
    nine = [{**row, "who": f"patient {n if n > 44 else n // 5}", "answer": int(n < 45)} for n, row in enumerate(rows())]
    assert "9 patients with the target" in mistakes(tmp_path, nine, table={"repeated": True})[0]
