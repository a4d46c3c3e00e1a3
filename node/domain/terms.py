"""Names of quantities and of their levels, as a reader knows them."""

from __future__ import annotations

from collections.abc import Mapping

from node.domain.language import Said, say

TERMS: Mapping[str, Said] = {
    "age": say("age"),
    "sex": say("sex"),
    "smoking": say("smoking"),
    "pack_years": say("pack-years"),
    "histology": say("histology"),
    "ground_glass": say("ground glass"),
    "volume_ml": say("volume ml"),
    "long_axis_mm": say("long axis mm"),
    "short_axis_mm": say("short axis mm"),
    "diameter_3d_mm": say("diameter 3d mm"),
    "female": say("female"),
    "male": say("male"),
    "never": say("never"),
    "former": say("former"),
    "current": say("current"),
    "not_current": say("not current"),
    "ever_smoker": say("ever smoker"),
    "current_smoker": say("current smoker"),
    "adenocarcinoma": say("adenocarcinoma"),
    "squamous": say("squamous"),
    "squamous cell carcinoma": say("squamous cell carcinoma"),
    "nsclc_nos": say("nsclc nos"),
    "nsclc nos": say("nsclc nos"),
}
"""Quantities, inputs and levels of the shipped models."""


def term(name: str) -> str:
    """The name for the reader; one that is not known has its underscores taken away."""
    return TERMS.get(name) or name.replace("_", " ")
