"""A lesion drawn again, measured again, and asked about again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from node.domain.clinical import Clinical, Value
from node.domain.evidence import evidence
from node.domain.facts import ModelFacts
from node.domain.findings import Estimate, Fitness, Measurements, Prediction
from node.domain.order import Extraction
from node.imaging.bias import n4
from node.inference.inputs import ModelInput, Needs
from node.inference.package import load_package, shipped_models
from node.stages.measure import measure
from node.stages.predict import predict
from node.work.redraw import CODE, Answer, hold
from tests.support.volumes import ball, geometry_of, volume_of

PLAIN, UNKNOWN = Extraction(), Clinical()
SPACING = (2.0, 1.0, 1.0)
GEOMETRY = geometry_of((24, 60, 60), SPACING)
MASK = ball(GEOMETRY, GEOMETRY.point(np.array([12.0, 30.0, 30.0])), 14.0)
VOLUME = volume_of(100 + 300 * MASK + np.random.default_rng(0).normal(0, 20, MASK.shape), GEOMETRY)
FACTS = ModelFacts(id="size", version="1.0.0", kind="classifier", digest="", manufacturer="", name="", prevalence=0.5)
NEEDS = Needs(inputs=(ModelInput(name="ml", source="measure:volume_ml", unit="mL"),))


class Sizing:
    """A classifier whose answer rises with the volume, within an interval of its own width."""

    def __init__(self, width, first="ml"):
        self.facts, self.inputs, self.heard, self.width = FACTS, (first,), [], width

    def __call__(self, inputs):
        self.heard.append(dict(inputs))
        p = float(np.clip(inputs[self.inputs[0]] / 20, 0.01, 0.99))
        return Estimate(probability=p, lower=max(0.0, p - self.width), upper=min(1.0, p + self.width), contributions={})


def answer(classifier, needs=NEEDS, *, extraction=PLAIN, clinical=UNKNOWN, prevalence=None):
    """What the line hands over."""
    names = [item for item in needs.inputs if item.source.startswith("feature:")]
    size = measure(VOLUME, MASK, extraction, features=bool(names))
    ask = partial(predict, classifier, needs, fitness=Fitness(outcome="in_domain"), clinical=clinical,
                  prevalence=prevalence)  # fmt: skip
    return Answer(
        prediction=ask(measurements=size), needs=needs, extraction=extraction, ask=lambda m: ask(measurements=m)
    )


def test_an_answer_that_outlasts_redrawing_is_told_its_range():
    """Four contours; one voxel around a ball of 14 mm changes its volume by a fifth."""
    [prediction] = hold([answer(Sizing(0.3))], VOLUME, MASK, n4)
    found = prediction.stability
    assert found is not None
    assert (found.contours, found.unanswered, found.unstable) == (4, 0, False)
    assert found.lower < prediction.estimate.probability < found.upper
    assert prediction.state == "predicted"


def test_an_answer_that_leaves_its_interval_is_borderline():
    """With a code of its own; the estimate stands as it was."""
    before = answer(Sizing(0.02))
    [prediction] = hold([before], VOLUME, MASK, n4)
    assert prediction.stability.unstable
    assert (prediction.state, prediction.reason_code) == ("borderline", CODE)
    assert prediction.estimate == before.prediction.estimate


def test_a_flag_that_was_there_before_keeps_its_code():
    """The reasons are told one after the other."""
    first = answer(Sizing(0.02))
    flagged = replace(first.prediction, state="borderline", reason_code="borderline_domain", reason="too old")
    [prediction] = hold([replace(first, prediction=flagged)], VOLUME, MASK, n4)
    assert prediction.reason_code == "borderline_domain"
    assert prediction.reason == "too old; the answer depends on how the lesion is drawn"


def test_redrawn_answers_hold_for_the_prevalence_of_the_site():
    """They are re-based as the answer is, else every one would leave its interval."""
    [prediction] = hold([answer(Sizing(0.25), prevalence=0.05)], VOLUME, MASK, n4)
    assert prediction.stability.lower < prediction.estimate.probability < prediction.stability.upper


def test_a_model_without_inputs_of_the_image_is_asked_once():
    """Age does not depend on the contour."""
    model = Sizing(0.3, "age")
    needs = Needs(inputs=(ModelInput(name="age", source="clinical:age", unit="a"), *NEEDS.inputs[:0]))
    clinical = Clinical({"age": Value(9.0, "clinical file, line 2")})
    [prediction] = hold([answer(model, needs, clinical=clinical)], VOLUME, MASK, n4)
    assert len(model.heard) == 1
    assert prediction.stability is None


def test_a_model_that_gave_no_answer_is_not_asked_again():
    """Whatever the reason was."""
    withheld = Prediction(model=FACTS, state="not_evaluated", reason_code="input_missing", reason="no age")
    assert hold([Answer(prediction=withheld)], VOLUME, MASK, n4) == (withheld,)


def test_a_lesion_of_which_nothing_is_left_is_counted():
    """Two voxels side by side have no smaller contour."""
    mask = np.zeros_like(MASK)
    mask[12, 30, 30:32] = True
    [prediction] = hold([answer(Sizing(0.9))], VOLUME, mask, n4)
    assert (prediction.stability.contours, prediction.stability.unanswered) == (3, 1)


def test_of_the_features_only_the_classes_that_are_asked_for_are_computed():
    """Shape for shape; nothing of texture or of filters, which would cost seconds."""
    needs = Needs(inputs=(ModelInput(name="round", source="feature:original_shape_Sphericity"),))
    extraction = Extraction(filters=("wavelet",))
    heard: list[Measurements] = []
    first = answer(Sizing(0.9, "round"), needs)

    def listening(measurements):
        heard.append(measurements)
        return first.ask(measurements)

    hold([replace(first, extraction=extraction, ask=listening)], VOLUME, MASK, n4)
    assert len(heard) == 4
    assert {name.rsplit("_", 1)[0] for name in heard[0].features} == {"original_shape"}


def test_each_model_is_given_features_computed_as_its_own():
    """Two extractions, two sets of measurements; a model keeps to its own."""
    needs = Needs(inputs=(ModelInput(name="mean", source="feature:original_firstorder_Mean"),))
    plain, scaled = (
        answer(Sizing(0.9, "mean"), needs, extraction=Extraction(normalise=scaled)) for scaled in (False, True)
    )
    heard: dict[str, list[float]] = {"plain": [], "scaled": []}

    def listening(name, first):
        def ask(measurements):
            heard[name].append(measurements.features["original_firstorder_Mean"])
            return first.ask(measurements)

        return replace(first, ask=ask)

    hold([listening("plain", plain), listening("scaled", scaled)], VOLUME, MASK, n4)
    assert min(heard["plain"]) > 200
    assert max(heard["scaled"]) < 10


def test_the_shipped_glioma_model_is_held_to_its_contour():
    """Shape, skewness and kurtosis of T1c under N4, from pixels to the sentence; the whole in seconds."""
    package = load_package(shipped_models() / "glioma-idh")
    clinical = Clinical({"age": Value(45.0, "clinical file, line 2")})
    first = answer(package.open(), package.manifest.needs, extraction=package.manifest.extraction, clinical=clinical)
    assert first.prediction.state == "predicted", first.prediction.reason
    [prediction] = hold([first], VOLUME, MASK, cache(n4))
    assert prediction.stability.contours == 4
    assert any("when the contour is redrawn 1 mm" in said.lower() for said in evidence(prediction))


@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_the_bias_field_is_corrected_in_mr_only(modality):
    """As `measure` does it: the same number comes out for the same mask."""
    extraction = Extraction(bias_correction="n4")
    volume = replace(VOLUME, modality=modality)
    needs = Needs(inputs=(ModelInput(name="mean", source="feature:original_firstorder_Mean"),))
    heard = []

    def ask(measurements):
        heard.append(measurements.features["original_firstorder_Mean"])
        return first.ask(measurements)

    first = answer(Sizing(0.9, "mean"), needs)
    hold([replace(first, extraction=extraction, ask=ask)], volume, MASK, n4)
    shifted = np.roll(MASK, (1, 1), (1, 2))
    expected = measure(volume, shifted, extraction, features=True, classes=("firstorder",))
    assert heard[2] == pytest.approx(expected.features["original_firstorder_Mean"])


def test_a_bias_field_that_cannot_be_fitted_costs_no_answer():
    """A model that also weighs a feature answers without it, and is held to its contour all the same."""
    needs = Needs(
        inputs=(*NEEDS.inputs, ModelInput(name="mean", source="feature:original_firstorder_Mean")),
    )
    first = replace(answer(Sizing(0.3), needs), extraction=Extraction(bias_correction="n4"))
    blank = replace(VOLUME, voxels=np.ones_like(VOLUME.voxels))
    [prediction] = hold([first], blank, MASK, n4)
    assert (prediction.stability.contours, prediction.stability.unanswered) == (4, 0)
