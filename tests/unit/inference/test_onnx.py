"""The ONNX contract, against real graphs: one that keeps it and several that break it."""

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from node.domain.facts import ModelFacts
from node.errors import ModelFailed
from node.inference.inputs import ModelInput
from node.inference.onnx import OUTPUTS, OnnxClassifier

FACTS = ModelFacts(id="test", version="1.0.0", kind="classifier", digest="", manufacturer="", name="")
INPUTS = (ModelInput(name="age", source="clinical:age"), ModelInput(name="female", source="clinical:sex"))


def constant(*, probability=0.3, lower=0.2, upper=0.4, contributions=(0.1, 0.2), outputs=OUTPUTS, k=2, cast=1):
    """A graph that gives every patient the same answer."""
    values = {
        "probability": np.array([probability], np.float32),
        "lower": np.array([lower], np.float32),
        "upper": np.array([upper], np.float32),
        "contributions": np.array([contributions], np.float32),
    }
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT if cast else TensorProto.DOUBLE, ["n", k])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, values[n].shape) for n in outputs],
        [numpy_helper.from_array(values[n], f"{n}_value") for n in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def ask(graph, **inputs):
    return OnnxClassifier(FACTS, INPUTS, graph)(inputs)


def test_an_answer_that_keeps_the_contract_is_passed_on():
    """Three numbers and one contribution per input, by name."""
    answer = ask(constant(), age=60.0)
    assert (answer.probability, answer.lower, answer.upper) == pytest.approx((0.3, 0.2, 0.4))
    assert answer.contributions == pytest.approx({"age": 0.1, "female": 0.2})


@pytest.mark.parametrize(
    "broken",
    [
        {"probability": math.nan},
        {"upper": math.inf},
        {"probability": 1.2, "upper": 1.3},
        {"lower": -0.1},
        {"lower": 0.35},
        {"upper": 0.25},
        {"contributions": (0.1, math.nan)},
        {"contributions": (0.1,)},
        {"contributions": (0.1, 0.2, 0.3)},
    ],
)
def test_an_answer_that_cannot_be_true_stops_the_model(broken):
    """No number, none between 0 and 1, outside its own interval, or without its contributions."""
    with pytest.raises(ModelFailed, match=r"test 1\.0\.0: answered"):
        ask(constant(**broken))


@pytest.mark.parametrize("broken", [{"outputs": OUTPUTS[:3]}, {"k": 3}, {"cast": 0}])
def test_a_graph_with_another_signature_is_not_opened(broken):
    """Inputs and outputs are checked before the first patient."""
    with pytest.raises(ModelFailed, match=r"has no output contributions|takes"):
        OnnxClassifier(FACTS, INPUTS, constant(**broken))


@pytest.mark.parametrize("graph", [b"", b"no graph at all"])
def test_bytes_that_are_no_graph_are_an_error_of_the_tree(graph):
    """The exceptions of onnxruntime do not get out."""
    with pytest.raises(ModelFailed, match="cannot be loaded"):
        OnnxClassifier(FACTS, INPUTS, graph)


def test_a_graph_that_fails_while_running_is_an_error_of_the_tree():
    """A failure inside the graph (here: shapes that cannot be added) is a ModelFailed."""
    nodes = [helper.make_node("Add", ["features", "three"], ["contributions"])]
    nodes += [helper.make_node("Identity", ["one"], [name]) for name in OUTPUTS[:3]]
    graph = helper.make_graph(
        nodes,
        "failing",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in OUTPUTS],
        [
            numpy_helper.from_array(np.zeros((3, 1, 1), np.float32), "one"),
            numpy_helper.from_array(np.zeros((4, 5, 2), np.float32), "three"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelFailed, match=r"test 1\.0\.0"):
        ask(model.SerializeToString())


def test_an_unknown_input_is_refused():
    """A misspelt input is not silently missing."""
    with pytest.raises(ModelFailed, match="knows no input agee"):
        ask(constant(), agee=60.0)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_answer_does_not_depend_on_threads(threads):
    """The same bits on one, two and four threads."""
    from node.inference.package import load_package, shipped_models

    package = load_package(shipped_models() / "lung-egfr")
    given = {"age": 60.0, "female": 1.0, "pack_years": 20.0}
    assert package.open(threads=threads)(given) == package.open(threads=1)(given)
