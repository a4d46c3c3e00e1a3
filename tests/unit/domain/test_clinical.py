"""Clinical values out of the header, and how the site's file overrules them."""

import pytest

from node.domain.clinical import Clinical, Value, from_header, merge, with_implied


def age(**header: str) -> float | None:
    value = from_header({key: (text,) for key, text in header.items()}).values.get("age")
    return None if value is None else round(float(value.value), 3)


@pytest.mark.parametrize(
    ("stated", "years"),
    [("066Y", 66.0), ("018M", 1.5), ("026W", 0.498), ("010D", 0.027), ("000Y", None), ("66", None), ("999Y", None)],
)
def test_patient_age_has_four_units(stated, years):
    """PatientAge counts in days, weeks, months or years; 000Y and malformed ages are missing."""
    assert age(PatientAge=stated) == years


def test_age_from_dates_counts_completed_years():
    """Without PatientAge the age is StudyDate minus PatientBirthDate, the birthday included."""
    assert age(PatientBirthDate="19600615", StudyDate="20260614") == 65
    assert age(PatientBirthDate="19600615", StudyDate="20260615") == 66
    assert age(PatientAge="000Y", PatientBirthDate="1960.06.15", StudyDate="20260615") == 66


@pytest.mark.parametrize(("stated", "known"), [("066Y", True), ("065Y", True), ("067Y", True), ("064Y", False)])
def test_contradicting_ages_are_missing_and_reported(stated, known):
    """PatientAge and the dates may differ by up to a year, else the age is missing and the reason is kept."""
    clinical = from_header({"PatientAge": (stated,), "PatientBirthDate": ("19600615",), "StudyDate": ("20260701",)})
    assert ("age" in clinical.values) == known
    assert ("age" in clinical.problems) != known


def test_impossible_dates_are_reported_without_their_values():
    """A birth after the study gives no age, and the reason quotes no date."""
    clinical = from_header({"PatientBirthDate": ("20300101",), "StudyDate": ("20260614",)})
    assert "age" not in clinical.values
    assert "2030" not in clinical.problems["age"]


@pytest.mark.parametrize(
    ("stated", "level"), [("YES", "current"), ("NO", "not_current"), ("UNKNOWN", None), ("no ", "not_current")]
)
def test_smoking_status_no_is_not_never(stated, level):
    """SmokingStatus tells whether the patient smokes now: NO is never or former."""
    value = from_header({"SmokingStatus": (stated,)}).values.get("smoking")
    assert (value.value if value else None) == level


@pytest.mark.parametrize(("stated", "sex"), [("M", "male"), ("F", "female"), ("O", None)])
def test_sex_other_than_male_or_female_is_missing(stated, sex):
    """PatientSex O is missing and reported."""
    clinical = from_header({"PatientSex": (stated,)})
    assert (clinical.values["sex"].value if "sex" in clinical.values else None) == sex
    assert ("sex" in clinical.problems) == (sex is None)


def test_an_empty_header_tells_nothing_and_has_no_problems():
    """Absent attributes are neither values nor problems."""
    assert from_header({}) == Clinical()


def test_the_file_counts_before_the_header():
    """A value of the clinical file replaces the header's, and settles the header's problem."""
    header = Clinical({"sex": Value("male", "header"), "smoking": Value("current", "header")}, {"age": "differs"})
    file = Clinical({"age": Value(66.0, "file"), "smoking": Value("never", "file")})
    merged = merge(file, Clinical(), header)
    assert {name: value.source for name, value in merged.values.items()} == {
        "sex": "header",
        "smoking": "file",
        "age": "file",
    }
    assert merged.problems == {}


def test_never_smoking_implies_zero_pack_years():
    """Who never smoked has zero pack-years, with the origin told; nobody else has them implied."""
    never = with_implied(Clinical({"smoking": Value("never", "clinical file, line 4")}))
    assert never.values["pack_years"].value == 0
    assert "line 4" in never.values["pack_years"].source
    assert "pack_years" not in with_implied(Clinical({"smoking": Value("not_current", "header")})).values
