"""Features are computed in the node as they were for the training, or no model is made."""

import pytest

from node.app.features import Table
from node.domain.order import Extraction, LesionRules, Pipeline
from node.errors import ConfigError
from node.training import toml
from node.training.extraction import check
from node.training.sheet import read_table
from node.training.spec import read_spec
from tests.support.tables import HEAD, rows, write_spec, write_table

ROUND = {"name": "round", "source": "feature:original_shape_Sphericity"}
PLAIN = {"spacing_mm": 1.0, "bin_width": 25.0}


def checked(folder, measured=None, inputs=(*HEAD["inputs"], ROUND), **changes):
    """Checks the toy with one feature; `measured`: the extraction that `radnode features` wrote beside the table."""
    table = write_table(folder / "t.csv", [{**row, "original_shape_Sphericity": 0.5} for row in rows()])
    if measured is not None:
        about = Table(Pipeline(name="p", number=0, roles={}, lesion=LesionRules(), extraction=measured)).about("t.csv")
        (folder / "t.toml").write_bytes(about)
    spec = write_spec(folder / "s.toml", inputs=list(inputs), **changes)
    check(read_spec(spec, read_table(table)[0]), table, at=spec)


def test_features_need_an_extraction(tmp_path):
    """What to add, and where it stands; without features, or in a package that only refuses, nothing is needed."""
    with pytest.raises(ConfigError, match=r"s\.toml: .*features need \[extraction\] .*`radnode features`"):
        checked(tmp_path)
    checked(tmp_path, inputs=HEAD["inputs"])
    checked(tmp_path, engine="refusal", refusal={"text": "no"})
    checked(tmp_path, extraction=PLAIN)


def test_an_extraction_that_is_none_is_told(tmp_path):
    """A misspelt key."""
    with pytest.raises(ConfigError, match=r"s\.toml: .*Extraction has no spacing"):
        checked(tmp_path, extraction={"spacing": 1.0})


@pytest.mark.parametrize(
    ("measured", "stated", "told"),
    [
        ({"spacing_mm": 2.0}, PLAIN, ["extraction.spacing_mm is 1.0, but the table was measured with 2.0 (t.toml)"]),
        ({"spacing_mm": None}, PLAIN, ["extraction.spacing_mm is 1.0, but the table was measured with none (t.toml)"]),
        ({"bins": 32}, PLAIN, ["extraction.bins is none, but the table was measured with 32 (t.toml)"]),
        (
            {},
            {**PLAIN, "filters": ["wavelet"]},
            ["extraction.filters is ['wavelet'], but the table was measured with [] (t.toml)"],
        ),
        ({"filters": ("wavelet", "log"), "log_sigma_mm": (2.0,)}, {**PLAIN, "filters": ["wavelet"]}, []),
        ({"intensity_range": (-1000.0, 400.0)}, {**PLAIN, "intensity_range": [-1000.0, 400.0]}, []),
        ({}, PLAIN, []),
    ],
)
def test_what_measured_the_table_counts(tmp_path, measured, stated, told):
    """Every setting that differs; filters that a model does not read are no difference."""
    if not told:
        checked(tmp_path, Extraction(**measured), extraction=stated)
        return
    with pytest.raises(ConfigError) as refused:
        checked(tmp_path, Extraction(**measured), extraction=stated)
    assert refused.value.mistakes == told


def test_another_file_of_that_name_is_none_of_ours(tmp_path):
    """A specification that is called as its table, or whatever else stands there."""
    (tmp_path / "t.toml").write_text(toml.dumps({"extraction": {"spacing_mm": 9.0}}))
    checked(tmp_path, extraction=PLAIN)
    table = tmp_path / "t.csv"
    spec = write_spec(tmp_path / "t.toml", inputs=[*HEAD["inputs"], ROUND], extraction=PLAIN)
    check(read_spec(spec, read_table(table)[0]), table, at=spec)
