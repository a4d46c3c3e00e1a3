"""What each export is: its JSON as nnU-Net v2 and MONAI write it, with settings that pull in different directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

EXPECTED = Path(__file__).resolve().parent / "expected"

SPLINES = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
LINES = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
TORCH = {"is_seg": False, "force_separate_z": None, "memefficient_seg_resampling": False}


def architecture(*, flat: bool) -> dict[str, Any]:
    """Two levels: small enough to lie here, and with everything that a larger one has."""
    kind, ones, twos = ("2d", [1, 1], [2, 2]) if flat else ("3d", [1, 1, 1], [2, 2, 2])
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2, "features_per_stage": [4, 6], "conv_op": f"torch.nn.modules.conv.Conv{kind}",
            "kernel_sizes": [[3] * len(ones)] * 2, "strides": [ones, twos], "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1], "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{kind}",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True}, "dropout_op": None, "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }  # fmt: skip


def plans(name: str, setting: dict[str, Any], *, reader: str = "SimpleITKIO", order: tuple[int, ...] = (0, 1, 2),
          resample: str = "resample_data_or_seg_to_shape") -> dict[str, Any]:  # fmt: skip
    """plans.json with one configuration, "3d_fullres" or "2d"."""
    flat, splines = len(setting["patch_size"]) == 2, resample == "resample_data_or_seg_to_shape"
    whole = {
        "data_identifier": "nnUNetPlans_2d" if flat else "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "median_image_size_in_voxels": [30, 30, 30],
        "resampling_fn_data": resample, "resampling_fn_seg": resample, "resampling_fn_probabilities": resample,
        "resampling_fn_data_kwargs": SPLINES if splines else TORCH,
        "resampling_fn_seg_kwargs": {**(LINES if splines else TORCH), "is_seg": True},
        "resampling_fn_probabilities_kwargs": LINES if splines else TORCH,
        "architecture": architecture(flat=flat), "batch_dice": False, **setting,
    }  # fmt: skip
    return {
        "dataset_name": name, "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [2.0, 1.0, 1.0], "original_median_shape_after_transp": [30, 30, 30],
        "image_reader_writer": reader, "transpose_forward": list(order),
        "transpose_backward": [order.index(axis) for axis in range(3)],
        "configurations": {"2d" if flat else "3d_fullres": whole},
        "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            str(number): {"max": -320.0, "mean": -500.0, "median": -480.0, "min": -900.0, "percentile_00_5": -850.0,
                          "percentile_99_5": -400.0, "std": 130.0}
            for number in range(len(setting["normalization_schemes"]))
        },
    }  # fmt: skip


def dataset(channels: tuple[str, ...], labels: dict[str, Any], order: tuple[int, ...] = ()) -> dict[str, Any]:
    """dataset.json."""
    named = {str(number): name for number, name in enumerate(channels)}
    rest = {"regions_class_order": list(order)} if order else {}
    return {"channel_names": named, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz", **rest}


def _scaled(*schemes: str, masked: bool = False) -> dict[str, Any]:
    return {"normalization_schemes": list(schemes), "use_mask_for_norm": [masked] * len(schemes)}


ZSCORE, CT = _scaled("ZScoreNormalization"), _scaled("CTNormalization")
ONE = {"background": 0, "tumour": 1}

NNUNET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "thick": (
        plans("thick", {"patch_size": [8, 24, 24], "spacing": [3.5, 0.9, 1.0], **ZSCORE}),
        dataset(("FLAIR",), {"background": 0, "oedema": 1, "core": 2}),
    ),
    "masked": (
        plans("masked", {"patch_size": [16, 16, 16], "spacing": [1.2, 1.1, 1.1],
                         **_scaled("ZScoreNormalization", masked=True)}),
        dataset(("FLAIR",), ONE),
    ),
    "ct": (
        plans("ct", {"patch_size": [8, 20, 20], "spacing": [3.0, 0.8, 0.8], **CT}, order=(2, 0, 1)),
        dataset(("CT",), ONE),
    ),
    "ties": (
        plans("ties", {"patch_size": [8, 16, 16], "spacing": [5.5, 0.5, 0.8], **ZSCORE}),
        dataset(("FLAIR",), ONE),
    ),
    "folds": (
        plans("folds", {"patch_size": [8, 20, 16], "spacing": [2.4, 1.1, 1.0], **ZSCORE}),
        dataset(("FLAIR",), ONE),
    ),
    "slices": (plans("slices", {"patch_size": [24, 32], "spacing": [1.3, 0.9], **ZSCORE}), dataset(("FLAIR",), ONE)),
    "regions": (
        plans("regions", {"patch_size": [12, 20, 20], "spacing": [2.2, 1.0, 1.0],
                          **_scaled("RescaleTo01Normalization", "ZScoreNormalization")}),
        dataset(("FLAIR", "T1ce"), {"background": 0, "whole": [1, 2], "core": [2]}, (1, 2)),
    ),
    "turned": (
        plans("turned", {"patch_size": [8, 20, 20], "spacing": [3.6, 1.2, 1.2], **ZSCORE},
              reader="NibabelIOWithReorient", resample="resample_torch_fornnunet"),
        dataset(("FLAIR",), ONE),
    ),
}  # fmt: skip
"""Name of the export, which is that of its painting too, to plans.json and dataset.json."""


FOLDS, MIRRORED = {"folds": 2}, {"folds": (0, 2)}
"""Networks of an export, where there are several; the axes of its window that nnU-Net mirrors, where it does."""


def metadata(channels: tuple[str, ...], classes: tuple[str, ...], modality: str) -> dict[str, Any]:
    """metadata.json."""
    shared = {"type": "image", "spatial_shape": ["4*n", "4*n", "4*n"], "dtype": "float32", "is_patch_data": True}
    return {
        "version": "0.1.0", "monai_version": "1.6.1", "task": "Painted tumours", "description": "A test",
        "network_data_format": {
            "inputs": {"image": {**shared, "format": "magnitude", "modality": modality, "num_channels": len(channels),
                                 "value_range": [0, 1], "channel_def": _numbered(channels)}},
            "outputs": {"pred": {**shared, "format": "segmentation", "num_channels": len(classes),
                                 "value_range": [0, 1], "channel_def": _numbered(classes)}},
        },
    }  # fmt: skip


def inference(roi: tuple[int, int, int], before: list[dict[str, Any]], after: list[dict[str, Any]],
              **inferer: Any) -> dict[str, Any]:  # fmt: skip
    """inference.json, as far as it says what is done to an image and to the network's answer."""
    start = [{"_target_": "LoadImaged", "keys": "image"}, {"_target_": "EnsureChannelFirstd", "keys": "image"}]
    return {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "device": "$torch.device('cpu')",
        "preprocessing": {"_target_": "Compose", "transforms": [*start, *before]},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": list(roi), "sw_batch_size": 2, **inferer},
        "postprocessing": {"_target_": "Compose", "transforms": after},
    }


def _numbered(names: tuple[str, ...]) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names)}


RAS = {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}
TYPED = {"_target_": "EnsureTyped", "keys": "image"}
INVERTED = {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
            "nearest_interp": False, "to_tensor": True}  # fmt: skip


def spaced(*pixdim: float) -> dict[str, Any]:
    """Spacingd."""
    return {"_target_": "Spacingd", "keys": "image", "pixdim": list(pixdim), "mode": "bilinear"}


RANGED = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -900, "a_max": -400, "b_min": 0.0, "b_max": 1.0,
          "clip": True}  # fmt: skip
LIKELIEST = [{"_target_": "Activationsd", "keys": "pred", "softmax": True}, INVERTED,
             {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}]  # fmt: skip

MONAI: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sagittal": (
        metadata(("CT",), ("background", "tumour"), "CT"),
        inference(
            (16, 16, 16),
            [RAS, spaced(1.5, 1.2, 1.3), RANGED, TYPED],
            LIKELIEST,
            overlap=0.5, mode="gaussian",
        ),
    ),
    "many": (
        metadata(("CT",), ("background", "a", "b", "c"), "CT"),
        inference(
            (16, 16, 12),
            [RAS, spaced(1.5, 1.5, 2.0), RANGED, TYPED],
            LIKELIEST,
            overlap=0.25, mode="gaussian",
        ),
    ),
    "channels": (
        metadata(("FLAIR", "T1ce"), ("tumour",), "MR"),
        inference(
            (16, 20, 12),
            [{"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True, "channel_wise": True}, RAS,
             spaced(1.2, 1.2, 2.0), TYPED],
            [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}, INVERTED,
             {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5}],
            overlap=0.25,
        ),
    ),
}  # fmt: skip
"""Name of the bundle, which is that of its painting too, to metadata.json and inference.json."""
