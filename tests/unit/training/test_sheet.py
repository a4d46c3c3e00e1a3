"""What spreadsheets write is read, or refused by the number of its line."""

import pytest

from node.errors import ConfigError
from node.training.rows import number, patients
from node.training.sheet import read_table
from node.training.spec import read_spec
from tests.support.tables import rows, write_spec, write_table


def read(tmp_path, text):
    """A table of this text."""
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return read_table(tmp_path / "t.csv")


def mistakes(tmp_path, text):
    """Why a table of this text is refused."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,2\n\n"3,4\n5,6\n', 4),
        ('a,b\n1,"2\n3,4\n' + 30_000 * "5,6789\n", 2),
        ('a,b\n1,"2\n3,"4"\n', 2),
    ],
)
def test_an_open_quotation_mark_is_told_by_its_line(tmp_path, text, line):
    """At the end of the file, beyond the longest cell, or at the next mark."""
    assert mistakes(tmp_path, text) == [f"line {line}: a quotation mark is not closed"]


def test_blank_lines_count(tmp_path):
    """A line has the number that an editor shows, also after a cell of several lines."""
    assert mistakes(tmp_path, 'a,b\n\n"1\n1",2\n\n3,4,5\n') == ["line 6 has 3 cells, not 2"]


def test_many_ragged_lines_are_counted(tmp_path):
    """Five, and how many more."""
    found = mistakes(tmp_path, "a,b\n" + 120 * "1\n")
    assert found[4:] == ["line 6 has 1 cells, not 2", "… and 115 more like these"]


def test_excel_s_own_first_line_is_no_header(tmp_path):
    """It names the separator; lines are counted all the same."""
    assert read(tmp_path, "sep=;\r\na;b,c\r\n1;2\r\n") == (("a", "b,c"), ({"a": "1", "b,c": "2"},))
    assert mistakes(tmp_path, "sep=,\na,b\n1\n") == ["line 3 has 1 cells, not 2"]


def test_columns_of_nothing_are_dropped(tmp_path):
    """Without name and content, at the end of every line or of some; a name or a content keeps them."""
    assert read(tmp_path, "a,b,,\n1,2,,\n3,4\n5,6,,,\n")[0] == ("a", "b")
    assert read(tmp_path, ",b\n1,2\n")[0] == ("", "b")
    assert read(tmp_path, "a,b\n,2\n")[0] == ("a", "b")


def test_decimal_commas_are_told_once(tmp_path):
    """Not for each cell of the column; and none is read: "1,350" may be a thousand and more."""
    table = write_table(tmp_path / "t.csv", [{**row, "volume_ml": "1,5"} for row in rows()])
    columns, body = read_table(table)
    spec = read_spec(write_spec(tmp_path / "s.toml"), columns)
    with pytest.raises(ConfigError) as caught:
        patients(body, spec, at="table")
    assert caught.value.mistakes == ["column volume_ml has decimal commas: write points"]


def test_a_target_that_was_meant_is_told(tmp_path):
    """Twenty rows with a capital or a space are no rows of another outcome."""
    words = {0: "wild type", 1: "mutant"}
    table = [{**row, "answer": words[row["answer"]]} for row in rows()]
    table[0]["answer"], table[1]["answer"] = "Mutant", "wild  type"
    spec = write_spec(tmp_path / "s.toml", table={"positive": ["mutant"], "negative": ["wild type"]})
    columns, body = read_table(write_table(tmp_path / "t.csv", table))
    with pytest.raises(ConfigError) as caught:
        patients(body, read_spec(spec, columns), at="table")
    assert caught.value.mistakes == [
        "column answer: 1 rows say 'Mutant', which is 'mutant' but for case or spaces",
        "column answer: 1 rows say 'wild  type', which is 'wild type' but for case or spaces",
    ]


def test_a_number_is_what_people_write():
    """Python's underscores are none of it."""
    assert [number("1e3"), number("1_000"), number("inf")] == [1000.0, None, None]
