"""Tiny segmentation graphs: real ONNX, whose answer is known from the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def bright(
    *, channels: int, rank: int = 4, above: float = 0.5, column: bool = False, raw: bool = False, **sizes: Any
) -> bytes:
    """
    A graph that takes for lesion what is brighter than a value in the middle channel.

    Args:
        channels: Neighbouring slices; 1 for patches.
        rank: 4 for slices, 5 for patches.
        above: The value, in the graph's numbers.
        column: Whether it sees only the left half of what it is shown.
        raw: Whether it answers two classes of logits instead of one of probabilities.
        sizes: "inner": fixed sizes of the spatial axes.
    """
    inner = sizes.get("inner", [f"d{i}" for i in range(rank - 2)])
    middle = [channels // 2, channels // 2 + 1]
    values = {
        "from": np.array(middle[:1]), "to": np.array(middle[1:]), "axis": np.array([1]),
        "above": np.array(above, np.float32), "steep": np.array(200, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["image", "from", "to", "axis"], ["middle"]),
        helper.make_node("Sub", ["middle", "above"], ["over"]),
        helper.make_node("Mul", ["over", "steep"], ["logit"]),
    ]
    seen = "logit"
    if column:
        size = inner[-1]
        values["half"] = np.where(np.arange(size) < size // 2, 0, -1e4).astype(np.float32)
        nodes.append(helper.make_node("Add", ["logit", "half"], ["seen"]))
        seen = "seen"
    if raw:
        nodes += [
            helper.make_node("Neg", [seen], ["other"]),
            helper.make_node("Concat", ["other", seen], ["out"], axis=1),
        ]
    else:
        nodes.append(helper.make_node("Sigmoid", [seen], ["out"]))
    return build(nodes, ["n", channels, *inner], ["n", 2 if raw else 1, *inner], values)


def build(nodes: list[Any], takes: list[Any], gives: list[Any], values: dict[str, Any]) -> bytes:
    """A checked model from `image` to `out`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, gives)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
