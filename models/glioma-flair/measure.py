"""Every figure of the card: on each patient those members draw that were not trained on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from cases import RECIPES, Patient, Split, brightness
from judge import BAD, BELIEVED, GAP, GOOD, RUN, Drawn, judge, ruined, spoiled, without_tumour

from node.inference.onnx_segmenter import OnnxSegmenter

NEEDED = (0.87, 0.70)  #: mean and 10th percentile that were asked for
REPLICATES = 2000
UNDISTURBED = "undisturbed"
EVERY = 3  #: every third patient on whom nothing was chosen is disturbed as well
TIMED = 10  #: on every tenth patient it is timed how long all members take
LOOKS = (
    "The first 18 were the whole validation until 2.0.0, and were looked at twice: with 1.0.0, whose mean Dice on "
    "them was 0.833, and with 2.0.0, whose was 0.855. That every patient counts since 2.1.0 was decided after that, "
    "as the mean of 18 is open by 0.04 to either side, and before the fourth and the fifth network drew on anyone. The "
    "card of 2.0.0 also told a mean of 0.883 on the 36 on whom threshold and trust were chosen: they turned out to be "
    "easier than the 35 on whom nothing had been measured until then, whose mean was 0.806. The second part of the "
    "training, with tumours made fainter and moved, came with 2.2.0, after it was known that what is faint fails, and "
    "was tried on the 17 patients of the fifth network: 2,500 batches took their mean from 0.775 to 0.784, as many of "
    "the old kind to 0.766. It was then made 3,200 batches with larger steps. On the 35 patients of the fourth and the "
    "fifth network that alone changed little (0.806 to 0.807: what is faint rose, others fell); the mean of the "
    "weights before and after it gave 0.811, and was taken before anyone saw what it does to the first three networks. "
    "Before 2.2.1 more was tried on the same 35, and nothing of it taken: as many batches again (0.810), the mean over "
    "images of other gain and of other distances between slices (0.812), and smaller networks that compare each side "
    "of the head with the other, trained half as long, with mixed tumours from the beginning (0.800, with what ships "
    "0.810; what ships: 0.812)."
)
"""Kept by hand: how often figures of which patients were looked at."""

Unseeing = Callable[[Collection[int]], OnnxSegmenter]


@dataclass(frozen=True)
class Judged:
    """
    All drawings on one patient.

    Attributes:
        plain: On the image itself.
        brightness: Of the tumour, see `cases.brightness`.
        members: Who drew: those who were not trained on it.
        alone: What each of them draws by itself, where there are several.
        of_choice: Threshold and trust were chosen on this patient.
        disturbed: By name; empty for most patients.
        ruined: On an image that no drawing should be trusted on.
        empty: On parts without tumour.
        seconds: That all members take, where it was timed.
    """

    plain: Drawn
    brightness: float
    members: tuple[int, ...]
    alone: Sequence[Drawn]
    of_choice: bool
    disturbed: Mapping[str, Drawn]
    ruined: Drawn
    empty: Sequence[Drawn]
    seconds: float | None


def judge_patient(unseeing: Unseeing, patient: Patient, split: Split) -> Judged:
    """
    Draw on what is made of one patient.

    Args:
        unseeing: Makes the segmenter of some members.
        patient: Who is drawn on.
        split: Who sees whom.
    """
    name, members, number = patient.name, split.drawers(patient.name), split.names.index(patient.name)
    model, of_choice = unseeing(members), name in split.choice
    chosen = spoiled(patient) if number % EVERY == 0 and not of_choice else ()
    several = members if len(members) > 1 else ()
    return Judged(
        plain=judge(model, name, patient.volume(), patient.mask),
        brightness=brightness(patient),
        members=members,
        alone=[judge(unseeing([each]), name, patient.volume(), patient.mask) for each in several],
        of_choice=of_choice,
        disturbed={label: judge(model, name, volume, mask) for label, volume, mask in chosen},
        ruined=judge(model, name, *ruined(patient, number)),
        empty=[judge(model, label, v, np.zeros(v.voxels.shape, bool)) for label, v in without_tumour(patient)],
        seconds=timed(unseeing(range(len(RECIPES))), patient) if number % TIMED == 0 else None,
    )


def timed(model: OnnxSegmenter, patient: Patient) -> float:
    """Seconds of one drawing."""
    began = time.monotonic()
    model.draw(patient.volume())
    return time.monotonic() - began


def measure(judged: Sequence[Judged]) -> dict[str, Any]:
    """The manifest's `[performance]`."""
    plain = [each.plain for each in judged]
    fresh = [each for each in judged if not each.of_choice]
    together = [each for each in judged if each.alone]
    groups: dict[str, list[Drawn]] = {UNDISTURBED: [each.plain for each in judged if each.disturbed]}
    for name in dict.fromkeys(name for each in judged for name in each.disturbed):
        groups[name] = [each.disturbed[name] for each in judged if name in each.disturbed]
    took = float(np.median([each.seconds for each in judged if each.seconds is not None]))
    return {
        "looks": LOOKS,
        "patients": len(plain),
        "volume_ratio_median": short(float(np.median([each.ml / each.truth_ml for each in plain]))),
        "seconds": f"All together drew in {took:.0f} s (median) on one processor core of a busy machine.",
        "dice": summary(plain),
        "dice_nothing_chosen": summary([each.plain for each in fresh]),
        "dice_together": summary([each.plain for each in together]),
        "dice_alone": summary([drawn for each in together for drawn in each.alone]),
        "dice_by_brightness": by_brightness(judged),
        "dice_trusted": summary([each for each in plain if each.trust >= BELIEVED]),
        "slices_without_tumour": slices(plain),
        "cases_without_tumour": empty_cases([drawn for each in judged for drawn in each.empty]),
        "trust": gate([drawn for each in fresh for drawn in (each.plain, *each.disturbed.values(), each.ruined)]),
        "each_patient": [_row(each) for each in judged],
        "robustness": [robust(name, group) for name, group in groups.items()],
    }


def verdict(dice: np.ndarray) -> str:
    """Whether what was asked for was reached."""
    reached = {"mean": dice.mean() >= NEEDED[0], "10th percentile": np.percentile(dice, 10) >= NEEDED[1]}
    return ", ".join(f"{name} {'met' if yes else 'missed'}" for name, yes in reached.items())


def summary(drawn: Sequence[Drawn]) -> dict[str, Any]:
    """What the card says of a group of drawings."""
    dice = np.array([each.dice for each in drawn])
    said = {"n": len(dice), "median": short(float(np.median(dice))), "mean_interval": interval(dice)}
    return {**spread(dice), **said, "verdict": verdict(dice)}


def by_brightness(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Thirds of the patients, the faintest tumours first."""
    ordered = sorted(judged, key=lambda each: each.brightness)
    ends = [round(len(ordered) * third / 3) for third in range(4)]
    rows = []
    for start, stop in pairwise(ends):
        group = ordered[start:stop]
        dice = np.array([each.plain.dice for each in group])
        trusted = sum(each.plain.trust >= BELIEVED for each in group)
        limits = {"from": short(group[0].brightness), "to": short(group[-1].brightness)}
        rows.append({"n": len(group), **limits, **spread(dice), "mean_interval": interval(dice), "trusted": trusted})
    return rows


def _row(each: Judged) -> dict[str, Any]:
    drawn = each.plain
    return {
        "name": drawn.name.replace("_", "-"),
        "networks": [member + 1 for member in each.members],
        "dice": short(drawn.dice),
        "trust": short(drawn.trust),
        "trusted": drawn.trust >= BELIEVED,
        "brightness": short(each.brightness),
        "ml": short(drawn.ml),
        "truth_ml": short(drawn.truth_ml),
    }


def spread(dice: np.ndarray) -> dict[str, float]:
    """Mean, 10th percentile and worst."""
    found = {"mean": dice.mean(), "percentile_10": np.percentile(dice, 10), "worst": dice.min()}
    return {name: short(float(value)) for name, value in found.items()}


def interval(dice: np.ndarray) -> list[float]:
    """95 % bootstrap interval of the mean over patients."""
    draw = np.random.default_rng(1)
    means = dice[draw.integers(len(dice), size=(REPLICATES, len(dice)))].mean(axis=1)
    return [short(float(value)) for value in np.percentile(means, [2.5, 97.5])]


def slices(plain: Sequence[Drawn]) -> dict[str, Any]:
    """Slices without tumour, in patients who have one."""
    n, drawn = sum(each.empty_slices for each in plain), sum(each.false_slices for each in plain)
    return {"n": n, "drawn_on": drawn, "share": short(drawn / n)}


def empty_cases(found: Sequence[Drawn]) -> dict[str, Any]:
    """Images without any tumour, cut from those of patients who have one."""
    trusted = sum(each.trust >= BELIEVED for each in found)
    return {
        "how": f"The data hold no patient without tumour. Runs of at least {RUN} slices that lie {GAP} slices and more "
        "from the tumour were taken as images of their own: parts of heads, for which the model was not made.",
        "n": len(found),
        "refused": sum(bool(each.refused) for each in found),
        "drawn": sum(each.ml > 0 for each in found),
        "trusted": trusted,
        "trusted_share": short(trusted / len(found)),
    }


def gate(drawn: Sequence[Drawn]) -> dict[str, int]:
    """Whether trust parts bad drawings from good ones."""
    bad, good = [each for each in drawn if each.dice < BAD], [each for each in drawn if each.dice >= GOOD]
    return {
        "images": len(drawn),
        "bad": len(bad),
        "bad_refused": sum(each.trust < BELIEVED for each in bad),
        "good": len(good),
        "good_kept": sum(each.trust >= BELIEVED for each in good),
    }


def robust(name: str, group: Sequence[Drawn]) -> dict[str, Any]:
    """One row of the card's table."""
    dice = np.array([each.dice for each in group])
    return {"image": name, "n": len(group), **spread(dice), "trusted": sum(each.trust >= BELIEVED for each in group)}


def short(value: float) -> float:
    """Three decimals: what is printed is the same on every processor."""
    return round(value, 3)
