"""Which codes and words of a report name a finding that a model may ask for, and which say what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from node.dicom.nature import Code

Codes = frozenset[tuple[str, str]]
"""(scheme, code value) of each."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    What stands for one thing.

    Attributes:
        codes: Each is in the dictionaries of PS3.16, or in use: SNOMED CT's N categories in HL7 mCODE, NCIt and RadLex
            in the reports of LIDC-IDRI (TCIA) and of annotation software.
        words: Code meanings as `plain` writes them, which count where the code is a site's own.
    """

    codes: Codes
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """
    One way to evaluate a finding.

    Attributes:
        quantity: What a clinical file calls it: "solid", "nodal_stage", …
        name: Concept names of the evaluation.
        answers: Level to the values that say so.
        of_lesion: Whether it is said of a tumour, so that in the measurement group of something else it says nothing.
        may_say_other: Whether a value that is no answer is about something else ("upper lobe" as a location).
    """

    quantity: str
    name: Meaning
    answers: Mapping[str, Meaning]
    of_lesion: bool = False
    may_say_other: bool = False

    def level(self, answer: Code) -> str | None:
        """The level that a value says; None where it says none, or its code says one and its meaning another."""
        said = {
            level
            for level, meaning in self.answers.items()
            if answer[:2] in meaning.codes or plain(answer[2]) in meaning.words
        }
        return said.pop() if len(said) == 1 else None


def plain(meaning: str) -> str:
    """
    A code meaning as the tables hold it.

    Lower case, one spelling of "tumour", spaces for hyphens, neither the tag that SNOMED CT adds ("(finding)") nor what
    surrounds an N category: "American Joint Committee on Cancer cN2a (qualifier value)" is "n2".
    """
    text = re.sub(r"\([a-z ]+\)\s*$", "", meaning.casefold())
    text = " ".join(re.sub(r"[-_/,]", " ", text).replace("tumor", "tumour").split())
    nodes = re.fullmatch(
        r"(?:ajcc |american joint committee on cancer )?[cp]?(n[0-3])[abc]?(?: stage finding| stage| category)?", text
    )
    return nodes[1] if nodes else text


def _meaning(codes: str, words: str = "") -> Meaning:
    """From "SCHEME CODE, …" and "words, …"."""
    pairs = (code.rpartition(" ") for code in codes.split(", ") if code)
    return Meaning(
        frozenset((scheme, value) for scheme, _, value in pairs), frozenset(word for word in words.split(", ") if word)
    )


YES_NO = {
    "yes": _meaning(
        "SCT 52101004, SCT 373066001, SCT 10828004, SRT G-A203, SRT R-0038D, SRT G-A200, DCM 121053, RADLEX RID28472",
        "yes, present, positive",
    ),
    "no": _meaning(
        "SCT 2667000, SCT 272519000, SCT 373067005, SCT 410516002, SCT 260385009, SRT R-4089B, SRT R-00339, SRT G-A46B,"
        " SRT R-40759, DCM 121054, RADLEX RID28473",
        "no, absent, negative, known absent, not present, none",
    ),
}
"""CID 230 and 240, with what stands for them in older documents and in RadLex."""

ATTENUATION = {
    "yes": _meaning("RADLEX RID5741, RADLEX RID50151", "solid, solid nodule, solid pulmonary nodule, solid texture"),
    "no": _meaning(
        "RADLEX RID50152, RADLEX RID50153, DCM 112120",
        "part solid, part solid nodule, part solid pulmonary nodule, partly solid, partially solid, subsolid, mixed, "
        "non solid, nonsolid, non solid pulmonary nodule, ground glass, ground glass nodule, ground glass opacity, "
        "pure ground glass",
    ),
}

PLACES = {
    "yes": _meaning("SCT 26216008, SRT G-A110", "central"),
    "no": _meaning("SCT 14414005, SCT 68599007, SRT G-A111", "peripheral, subpleural"),
}
"""Of CID 6124; it has lobes and zones, too."""

NODES = {
    "n0": _meaning("SCT 1229967007, SCT 62455006, NCIt C48705", "n0"),
    "n1": _meaning("SCT 1229973008, SCT 53623008", "n1"),
    "n2": _meaning("SCT 1229978004, SCT 1229981009, SCT 1229982002, SCT 46059003, NCIt C48786", "n2"),
    "n3": _meaning("SCT 1229984001, SCT 5856006", "n3"),
}
"""SNOMED CT has no categories of the regional nodes in DICOM's dictionaries; these are the AJCC's, and those before."""

EVALUATED = (
    Evaluated(
        "nodal_stage",
        _meaning(
            "SCT 277206009, SCT 399534004, SCT 371494008, SCT 385382003, LN 21906-3",
            "n category, n stage, cn category, cn stage, pn category, pn stage, clinical n category, clinical n stage, "
            "nodal stage, node stage, node category, regional lymph node stage",
        ),
        NODES,
    ),
    Evaluated(
        "solid",
        _meaning("RADLEX RID5741, RADLEX RID50151", "solid, solid lesion, solid mass, solid nodule, solid tumour"),
        YES_NO,
        of_lesion=True,
    ),
    Evaluated(
        "solid",
        _meaning(
            "RADLEX RID6037, NCIt C41144, DCM 112010",
            "attenuation, attenuation characteristic, nodule attenuation, texture, consistency, composition, "
            "nodule composition, nodule type, nodule density",
        ),
        ATTENUATION,
        of_lesion=True,
    ),
    Evaluated(
        "central",
        _meaning(
            "SCT 26216008, SRT G-A110",
            "central, central lesion, central location, central tumour, central tumour location, centrally located",
        ),
        YES_NO,
        of_lesion=True,
    ),
    Evaluated(
        "central",
        _meaning("DCM 112013", "location in chest, location in lung, lesion location, tumour location"),
        PLACES,
        of_lesion=True,
        may_say_other=True,
    ),
    Evaluated(
        "lymphangitic",
        _meaning(
            "",
            "lymphangitic carcinomatosis, lymphangitic carcinomatosis of lung, pulmonary lymphangitic carcinomatosis, "
            "lymphangitis carcinomatosa, carcinomatous lymphangitis, lymphangitic spread",
        ),
        YES_NO,
    ),
    Evaluated("effusion", _meaning("SCT 60046008, SRT D2-80100, RADLEX RID34539", "pleural effusion"), YES_NO),
    Evaluated(
        "pleural_metastasis",
        _meaning(
            "",
            "pleural metastasis, pleural metastases, metastasis to pleura, pleural carcinomatosis, "
            "pleural dissemination, secondary malignant neoplasm of pleura",
        ),
        YES_NO,
    ),
    Evaluated(
        "lung_metastasis",
        _meaning(
            "SCT 94391008, SRT D2-F1106",
            "lung metastasis, lung metastases, pulmonary metastasis, pulmonary metastases, metastasis to lung, "
            "intrapulmonary metastasis, intrapulmonary metastases, secondary malignant neoplasm of lung",
        ),
        YES_NO,
    ),
)
"""All that is understood; a name is looked for by its code first, then by its words."""


Own = Mapping[tuple[str, str], str]
"""(scheme, code value) of a site's own names to the quantity that each evaluates."""


def evaluated(name: Code, own: Own) -> Evaluated | None:
    """What an evaluation with this name is about; None for the many that no model asks for."""
    if quantity := own.get(name[:2]):
        return _any_answer(quantity)
    by_code = (each for each in EVALUATED if name[:2] in each.name.codes)
    by_words = (each for each in EVALUATED if plain(name[2]) in each.name.words)
    return next(by_code, None) or next(by_words, None)


def _any_answer(quantity: str) -> Evaluated:
    """A quantity under a name that does not tell which of its kinds of answers it takes."""
    kinds = [each for each in EVALUATED if each.quantity == quantity]
    answers = {
        level: Meaning(
            frozenset().union(*(each.answers[level].codes for each in kinds)),
            frozenset().union(*(each.answers[level].words for each in kinds)),
        )
        for level in kinds[0].answers
    }
    return Evaluated(quantity, Meaning(frozenset(), frozenset()), answers, of_lesion=kinds[0].of_lesion)
