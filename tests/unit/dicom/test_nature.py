"""Codes and words that say what a thing is."""

from __future__ import annotations

import pytest
from pydicom.sr._snomed_dict import mapping

from node.dicom.nature import LESION_CODES, NEOPLASM_CODES, is_lesion, is_neoplasm, names_neoplasm, read_code
from tests.support.marks import code


def test_codes_of_the_former_snomed_mean_what_the_new_ones_mean():
    """
    Each SRT code is the one that PS3.16 maps to one of our SCT codes of the same kind.
    """
    for kind in (LESION_CODES, NEOPLASM_CODES):
        former = {value for scheme, value in kind if scheme == "SRT"}
        assert former
        assert all(("SCT", mapping["SRT"][value]) in kind for value in former)


@pytest.mark.parametrize(
    ("item", "lesion", "neoplasm"),
    [
        (("108369006", "SCT", "Neoplasm"), True, True),
        (("M-80003", "SNM3", "Neoplasm, Primary"), True, True),
        (("C3262", "NCIT", "Neoplasm"), True, True),
        (("C113842", "NCIt", "Enhancing Lesion"), True, False),
        (("27925004", "SCT", "Nodule"), True, False),
        (("10200004", "SCT", "Liver"), False, False),
        (("393564001", "SCT", "Glioma"), True, True),
        (("393563007", "SCT", "Glioblastoma"), True, True),
        (("C3059", "NCIT", "Glioma"), True, True),
        (("27925004", "99LOCAL", "Neoplasm"), False, False),
    ],
)
def test_codes_count_with_their_scheme(item, lesion, neoplasm):
    """
    A code is known by scheme and value, old designators included; its meaning alone says nothing.
    """
    found = read_code(code(*item))

    assert (is_lesion(found), is_neoplasm(found)) == (lesion, neoplasm)


def test_an_absent_code_is_nothing():
    """
    No sequence, or an empty one, is no code and no lesion.
    """
    assert read_code(None) == read_code([]) == ("", "", "")
    assert not is_lesion(read_code(None))


@pytest.mark.parametrize(
    ("text", "named"),
    [("GTV-1", True), ("iGTV", True), ("Tumor_left", True), ("tumours", True), ("lung cancer", True),
     ("Glioblastoma multiforme", True), ("GBM_1", True), ("Astrocytoma", True), ("Hirntumor", True), ("gliosis", False),
     ("nodule 3", False), ("mass", False), ("Lesion", False), ("tumorous", False), ("", False)],
)  # fmt: skip
def test_words_for_a_neoplasm(text, named):
    """
    GTV, tumour or cancer name a neoplasm; nodule, mass and lesion leave it open.
    """
    assert names_neoplasm(text) == named
