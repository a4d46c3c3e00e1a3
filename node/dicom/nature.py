"""Which codes and words say that something is a lesion, and which say that it is a neoplasm."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from node.domain.lesion_names import GLIOMA, NO_LETTER_AFTER, NO_LETTER_BEFORE, TUMOUR
from node.domain.naming import denied, matches

_SCT_NEOPLASM = {
    "108369006",  # Neoplasm
    "372087000",  # Neoplasm, Primary
    "14799000",  # Neoplasm, Secondary
    "86049000",  # Malignant neoplasm, primary
    "93880001",  # Primary malignant neoplasm of lung
    "94391008",  # Secondary malignant neoplasm of lung
    "228791009",  # Gross tumour volume
    "393564001",  # Glioma
    "393563007",  # Glioblastoma multiforme
    "1163375002",  # Glioblastoma
    "63634009",  # Glioblastoma, morphology
    "254938000",  # Astrocytoma of brain
    "38713004",  # Astrocytoma, morphology
}
_SCT_LESION = {
    "27925004",  # Nodule
    "4147007",  # Mass
    "52988006",  # Lesion
    "308689002",  # Coin lesion of lung
    "301766008",  # Lesion of brain
}

NEOPLASM_CODES: frozenset[tuple[str, str]] = frozenset(
    {("SCT", code) for code in _SCT_NEOPLASM}
    | {("SRT", code) for code in ("M-8FFFF", "M-80003", "M-80006")}
    | {("NCIt", code) for code in ("C3262", "C3059")}  # Neoplasm, Glioma
)
"""(scheme, code) of property types and findings that name a neoplasm (PS3.16 CID 7151, 7159, 6106)."""

LESION_CODES: frozenset[tuple[str, str]] = NEOPLASM_CODES | frozenset(
    {("SCT", code) for code in _SCT_LESION}
    | {("SRT", code) for code in ("M-03010", "M-03000", "M-01100")}
    | {("NCIt", code) for code in ("C113842", "C110961", "C3824")}
)
"""(scheme, code) of property types and findings that name a neoplasm, nodule, mass or lesion."""

_SAME_SCHEME = {"SNM3": "SRT", "99SDM": "SRT", "SNOMED-RT": "SRT", "NCIT": "NCIt", "NCI": "NCIt", "RadLex": "RADLEX"}
_NEOPLASM_WORDS = re.compile(
    rf"(?i){NO_LETTER_BEFORE}(i?gtv|{TUMOUR}|neoplas\w*|[a-zäöü]*m[eé]t[aá]sta[st]\w*|cancer|carcinoma|sarcoma|{GLIOMA})"
    rf"{NO_LETTER_AFTER}"
)

Code = tuple[str, str, str]
"""(scheme, value, meaning)."""


def read_code(sequence: Iterable[Any] | None) -> Code:
    """
    First item of a code sequence (PS3.3 8.8) as (scheme, value, meaning); empty strings where there is none.

    Former designators of SNOMED-RT, the NCI Thesaurus and RadLex come back as PS3.16 chapter 8 has them now.
    """
    for item in sequence or ():
        value = item.get("CodeValue") or item.get("LongCodeValue") or ""
        scheme = str(item.get("CodingSchemeDesignator") or "").strip()
        meaning = str(item.get("CodeMeaning") or "").strip()
        return _SAME_SCHEME.get(scheme, scheme), str(value).strip(), meaning
    return "", "", ""


def is_lesion(code: Code) -> bool:
    """Whether a code names a neoplasm, nodule, mass or lesion."""
    return code[:2] in LESION_CODES


def is_neoplasm(code: Code) -> bool:
    """Whether a code names a neoplasm."""
    return code[:2] in NEOPLASM_CODES


def names_neoplasm(text: str) -> bool:
    """Whether the words that somebody gave a drawing call it a neoplasm; "nodule" or "mass" do not."""
    return matches(_NEOPLASM_WORDS, text.replace("_", " ")) and not denied(text)
