"""
A MONAI bundle with an ONNX graph inside, as its own configs/metadata.json and configs/inference.json describe it.

Arrays of MONAI are (x, y, z) as NIfTI has them; an orientation "RAS" names what each of them runs towards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from node.inference.layout import Layout, Trust
from node.training.brought import Brought, Wishes, chosen, coarsest, graphs_in, modality_of, roles_of, said_of
from node.training.foreign import Foreign, refused
from node.training.monai_steps import HARMLESS, Decision, Steps, after, before, resolved, steps_of

METADATA, INFERENCE = "metadata.json", "inference.json"

_INFERER = ("_target_", "roi_size", "sw_batch_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval",
            "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh", "buffer_steps",
            "buffer_dim")  # fmt: skip

DIFFERS = (
    "Where an image is normalised over what is not zero after it was resampled, what is zero stays zero; MONAI's own "
    "interpolation leaves traces there, which it counts.",
)


def is_bundle(folder: Path) -> bool:
    """Whether a folder is a MONAI bundle, or holds the files of one."""
    return _file(folder, METADATA).is_file()


def read_bundle(folder: Path, wishes: Wishes) -> Brought:
    """
    Read a bundle.

    Args:
        folder: With configs/ and models/, or with the same files side by side.
        wishes: What the files do not say.

    Raises:
        ModelFailed: A file, key, step or argument is missing or unknown, or asks for what our engine does not do.
    """
    metadata = Foreign.read(_file(folder, METADATA))
    config = _inference(folder)
    data = metadata.inner("network_data_format")
    image, pred = data.inner("inputs", "image"), data.inner("outputs", "pred")
    _only_image(data.inner("inputs"))
    roles = roles_of(_names(image), wishes, image.at("channel_def"))
    steps, decision = before(config), after(config, wishes.ignore)
    heads = _heads(pred, decision)
    classes, target = chosen(heads, wishes, pred.at("channel_def"))
    layout = _layout(config, steps, decision, roles, classes, wishes)
    _fits(image, layout)
    if decision.activation == "argmax":
        layout = replace(layout, back="shares" if decision.shares else "answer")
    version = metadata.take("version", str, "1.0.0")
    return Brought(
        framework="MONAI bundle",
        name=metadata.take("name", str, metadata.take("task", str, folder.resolve().name)),
        version=version if re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version) else "1.0.0",
        graphs=_once(graphs_in([folder / "models", folder], wishes), wishes),
        layout=layout,
        modality=modality_of(roles, image.take("modality", str, ""), wishes, image.at("modality")),
        target=target,
        read=dict(_read(config, image, pred)),
        differs=DIFFERS,
        said=said_of(wishes),
        source=_text(metadata, "data_source"),
        citation=_text(metadata, "references"),
        licence=_text(metadata, "license"),
    )


def _once(graphs: tuple[Path, ...], wishes: Wishes) -> tuple[Path, ...]:
    """A bundle's inferer asks one network once."""
    if len(graphs) > 1:
        raise refused("are averaged for nnU-Net only; a bundle asks one network", at="--graph", do="name one file")
    if wishes.mirror:
        raise refused("is for nnU-Net only; a bundle asks its network once", at="--mirror", do="leave it out")
    return graphs


def _file(folder: Path, name: str) -> Path:
    inside = folder / "configs" / name
    return inside if inside.is_file() else folder / name


def _inference(folder: Path) -> Foreign:
    path = _file(folder, INFERENCE)
    if not path.is_file():
        found = "is not there, and nothing else says how images are prepared for the network"
        raise refused(found, at=str(path), do="add the bundle's inference.json; a YAML file must be written as JSON")
    return Foreign.read(path)


def _only_image(inputs: Foreign) -> None:
    if others := sorted(set(inputs) - {"image"}):
        raise refused(f"names further inputs: {', '.join(others)}", at=inputs.at())


def _names(image: Foreign) -> tuple[str, ...]:
    count = image.take("num_channels", int)
    if count == 1 and "channel_def" not in image:
        return ("image",)
    named = image.inner("channel_def")
    if len(named.values) != count:
        raise refused(f"names {len(named.values)} channels, while num_channels is {count}", at=named.at())
    return tuple(named.take(str(number), str) for number in range(count))


def _heads(pred: Foreign, decision: Decision) -> dict[str, int]:
    """Label to number of the graph's class, without background."""
    count, named = pred.take("num_channels", int), pred.inner("channel_def")
    if len(named.values) != count:
        raise refused(f"names {len(named.values)} classes, while num_channels is {count}", at=named.at())
    names = {named.take(str(number), str): number for number in range(count)}
    if len(names) < count:
        raise refused("names two classes alike", at=named.at())
    if decision.activation in ("softmax", "argmax") and count == 1:
        raise refused(f"is 1, and {decision.activation} needs at least two classes", at=pred.at("num_channels"))
    return {name: number for name, number in names.items() if name.strip().lower() != "background"}


def _layout(
    config: Foreign, steps: Steps, decision: Decision, roles: tuple[str, ...], classes: tuple[int, ...], wishes: Wishes
) -> Layout:
    axes, spacing = steps.axes or wishes.orientation, steps.spacing or wishes.spacing
    section = config.at("preprocessing")
    if not axes or (steps.axes and wishes.orientation not in ("", steps.axes)):
        found = f"turns images to {axes}" if axes else "holds no Orientationd, so images come as the training files had"
        raise refused(
            found, at=section, do="say with --orientation what the axes (x, y, z) ran towards, if it does not"
        )
    if spacing is None:
        raise refused("holds no Spacingd, so images come in any spacing", at=section, do="say with --spacing which")
    if steps.intensity is None:
        raise refused("scales no intensities, so the network's numbers are those of a scanner", at=section)
    if steps.joint and len(roles) > 1:
        found = "scales all channels together, which our engine does not do"
        raise refused(found, at=section, do="export a network with channel_wise = true")
    return Layout(
        role=roles[0], channels=roles if len(roles) > 1 else (), form="patch", axes=axes, spacing_mm=spacing,
        smooth=False, fit="first", crop=False, average="answer", activation=decision.activation,
        coarsest_mm=coarsest(spacing),
        threshold=decision.threshold, classes=classes, intensity=steps.intensity, trust=Trust(certainty=(0.0, 1.0)),
        **_windows(config),
    )  # fmt: skip


def _windows(config: Foreign) -> dict[str, Any]:
    """Window, overlap and weights of the inferer."""
    inferer = Foreign(config.file, ("inferer",), resolved(config, config.take("inferer", dict)))
    target = inferer.take("_target_", str).rpartition(".")[2]
    if target not in ("SlidingWindowInferer", "SlidingWindowInfererAdapt"):
        raise refused(f"is {target}, not SlidingWindowInferer", at=inferer.at("_target_"))
    inferer.only(_INFERER)
    size = inferer.values.get("roi_size")
    whole = Foreign(config.file, ("inferer",), {"roi_size": [size] * 3 if isinstance(size, int) else size})
    window = whole.many("roi_size", int, (3,))
    if min(window) < 1:
        raise refused(f"is {list(window)}, so that windows are as large as the image", at=inferer.at("roi_size"))
    mode, fixed = inferer.take("mode", str, "constant"), {"padding_mode": "constant", "cval": 0, "sigma_scale": 0.125}
    if mode not in ("constant", "gaussian"):
        raise refused(f"is {mode!r}, not constant or gaussian", at=inferer.at("mode"))
    for key, expected in fixed.items():
        if inferer.values.get(key, expected) != expected:
            raise refused(f"is {inferer.values[key]!r}, not {expected!r}", at=inferer.at(key))
    overlap = inferer.take("overlap", float, 0.25)
    if not 0 <= overlap < 1:
        raise refused(f"is {overlap:g}, not from 0 to below 1", at=inferer.at("overlap"))
    return {"window": window, "overlap": overlap, "steps": "fixed", "weights": "bell" if mode == "gaussian" else "even"}


def _fits(image: Foreign, layout: Layout) -> None:
    """The network's own shape must be the window's; "8*n", "*" and the like leave it open."""
    shape = image.take("spatial_shape", list)
    if len(shape) != 3:
        raise refused(f"has {len(shape)} axes, and only volumes are imported", at=image.at("spatial_shape"))
    for size, window in zip(shape, layout.window, strict=True):
        if isinstance(size, int) and size != window:
            found = f"is {shape}, while inference.json passes windows of {list(layout.window)}"
            raise refused(found, at=image.at("spatial_shape"))
        factor = re.fullmatch(r"([1-9]\d*)\s*\*\s*n", str(size))
        if factor and window % int(factor.group(1)):
            raise refused(f"asks for {size}, and roi_size holds {window}", at=image.at("spatial_shape"))


def _read(config: Foreign, image: Foreign, pred: Foreign) -> Iterator[tuple[str, str]]:
    """What was read, for the card."""
    for section in ("preprocessing", "postprocessing"):
        for name, step in steps_of(config, section):
            yield step.at(), f"{name}: no number changes" if name in HARMLESS else _short(step.values)
    yield config.at("inferer"), _short(resolved(config, config.values["inferer"]))
    for found, keys in ((image, ("modality", "channel_def", "spatial_shape")), (pred, ("channel_def",))):
        yield from ((found.at(key), _short(found.values[key])) for key in keys if key in found)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        name = f"{value['_target_']} " if "_target_" in value else ""
        inner = ", ".join(f"{key}: {_short(each)}" for key, each in value.items() if key != "_target_")
        return f"{name}({inner})" if name else inner
    return ", ".join(map(_short, value)) if isinstance(value, list) else str(value)


def _text(metadata: Foreign, key: str) -> str:
    value = metadata.values.get(key) or ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
