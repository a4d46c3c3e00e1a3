"""What the node can know of a patient, and so what a model may ask for: an input beyond it would always be missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from node.domain import radiomics, spelling
from node.domain.order import Extraction
from node.imaging.ground_glass import CLASSES
from node.inference.inputs import ModelInput

NAMES: Mapping[str, tuple[str, ...]] = {
    "clinical": tuple(sorted(spelling.CLINICAL)),
    "image": ("ground_glass",),
    "measure": ("volume_ml", "long_axis_mm", "short_axis_mm", "diameter_3d_mm"),
}
"""Kind of source to its quantities; those of "feature" are `radiomics.exists`."""


def word(source: str, text: str) -> str:
    """What the node would say where a table or a specification says `text`: a word of its own, else the folded text."""
    kind, _, name = source.partition(":")
    return (spelling.word(name, text) if kind == "clinical" else None) or spelling.folded(text)


def in_words(item: Any) -> Any:
    """A plain input with its levels in the node's words, and otherwise as it stands."""
    levels, source = (item.get("levels"), item.get("source")) if isinstance(item, Mapping) else (None, None)
    if not isinstance(levels, Mapping) or not isinstance(source, str):
        return item
    said = {word(source, str(level)): number for level, number in levels.items()}
    return {**item, "levels": said if len(said) == len(levels) else levels}


def mistakes(item: ModelInput, extraction: Extraction) -> Iterator[str]:
    """
    Why the node could never supply an input.

    Args:
        item: The input, its levels `in_words`.
        extraction: What the model's package declares.
    """
    kind, name = item.source.partition(":")[0], item.quantity
    if kind == "feature":
        yield from _feature(item, extraction)
    elif kind in NAMES and name not in NAMES[kind]:
        known = ", ".join(NAMES[kind])
        yield f"input {item.name}: source {item.source!r} is nothing that the node knows; {kind}: {known}"
    elif kind in NAMES:
        yield from _levels(item, kind, name)


def _feature(item: ModelInput, extraction: Extraction) -> Iterator[str]:
    name = item.quantity
    if not radiomics.exists(name):
        yield (
            f"input {item.name}: source {item.source!r} is no feature of pyradiomics as the node computes it "
            "(original_shape_Sphericity, wavelet-LLH_glcm_Contrast, log-sigma-2-0-mm-3D_firstorder_Mean)"
        )
    elif not _filtered(name, extraction):
        yield f"input {item.name}: [extraction] filters and log_sigma_mm do not make the image of {name!r}"
    if item.levels:
        yield f"input {item.name}: {item.source!r} is a number: leave its levels out"


def _filtered(name: str, extraction: Extraction) -> bool:
    """Whether the image of a feature is the original one, or that of a filter of the extraction."""
    image = name.partition("_")[0]
    if image == "original":
        return True
    sigma = re.fullmatch(r"log-sigma-(\d+)-(\d+)-mm-3D", image)
    if sigma is None:
        return "wavelet" in extraction.filters
    return "log" in extraction.filters and float(f"{sigma[1]}.{sigma[2]}") in extraction.log_sigma_mm


def _levels(item: ModelInput, kind: str, name: str) -> Iterator[str]:
    if kind == "measure" or name in spelling.NUMBERS:
        if item.levels:
            yield f"input {item.name}: {item.source!r} is a number: leave its levels out"
        return
    allowed = CLASSES if kind == "image" else spelling.words(name)
    if not item.levels:
        yield f"input {item.name}: {item.source!r} is a word: give levels, of {', '.join(allowed) or 'any text'}"
    for level in item.levels:
        if allowed and level not in allowed:
            yield f"input {item.name}: level {level!r} is nothing that the node says; it says {', '.join(allowed)}"
