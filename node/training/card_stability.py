"""The part of a card that tells how a model's inputs bear another contour and another grid, or that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GRADES = ((0.9, "excellent"), (0.75, "good"), (0.5, "moderate"))
"""
Lower limits of ICC and their names (Koo and Li, J Chiropr Med 15:155, 2016); below them it is poor.

They grade the 95 % interval, not the estimate.
"""


MOST = 8
"""Inputs that are named; of more only the number."""


def stability(m: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown; none where the model takes nothing from the image."""
    found = m.get("stability", {})
    unknown = [i["name"] for i in m.get("inputs", ()) if _on_image(i) and i["name"] not in found.get("contour", {})]
    if not found and not unknown:
        return
    yield "## Stability"
    yield ""
    if found:
        yield from _measured(found)
        yield ""
    if unknown:
        some = ", ".join(unknown[:MOST]) + (f" and {len(unknown) - MOST} more" if len(unknown) > MOST else "")
        yield f"Not assessed, though the contour may move them: {some}. No ICC was measured for these inputs."
        yield ""
    yield (
        "A prediction that redrawing the contour of the very lesion (smaller, larger, shifted) moves out of its "
        "interval is flagged by the node."
    )


def _on_image(item: Mapping[str, Any]) -> bool:
    return str(item["source"]).startswith(("feature:", "measure:", "image:"))


def _measured(found: Mapping[str, Any]) -> Iterator[str]:
    left_out = f" {found['left_out']} could not be measured in every way." if found["left_out"] else ""
    yield f"Measured on {found['lesions']} lesions: {found['data']}.{left_out}"
    yield ""
    yield (
        f"{found['icc']}. Graded by both ends of the 95 % interval that reaches lower, as by Koo and Li (J Chiropr Med "
        "15:155, 2016)."
    )
    yield ""
    yield f"- Contour: {found['contours']}."
    yield f"- Resampling: {found['grids']}."
    yield ""
    yield "| input | contour | 95 % interval | resampling | 95 % interval | grade |"
    yield "|---|---|---|---|---|---|"
    for name, contour in found["contour"].items():
        grid = found["resampling"][name]
        worse: Sequence[float] = min(contour["interval"], grid["interval"])
        yield f"| {name} | {_cells(contour)} | {_cells(grid)} | {grade(worse)} |"


def _cells(measured: Mapping[str, Any]) -> str:
    bounds: Sequence[float] = measured["interval"]
    return f"{measured['icc']:.2f} | {bounds[0]:.2f} to {bounds[1]:.2f}"


def grade(bounds: Sequence[float]) -> str:
    """What an interval of ICC is called: one name, or those of its two ends."""
    low, high = (next((name for least, name in GRADES if value >= least), "poor") for value in bounds)
    return low if low == high else f"{low} to {high}"
