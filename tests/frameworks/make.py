"""
Let nnU-Net and MONAI answer: `python -m tests.frameworks.make` in an environment with nnunetv2 2.8.1 and monai 1.6.1.

It writes `expected/NAME`: the export as each framework leaves it behind (JSON, and a small untrained network as ONNX),
and what the framework itself draws on the painting of that name. Neither is needed to run the tests.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own name for itself
import torch
from numpy.typing import NDArray

from tests.frameworks.exports import EXPECTED, FOLDS, MIRRORED, MONAI, NNUNET
from tests.frameworks.paintings import PAINTINGS, Painting

SHARE = (0.1, 0.6)  #: of the image that a label may take: a network that draws nothing shows nothing


def main() -> None:
    """See the module."""
    torch.set_num_threads(1)
    for name, (plans, dataset) in NNUNET.items():
        with tempfile.TemporaryDirectory() as folder:
            nnunet(name, plans, dataset, Path(folder))
    for name, (metadata, inference) in MONAI.items():
        with tempfile.TemporaryDirectory() as folder:
            monai(name, metadata, inference, Path(folder))


def image(painting: Painting, channel: int, path: Path) -> Path:
    """A painting as NIfTI."""
    found = sitk.GetImageFromArray(painting.voxels(channel))
    found.SetSpacing(painting.spacing[::-1])
    found.SetOrigin(painting.origin)
    found.SetDirection(np.array(painting.axes[::-1], float).T.ravel().tolist())
    sitk.WriteImage(found, str(path))
    return path


def nnunet(name: str, plans: dict[str, Any], dataset: dict[str, Any], folder: Path) -> None:
    """One export, and what nnU-Net's own predictor draws."""
    os.environ.update({key: str(folder) for key in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")})
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    setting = manager.get_configuration(*plans["configurations"])
    channels, heads = len(dataset["channel_names"]), manager.get_label_manager(dataset).num_segmentation_heads
    files = [str(image(PAINTINGS[name], c, folder / f"a_{c:04d}.nii.gz")) for c in range(channels)]
    reader = manager.image_reader_writer_class()
    mirrored = MIRRORED.get(name)
    for seed in range(100):
        torch.manual_seed(seed)
        networks = [
            get_network_from_plans(
                setting.network_arch_class_name, setting.network_arch_init_kwargs,
                setting.network_arch_init_kwargs_req_import, channels, heads, deep_supervision=False,
            ).eval()
            for _ in range(FOLDS.get(name, 1))
        ]  # fmt: skip
        predictor = nnUNetPredictor(use_mirroring=bool(mirrored), device=torch.device("cpu"), allow_tqdm=False,
                                    perform_everything_on_device=False)  # fmt: skip
        states = [network.state_dict() for network in networks]
        network = copy.deepcopy(networks[0])  # takes the weights of one after the other
        predictor.manual_initialization(network, manager, setting, states, dataset, "x", mirrored)
        voxels, properties = reader.read_images(files)
        labels = predictor.predict_single_npy_array(voxels, properties, None, None, False)
        reader.write_seg(labels, str(folder / "answer.nii.gz"), properties)
        answer = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "answer.nii.gz")))
        if all(SHARE[0] < (answer == label).mean() < SHARE[1] for label in range(1, int(heads) if heads > 1 else 2)):
            break
    size = [channels, *setting.patch_size]
    save(name, networks, size, answer, {"plans.json": plans, "dataset.json": dataset})


def monai(name: str, metadata: dict[str, Any], inference: dict[str, Any], folder: Path) -> None:
    """One bundle, and what MONAI draws with its own transforms and its own inferer."""
    from monai.bundle import ConfigParser
    from monai.networks.nets import UNet

    data = metadata["network_data_format"]
    channels, heads = (data[way][key]["num_channels"] for way, key in (("inputs", "image"), ("outputs", "pred")))
    files = [str(image(PAINTINGS[name], c, folder / f"a{c}.nii.gz")) for c in range(channels)]
    for seed in range(100):
        torch.manual_seed(seed)
        network = UNet(3, channels, heads, channels=(4, 6), strides=(2,), norm="instance").eval()
        parser = ConfigParser(inference)
        parser.parse()
        seen = parser.get_parsed_content("preprocessing")({"image": files if channels > 1 else files[0]})
        with torch.no_grad():
            seen["pred"] = parser.get_parsed_content("inferer")(seen["image"][None], network)[0]
        answer = parser.get_parsed_content("postprocessing")(seen)["pred"][0].numpy()
        answer = answer.transpose(2, 1, 0)  # (x, y, z) of the file
        if all(SHARE[0] < (answer == label).mean() < SHARE[1] for label in range(1, max(2, heads))):
            break
    size = [channels, *inference["inferer"]["roi_size"]]
    save(name, [network], size, answer, {"metadata.json": metadata, "inference.json": inference})


def save(
    name: str, networks: list[torch.nn.Module], size: list[int], answer: NDArray[Any], files: dict[str, Any]
) -> None:
    """What the tests read."""
    place = EXPECTED / name
    place.mkdir(parents=True, exist_ok=True)
    each = {"input_names": ["image"], "output_names": ["answer"], "dynamo": False}
    axes = {"image": {0: "n"}, "answer": {0: "n"}}
    for number, network in enumerate(networks):
        path = place / ("model.onnx" if len(networks) == 1 else f"fold_{number}.onnx")
        torch.onnx.export(network, (torch.rand(1, *size),), str(path), dynamic_axes=axes, **each)
    for file, plain in files.items():
        (place / file).write_text(json.dumps(plain, indent=1) + "\n")
    np.savez_compressed(place / "answer.npz", labels=answer.astype(np.uint8))
    print(name, {label: int((answer == label).sum()) for label in np.unique(answer)})  # noqa: T201 - a command


if __name__ == "__main__":
    main()
