"""What people call a lesion: parts of regular expressions, to be put between the borders of a word."""

from __future__ import annotations

GLIOMA = r"gliom\w*|gliobl\w*|gbm|(oligo)?astro[cz][yi]tom\w*|oligodendrogliom\w*|hirntumor\w*"
"""What people call a glioma; never "gliosis", which is a scar."""

NO_LETTER_BEFORE, NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
"""Borders of a word, for which digits and underscores are no letters, and those with accents are."""

TUMOUR = r"(?<!peri[ _-])(lungen|primär|rest)?tumou?r(e[ns]?|i|s)?|tumeurs?"
LESION = "|".join(
    (
        TUMOUR,
        GLIOMA,
        r"l(ä|ae|é|e)si[oó]n(e[ns]?|i|s)?|les([ãa]o|[õo]es)",
        rf"mass(e[ns]?|a)?{NO_LETTER_AFTER}|masas?{NO_LETTER_AFTER}",  # no masseter
        r"n[oó]dul(es?|i|us|os?)",
        rf"((lungen|leber|hirn|knochen)?(rund)?herde?|[a-zäöü]*raumforderung(en)?){NO_LETTER_AFTER}",
        r"[a-zäöü]*m[eé]t[aá]sta[st]\w*",
        r"neoplas\w*",
    )
)
"""What people call a lesion, in six languages; accents are composed (NFC)."""
