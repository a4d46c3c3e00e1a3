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
    """Dice of every patient, worst first, hollow where the drawing was not trusted."""
    ordered = sorted(patients, key=lambda each: each["dice"])
    figure, axes = plt.subplots(figsize=(7, 3.2), dpi=110)
    for number, each in enumerate(ordered):
        several, filled = len(each["networks"]) > 1, "full" if each["trusted"] else "none"
        shape, colour = ("s", "#b35900") if several else ("o", "#1f4e79")
        axes.plot(number + 1, each["dice"], shape, color=colour, fillstyle=filled, markersize=4)
    for level, style in ((0.87, "-"), (0.70, "--")):
        axes.axhline(level, color="#999999", linestyle=style, linewidth=0.8)
    axes.set(xlabel="patient, worst first", ylabel="Dice", ylim=(0, 1))
    for shape, colour, text in (("s", "#b35900", "three networks together"), ("o", "#1f4e79", "one network alone")):
        axes.plot([], [], shape, color=colour, markersize=4, label=text)
    axes.plot([], [], "o", color="#444444", fillstyle="none", markersize=4, label="hollow: not trusted")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
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
    parts = [_head(m), _how(m), _validation(found), _brightness(found), _patients(found), _empty(found)]
    parts += [_robust(found), _trust(m), _end(m), segmenter_reporting(m)]
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


GROUPS = (
    ("every patient, drawn by those of the networks that were not trained on it", "dice"),
    ("of these, all on whom neither threshold nor trust was chosen", "dice_nothing_chosen"),
    ("of these, all that three networks drew together", "dice_together"),
)


def _validation(found: Mapping[str, Any]) -> Iterator[str]:
    slices, together, alone, trusted = (
        found[name] for name in ("slices_without_tumour", "dice_together", "dice_alone", "dice_trusted")
    )
    yield "## Dice on patients that were left out"
    yield ""
    yield (
        f"Each network left out some of the {found['patients']} patients, as a hash of their names said before "
        f"anything was trained. On each patient those drew that were not trained on it: three networks together on "
        f"{together['n']}, one alone on the others. The five together, which is what ships, cannot be measured so, as "
        f"each of these patients is known to some of them. What more networks do is seen on the {together['n']}: alone "
        f"the three reach a mean of {alone['mean']:.3f}, together {together['mean']:.3f}."
    )
    yield ""
    yield found["looks"]
    yield ""
    yield f"![Dice of each patient]({PLOT})"
    yield ""
    yield "Asked for were a mean of 0.87 and a 10th percentile of 0.70."
    yield ""
    yield "| patients | | mean (95 % interval) | median | 10th percentile | worst | reached |"
    yield "|---|---|---|---|---|---|---|"
    for text, name in GROUPS:
        dice = found[name]
        low, high = dice["mean_interval"]
        yield (
            f"| {dice['n']} | {text} | {dice['mean']:.3f} ({low:.3f} to {high:.3f}) | {dice['median']:.3f} | "
            f"{dice['percentile_10']:.3f} | {dice['worst']:.3f} | **{dice['verdict']}** |"
        )
    yield ""
    yield (
        f"Of the {found['patients']} drawings {trusted['n']} were trusted; their mean Dice is {trusted['mean']:.3f}. "
        f"Volume drawn over true volume: median {found['volume_ratio_median']:.2f}. Of {slices['n']} slices without "
        f"tumour in these patients, {slices['drawn_on']} were drawn on ({slices['share']:.1%}). {found['seconds']}"
    )


def _brightness(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "What fails is what is faint (looked at afterwards, to tell what fails). Brightness is how far the median of "
        "the true tumour lies above that of the head, in spreads (median absolute deviations) of the head, which is "
        "how the network is shown it:"
    )
    yield ""
    yield "| brightness | patients | mean (95 % interval) | 10th percentile | worst | trusted |"
    yield "|---|---|---|---|---|---|"
    for each in found["dice_by_brightness"]:
        low, high = each["mean_interval"]
        yield (
            f"| {each['from']:.2f} to {each['to']:.2f} | {each['n']} | {each['mean']:.3f} ({low:.3f} to {high:.3f}) | "
            f"{each['percentile_10']:.3f} | {each['worst']:.3f} | {each['trusted']} |"
        )


def _patients(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| patient | networks | Dice | trust | brightness | drawn mL | true mL |"
    yield "|---|---|---|---|---|---|---|"
    for each in found["each_patient"]:
        networks = ", ".join(str(number) for number in each["networks"])
        judged = f"{each['dice']:.3f} | {each['trust']:.2f} | {each['brightness']:.2f}"
        yield f"| {each['name']} | {networks} | {judged} | {each['ml']:.1f} | {each['truth_ml']:.1f} |"


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
    yield (
        "Every third patient on whom nothing was chosen, disturbed; drawn on as above, Dice against the mask that went "
        "through the same change."
    )
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
        f"Threshold, least piece and the first two factors were chosen on {chosen['patients']} patients, each drawn by "
        f"the network that was not trained on it (mean Dice {chosen['dice_mean_lowest']:.3f} to "
        f"{chosen['dice_mean']:.3f}, whichever setting is taken), and on a ruined copy of each "
        f"image: upside down, drowned in noise, or with inverted contrast ({chosen['images_for_the_trust']} images, "
        f"{chosen['of_these_with_dice_below_0_6']} of them with a Dice below 0.6)."
    )
    yield ""
    yield (
        f"On the other patients and all their disturbed and ruined copies ({trust['images']} drawings): of "
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
