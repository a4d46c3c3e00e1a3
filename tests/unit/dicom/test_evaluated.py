"""The tables of names and answers of a reader's findings."""

from __future__ import annotations

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from node.dicom.evaluated import EVALUATED, YES_NO, plain
from node.domain.reader import QUANTITIES

IN_USE = frozenset(
    {
        # SNOMED CT: https://www.hl7.org/fhir/us/mcode (N categories, AJCC and before), HL7 examples (Absent)
        *("277206009", "399534004", "371494008"),
        *("1229967007", "1229973008", "1229978004", "1229981009", "1229982002", "1229984001"),
        *("62455006", "53623008", "46059003", "5856006", "2667000"),
    }
)
"""SNOMED CT codes that are not in DICOM's dictionaries, and where they are in use."""


def meanings():
    """Every entry of the tables."""
    for each in EVALUATED:
        yield each.name
        yield from each.answers.values()


def test_every_finding_can_be_named():
    """What a clinical file may hold, a report may, too."""
    assert {each.quantity for each in EVALUATED} == QUANTITIES


def test_codes_of_dicom_and_snomed_are_in_the_dictionaries_of_the_standard():
    """None is invented: DCM and SCT codes are looked up in PS3.16 as pydicom has it."""
    known = {scheme: {code for named in concepts[scheme].values() for code in named} for scheme in ("DCM", "SCT")}
    used = {pair for meaning in meanings() for pair in meaning.codes}
    assert {(s, c) for s, c in used if s in known and c not in known[s]} == {("SCT", code) for code in IN_USE}


def test_codes_of_the_former_snomed_mean_what_the_new_ones_mean():
    """Each SRT code stands beside the SCT code that PS3.16 maps it to."""
    former = [(code, meaning.codes) for meaning in meanings() for scheme, code in meaning.codes if scheme == "SRT"]
    assert former
    assert all(("SCT", mapping["SRT"][code]) in codes for code, codes in former)


def test_nothing_stands_for_two_things():
    """A name belongs to one row, an answer to one level."""
    names = [key for each in EVALUATED for key in (*each.name.codes, *each.name.words)]
    assert len(names) == len(set(names))
    for each in EVALUATED:
        answers = [key for meaning in each.answers.values() for key in (*meaning.codes, *meaning.words)]
        assert len(answers) == len(set(answers))


def test_words_are_written_as_they_are_compared():
    """A word that `plain` would change could never be met."""
    words = {word for meaning in meanings() for word in meaning.words}
    assert {word for word in words if plain(word) != word} == set()
    assert plain("YES (qualifier value)") in YES_NO["yes"].words
