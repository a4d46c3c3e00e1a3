"""What nnU-Net v2 and MONAI leave behind: their JSON as they write it, and a tiny graph whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from tests.support.graphs import build

PLANS: dict[str, Any] = {
    "dataset_name": "Dataset137_Toy",
    "plans_name": "nnUNetPlans",
    "original_median_spacing_after_transp": [2.5, 1.5, 1.5],
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "configurations": {
        "2d": {
            "data_identifier": "nnUNetPlans_2d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 12,
            "patch_size": [16, 24], "spacing": [1.5, 2.0], "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [False], "resampling_fn_data": "resample_data_or_seg_to_shape",
            "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        },
        "3d_fullres": {
            "data_identifier": "nnUNetPlans_3d_fullres", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
            "patch_size": [8, 16, 12], "spacing": [2.5, 1.5, 2.0], "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [False], "resampling_fn_data": "resample_data_or_seg_to_shape",
            "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        },
        "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
    },
    "experiment_planner_used": "ExperimentPlanner",
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {
        "0": {"max": 900.0, "mean": 60.0, "median": 55.0, "min": -90.0, "percentile_00_5": -20.0,
              "percentile_99_5": 150.0, "std": 40.0},
    },
}  # fmt: skip

DATASET: dict[str, Any] = {
    "channel_names": {"0": "FLAIR"},
    "labels": {"background": 0, "tumor": 1},
    "numTraining": 20,
    "file_ending": ".nii.gz",
    "name": "Toy",
    "description": "Painted tumours",
    "reference": "Nobody, 2026",
    "licence": "CC BY 4.0",
}

METADATA: dict[str, Any] = {
    "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20220324.json",
    "version": "0.3.1",
    "monai_version": "1.3.0",
    "task": "Toy tumour segmentation",
    "description": "A toy",
    "authors": "Nobody",
    "copyright": "Apache-2.0",
    "data_source": "Painted",
    "references": ["Nobody, 2026"],
    "network_data_format": {
        "inputs": {
            "image": {
                "type": "image", "format": "hounsfield", "modality": "CT", "num_channels": 1,
                "spatial_shape": [12, 16, 8], "dtype": "float32", "value_range": [0, 1], "is_patch_data": True,
                "channel_def": {"0": "image"},
            }
        },
        "outputs": {
            "pred": {
                "type": "image", "format": "segmentation", "num_channels": 2, "spatial_shape": [12, 16, 8],
                "dtype": "float32", "value_range": [0, 1], "is_patch_data": True,
                "channel_def": {"0": "background", "1": "tumour"},
            }
        },
    },
}  # fmt: skip

BEFORE: list[dict[str, Any]] = [
    {"_target_": "LoadImaged", "keys": "@image_key"},
    {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
    {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
    {"_target_": "Spacingd", "keys": "@image_key", "pixdim": [2.0, 1.5, 2.5], "mode": "bilinear"},
    {
        "_target_": "ScaleIntensityRanged", "keys": "@image_key",
        "a_min": -50, "a_max": 150, "b_min": 0.0, "b_max": 1.0, "clip": True,
    },
    {"_target_": "EnsureTyped", "keys": "@image_key"},
]  # fmt: skip

AFTER: list[dict[str, Any]] = [
    {"_target_": "Activationsd", "keys": "pred", "softmax": True},
    {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image"},
    {"_target_": "AsDiscreted", "keys": ["pred", "label"], "argmax": [True, False]},
    {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
]

INFERENCE: dict[str, Any] = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "image_key": "image",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "roi": [12, 16, 8],
    "preprocessing": {"_target_": "Compose", "transforms": BEFORE},
    "inferer": {
        "_target_": "SlidingWindowInferer", "roi_size": "@roi", "sw_batch_size": 4, "overlap": 0.5, "mode": "gaussian",
    },
    "postprocessing": {"_target_": "Compose", "transforms": AFTER},
}  # fmt: skip


def changed(plain: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a path such as "configurations/2d/spacing"; None removes it."""
    key, _, rest = path.partition("/")
    copy = dict(plain)
    if rest:
        copy[key] = changed(copy.get(key, {}), rest, value)
    elif value is None:
        copy.pop(key, None)
    else:
        copy[key] = value
    return copy


def linear(
    weights: Sequence[Sequence[float]], offsets: Sequence[float], window: Sequence[Any], batch: Any = "n"
) -> bytes:
    """
    A graph whose answer in each voxel is a weighted sum of that voxel's channels.

    Args:
        weights: Shape (classes, channels).
        offsets: Added, one for each class.
        window: Spatial axes that it takes; two for slices.
        batch: Its first axis.
    """
    matrix = np.array(weights, np.float32)
    classes, channels = matrix.shape
    kernel = matrix.reshape(classes, channels, *(1,) * len(window))
    nodes = [helper.make_node("Conv", ["image", "w", "b"], ["out"])]
    return build(
        nodes, [batch, channels, *window], [batch, classes, *window],
        {"w": kernel, "b": np.array(offsets, np.float32)},
    )  # fmt: skip


def smoothing(window: Sequence[Any], *, above: float) -> bytes:
    """Background and lesion: how far a mean over 3 x 3 x 3 voxels lies below or above a value; zeros around."""
    kernel = np.full((1, 1, 3, 3, 3), 1 / 27, np.float32)
    weights = np.concatenate([-kernel, kernel])
    nodes = [helper.make_node("Conv", ["image", "w", "b"], ["out"], pads=[1] * 6)]
    values = {"w": weights, "b": np.array([above, -above], np.float32)}
    return build(nodes, ["n", 1, *window], ["n", 2, *window], values)


def nnunet(folder: Path, graph: bytes, plans: Mapping[str, Any] = PLANS, dataset: Mapping[str, Any] = DATASET) -> Path:
    """A folder as a person puts it together after export."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / "fold_0.onnx").write_bytes(graph)
    return folder


def bundle(
    folder: Path, graph: bytes, inference: Mapping[str, Any] = INFERENCE, metadata: Mapping[str, Any] = METADATA
) -> Path:
    """A MONAI bundle."""
    for inner in ("configs", "models"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "configs" / "inference.json").write_text(json.dumps(inference))
    (folder / "models" / "model.onnx").write_bytes(graph)
    return folder
