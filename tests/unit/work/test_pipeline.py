"""The straight line hands every model the features that it was trained on."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from node.domain.facts import ModelFacts
from node.domain.findings import Estimate
from node.domain.order import Extraction
from node.inference.inputs import ModelInput
from node.inference.manifest import Declared
from node.work.pipeline import Asked, Parts, examine
from tests.golden.situations import THIGH, Bench, manifest, source
from tests.support.findings import EGFR

FEATURE = "original_shape_MeshVolume"
COARSE, PLAIN = Extraction(spacing_mm=3.0), Extraction()


@dataclass
class Hearing:
    """A classifier that keeps what it is given."""

    facts: ModelFacts = EGFR
    inputs: tuple[str, ...] = ("size",)
    heard: list[float] = field(default_factory=list)

    def __call__(self, inputs, /):
        self.heard.append(inputs["size"])
        return Estimate(probability=0.5, lower=0.1, upper=0.9, contributions={})


def heard(folder, pipeline, own):
    """What a model with its own extraction is given in a pipeline, and what is written as the lesion's feature."""
    bench, model = Bench(folder), Hearing()
    series = bench.thigh()
    rules = replace(THIGH, extraction=pipeline, models=(EGFR.id,), features=True)
    order = bench.order(series, source("rtstruct", bench.boxed(series)), pipeline=rules)
    reads = (ModelInput(name="size", source=f"feature:{FEATURE}"),)
    asked = Asked(model, replace(manifest(EGFR, Declared()), inputs=reads, extraction=own))
    found, _ = examine(order, Parts(drawers={}, classifiers={EGFR.id: asked}, unusable={}, root=Path("/")))
    return model.heard[0], found.lesions[0].measurements.features[FEATURE]


@pytest.mark.parametrize("own", [PLAIN, COARSE])
def test_a_model_s_own_extraction_goes_before_the_pipeline_s(tmp_path, own):
    """Also where it is the default; the lesion itself is measured as the pipeline says."""
    other = COARSE if own == PLAIN else PLAIN
    given, written = heard(tmp_path, other, own)
    assert given != pytest.approx(written, rel=0.001)
    assert heard(tmp_path, own, own) == (given, given)
