"""Which names say that something is a lesion, and which say that it is none."""

from __future__ import annotations

import unicodedata

import pytest

from node.domain.naming import denied, excluded, matches
from node.domain.order import LesionRules

RULES = LesionRules()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "name",
    ["Läsion", "Lesión 1", "Lesiones", "lésions", "Tumeur", "Tumori", "Raumforderung", "Herd 2", "Lungenrundherd",
     "Metastasis", "Lebermetastasen", "metástasis", "nódulo", "Nodulo_2", "Masse", "masa", "tumour core", "Neoplasia"],
)  # fmt: skip
def test_lesions_in_the_languages_of_the_node(name, form):
    """As the label of a segment and as the mark of a reader, whether accents are composed or not."""
    written = unicodedata.normalize(form, name)
    assert matches(RULES.label_pattern, written)
    assert matches(RULES.seed_pattern, written)
    assert not excluded(written, RULES)


@pytest.mark.parametrize(
    "name",
    ["Masseter", "Massage", "Shepherd", "Herder", "Peritumoral", "Peri-tumoral brain", "MET", "Liver", "Ösophagus"],
)
def test_words_that_only_hold_such_a_word(name):
    """A muscle, and the brain around a tumour, are no lesion."""
    assert not matches(RULES.label_pattern, name)
    assert not any(matches(pattern, name) for pattern in RULES.roi_patterns)


@pytest.mark.parametrize(
    "name",
    ["Non-tumour brain", "Brain without tumor", "no visible lesion", "keine Läsion", "sin lesión", "sans tumeur",
     "Lung minus GTV", "healthy brain", "gesundes Gewebe", "NO_TUMOR", "no evidence of metastasis",
     "kein Hinweis auf Metastasen", "Kein Anhalt für Raumforderung"],
)  # fmt: skip
def test_a_name_that_denies_a_lesion(name):
    """It is excluded, whatever else it says."""
    assert denied(name)
    assert excluded(name, RULES)


@pytest.mark.parametrize(
    "name",
    ["Lesion No 1", "Tumor no. 2", "Tumor ohne Ödem", "GTV w/o margin", "tumor_normalised", "Non-enhancing tumor",
     "Necrotic and non-enhancing tumor core", "Non-solid nodule", "Non-target lesion 1", "Non-calcified nodule",
     "Tumor without mass effect", "Tumor ohne Metastasen", "Tumor in normal lung", "GTV in normaler Lunge",
     "Lunge sin Tumor", "GTV_normal"],
)  # fmt: skip
def test_a_number_or_another_thing_denied(name):
    """What stands behind the word does not take it back."""
    assert not denied(name)
