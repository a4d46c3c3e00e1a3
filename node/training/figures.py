"""The figures of a card, drawn from `model.toml` alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from node.training.card_words import whose

FIGURES = ("calibration.png", "decision.png")
"""Their bytes depend on the version of the drawing library, so a check of reproduction leaves them out."""


def draw(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """File name to PNG; nothing for a model without cross-validated performance."""
    if "reliability" not in manifest.get("performance", {}):
        return {}
    return dict(zip(FIGURES, (_calibration(manifest), _decision(manifest)), strict=True))


def _calibration(m: Mapping[str, Any]) -> bytes:
    figure, axes = _axes()
    groups = m["performance"]["reliability"]
    stated, observed = [g["stated"] for g in groups], [g["observed"] for g in groups]
    errors = [[g["observed"] - g["interval"][0] for g in groups], [g["interval"][1] - g["observed"] for g in groups]]
    top = min(1.0, 1.1 * max(*stated, *(g["interval"][1] for g in groups)))
    axes.plot([0, top], [0, top], color="0.6", linestyle="--", label="ideal")
    axes.errorbar(
        stated, observed, yerr=errors, fmt="o", color="C0", capsize=3, label="held-out answers, 95 % interval"
    )
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="stated probability", ylabel="observed share")
    axes.set_title(f"{m['name']}: calibration", fontsize=9)
    return _png(figure, axes)


def _decision(m: Mapping[str, Any]) -> bytes:
    figure, axes = _axes()
    curve = m["performance"]["decision_curve"]
    at = [point["threshold"] for point in curve]
    for key, name, style in (
        ("model", "act on the model", "-"),
        ("all", "act on everyone", "--"),
        ("none", "act on none", ":"),
    ):
        axes.plot(at, [point[key] for point in curve], style, label=name, color="C0" if key == "model" else "0.4")
    highest = max(point["model"] for point in curve)
    axes.set(ylim=(-0.3 * max(highest, 0.05), 1.2 * max(highest, 0.05)), xlabel="threshold probability",
             ylabel=f"net benefit per {whose(m)}")  # fmt: skip
    axes.set_title(f"{m['name']}: decision curve", fontsize=9)
    return _png(figure, axes)


def _axes() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: Any, axes: Any) -> bytes:
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
