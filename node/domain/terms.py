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
    "nodal_stage": say("nodal stage"),
    "n2_n3": say("nodal stage N2 or N3"),
    "solid": say("solid"),
    "central": say("central"),
    "lymphangitic": say("lymphangitic carcinomatosis"),
    "effusion": say("pleural effusion"),
    "pleural_metastasis": say("pleural metastasis"),
    "lung_metastasis": say("lung metastasis"),
    "yes": say("yes"),
    "no": say("no"),
    "n0": say("N0"),
    "n1": say("N1"),
    "n2": say("N2"),
    "n3": say("N3"),
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
    "0%": say("0%"),
    ">0-25%": say(">0-25%"),
    "25-50%": say("25-50%"),
    "50-75%": say("50-75%"),
    "75-<100%": say("75-<100%"),
    "100%": say("100%"),
}
"""Quantities, inputs and levels of the shipped models."""


def term(name: str) -> str:
    """The name for the reader; one that is not known has its underscores taken away."""
    return TERMS.get(name) or name.replace("_", " ")


WEIGHTINGS: Mapping[str, str] = {"flair": "FLAIR", "t1": "T1", "t2": "T2"}
"""What a reader calls the weighting of an MR series."""
