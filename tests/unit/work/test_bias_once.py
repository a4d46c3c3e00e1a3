"""The bias field belongs to the image: one job takes it off once, and every number comes out as if it had not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from node.dicom.header import read_instance
from node.domain.facts import ModelFacts
from node.domain.findings import Estimate
from node.domain.order import Extraction, Input, LesionRules, LesionSource, ModelPin
from node.domain.rules import Role
from node.imaging.bias import n4
from node.imaging.redraw import redrawn
from node.inference.inputs import ModelInput
from node.inference.manifest import Manifest
from node.stages.measure import measure
from node.work.pipeline import Asked, Parts, examine
from tests.support.results import order_of
from tests.support.segmentations import ball, segmentation
from tests.support.series import MR, image_series, save

SHAPE = (16, 48, 48)
BALLS = {"Tumour 1": (8, 14, 14), "Tumour 2": (8, 32, 14), "Tumour 3": (8, 24, 34)}
MEAN = "original_firstorder_Mean"
OWN, OTHER = (Extraction(spacing_mm=mm, bias_correction="n4") for mm in (None, 1.0))


class Counting:
    """N4 that counts how often it runs."""

    def __init__(self):
        self.runs = 0

    def __call__(self, volume):
        self.runs += 1
        return n4(volume)


class Listening:
    """A classifier that keeps what it was told."""

    inputs = ("mean",)

    def __init__(self, name):
        self.facts = ModelFacts(
            id=name, version="1.0.0", kind="classifier", digest="", manufacturer="", name=name, prevalence=0.5
        )
        self.heard = []

    def __call__(self, inputs):
        self.heard.append(inputs["mean"])
        return Estimate(probability=0.5, lower=0.4, upper=0.6, contributions={})


def asked(model, extraction):
    """Its package: one feature, computed so."""
    return Asked(
        model,
        Manifest(
            id=model.facts.id, version="1.0.0", name=model.facts.name, manufacturer="", kind="classifier",
            engine="onnx", intended_use="None.", files={}, extraction=extraction,
            inputs=(ModelInput(name="mean", source=f"feature:{MEAN}", range=(-1e6, 1e6), unit="1"),),
        ),
    )  # fmt: skip


def read(path):
    """One instance as an order names it."""
    found = read_instance(path)
    return Input(
        sop_uid=found.sop_uid, sop_class=found.sop_class, series_uid=found.series_uid, study_uid=found.study_uid,
        digest=found.digest, content=found.digest, path=str(path),
    )  # fmt: skip


@pytest.fixture
def order(tmp_path):
    """Three balls in tissue under a smooth field; the pipeline and one of two models have extractions of their own."""
    rng = np.random.default_rng(0)
    tissue = 300 + 40 * ndimage.gaussian_filter(rng.normal(size=SHAPE), 2)
    masks = [ball(SHAPE, centre, 6) for centre in BALLS.values()]
    voxels = np.where(np.any(masks, axis=0), 1.5, 1.0) * tissue * np.exp(np.linspace(-0.5, 0.5, SHAPE[2]))
    series = image_series(voxels, sop_class=MR, spacing=(2.0, 1.0, 1.0))
    paths = save(series, tmp_path / "images")
    seg = segmentation(tmp_path / "seg.dcm", series, np.stack(masks, -1), [{"label": name} for name in BALLS])
    plain = order_of()
    pipeline = replace(
        plain.pipeline, roles={"mr": Role(modality="MR")}, lesion=LesionRules(sources=("seg",)), extraction=OWN,
        models=("own", "other"), finding_site=None,
    )  # fmt: skip
    return replace(
        plain, pipeline=pipeline, study_uid=str(series[0].StudyInstanceUID),
        roles={"mr": tuple(sorted((read(path) for path in paths), key=lambda each: each.sop_uid))},
        lesion=(LesionSource(kind="seg", inputs=(read(seg),)),),
        models={name: ModelPin(version="1.0.0", digest="") for name in ("own", "other")},
    )  # fmt: skip


def test_a_job_takes_the_bias_field_off_once(order, tmp_path):
    """Three lesions, two extractions, four redrawn contours each: N4 runs once, and not a bit is another."""
    extractions = {"own": OWN, "other": OTHER}
    models, correct = {name: Listening(name) for name in extractions}, Counting()
    panel = {name: asked(model, extractions[name]) for name, model in models.items()}

    findings, loaded = examine(order, Parts({}, panel, {}, tmp_path), correct=correct)

    assert correct.runs == 1
    assert [p.state for lesion in findings.lesions for p in lesion.predictions] == ["predicted"] * 6
    masks = [lesion.contour.mask for lesion in findings.lesions]
    again = [each.mask for mask in masks for each in redrawn(mask, loaded.volume.geometry.spacing)]
    fresh = replace(loaded.volume, voxels=n4(loaded.volume))
    for name, model in models.items():
        assert model.heard == [mean(fresh, mask, extractions[name]) for mask in (*masks, *again)]
    alone = measure(loaded.volume, masks[-1], OWN, features=True)
    assert findings.lesions[-1].measurements.features == alone.features


def mean(corrected, mask, extraction):
    """What a model is told of a contour on an image whose field was taken off before."""
    plain = replace(extraction, bias_correction="")
    return measure(corrected, mask, plain, features=True, classes=("firstorder",)).features[MEAN]
