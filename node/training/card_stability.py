"""The part of a card that tells how a model's inputs bear another contour and another grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GRADES = ((0.9, "excellent"), (0.75, "good"), (0.5, "moderate"))
"""Lower limits of ICC and their names (Koo and Li, J Chiropr Med 15:155, 2016); below them it is poor."""


def stability(m: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown; none where the manifest has no [stability]."""
    found = m.get("stability", {})
    if not found:
        return
    left_out = f" {found['left_out']} could not be measured in every way." if found["left_out"] else ""
    yield "## Stability"
    yield ""
    yield f"Measured on {found['lesions']} lesions: {found['data']}.{left_out}"
    yield ""
    yield f"{found['icc']}. Graded as by Koo and Li (J Chiropr Med 15:155, 2016)."
    yield ""
    yield f"- Contour: {found['contours']}."
    yield f"- Resampling: {found['grids']}."
    yield ""
    yield "| input | contour | 95 % interval | resampling | 95 % interval | grade |"
    yield "|---|---|---|---|---|---|"
    for name, contour in found["contour"].items():
        grid = found["resampling"][name]
        worst = min(contour["icc"], grid["icc"])
        yield f"| {name} | {_cells(contour)} | {_cells(grid)} | {_grade(worst)} |"
    yield ""
    yield (
        "A prediction that redrawing the contour of the very lesion (smaller, larger, shifted) moves out of its "
        "interval is flagged by the node."
    )


def _cells(measured: Mapping[str, Any]) -> str:
    bounds: Sequence[float] = measured["interval"]
    return f"{measured['icc']:.2f} | {bounds[0]:.2f} to {bounds[1]:.2f}"


def _grade(value: float) -> str:
    return next((name for least, name in GRADES if value >= least), "poor")
