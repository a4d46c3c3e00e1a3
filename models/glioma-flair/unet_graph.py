"""The ensemble as an ONNX graph, written node by node from the trained weights: no torch, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
BLOCK = 2  #: as in `network`
EPSILON = 1e-5  #: of torch's batch normalisation

Weights = Mapping[str, NDArray[np.float32]]


class Writer:
    """Nodes and half-precision weights of a graph, which are cast to float32 when it is loaded."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """One node with one output; its name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def half(self, values: NDArray[np.float32]) -> str:
        """A weight; the name of its float32 form."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(np.float16), name))
        return self.add("Cast", name, to=TensorProto.FLOAT)

    def constant(self, values: NDArray[np.float32]) -> str:
        """A float32 constant."""
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name


def graph(members: Sequence[Weights], *, channels: int, name: str) -> bytes:
    """
    A graph from `image` (n, channels, rows, columns) to `probability` (n, 1, …) and `members` (n, members, …).

    Args:
        members: State of each `network.UNet`.
        channels: Neighbouring slices.
        name: Of the graph.
    """
    writer = Writer()
    single = [writer.add("Sigmoid", _member(writer, weights, channels)) for weights in members]
    each = writer.add("Concat", *single, axis=1)
    writer.nodes.append(helper.make_node("Identity", [each], ["members"]))
    writer.nodes.append(helper.make_node("ReduceMean", [each], ["probability"], axes=[1], keepdims=1))
    size = ["n", "rows", "columns"]
    outputs = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, [size[0], count, *size[1:]])
        for output, count in (("probability", 1), ("members", len(members)))
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [size[0], channels, *size[1:]])
    built = helper.make_graph(writer.nodes, name, [image], outputs, writer.weights)
    model = helper.make_model(
        built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="radnode"
    )
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def only(model: bytes, output: str) -> bytes:
    """The same graph with one of its outputs."""
    loaded = onnx.load_from_string(model)
    kept = [each for each in loaded.graph.output if each.name == output]
    del loaded.graph.output[:]
    loaded.graph.output.extend(kept)
    return loaded.SerializeToString(deterministic=True)


def _member(writer: Writer, weights: Weights, channels: int) -> str:
    """One U-Net; the name of its logits."""
    levels = len({key.split(".")[1] for key in weights if key.startswith("down.")})
    x, passed = writer.add("SpaceToDepth", "image", blocksize=BLOCK), []
    for level in range(levels):
        if level:
            x = writer.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = _block(writer, weights, f"down.{level}", regrouped=0 if level else channels)
        passed.append(x)
    for level in reversed(range(levels - 1)):
        scales = writer.constant(np.array([1, 1, 2, 2], np.float32))
        attributes = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        wider = writer.add("Resize", x, "", scales, **attributes)
        x = writer.add("Concat", wider, passed[level], axis=1)
        x = _block(writer, weights, f"up.{level}", x=x)
    last = writer.add("Conv", x, writer.half(weights["out.weight"]), writer.half(weights["out.bias"]))
    return writer.add("DepthToSpace", last, blocksize=BLOCK, mode="CRD")


def _block(writer: Writer, weights: Weights, at: str, *, x: str = "", regrouped: int = 0) -> str:
    x = x or writer.nodes[-1].output[0]
    for conv, norm in ((0, 1), (3, 4)):
        kernel, bias = _folded(weights, f"{at}.{conv}", f"{at}.{norm}")
        if regrouped and conv == 0:  # torch counts channel by channel, ONNX pixel by pixel of a block
            shape = (len(kernel), regrouped, BLOCK**2, *kernel.shape[2:])
            kernel = kernel.reshape(shape).swapaxes(1, 2).reshape(kernel.shape)
        x = writer.add("Conv", x, writer.half(kernel), writer.half(bias), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        x = writer.add("Relu", x)
    return x


def _folded(weights: Weights, conv: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A convolution that does what it and the normalisation after it did."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    return weights[f"{conv}.weight"] * gain[:, None, None, None], (
        weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    )
