"""What a label says of the parts of a tumour."""

from __future__ import annotations

import pytest

from node.domain.naming import names_part

PARTS = [
    "Edema", "Oedema", "peritumorales Ödem", "peritumorales O\u0308dem", "Vasogenic edema", "edema peritumoral",
    "Œdème péritumoral", "Necrosis", "Necrotic core", "Nekrose", "Tumornekrose", "nécrose", "necrosis tumoral",
    "Enhancing tumour", "Non-enhancing tumor core", "GD-enhancing tumor", "Enhancing lesion", "enhancing_rim", "ED",
    "ET", "NCR/NET", "ncr_net", "Zyste", "tumor cyst", "quiste tumoral", "Infiltrative tissue", "KM-Anreicherung",
    "Nécrose et œdème", "Tumor + Edema", "T2 edema left", "T1c enhancing", "Oedem", "Perifokales Ödem", "Edema1",
    "edema L",
]  # fmt: skip
NOTHING_OF_THE_KIND = [
    "", "Tumour", "Whole tumor", "Region", "Ventricle", "Cortex", "Netz", "Brainstem", "Score", "Edward",
    "Basal cistern", "Cisterna ambiens", "Arachnoid cyst", "Cystic artery", "Putamen et pallidum",
    "Tronc cérébral et cervelet", "Núcleo caudado", "Noyau lenticulaire", "Kerngebiete", "Roter Kern",
    "Coregistration mask", "Core biopsy needle", "Kernspin Maske", "Enhancing vessel", "Dural enhancement",
    "Sinus sagittalis, enhancing", "Unenhanced brain", "Normal tissue without edema", "no edema", "Infarct core",
    "Liver", "Neoplasm, Primary",
]  # fmt: skip


@pytest.mark.parametrize("label", PARTS)
def test_parts_in_several_languages(label):
    """
    Words for necrosis, oedema, cyst, core, enhancement, and the abbreviations of BraTS.
    """
    assert names_part(label)


@pytest.mark.parametrize("label", NOTHING_OF_THE_KIND)
def test_no_part(label):
    """
    A whole tumour, and anatomy or devices whose names hold such a word.
    """
    assert not names_part(label)
