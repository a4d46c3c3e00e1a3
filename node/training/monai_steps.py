"""
The steps of a MONAI bundle's `preprocessing` and `postprocessing`, as far as our engine can do them.

A step that is not listed here is refused by its name, and so is an argument: each may change every number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from node.imaging.reorient import is_orientation
from node.inference.layout import Intensity
from node.training.foreign import Foreign, refused

HARMLESS = {
    "LoadImaged", "EnsureChannelFirstd", "AddChanneld", "EnsureTyped", "ToTensord", "CastToTyped", "ToDeviced",
    "SqueezeDimd", "Invertd", "SaveImaged", "CopyItemsd", "DeleteItemsd", "SelectItemsd", "Identityd",
}  # fmt: skip
"""Steps that change no value of the image or the answer, or that say how files are read and written."""

LABELS = (("L", "R"), ("P", "A"), ("I", "S"))
"""What Orientationd calls the directions, if not told otherwise."""

SHARED = ("_target_", "_desc_", "_disabled_", "keys", "allow_missing_keys", "dtype", "lazy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """
    What the steps before the network do.

    Attributes:
        axes: "RAS" and the like, "" where no step turns the image.
        spacing: Millimetres along the same axes, None where no step resamples.
        intensity: What the network's numbers mean.
        joint: Whether mean or range would be taken over all channels together.
    """

    axes: str = ""
    spacing: tuple[float, float, float] | None = None
    intensity: Intensity | None = None
    joint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What the steps after the network do.

    Attributes:
        activation: See `Layout`.
        threshold: Of the probability.
        shares: Whether it is among softmax's shares that the likeliest is taken, and not among the answers.
    """

    activation: Literal["none", "sigmoid", "softmax", "argmax"] = "none"
    threshold: float = 0.5
    shares: bool = False


def resolved(config: Foreign, value: Any, depth: int = 0) -> Any:
    """
    A value in which references to other keys ("@name", "@a::b") are replaced by what stands there.

    Code ("$…") stays as it is, and is refused where somebody asks for its value.
    """
    if isinstance(value, Mapping):
        return {key: resolved(config, inner, depth) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(config, inner, depth) for inner in value]
    if not isinstance(value, str) or not re.fullmatch(r"@[\w:#]+", value) or depth > 8:
        return value
    found: Any = config.values
    for key in re.split(r"::|#", value[1:]):
        found = found.get(key) if isinstance(found, Mapping) else None
    return value if found is None else resolved(config, found, depth + 1)


def steps_of(config: Foreign, section: str) -> Iterator[tuple[str, Foreign]]:
    """
    Name and arguments of each step of a section, in their order.

    Raises:
        ModelFailed: The section is missing, or no list of steps.
    """
    composed = resolved(config, config.take(section, dict))
    listed = Foreign(config.file, (section,), composed)
    if listed.take("_target_", str, "Compose").rpartition(".")[2] != "Compose":
        raise refused(f"is {composed['_target_']}, not Compose", at=listed.at("_target_"))
    for number, step in enumerate(listed.many("transforms", dict)):
        found = Foreign(config.file, (section, f"transforms[{number}]"), step)
        if str(found.values.get("_disabled_", False)).strip().lower() != "true":  # as MONAI reads it
            yield _name(found.take("_target_", str)), found


def before(config: Foreign) -> Steps:
    """
    What the steps of `preprocessing` do to the image.

    Raises:
        ModelFailed: One is unknown, or has an argument that is unknown or that we cannot do.
    """
    done = Steps()
    for name, step in steps_of(config, "preprocessing"):
        if name in HARMLESS:
            continue
        if name not in _BEFORE:
            raise refused(f"is {name}, not {', '.join(_BEFORE)}", at=step.at("_target_"), do="it is not guessed")
        done = _BEFORE[name](done, step)
    return done


def after(config: Foreign, ignore: Sequence[str]) -> Decision:
    """
    What the steps of `postprocessing` make of the network's answer.

    Args:
        config: inference.json.
        ignore: Names of steps that a person declared to be without effect on the chosen label.

    Raises:
        ModelFailed: One is unknown, or decides in a way that we cannot follow.
    """
    decision, decided = Decision(), False
    for name, step in steps_of(config, "postprocessing"):
        if name == "Activationsd":
            decision = replace(decision, activation=_activation(step))
        elif name == "AsDiscreted":
            if decided:
                raise refused("decides a second time", at=step.at("_target_"))
            decision, decided = _discrete(step, decision), True
        elif name not in HARMLESS and name not in ignore:
            do = f"if it does not change the label that is chosen, say --ignore {name}"
            raise refused(f"is {name}, which this import does not know", at=step.at("_target_"), do=do)
    if not decided:
        raise refused("holds no AsDiscreted, so nothing says what is drawn", at=config.at("postprocessing"))
    return decision


def _name(target: str) -> str:
    """Spacingd for monai.transforms.SpacingD, SpacingDict and Spacingd; the array form without d is the same."""
    last = target.rpartition(".")[2]
    stem = re.sub(r"(Dict|D|d)$", "", last) if last not in ("AddChannel", "AsDiscrete") else last
    return f"{stem}d"


def _orientation(done: Steps, step: Foreign) -> Steps:
    step.only((*SHARED, "axcodes", "as_closest_canonical", "labels"))
    axes = step.take("axcodes", str, "RAS" if step.take("as_closest_canonical", bool, False) else None)
    if not is_orientation(axes):
        raise refused(f"is {axes!r}, no orientation such as RAS", at=step.at("axcodes"))
    if done.spacing is not None:
        raise refused("turns the image after it was resampled, from a corner that depends on the file", at=step.at())
    if step.values.get("labels", LABELS) not in (LABELS, [list(pair) for pair in LABELS], None):
        raise refused("has names of its own for the directions", at=step.at("labels"))
    return replace(done, axes=axes)


def _spacing(done: Steps, step: Foreign) -> Steps:
    step.only((*SHARED, "pixdim", "mode", "padding_mode", "align_corners", "diagonal", "scale_extent",
               "recompute_affine", "ensure_same_shape"))  # fmt: skip
    if done.spacing is not None:
        raise refused("resamples a second time, which our engine does not do", at=step.at())
    for key in ("scale_extent", "recompute_affine"):
        if step.values.get(key, False) is not False:
            raise refused(f"is {step.values[key]!r}, not false", at=step.at(key))
    pixdim = step.values.get("pixdim")
    if isinstance(pixdim, (int, float)) and not isinstance(pixdim, bool):
        pixdim = [pixdim] * 3
    x, y, z = Foreign(step.file, step.path, {"pixdim": pixdim}).many("pixdim", float, (3,))
    if min(x, y, z) <= 0:
        raise refused(f"is {pixdim}, so that images come in any spacing", at=step.at("pixdim"))
    mode = _of_image(step, "mode", "bilinear")
    if mode != "bilinear" or step.take("diagonal", bool, False):
        raise refused(f"interpolates by {mode}, or diagonally, not bilinear", at=step.at("mode"))
    return replace(done, spacing=(x, y, z))


def _scale_range(done: Steps, step: Foreign) -> Steps:
    step.only((*SHARED, "a_min", "a_max", "b_min", "b_max", "clip"))
    low, high = step.take("a_min", float), step.take("a_max", float)
    first, last = step.take("b_min", float), step.take("b_max", float)
    if high <= low or last <= first:
        raise refused(f"maps {low:g} to {high:g} on {first:g} to {last:g}", at=step.at())
    spread = (high - low) / (last - first)
    scaled = Intensity(scale="fixed", over="all", centre=low, spread=spread, shift=first)
    if step.take("clip", bool, False):
        scaled = replace(scaled, after=(0.0, last - first)) if done.spacing else replace(scaled, before=(low, high))
    return _with(done, scaled, step)


def _scale_whole(done: Steps, step: Foreign) -> Steps:
    step.only((*SHARED, "minv", "maxv", "channel_wise"))
    first, last = step.take("minv", float, 0.0), step.take("maxv", float, 1.0)
    if last <= first:
        raise refused(f"maps to {first:g} to {last:g}", at=step.at())
    scaled = Intensity(scale="range", over="all", when=_when(done), times=last - first, shift=first)
    return replace(_with(done, scaled, step), joint=not step.take("channel_wise", bool, False))


def _normalise(done: Steps, step: Foreign) -> Steps:
    step.only((*SHARED, "nonzero", "channel_wise"))
    nonzero = step.take("nonzero", bool, False)
    scaled = Intensity(scale="plain", over="nonzero" if nonzero else "all", masked=nonzero, when=_when(done))
    return replace(_with(done, scaled, step), joint=not step.take("channel_wise", bool, False))


def _when(done: Steps) -> Literal["before", "after"]:
    return "after" if done.spacing else "before"


def _with(done: Steps, intensity: Intensity, step: Foreign) -> Steps:
    if done.intensity is not None:
        raise refused("scales intensities a second time, which our engine does not do", at=step.at("_target_"))
    return replace(done, intensity=intensity)


_BEFORE = {
    "Orientationd": _orientation,
    "Spacingd": _spacing,
    "ScaleIntensityRanged": _scale_range,
    "ScaleIntensityd": _scale_whole,
    "NormalizeIntensityd": _normalise,
}


def _of_image(step: Foreign, key: str, default: Any) -> Any:
    """An argument that may be one value, or one for each of `keys`; the first key is the image's or the answer's."""
    value = step.values.get(key, default)
    return value[0] if isinstance(value, list) and value else value


def _activation(step: Foreign) -> Literal["none", "sigmoid", "softmax"]:
    step.only((*SHARED, "softmax", "sigmoid"))
    flags = {key: _of_image(step, key, False) for key in ("softmax", "sigmoid")}
    if odd := [key for key, value in flags.items() if value not in (True, False, "True")]:
        raise refused(f"is {flags[odd[0]]!r}, not true or false", at=step.at(odd[0]))
    if flags["softmax"] and flags["sigmoid"]:
        raise refused("asks for softmax and sigmoid", at=step.at())
    return "softmax" if flags["softmax"] else "sigmoid" if flags["sigmoid"] else "none"


def _discrete(step: Foreign, decision: Decision) -> Decision:
    step.only((*SHARED, "argmax", "threshold", "to_onehot", "rounding"))
    argmax, threshold = _of_image(step, "argmax", False), _of_image(step, "threshold", None)
    if argmax in (True, "True"):
        if decision.activation == "sigmoid":
            raise refused("takes the likeliest of classes that sigmoid made independent", at=step.at("argmax"))
        return replace(decision, activation="argmax", shares=decision.activation == "softmax")
    if not isinstance(threshold, (int, float)) or isinstance(threshold, bool) or not 0 < threshold < 1:
        found = f"decides neither by argmax nor by a threshold between 0 and 1 ({threshold!r})"
        raise refused(found, at=step.at())
    return replace(decision, threshold=float(threshold))
