"""The card of glioma-flair, its plot and its table; every number comes from `model.toml`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib

from node.training.reporting_segmenter import segmenter_reporting

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PLOT = "dice.png"


def plot(patients: Sequence[Mapping[str, Any]]) -> bytes:
    """Dice of every validation patient, worst first, hollow where the drawing was not trusted."""
    ordered = sorted(patients, key=lambda each: each["dice"])
    figure, axes = plt.subplots(figsize=(7, 3.2), dpi=110)
    for number, each in enumerate(ordered):
        axes.plot(number + 1, each["dice"], "o", color="#1f4e79", fillstyle="full" if each["trusted"] else "none")
    for level, style in ((0.87, "-"), (0.70, "--")):
        axes.axhline(level, color="#999999", linestyle=style, linewidth=0.8)
    axes.set(xlabel="validation patient, worst first", ylabel="Dice", ylim=(0, 1), xticks=range(1, len(ordered) + 1))
    axes.tick_params(labelsize=8)
    figure.tight_layout()
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": None})
    plt.close(figure)
    return held.getvalue()


def card(m: Mapping[str, Any]) -> str:
    """
    The card as Markdown.

    Args:
        m: `model.toml`, without [files].
    """
    found = m["performance"]
    parts = [_head(m), _how(m), _validation(found), _patients(found), _empty(found), _robust(found), _trust(m), _end(m)]
    parts.append(segmenter_reporting(m))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(m: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield f"Made by {m['manufacturer']}. Written by `train.py`; do not edit."
    yield ""
    yield f"**Draws:** {m['target']}."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"
    yield ""
    yield f"**{m['exploratory'][0].upper()}{m['exploratory'][1:]}.**"


def _how(m: Mapping[str, Any]) -> Iterator[str]:
    given, shown = m["preprocessing"], m["segmenter"]
    yield "## How it works"
    yield ""
    yield f"{given['network']} {given['augmentation']}"
    yield ""
    yield f"{given['image']} {given['orientation']}"
    yield ""
    yield (
        f"Two passes, one mirrored, are averaged; voxels of at least {shown['threshold']:g} are drawn; pieces below "
        f"{shown['smallest_ml']:g} mL or below {shown['smallest_share']:.0%} of the largest are left out; what remains "
        "is one lesion."
    )
    yield ""
    yield m["training"]["sentence"]


def _validation(found: Mapping[str, Any]) -> Iterator[str]:
    slices, chosen = found["slices_without_tumour"], found["chosen"]
    groups = (
        ("nothing has seen them", "dice"),
        ("training patients, each drawn by the one network that was not trained on them", "dice_of_others"),
        ("all of these", "dice_of_all"),
    )
    yield "## Dice on patients kept out"
    yield ""
    yield (
        f"{found['method']} Beside them stand {found['dice_of_others']['n']} of the other patients: each network left "
        "out some of them, and drew on these by itself. They are no test of the three together, and threshold and "
        f"trust were chosen on them (their mean is {chosen['dice_mean_lowest']:.3f} to {chosen['dice_mean']:.3f}, "
        "whichever setting is taken)."
    )
    yield ""
    yield f"![Dice of each validation patient]({PLOT})"
    yield ""
    yield "Asked for were a mean of 0.87 and a 10th percentile of 0.70."
    yield ""
    yield "| patients | | mean (95 % interval) | median | 10th percentile | worst | reached |"
    yield "|---|---|---|---|---|---|---|"
    for text, name in groups:
        dice = found[name]
        low, high = dice["mean_interval"]
        yield (
            f"| {dice['n']} | {text} | {dice['mean']:.3f} ({low:.3f} to {high:.3f}) | {dice['median']:.3f} | "
            f"{dice['percentile_10']:.3f} | {dice['worst']:.3f} | **{dice['verdict']}** |"
        )
    yield ""
    believed = [each["dice"] for each in found["each_patient"] if each["trusted"]]
    yield (
        f"Of the {found['patients']} drawings {len(believed)} were trusted; their mean Dice is "
        f"{sum(believed) / len(believed):.3f}. Volume drawn over true volume: median "
        f"{found['volume_ratio_median']:.2f}. Of {slices['n']} slices without tumour in these patients, "
        f"{slices['drawn_on']} were drawn on ({slices['share']:.1%}). {found['seconds']}"
    )


def _patients(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| patient | Dice | trust | drawn mL | true mL |"
    yield "|---|---|---|---|---|"
    for each in found["each_patient"]:
        drawn = f"{each['dice']:.3f} | {each['trust']:.2f} | {each['ml']:.1f} | {each['truth_ml']:.1f}"
        yield f"| {each['name']} | {drawn} |"


def _empty(found: Mapping[str, Any]) -> Iterator[str]:
    empty = found["cases_without_tumour"]
    yield "## Where there is no tumour"
    yield ""
    yield (
        f"{empty['how']} {empty['n']} such cases: {empty['refused']} refused for showing no head, {empty['drawn']} "
        f"drawn on, {empty['trusted']} of these with a trust of at least 0.5, which is what a report would be made of "
        f"({empty['trusted_share']:.1%})."
    )


def _robust(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## When the image is another"
    yield ""
    yield "Every second of these patients, disturbed; Dice against the mask that went through the same change."
    yield ""
    yield "| image | mean | 10th percentile | worst | trusted |"
    yield "|---|---|---|---|---|"
    for each in found["robustness"]:
        yield (
            f"| {each['image']} | {each['mean']:.3f} | {each['percentile_10']:.3f} | {each['worst']:.3f} | "
            f"{each['trusted']} of {each['n']} |"
        )


def _trust(m: Mapping[str, Any]) -> Iterator[str]:
    trust, chosen = m["performance"]["trust"], m["performance"]["chosen"]
    yield "## Trust"
    yield ""
    yield (
        "The product of five factors, each linear between a worthless and a perfect value: "
        + "; ".join(
            f"{name.replace('_', ' ')} {ends[0]:g} to {ends[1]:g}" for name, ends in m["segmenter"]["trust"].items()
        )
        + ". Certainty is the Dice that the drawing would have if the network's probabilities were true; agreement "
        "is the Dice between the mirrored passes and their mean; share is what was drawn of all that passed the "
        "threshold; end is the area on the first or last slice over the largest area. A report is made from 0.5 on."
    )
    yield ""
    yield (
        f"Threshold, least piece and the first two factors were chosen on {chosen['patients']} training patients, each "
        f"drawn by a member of the ensemble that was not trained on it (mean Dice {chosen['dice_mean']:.3f}), and on "
        "a ruined copy of each image: upside down, drowned in noise, or with inverted contrast "
        f"({chosen['images_for_the_trust']} images, {chosen['of_these_with_dice_below_0_6']} of them with a Dice below "
        "0.6)."
    )
    yield ""
    yield (
        f"On the validation patients and all their disturbed and ruined copies ({trust['images']} drawings): of "
        f"{trust['bad']} with a Dice below 0.6, {trust['bad_refused']} were refused; of {trust['good']} with at least "
        f"0.7, {trust['good_kept']} were kept. It does not replace a look at the outline."
    )


def _end(m: Mapping[str, Any]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield from (f"- {limit}" for limit in m["limits"])
    yield ""
    yield "## Data and licence"
    yield ""
    for each in m["data"]:
        yield f"- {each['source']} {each['citation']} {each['licence']}"
