"""What an import cannot know or do is told with file and key, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.errors import ModelFailed
from node.inference.package import Package
from node.training.asked import wishes_of
from node.training.bring import bring
from node.training.brought import Wishes, role_of
from node.training.nnunet import read_nnunet
from tests.support.foreign import AFTER, BEFORE, DATASET, INFERENCE, METADATA, PLANS, bundle, changed, linear, nnunet

FULL = "configurations/3d_fullres/"
WISH = {"configuration": "3d_fullres", "orientation": "SPL"}
GRAPH = linear([[0.0], [1.0]], [1.0, -0.5], (8, 16, 12))
MONAI_GRAPH = linear([[0.0], [1.0]], [0.6, 0.0], (12, 16, 8))
FOLDS = ("fold_0.onnx", "fold_1.onnx")
STD = "foreground_intensity_properties_per_channel/0/std"
IMAGE, PRED = "network_data_format/inputs/image/", "network_data_format/outputs/pred/"


@pytest.mark.parametrize(
    ("plans", "dataset", "wish", "told"),
    [
        ({}, {}, {"configuration": ""}, "plans.json: configurations: holds 2d, 3d_fullres, .*; say with"),
        ({}, {}, {"configuration": "3d_lowres"}, "not 3d_lowres"),
        ({}, {}, {"configuration": "3d_cascade_fullres"}, "previous_stage: 3d_cascade_fullres needs what 3d_lowres"),
        ({FULL + "spacing": None}, {}, {}, "plans.json: configurations.3d_fullres.spacing: is missing"),
        ({FULL + "spacing": [1.0, 1.0]}, {}, {}, "patch_size and spacing differ in length"),
        ({FULL + "patch_size": [8, "16", 12]}, {}, {}, r"patch_size\[1\]: is '16', not a number"),
        ({FULL + "normalization_schemes": ["RGBTo01Normalization"]}, {}, {}, "is RGBTo01Normalization, not CTNorm"),
        ({FULL + "use_mask_for_norm": []}, {}, {}, "says nothing of channel 0"),
        ({FULL + "preprocessor_name": "MyPreprocessor"}, {}, {}, "is MyPreprocessor, whose steps are not known"),
        ({FULL + "resampling_fn_data": "no_resampling_hack"}, {}, {}, "images of any spacing"),
        ({FULL + "resampling_fn_data": "my_own"}, {}, {}, "is my_own, not resample_data_or_seg_to_shape"),
        ({FULL + "resampling_fn_data_kwargs": {"force_separate_z": True}}, {}, {}, "is True, not null or false"),
        ({FULL + "resampling_fn_data": "resample_torch_simple", FULL + "resampling_fn_data_kwargs": {"mode": "area"}},
         {}, {}, "resampling_fn_data_kwargs.mode: is 'area', not 'linear'"),
        ({FULL + "resampling_fn_probabilities_kwargs": {"order": 3}}, {}, {},
         "resampling_fn_probabilities_kwargs: holds order 3 and order_z 0, above 1"),
        ({}, {"labels": {"background": 0, "whole": [1, 2], "cavity": 3}, "regions_class_order": [1, 3]},
         {"lesion": ("whole",)}, "a region that is not chosen is drawn over those that are"),
        ({FULL + "normalization_schemes": ["CTNormalization"], STD: None}, {}, {},
         "plans.json: foreground_intensity_properties_per_channel.0.std: is missing"),
        ({"image_reader_writer": "NaturalImage2DIO"}, {}, {}, "is NaturalImage2DIO, not SimpleITKIO"),
        ({}, {}, {"orientation": ""}, "how they lay is written nowhere; say with --orientation"),
        ({"transpose_forward": [0, 1, 1]}, {}, {}, r"transpose_forward: is \[0, 1, 1\]"),
        ({}, {"labels": {"0": "background", "1": "tumor"}}, {}, "dataset.json: labels: does not name background as 0"),
        ({}, {"labels": {"background": 0}}, {}, "names nothing but background"),
        ({}, {"labels": {"background": 0, "edema": 1, "core": 2}}, {}, "names edema, core; say with --lesion"),
        ({}, {}, {"lesion": ("liver",)}, "names tumor, not liver"),
        ({}, {"labels": {"background": 0, "whole": [1, 2]}}, {}, "dataset.json: regions_class_order: is missing"),
        ({}, {"labels": {"background": 0, "tumor": "1"}}, {}, "labels.tumor: is '1', no number"),
        ({}, {"channel_names": None}, {}, "dataset.json: channel_names: is missing"),
        ({}, {"channel_names": {"1": "FLAIR"}}, {}, "numbers its channels 1, not from 0"),
        ({}, {"channel_names": {"0": "FLAIR", "1": "mystery"}}, {}, "channel 1 is called 'mystery', which is no role"),
        ({}, {"channel_names": {"0": "T2-FLAIR", "1": "FLAIR"}}, {}, "two channels are the same role"),
        ({}, {"channel_names": {"0": "image"}}, {}, "'image' is no modality; say with --modality"),
        ({}, {}, {"graphs": ("fold_7.onnx",)}, "holds fold_0.onnx, no fold_7.onnx; give each file's name"),
        ({}, {}, {"configuration": "2d", "mirror": (0, 2)}, "--mirror: 2 is no axis of its windows, which are 0, 1"),
        ({FULL + "patch_size": [8, 0, 12]}, {}, {}, "segmenter.window holds a size below 1"),
        ({FULL + "patch_size": [8, 16, 16]}, {}, {}, r"takes images of \['n', 1, 8, 16, 12\]"),
    ],
)  # fmt: skip
def test_an_nnunet_export_that_cannot_be_used_is_refused_with_file_and_key(tmp_path, plans, dataset, wish, told):
    """One thing is wrong in each, and the message says where, what, and what to do."""
    all_plans, all_dataset = PLANS, DATASET
    for path, value in plans.items():
        all_plans = changed(all_plans, path, value)
    for path, value in dataset.items():
        all_dataset = changed(all_dataset, path, value)
    nnunet(tmp_path / "s", GRAPH, all_plans, all_dataset)
    with pytest.raises(ModelFailed, match=told):
        bring(tmp_path / "s", "toy", Wishes(**{**WISH, **wish}))


def steps(*others):
    return {"preprocessing/transforms": [*BEFORE, *others]}


def without(name, *others):
    return {"preprocessing/transforms": [s for s in BEFORE if s["_target_"] != name] + [*others]}


@pytest.mark.parametrize(
    ("inference", "metadata", "wish", "told"),
    [
        (steps({"_target_": "CropForegroundd", "keys": "image"}), {}, {},
         r"inference.json: preprocessing.transforms\[6\]._target_: is CropForegroundd, not Orientationd"),
        (steps({"_target_": "scripts.mine.Magic", "keys": "image"}), {}, {}, "is Magicd, not"),
        (steps({"_target_": "NormalizeIntensityd", "keys": "image"}), {}, {}, "scales intensities a second time"),
        (without("ScaleIntensityRanged", {"_target_": "NormalizeIntensityd", "keys": "image", "divisor": 3}), {}, {},
         "divisor is a setting that this import does not know"),
        (without("ScaleIntensityRanged"), {}, {}, "scales no intensities"),
        (without("Orientationd"), {}, {}, "holds no Orientationd"),
        ({}, {}, {"orientation": "LPS"}, "turns images to RAS"),
        (without("Spacingd"), {}, {}, "holds no Spacingd, so images come in any spacing; say with --spacing"),
        (without("Spacingd", {"_target_": "Spacingd", "keys": "image", "pixdim": [1, 1, -1]}), {}, {},
         "in any spacing"),
        (without("Spacingd", {"_target_": "Spacingd", "keys": "image", "pixdim": "$@x"}), {}, {}, "not a list"),
        (without("Spacingd", {"_target_": "Spacingd", "keys": "image", "pixdim": 1, "mode": "nearest"}), {}, {},
         "interpolates by nearest"),
        (without("Orientationd", {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}), {}, {},
         "turns the image after it was resampled"),
        (steps({"_target_": "Spacingd", "keys": "image", "pixdim": 1}), {}, {}, "resamples a second time"),
        (without("Spacingd", {"_target_": "Spacingd", "keys": "image", "pixdim": 1, "scale_extent": True}), {}, {},
         "scale_extent: is True, not false"),
        (without("Orientationd", {"_target_": "Orientationd", "keys": "image", "axcodes": "@x"}), {}, {},
         r"transforms\[5\].axcodes: is '@x', no orientation"),
        ({"preprocessing/transforms": [BEFORE[2] | {"labels": [["R", "L"], ["A", "P"], ["S", "I"]]}, *BEFORE[3:]]}, {},
         {}, r"transforms\[0\].labels: has names of its own"),
        ({"preprocessing": None}, {}, {}, "inference.json: preprocessing: is missing"),
        ({"preprocessing": "$monai.mine()"}, {}, {}, "not an object"),
        ({"inferer/_target_": "SimpleInferer"}, {}, {}, "inferer._target_: is SimpleInferer"),
        ({"inferer/roi_size": [12, 16, -1]}, {}, {}, "windows are as large as the image"),
        ({"inferer/roi_size": [12, 16]}, {}, {}, "holds 2 values, not 3"),
        ({"inferer/padding_mode": "reflect"}, {}, {}, "is 'reflect', not 'constant'"),
        ({"inferer/mode": "hann"}, {}, {}, "is 'hann', not constant or gaussian"),
        ({"inferer/with_coord": True}, {}, {}, "with_coord is a setting"),
        ({"postprocessing/transforms": AFTER[:1]}, {}, {}, "holds no AsDiscreted"),
        ({"postprocessing/transforms": [*AFTER, {"_target_": "Lambdad", "keys": "pred", "func": "$x"}]}, {}, {},
         "is Lambdad, .*say --ignore Lambdad"),
        ({"postprocessing/transforms": [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}, AFTER[2]]}, {},
         {}, "likeliest of classes that sigmoid made independent"),
        ({"postprocessing/transforms": [AFTER[0], {"_target_": "AsDiscreted", "keys": "pred"}]}, {}, {}, "neither by"),
        ({"postprocessing/transforms": [*AFTER, {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.7}]}, {}, {},
         "decides a second time"),
        ({}, {PRED + "channel_def": {"0": "tumour", "1": "tumour"}}, {}, "names two classes alike"),
        ({}, {IMAGE + "num_channels": 2}, {}, "names 1 channels, while num_channels is 2"),
        ({}, {PRED + "channel_def": None}, {},
         "metadata.json: network_data_format.outputs.pred.channel_def: is missing"),
        ({}, {IMAGE + "spatial_shape": [96, 96, 96]}, {}, r"passes windows of \[12, 16, 8\]"),
        ({}, {IMAGE + "spatial_shape": ["16*n", "16*n", "16*n"]}, {}, r"asks for 16\*n, and roi_size holds 12"),
        ({}, {IMAGE + "modality": "US"}, {}, "'US' is no modality"),
        ({}, {"network_data_format/inputs/label": {"type": "image"}}, {}, "names further inputs: label"),
        ({}, {}, {"mirror": (0, 1)}, "--mirror: is for nnU-Net only"),
    ],
)  # fmt: skip
def test_a_bundle_that_cannot_be_used_is_refused_with_file_and_key(tmp_path, inference, metadata, wish, told):
    """Unknown steps and arguments are refused by name; code is never run."""
    config, data = INFERENCE, METADATA
    for path, value in inference.items():
        config = changed(config, path, value)
    for path, value in metadata.items():
        data = changed(data, path, value)
    bundle(tmp_path / "s", MONAI_GRAPH, config, data)
    with pytest.raises(ModelFailed, match=told):
        bring(tmp_path / "s", "toy", Wishes(**wish))


def test_what_a_person_says_stands_in_for_what_the_files_do_not(tmp_path):
    """Orientation, spacing, roles and steps left out are taken from the command line, and the card says so."""
    config = changed(INFERENCE, "preprocessing/transforms", [BEFORE[0], BEFORE[4]])
    config = changed(config, "postprocessing/transforms", [*AFTER, {"_target_": "Lambdad", "keys": "pred"}])
    wishes = wishes_of(configuration="", orientation="LPS", spacing="1,1,2", lesion=[], roles=["0=flair"],
                       modality="MR", graphs=[], mirror=[], ignore=["Lambdad"])  # fmt: skip
    imported = bring(bundle(tmp_path / "s", MONAI_GRAPH, config), "toy", wishes)
    layout = imported.brought.layout
    assert (layout.axes, layout.spacing_mm, layout.role) == ("LPS", (1.0, 1.0, 2.0), "flair")
    card = imported.files["card.md"].decode()
    assert "said by whoever imported it: orientation: LPS; spacing in mm: 1 x 1 x 2; roles: channel 0 is flair" in card
    assert "Lambdad" in card


@pytest.mark.parametrize(
    ("change", "told"),
    [({"modality": "US"}, "'US' is not CT"), ({"spacing": "1,1"}, "three numbers"), ({"spacing": "0,1,1"}, "zero"),
     ({"roles": ["flair"]}, "form 0=flair"), ({"mirror": ["0,3"]}, "'3' is none of"),
     ({"orientation": "SPX"}, "no orientation")],
)  # fmt: skip
def test_words_that_cannot_be_understood_are_told(change, told):
    """Each by the option that is wrong."""
    plain = {"configuration": "", "orientation": "", "spacing": "", "lesion": [], "roles": [], "modality": "",
             "graphs": [], "mirror": [], "ignore": []}  # fmt: skip
    with pytest.raises(ModelFailed, match=told):
        wishes_of(**{**plain, **change})


def test_folders_that_are_no_export_are_told(tmp_path):
    """Neither kind, broken JSON, several graphs, weights beside the graph, metadata alone."""
    with pytest.raises(ModelFailed, match=r"holds neither plans.json"):
        bring(tmp_path, "toy", Wishes())
    folder = nnunet(tmp_path / "s", GRAPH)
    (folder / "fold_0.onnx.data").write_bytes(b"weights")
    with pytest.raises(ModelFailed, match=r"keeps its weights in fold_0.onnx.data"):
        bring(folder, "toy", Wishes(**WISH))
    (folder / "fold_1.onnx").write_bytes(GRAPH)
    with pytest.raises(ModelFailed, match=r"holds fold_0.onnx, fold_1.onnx; say with --graph"):
        bring(folder, "toy", Wishes(**WISH))
    (folder / "fold_0.onnx.data").unlink()
    (folder / "fold_1.onnx").write_bytes(b"")
    with pytest.raises(ModelFailed, match=r"fold_1.onnx: is no ONNX file"):
        bring(folder, "toy", Wishes(**WISH, graphs=FOLDS))
    (folder / "fold_1.onnx").write_bytes(b"\x00 no graph")
    with pytest.raises(ModelFailed, match=r"fold_1.onnx: is no ONNX file"):
        bring(folder, "toy", Wishes(**WISH, graphs=FOLDS))
    (folder / "fold_1.onnx").write_bytes(linear([[0.0], [1.0]], [0.6, 0.0], (8, 16, 16)))
    with pytest.raises(ModelFailed, match=r"takes float n x 1 x 8 x 16 x 16, while fold_0.onnx has"):
        bring(folder, "toy", Wishes(**WISH, graphs=FOLDS))
    (folder / "plans.json").write_text("{")
    with pytest.raises(ModelFailed, match=r"plans.json: is no JSON"):
        bring(folder, "toy", Wishes(**WISH))
    (bundle(tmp_path / "b", MONAI_GRAPH) / "configs" / "inference.json").unlink()
    with pytest.raises(ModelFailed, match=r"inference.json: is not there, and nothing else says"):
        bring(tmp_path / "b", "toy", Wishes())


def test_a_graph_that_answers_probabilities_is_not_activated_twice(tmp_path):
    """A softmax inside the graph, and one asked for by the files."""
    import numpy as np
    from onnx import helper

    from tests.support.graphs import build

    nodes = [helper.make_node("Conv", ["image", "w"], ["l"]), helper.make_node("Softmax", ["l"], ["out"], axis=1)]
    weights = {"w": np.array([-1, 1], np.float32).reshape(2, 1, 1, 1, 1)}
    graph = build(nodes, ["n", 1, 8, 16, 12], ["n", 2, 8, 16, 12], weights)
    with pytest.raises(ModelFailed, match="answers probabilities already"):
        bring(nnunet(tmp_path / "s", graph), "toy", Wishes(**WISH))


def test_the_results_folder_of_nnunet_names_the_configuration(tmp_path):
    """TRAINER__PLANS__CONFIGURATION; what a configuration inherits is read from its parent."""
    folder = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_big"
    plans = changed(PLANS, "configurations/3d_big", {"inherits_from": "3d_fullres", "patch_size": [16, 16, 16]})
    nnunet(folder, linear([[0.0], [1.0]], [1.0, -0.5], (16, 16, 16)), plans)
    brought = read_nnunet(folder, Wishes(orientation="SPL"))
    assert (brought.layout.window, brought.layout.spacing_mm) == ((16, 16, 16), (2.5, 1.5, 2.0))
    looped = changed(plans, "configurations/3d_fullres/inherits_from", "3d_big")
    with pytest.raises(ModelFailed, match="inherits from itself"):
        read_nnunet(nnunet(folder, GRAPH, looped), Wishes(orientation="SPL"))


def test_names_of_channels_are_known_by_their_letters():
    """Spelling and signs do not matter; what is unknown has no role."""
    names = ["T2-FLAIR", "flair", "T1Gd", "T1ce", "t1_post", "T1w", "T2", "CT", "something"]
    assert [role_of(n) for n in names] == ["flair", "flair", "t1c", "t1c", "t1c", "t1", "t2", "ct", ""]


def test_the_command_imports_and_verifies(tmp_path, capsys):
    """`radnode models import` writes a package that `radnode models verify NAME` finds whole; what is wrong is told."""
    from typer.testing import CliRunner

    from node.cli import app

    folder, out = nnunet(tmp_path / "s", GRAPH), tmp_path / "models" / "toy"
    asked = ["models", "import", str(folder), "--out", str(out), "--orientation", "SPL"]
    said = CliRunner().invoke(app, asked)
    assert "say with --configuration" in str(said.exception)
    assert not out.exists()
    said = CliRunner().invoke(app, [*asked, "--configuration", "3d_fullres"])
    assert said.exit_code == 0, said.output
    assert "Not validated here" in said.output
    assert CliRunner().invoke(app, ["models", "verify", str(out)]).exit_code == 0
    config = tmp_path / "config.toml"
    config.write_text(f'[node]\nmodels_dir = "{Path(out).parent}"\n')
    said = CliRunner().invoke(app, ["models", "verify", "toy", "--config", str(config)])
    assert (said.exit_code, said.output.split()[:2]) == (0, ["ok", "toy"])
    said = CliRunner().invoke(app, [*asked, "--id", "other"])
    assert "id is other, and the folder is called toy" in str(said.exception)
    said = CliRunner().invoke(app, [*asked, "--configuration", "3d_fullres"])
    assert "holds a model" in str(said.exception)


def test_an_import_that_does_not_verify_is_not_put_there(tmp_path, monkeypatch):
    """Neither a folder nor a part of one is left behind."""
    from typer.testing import CliRunner

    from node.cli import app

    def wrong(_):
        raise ModelFailed("answers otherwise", at="toy", do="report it")

    monkeypatch.setattr(Package, "verify", wrong)
    folder, models = nnunet(tmp_path / "s", GRAPH), tmp_path / "models"
    asked = ["models", "import", str(folder), "--out", str(models / "toy"), "--orientation", "SPL"]
    said = CliRunner().invoke(app, [*asked, "--configuration", "3d_fullres"])
    assert isinstance(said.exception, ModelFailed)
    assert list(models.iterdir()) == []
