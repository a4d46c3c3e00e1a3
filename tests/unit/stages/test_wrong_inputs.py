"""What a model must not be asked about, by the shipped glioma model: every wrong input is refused and named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from node.domain.clinical import Clinical, Value
from node.domain.findings import Axis, Measurements
from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from node.inference.knowledge import knowledge
from node.inference.package import load_package, shipped_models
from node.stages.judge import judge
from node.stages.predict import predict

AXIS = Axis(length_mm=60, start=(0, 0, 0), end=(60, 0, 0))


@pytest.fixture(scope="module")
def glioma():
    package = load_package(shipped_models() / "glioma-idh")
    cases = json.loads(package.read("golden.json"))["cases"]
    typical = next(case for case in cases if case["name"] == "medians of the mutated patients")["inputs"]
    features = {i.quantity: typical[i.name] for i in package.manifest.inputs if i.source.startswith("feature:")}
    return package, package.open(), knowledge(package), features


def volume(spacing=(1.2, 1.0, 1.0), **changes):
    geometry = Geometry(np.diag([*spacing, 1.0]), (2, 3, 3))
    slices = tuple(Slice(sop_class="1", sop_uid=f"1.{n}", frame=None, path=None) for n in range(2))
    plain = Volume(
        voxels=np.zeros((2, 3, 3), np.float32), geometry=geometry, modality="MR", unit="1", study_uid="1",
        series_uid="2", frame_uid="3", slices=slices, body_part="BRAIN", contrast=True, weighting="t1",
        sequence="GR+IR",
    )  # fmt: skip
    return replace(plain, **changes)


def asked(glioma, *, image=None, age=37.0, volume_ml=80.0, **changed):
    package, classifier, known, typical = glioma
    image = image or volume()
    changed = {f"original_{name}": value for name, value in changed.items()}
    size = Measurements(
        volume_ml=volume_ml, long_axis=AXIS, short_axis=AXIS, diameter_3d_mm=70, key_slice=0,
        features={**typical, **changed} if changed != {"original_nothing": 0} else {},
    )  # fmt: skip
    clinical = Clinical({"age": Value(age, "header")} if age else {})
    fitness = judge(package.manifest.declared, image, size, clinical, in_lung=None)
    needs = package.manifest.needs
    return predict(
        classifier, needs, fitness=fitness, clinical=clinical, measurements=size, prevalence=None, knowledge=known
    )


def test_a_typical_glioma_is_answered(glioma):
    """So that what follows is refused for its own reason."""
    answered = asked(glioma)
    assert answered.state == "predicted"
    assert answered.estimate.lower > 0.5


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"image": volume(modality="CT")}, "the modality is CT, not MR"),
        ({"image": volume(body_part="KNEE")}, "Body Part Examined is KNEE"),
        ({"image": volume(body_part="PELVIS")}, "Body Part Examined is PELVIS"),
        ({"image": volume(sequence="IR+SE")}, "the MR sequence is of the family IR+SE"),
        ({"image": volume(sequence="EP")}, "the MR sequence is of the family EP"),
        ({"image": volume(contrast=False)}, "without contrast agent"),
        ({"image": volume(spacing=(6.0, 1.0, 1.0))}, "distance between slices is 6 mm"),
        ({"image": volume(spacing=(1.2, 2.0, 2.0))}, "pixel spacing is 2 mm"),
        ({"age": 8.0}, "age is 8 years, outside what the model was made for"),
        ({"age": None}, "the model cannot answer without age"),
        ({"volume_ml": 0.2}, "lesion volume is 0.2 mL"),
        ({"volume_ml": 900.0}, "lesion volume is 900 mL"),
        ({"nothing": 0}, "the model cannot answer without"),
        ({"shape_Sphericity": 0.999, "shape_SurfaceVolumeRatio": 0.06}, "shape Sphericity is 0.999"),  # a phantom
        ({"shape_Flatness": 0.02, "shape_LeastAxisLength": 2.0}, "shape LeastAxisLength is 2"),  # a sheet: dura, skull
        ({"firstorder_Kurtosis": 2000.0, "firstorder_Skewness": 30.0}, "firstorder Skewness is 30"),  # spikes of noise
        ({"shape_MeshVolume": 80.0}, "shape MeshVolume is 80"),  # units mixed up
        ({"shape_MajorAxisLength": 30.0, "shape_Maximum3DDiameter": 170.0}, "unlike the training patients"),
    ],
)
def test_wrong_inputs_are_refused_by_name(glioma, wrong, why):
    """Other organs, sequences, patients, phantoms, noise, mixed units: no number, and the reason in plain words."""
    refused = asked(glioma, **wrong)
    assert refused.state == "not_evaluated"
    assert refused.estimate is None
    assert why in refused.reason


def test_what_is_uncertain_is_flagged(glioma):
    """Contrast that is not stated, slices thicker than those of the training: a number, and a warning."""
    assert asked(glioma, image=volume(contrast=None)).state == "borderline"
    assert asked(glioma, image=volume(spacing=(2.5, 1.0, 1.0))).state == "borderline"
    thick = asked(glioma, image=volume(slice_thickness_mm=2.5))
    assert (thick.state, thick.reason_code) == ("borderline", "borderline_domain")
