"""IHE Radiology AI Results (AIR): which actor, which results, in which objects."""

from __future__ import annotations

from node.app.conformance.facts import Facts
from node.app.conformance.markdown import section, table
from node.domain.document import ResultKind

PRIMITIVES: dict[str, tuple[tuple[ResultKind, ...], str]] = {
    "qualitative findings": (("sr", "key-sr"), "coded status of each prediction, in the measurement group (TID 1500)"),
    "measurements": (("sr", "key-sr", "feature-sr"), "volume, axes, diameter; AI-predicted probabilities in %"),
    "locations": ((), "no points are reported"),
    "regions": (("seg", "labelmap", "key-sr"), "segments; the outline on the slice of the long axis (SCOORD POLYLINE)"),
    "parametric maps": ((), "none are made"),
    "tracking identifiers": (("seg", "sr", "key-sr", "labelmap", "feature-sr"), "equal in all objects and revisions"),
    "image references": (("sr", "key-sr", "feature-sr"), "evidence; the slices that a lesion lies on"),
}
"""Result primitives of AIR to the kinds that carry them, and how."""

OBJECTS: dict[str, tuple[ResultKind, ...]] = {
    "Comprehensive 3D SR": ("sr", "key-sr", "feature-sr"),
    "Segmentation": ("seg",),
    "Parametric Map": (),
    "Key Object Selection": (),
}


def air(facts: Facts) -> str:
    """The capabilities table."""
    return section(
        "A.I", "IHE AI Results (AIR) capabilities",
        "AIR 1.3, Trial Implementation. This is what the program does, not an integration statement.",
        section("A.I.1", "Actors", table(("actor", "supported", "how"), [
            ("Evidence Creator", "yes", "results by C-STORE; every algorithm in Contributing Equipment with Purpose "
             "(109102, DCM, Processing Equipment), Manufacturer, Model Name, Software Versions and Device UID, with "
             "the same values in the SR tree and in the Algorithm Identification of the SEG"),
            ("Image Display", "no", "no viewer: Display Analysis Results (RAD-136) is for others"),
            ("Image Manager, Image Archive", "no", "no archive"),
        ])),
        section("A.I.2", "Result primitives", table(("primitive", "supported", "in", "how"), [
            (name, "yes" if (made := [k for k in kinds if k in facts.kinds]) else "no", ", ".join(made), how)
            for name, (kinds, how) in PRIMITIVES.items()])),
        section("A.I.3", "Objects", table(("object", "created", "kinds"), [
            (name, "yes" if (made := [k for k in kinds if k in facts.kinds]) else "no", ", ".join(made))
            for name, kinds in OBJECTS.items()])),
    )  # fmt: skip
