"""
An nnU-Net v2 model as its own plans.json and dataset.json describe it (Isensee et al., Nat Methods 2021;18:203).

What the keys mean is taken from nnU-Net's own preprocessing: arrays are (z, y, x) as its reader gives them, transposed,
cut to what is not zero in some channel, scaled channel by channel, and resampled by splines, with another order across
thick slices; windows overlap by a half, the network's answers are averaged with a Gaussian (sigma an eighth of the
window) and resampled back, and the likeliest label counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from node.imaging.splines import Splines
from node.inference.layout import Intensity, Layout, Trust
from node.training.brought import Brought, Wishes, chosen, coarsest, graphs_in, modality_of, roles_of, said_of
from node.training.foreign import Foreign, refused

PLANS, DATASET = "plans.json", "dataset.json"

READERS = {"SimpleITKIO": "", "NibabelIO": "", "SimpleITKIOWithReorient": "SAR", "NibabelIOWithReorient": "SAR"}
"""nnU-Net's readers of medical images, and the orientation that they bring them to; "" for as the file has it."""

NO_RESAMPLING, SPLINES, LINEAR, SIMPLE = (
    "no_resampling_hack", "resample_data_or_seg_to_shape", "resample_torch_fornnunet", "resample_torch_simple",
)  # fmt: skip
"""nnU-Net's ways of resampling."""

THICK = 3.0
"""Slices so much thicker than a pixel are resampled one by one, unless the plans say otherwise."""

ONCE = (
    "The network looks once; nnU-Net by default averages what it answers to mirrored images (the axes stand in the "
    "checkpoint, not in plans.json; say them with --mirror)."
)
ONE = "One network answers; nnU-Net by default averages five folds (name their files with --graph)."
UNCLEANED = "What nnU-Net may have found to clean up afterwards (postprocessing.pkl) is not done."


def is_nnunet(folder: Path) -> bool:
    """Whether a folder holds what nnU-Net v2 leaves behind."""
    return (folder / PLANS).is_file()


def read_nnunet(folder: Path, wishes: Wishes) -> Brought:
    """
    Read an export.

    Args:
        folder: With plans.json, dataset.json and one ONNX file.
        wishes: What the files do not say.

    Raises:
        ModelFailed: A file or key is missing or unknown, or asks for what our engine does not do.
    """
    plans, dataset = Foreign.read(folder / PLANS), Foreign.read(folder / DATASET)
    setting = _configuration(plans, wishes, folder)
    names, graphs = _channels(dataset), graphs_in([folder], wishes)
    roles = roles_of(names, wishes, dataset.at("channel_names"))
    heads, regions = _heads(dataset)
    classes, target = chosen(heads, wishes, dataset.at("labels"))
    classes = _inside(dataset, regions, classes) if regions else classes
    scales = tuple(_intensity(setting, plans, number) for number in range(len(names)))
    axes = _axes(plans, wishes)
    flat = _flat(setting)
    size, spacing = setting.many("patch_size", int, (2, 3)), setting.many("spacing", float, (2, 3))
    layout = Layout(
        role=roles[0], channels=roles if len(roles) > 1 else (), form="slices" if flat else "patch", axes=axes,
        coarsest_mm=coarsest(spacing), window=(1, size[0], size[1]) if flat else (size[0], size[1], size[2]),
        spacing_mm=(0.0, spacing[-2], spacing[-1]) if flat else (spacing[0], spacing[1], spacing[2]),
        smooth=False, fit="fill", interpolate=_splines(setting, "resampling_fn_data", 3),
        interpolate_back=_splines(setting, "resampling_fn_probabilities", 1), back="answer",
        overlap=0.5, flips=tuple(_flips(wishes, size)), weights="peak", average="answer", classes=classes,
        activation="sigmoid" if regions else "argmax", intensity=scales[0],
        intensities=scales if len(scales) > 1 else (), trust=Trust(certainty=(0.0, 1.0)),
    )  # fmt: skip
    return Brought(
        framework="nnU-Net v2",
        name=dataset.take("name", str, plans.take("dataset_name", str, folder.name)),
        version="1.0.0",
        graphs=graphs,
        layout=layout,
        modality=modality_of(roles, names[0], wishes, dataset.at("channel_names")),
        target=target,
        read=dict(_read(plans, setting, dataset)),
        differs=tuple(_differs(wishes, graphs)),
        said=said_of(wishes),
        source=dataset.take("description", str, ""),
        citation=dataset.take("reference", str, ""),
        licence=dataset.take("licence", str, dataset.take("license", str, "")),
    )


def _configuration(plans: Foreign, wishes: Wishes, folder: Path) -> Foreign:
    every = plans.inner("configurations")
    held = folder.resolve().name.rpartition("__")[2]  # TRAINER__PLANS__CONFIGURATION, as nnU-Net calls its results
    name = wishes.configuration or (held if held in every else "")
    if not name and len(every.values) == 1:
        (name,) = every
    if name not in every:
        found = f"holds {', '.join(every)}" + (f", not {name}" if name else "")
        raise refused(found, at=every.at(), do="say with --configuration which one the ONNX file is")
    setting = _inherited(every, name, ())
    if "previous_stage" in setting:
        found = f"{name} needs what {setting.take('previous_stage', str)} drew before it: a cascade"
        raise refused(found, at=every.at(name, "previous_stage"), do="import a configuration that stands by itself")
    return setting


def _inherited(every: Foreign, name: str, seen: tuple[str, ...]) -> Foreign:
    """A configuration with what it inherits from another one."""
    own = every.inner(name)
    if "inherits_from" not in own:
        return own
    if name in seen:
        raise refused("inherits from itself", at=own.at("inherits_from"))
    parent = _inherited(every, own.take("inherits_from", str), (*seen, name))
    return Foreign(own.file, own.path, {**parent.values, **own.values})


def _flat(setting: Foreign) -> bool:
    counts = {len(setting.many(key, float, (2, 3))) for key in ("patch_size", "spacing")}
    if len(counts) > 1:
        raise refused("patch_size and spacing differ in length", at=setting.at())
    return counts == {2}


def _channels(dataset: Foreign) -> tuple[str, ...]:
    old = "modality" in dataset and "channel_names" not in dataset
    named = dataset.inner("modality" if old else "channel_names")
    if sorted(named) != sorted(map(str, range(len(named.values)))) or not named.values:
        raise refused(f"numbers its channels {', '.join(named)}, not from 0 on", at=named.at())
    return tuple(named.take(str(number), str) for number in range(len(named.values)))


def _heads(dataset: Foreign) -> tuple[dict[str, int], list[set[int]]]:
    """Label to number of the graph's class, without background; and where labels are regions, what is in each."""
    labels = dataset.inner("labels")
    if labels.values.get("background") != 0:
        raise refused("does not name background as 0, as nnU-Net v2 does", at=labels.at())
    values = {name: value for name, value in labels.values.items() if name != "ignore"}
    for name, value in values.items():
        inner = value if isinstance(value, list) else [value]
        if not inner or any(not isinstance(each, int) or isinstance(each, bool) for each in inner):
            raise refused(f"is {value!r}, no number of a label", at=labels.at(name))
    foreground = {name: value for name, value in values.items() if value not in (0, [0])}
    if any(isinstance(value, list) and len(value) > 1 for value in foreground.values()):
        if len(dataset.many("regions_class_order", int)) != len(foreground):
            raise refused("does not hold one number for each region", at=dataset.at("regions_class_order"))
        inner = [{*(value if isinstance(value, list) else [value])} for value in foreground.values()]
        return {name: number for number, name in enumerate(foreground)}, inner
    plain = {name: value[0] if isinstance(value, list) else value for name, value in foreground.items()}
    order = sorted({0, *plain.values()})
    return {name: order.index(value) for name, value in plain.items()}, []


def _inside(dataset: Foreign, regions: list[set[int]], chosen: tuple[int, ...]) -> tuple[int, ...]:
    """Every region of which nnU-Net makes a label that lies in the chosen ones: it draws them over one another."""
    wanted, order = set[int]().union(*(regions[number] for number in chosen)), dataset.many("regions_class_order", int)
    inside = [label in wanted for label in order]
    if not all(inside[inside.index(True) :]):
        found = f"is {list(order)}: a region that is not chosen is drawn over those that are"
        raise refused(found, at=dataset.at("regions_class_order"), do="choose it too with --lesion, or only later ones")
    return tuple(number for number, is_in in enumerate(inside) if is_in)


def _axes(plans: Foreign, wishes: Wishes) -> str:
    """What the axes of the transposed array run towards."""
    reader = plans.take("image_reader_writer", str)
    if reader not in READERS:
        raise refused(f"is {reader}, not {', '.join(READERS)}", at=plans.at("image_reader_writer"))
    fixed = READERS[reader]
    if fixed and wishes.orientation and wishes.orientation != fixed:
        raise refused(f"{reader} turns images to {fixed}", at="--orientation", do="leave it out")
    letters = fixed or wishes.orientation
    if not letters:
        found = f"{reader} leaves images as the training files had them, and how they lay is written nowhere"
        do = "say with --orientation what the array's axes (z, y, x) ran towards: SPL for LPS files, SAR for RAS files"
        raise refused(found, at=plans.at("image_reader_writer"), do=do)
    order = plans.many("transpose_forward", int, (3,))
    if sorted(order) != [0, 1, 2]:
        raise refused(f"is {list(order)}, no order of three axes", at=plans.at("transpose_forward"))
    return "".join(letters[axis] for axis in order)


def _intensity(setting: Foreign, plans: Foreign, channel: int) -> Intensity:
    schemes, masks = setting.many("normalization_schemes", str), setting.many("use_mask_for_norm", bool)
    if channel >= min(len(schemes), len(masks)):
        raise refused(f"says nothing of channel {channel}", at=setting.at("normalization_schemes or use_mask_for_norm"))
    preprocessor = setting.take("preprocessor_name", str, "DefaultPreprocessor")
    if preprocessor != "DefaultPreprocessor":
        raise refused(f"is {preprocessor}, whose steps are not known", at=setting.at("preprocessor_name"))
    scheme = schemes[channel]
    if scheme == "CTNormalization":
        return _ct(plans, channel)
    makers = {
        "ZScoreNormalization": Intensity(scale="plain", over="filled", masked=True)
        if masks[channel]
        else Intensity(scale="plain", over="box"),
        "RescaleTo01Normalization": Intensity(scale="range", over="box"),
        "NoNormalization": Intensity(scale="fixed", over="box"),
    }
    if scheme not in makers:
        found = f"is {scheme}, not CTNormalization or {', '.join(makers)}"
        raise refused(found, at=setting.at(f"normalization_schemes[{channel}]"))
    return makers[scheme]


def _ct(plans: Foreign, channel: int) -> Intensity:
    """CTNormalization: the percentiles, mean and standard deviation of the training cases' foreground."""
    kinds = ("foreground_intensity_properties_per_channel", "foreground_intensity_properties_by_modality")
    found = plans.inner(next((kind for kind in kinds if kind in plans), kinds[0]), str(channel))
    low, high = found.take("percentile_00_5", float), found.take("percentile_99_5", float)
    spread = found.take("std", float)
    if spread <= 0 or low >= high:
        raise refused(f"std is {spread:g}, the percentiles are {low:g} and {high:g}", at=found.at())
    centre = found.take("mean", float)
    return Intensity(scale="fixed", over="box", before=(low, high), centre=centre, spread=spread)


def _flips(wishes: Wishes, size: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """Axes of the window that each further pass mirrors: as nnU-Net does, every choice of those that are wished."""
    if wishes.mirror and max(wishes.mirror) >= len(size):
        axes = ", ".join(map(str, range(len(size))))
        found = f"{max(wishes.mirror)} is no axis of its windows, which are {axes}"
        raise refused(found, at="--mirror", do="correct it")
    first = 3 - len(size)  # a slice counts as an axis in our windows
    for count in range(1, len(wishes.mirror) + 1):
        yield from combinations([first + axis for axis in wishes.mirror], count)


def _differs(wishes: Wishes, graphs: Sequence[Path]) -> Iterator[str]:
    if not wishes.mirror:
        yield ONCE
    if len(graphs) == 1:
        yield ONE
    yield UNCLEANED


def _splines(setting: Foreign, key: str, usual: int) -> Splines:
    """How values are found between voxels; `usual` is the order where the plans, as older ones do, say nothing."""
    name = setting.take(key, str, SPLINES)
    if name == NO_RESAMPLING:
        raise refused(f"is {name}: images of any spacing", at=setting.at(key))
    if name not in (SPLINES, LINEAR, SIMPLE):
        raise refused(f"is {name}, not {SPLINES}, {LINEAR} or {SIMPLE}", at=setting.at(key))
    said = setting.inner(f"{key}_kwargs") if f"{key}_kwargs" in setting else Foreign(setting.file, setting.path, {})
    if name == SPLINES:
        order, across = said.take("order", int, usual), said.take("order_z", int, 0)
    else:
        order, across = _linear(said, "mode", "linear", 1), _linear(said, "aniso_axis_mode", "nearest-exact", 0)
    if usual == 1 and max(order, across) > 1:
        raise refused(f"holds order {order} and order_z {across}, above 1", at=setting.at(f"{key}_kwargs"))
    one_by_one = said.values.get("force_separate_z")
    if one_by_one:
        raise refused(f"is {one_by_one!r}, not null or false", at=said.at("force_separate_z"))
    never = name == SIMPLE or one_by_one is False
    most = None if never else said.take("separate_z_anisotropy_threshold", float, THICK)
    return Splines(order=order, across=across, thick=most)


def _linear(said: Foreign, key: str, only: str, order: int) -> int:
    if (found := said.take(key, str, only)) != only:
        raise refused(f"is {found!r}, not {only!r}", at=said.at(key))
    return order


def _read(plans: Foreign, setting: Foreign, dataset: Foreign) -> Iterator[tuple[str, str]]:
    """What was read, for the card."""
    files: list[tuple[Foreign, tuple[str, ...]]] = [
        (plans, ("image_reader_writer", "transpose_forward")),
        (setting, ("spacing", "patch_size", "normalization_schemes", "use_mask_for_norm", "resampling_fn_data",
                   "resampling_fn_data_kwargs", "resampling_fn_probabilities", "resampling_fn_probabilities_kwargs")),
        (dataset, ("channel_names", "modality", "labels", "regions_class_order")),
    ]  # fmt: skip
    for found, keys in files:
        yield from ((found.at(key), _short(found.values[key])) for key in keys if key in found)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items())
    return ", ".join(map(_short, value)) if isinstance(value, list) else str(value)
