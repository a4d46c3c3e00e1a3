"""
A fitted model and its bootstrap ensemble as one ONNX graph, by the contract of node.inference.onnx.

skl2onnx converts one fitted scikit-learn estimator; here one graph holds the model, its ensemble, what a missing input
is drawn from, contributions and interval, which no estimator of scikit-learn is. So the nodes are written by hand, and
skl2onnx judges them: a test converts the same logistic regression by it and compares the probabilities.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from node.training.digits import beside, significant, unitless
from node.training.tabular import Array, Ensemble, Linear

OPSET, IR_VERSION = 17, 8
"""Old enough for every onnxruntime that the node allows (1.19 and newer)."""


def build(model: Linear, ensemble: Ensemble, *, level: float, name: str) -> bytes:
    """
    Write the graph.

    Missing inputs, clipping, standardising, the point model, its contributions (log-odds that each input adds to an
    average patient's) and the ensemble's percentile interval are all inside. For the estimate a missing input counts as
    the training mean; every member of the ensemble takes another value for it, so that the interval holds what the
    missing input may change. The interval is widened where it would not hold the estimate.

    Args:
        model: The point model over k inputs.
        ensemble: Its members.
        level: Nominal level of the interval.
        name: Name of the graph.

    Returns:
        The bytes of a .onnx file, the same for the same arguments.
    """
    without_unit = {
        "weights": model.weights, "bias": np.array([model.bias]),
        "ensemble_weights": ensemble.weights[None], "ensemble_biases": ensemble.biases,
        "draws": ensemble.draws[None], "zero": np.zeros(1), **_percentiles(len(ensemble.biases), level),
    }  # fmt: skip
    constants = _scaling(model) | {key: unitless(value) for key, value in without_unit.items()}
    initializers = [numpy_helper.from_array(_float32(value), key) for key, value in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([1], np.int64), "last_axis"),
        numpy_helper.from_array(np.array([2], np.int64), "inputs_axis"),
        numpy_helper.from_array(np.array([len(ensemble.biases)], np.int64), "replicates"),
        numpy_helper.from_array(model.log, "log_columns"),
    ]
    graph = helper.make_graph(
        _nodes(),
        name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(model.mean)])],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n"])
            for output in ("probability", "lower", "upper")
        ]
        + [helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["n", len(model.mean)])],
        initializers,
    )
    proto = helper.make_model(
        graph, producer_name="radnode", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(proto, full_check=True)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _nodes() -> list[onnx.NodeProto]:
    def node(op: str, inputs: str, output: str, **attributes: int) -> onnx.NodeProto:
        return helper.make_node(op, inputs.split(), output.split(), name=output.partition(" ")[0], **attributes)

    return [
        node("IsNaN", "features", "absent"),
        node("Where", "absent low features", "known"),
        node("Max", "known low", "above"),
        node("Min", "above high", "held"),
        node("Log", "held", "logarithm"),
        node("Where", "log_columns logarithm held", "taken"),
        node("Sub", "taken mean", "centred"),
        node("Div", "centred scale", "scaled"),
        node("Where", "absent zero scaled", "standardised"),
        node("Mul", "standardised weights", "contributions"),
        node("ReduceSum", "contributions last_axis", "added", keepdims=0),
        node("Add", "added bias", "log_odds"),
        node("Unsqueeze", "absent last_axis", "absent_for_all"),
        node("Unsqueeze", "standardised last_axis", "standardised_for_all"),
        node("Where", "absent_for_all draws standardised_for_all", "imputed"),
        node("Mul", "imputed ensemble_weights", "ensemble_parts"),
        node("ReduceSum", "ensemble_parts inputs_axis", "ensemble_added", keepdims=0),
        node("Add", "ensemble_added ensemble_biases", "ensemble_log_odds"),
        node("TopK", "ensemble_log_odds replicates", "sorted order", axis=1, largest=0),
        node("Mul", "sorted lower_shares", "lower_parts"),
        node("ReduceSum", "lower_parts last_axis", "lower_percentile", keepdims=0),
        node("Mul", "sorted upper_shares", "upper_parts"),
        node("ReduceSum", "upper_parts last_axis", "upper_percentile", keepdims=0),
        node("Min", "lower_percentile log_odds", "lower_log_odds"),
        node("Max", "upper_percentile log_odds", "upper_log_odds"),
        node("Sigmoid", "log_odds", "probability"),
        node("Sigmoid", "lower_log_odds", "lower"),
        node("Sigmoid", "upper_log_odds", "upper"),
    ]


def _percentiles(replicates: int, level: float) -> dict[str, Array]:
    """Weights of the sorted ensemble whose sum is a percentile, interpolated linearly between two neighbours."""
    shares = {}
    for name, q in (("lower_shares", (1 - level) / 2), ("upper_shares", (1 + level) / 2)):
        place = q * (replicates - 1)
        below = min(int(place), replicates - 2)
        share = np.zeros(replicates)
        share[below], share[below + 1] = 1 - (place - below), place - below
        shares[name] = share
    return shares


def _scaling(model: Linear) -> dict[str, Array]:
    """What has the unit of an input."""
    pairs = zip(model.mean, model.scale, strict=True)
    return {
        "mean": np.array([beside(mean, scale) for mean, scale in pairs]),
        **{key: np.array([*map(significant, getattr(model, key))]) for key in ("scale", "low", "high")},
    }


def _float32(value: Array) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold is found when the graph is checked
        return np.ascontiguousarray(value, dtype=np.float32)
