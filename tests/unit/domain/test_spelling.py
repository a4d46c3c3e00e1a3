"""One word for each clinical value, however it is written."""

import pytest

from node.domain.clinical import FINDINGS
from node.domain.spelling import CLINICAL, word, words


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("sex", "F", "female"),
        ("sex", "diverse", None),
        ("smoking", " Never  Smoker", "never"),
        ("nodal_stage", "cN2", "n2"),
        ("effusion", "1", "yes"),
        ("histology", "LUAD", "adenocarcinoma"),
        ("histology", "Carcinoid", "carcinoid"),
    ],
)
def test_spellings_are_one_word(name, text, known):
    """None where it is no word of the value; histology may be any text."""
    assert word(name, text) == known


def test_every_clinical_value_is_named():
    """Numbers and free text have no list of words; all others have one."""
    assert {name for name in CLINICAL if not words(name)} == {"age", "pack_years", "histology"}
    assert set(FINDINGS) < CLINICAL
