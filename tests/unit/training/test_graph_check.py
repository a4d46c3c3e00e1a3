"""What was fitted is what the graph computes, whatever unit an input has; where it cannot, nothing is published."""

import json
from dataclasses import replace

import numpy as np
import pytest

from node.errors import ModelFailed
from node.inference.applicability import applies, parse
from node.inference.inputs import ModelInput
from node.training import graph_check
from node.training.command import train
from node.training.distance import applicability
from node.training.graph import build
from node.training.tabular import ensemble, fit
from tests.support.tables import HEAD, rows, write_spec, write_table
from tests.unit.training.test_tabular import QUICK as SMALL
from tests.unit.training.test_tabular import table

QUICK = replace(SMALL, mixes=(0.0,), repeats=1, replicates=20)


def scaled(factor):
    """A table in which every input has another unit."""
    data = table(120)
    return replace(data, features=data.features * factor)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1.0, 1e9])
def test_the_unit_of_an_input_does_not_matter(factor):
    """Coarseness is about 3e-6, a volume in mm³ a million: the graph answers the same, and nobody is refused."""
    data = scaled(factor)
    model = fit(data, QUICK)
    graph_check.check(build(model, ensemble(data, model, QUICK), level=0.95, name="toy"), model, data, at="toy")
    inputs = [ModelInput(name=name, source=f"clinical:{name}") for name in data.names]
    content, _ = applicability(data, inputs)
    graph_check.check_limits(content, data, at="toy")
    plain = parse(applicability(scaled(1.0), inputs)[0], at="toy")
    for row in data.features:
        known = {n: float(v) for n, v in zip(data.names, row, strict=True) if not np.isnan(v)}
        same = {name: value / factor for name, value in known.items()}
        assert applies(parse(content, at="toy"), known).outcome == applies(plain, same).outcome


@pytest.mark.parametrize("factor", [1e39, 1e-60])
def test_a_graph_that_answers_no_number_is_not_published(factor):
    """Beyond float32 at either end: how many patients, and which inputs."""
    data = scaled(factor)
    model = fit(data, QUICK)
    graph = build(model, ensemble(data, model, QUICK), level=0.95, name="toy")
    with pytest.raises(ModelFailed, match=r"answers no number for \d+ of the 120 training patients, because of "):
        graph_check.check(graph, model, data, at="toy")


def test_a_graph_that_answers_otherwise_is_not_published():
    """An input that varies in its ninth digit only is a constant in float32."""
    data = table(120)
    shifted = data.features.copy()
    shifted[:, 0] = 1e9 + shifted[:, 0]
    data = replace(data, features=shifted)
    model = fit(data, QUICK)
    graph = build(model, ensemble(data, model, QUICK), level=0.95, name="toy")
    with pytest.raises(ModelFailed, match=f"differ from the fitted model's by up to .*, because of {data.names[0]}"):
        graph_check.check(graph, model, data, at="toy")


def test_limits_that_refuse_their_own_patients_are_not_published():
    """Something is wrong with limits that were set by patients whom they do not hold."""
    data = table(120)
    inputs = [ModelInput(name=name, source=f"clinical:{name}") for name in data.names]
    fence = json.loads(applicability(data, inputs)[0])
    for item in fence["inputs"]:
        item["scale"] /= 1e3
    with pytest.raises(ModelFailed, match=r"its own limits would refuse \d+ of the 120 training patients"):
        graph_check.check_limits(json.dumps(fence).encode(), data, at="toy")


def test_training_checks_the_graph(tmp_path):
    """The very command refuses, before it spends minutes on cross-validation."""
    small = [{**row, "long_axis_mm": f"{row['age']}e-60"} for row in rows()]
    inputs = [*HEAD["inputs"], {"name": "long_axis_mm", "source": "measure:long_axis_mm"}]
    told = []
    with pytest.raises(
        ModelFailed, match="answers no number for 120 of the 120 training patients, because of long_axis_mm"
    ):
        train(
            write_table(tmp_path / "t.csv", small), write_spec(tmp_path / "s.toml", inputs=inputs), progress=told.append
        )
    assert not any("cross-validation" in line for line in told)
