"""The clinical file: read whole or refused whole, by line number, without a word of a patient."""

from pathlib import Path

import pytest

from node.assemble.clinical import ClinicalFile
from node.domain.series import Patient
from node.errors import ConfigError


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "clinical.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        ClinicalFile.read(folder / "clinical.csv")
    return caught.value.mistakes


def read(folder: Path, text: str, encoding: str = "utf-8") -> ClinicalFile:
    (folder / "clinical.csv").write_text(text, encoding=encoding)
    return ClinicalFile.read(folder / "clinical.csv")


def test_values_carry_the_line_they_stand_on(tmp_path):
    """Every known cell becomes a value with its line; blank and unknown cells are missing."""
    header = "PatientID,age,sex,smoking,pack_years,histology"
    file = read(tmp_path, f"{header}\nA1,66,F,Never,,Unknown\n\nB2,,m,ex,20,LUAD\n")
    first, second = file.lookup(Patient("A1")), file.lookup(Patient(" B2 "))
    assert {name: value.value for name, value in first.values.items()} == {
        "age": 66.0,
        "sex": "female",
        "smoking": "never",
    }
    assert second.values["histology"].value == "adenocarcinoma"
    assert second.values["pack_years"].source == "clinical file, line 4"
    assert file.lookup(Patient("C3")).values == {}


def test_spreadsheet_dialects_are_read(tmp_path):
    """Byte order mark, semicolons, decimal commas, quotes and CRLF are what spreadsheets write."""
    file = read(tmp_path, 'PatientID;Pack Years\r\n"A;1";12,5\r\n', "utf-8-sig")
    assert file.lookup(Patient("A;1")).values["pack_years"].value == 12.5


def test_issuers_tell_patients_apart(tmp_path):
    """With an issuer column one Patient ID of two issuers is two patients; without one the issuer does not count."""
    two = read(tmp_path, "PatientID,IssuerOfPatientID,age\n1,North,60\n1,South,70\n")
    assert two.lookup(Patient("1", "South")).values["age"].value == 70
    assert two.lookup(Patient("1")).values == {}
    assert read(tmp_path, "PatientID,age\n1,60\n").lookup(Patient("1", "North")).values["age"].value == 60


def test_every_mistake_is_told_at_once_by_line(tmp_path):
    """Blank and duplicate keys, bad values and ragged rows are all listed; no identifier or value is quoted."""
    header = "PatientID,age,sex,smoking,pack_years"
    text = f"{header}\nSECRET,66,x,,\n,50,,,\nSECRET,50,,,\nS3,abc,,never,4\nS4,50\nS5,131,,,\n"
    found = mistakes(tmp_path, text)
    assert [line.split(":")[0] for line in found] == [f"line {n}" for n in (2, 3, 4, 5, 5, 6, 7)]
    assert "sex is none of male, female" in found[0]
    assert "PatientID is blank" in found[1]
    assert "as in line 2" in found[2]
    assert "age is no number" in found[3]
    assert "smoking is never" in found[4]
    assert "2 cells where the header has 5" in found[5]
    assert not any(secret in line for line in found for secret in ("SECRET", "abc", "131", "S3"))


def test_columns_are_checked_and_the_right_name_suggested(tmp_path):
    """Unknown and repeated columns are mistakes of line 1."""
    found = mistakes(tmp_path, "PatientID,packyear,age,age\n1,2,3,4\n")
    assert found == [
        "line 1: the name of column 2 is not known; did you mean 'pack_years'?",
        "line 1: column age stands there twice",
    ]


def test_a_file_without_header_leaks_no_patient(tmp_path):
    """Where the first line is a patient, the message quotes nothing of it."""
    found = mistakes(tmp_path, "Mustermann,66,F\n")
    assert "there is no column PatientID" in found[-1]
    assert not any("ustermann" in line for line in found)


@pytest.mark.parametrize("content", [b"", b"PatientID\n\xff\xfe1\n", b'PatientID,age\n1,"66\n'])
def test_what_is_no_csv_is_a_configuration_error(tmp_path, content):
    """An empty file, foreign bytes or an open quote end as ConfigError."""
    (tmp_path / "clinical.csv").write_bytes(content)
    with pytest.raises(ConfigError):
        ClinicalFile.read(tmp_path / "clinical.csv")


def test_an_absent_file_is_a_configuration_error(tmp_path):
    """A path that is not there names itself."""
    with pytest.raises(ConfigError, match=r"nowhere\.csv"):
        ClinicalFile.read(tmp_path / "nowhere.csv")


def test_patients_do_not_show_in_a_representation(tmp_path):
    """`repr` of the file holds no Patient ID: it may end in a traceback."""
    assert "A1" not in repr(read(tmp_path, "PatientID,age\nA1,66\n"))


def test_findings_of_a_reader_are_taken(tmp_path):
    """Yes and no in the ways people write them, nodal stages with and without prefix; what is neither is told."""
    text = "PatientID,solid,effusion,central,Nodal stage\n1,Yes,0,unknown,cN2\n"
    values = read(tmp_path, text).lookup(Patient("1")).values
    assert {name: value.value for name, value in values.items()} == {
        "solid": "yes",
        "effusion": "no",
        "nodal_stage": "n2",
    }
    assert mistakes(tmp_path, "PatientID,solid,nodal_stage\n1,maybe,N9\n") == [
        "line 2: solid is none of yes, no",
        "line 2: nodal_stage is none of n0, n1, n2, n3",
    ]
