"""Which objects hold planes of an acquisition, and which hold what was made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

MODALITIES = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.2": "CT",
        "1.2.840.10008.5.1.4.1.1.2.1": "CT",  # Enhanced
        "1.2.840.10008.5.1.4.1.1.2.2": "CT",  # Legacy Converted Enhanced
        "1.2.840.10008.5.1.4.1.1.4": "MR",
        "1.2.840.10008.5.1.4.1.1.4.1": "MR",
        "1.2.840.10008.5.1.4.1.1.4.4": "MR",
        "1.2.840.10008.5.1.4.1.1.128": "PT",
        "1.2.840.10008.5.1.4.1.1.130": "PT",
        "1.2.840.10008.5.1.4.1.1.128.1": "PT",
    }
)
"""SOP classes that become volumes (PS3.4 annex B.5), and the modality they are of."""

_NOT_AXIAL = re.compile(
    r"(?i)(?<![a-z])(LOCALI[ZS]ER|SCOUT|TOPOGRAM|SURVIEW|[CT]?MPR|MIP|MINIP|MAX_?IP|MIN_?IP|PROJECTION|REFORMAT(TED)?|"
    r"SCREEN[ _]?(SAVE|CAPTURE|SHOT)|SECONDARY[ _]?CAPTURE|VOLUME[ _]?RENDER(ED|ING)?|VRT?|3D[ _]?RENDERING)(?![a-z])"
)

_COMPUTED = re.compile(
    r"(?i)(?<![a-z])(SUB|SUBTRACT(ED|ION)?|MAP|STD_?DEV(IATION)?|E?ADC|[RN]?CB[FV]|SEG(MENTATION|MENTED)?|FUSED|"
    r"FUSION)(?![a-z])|^(P|P_.*|PHASE)$"
)

_MEASURED = ((re.compile(r"M(_.*)?"), 4), (re.compile(r"IP|IN_?PHASE"), 2), (re.compile(r"W|WATER"), 1))
"""Image Types of magnitude, in-phase and water images as vendors write them, and what each adds."""


def measurable(kind: Sequence[str]) -> int:
    """
    Which of several images of one place is meant by "the image": the larger, the likelier.

    A phase map, a real part or an opposed-phase image beside a magnitude image shows the same place, and is no image of
    the tissue's intensity.

    Args:
        kind: Image Type or Frame Type, as for `not_axial`.

    Returns:
        0 where it says nothing.
    """
    said = [value.strip().upper() for value in kind[2:]]
    return sum(worth for pattern, worth in _MEASURED if any(map(pattern.fullmatch, said)))


def not_axial(kind: Sequence[str]) -> str:
    """
    The value that says that this is no plane of an acquisition, "" where none does.

    Args:
        kind: Image Type (0008,0008) or Frame Type; counted from the third value on (PS3.3 C.7.6.1.1.2).
    """
    return next((v for v in kind[2:] if _NOT_AXIAL.search(v)), "")


def computed(kind: Sequence[str]) -> str:
    """
    The value that says that an MR image does not show tissue as its sequence weights it, "" where none does.

    A subtraction, a map or a phase keeps the name and the times of the series that it was computed from.

    Args:
        kind: Image Type or Frame Type, as for `not_axial`.
    """
    return next((v for v in kind[2:] if _COMPUTED.search(v.strip())), "")
