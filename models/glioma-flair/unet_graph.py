"""The ensemble as an ONNX graph, written node by node from the trained weights: no torch, the same bytes every time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import onnx
import onnx.utils
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
BLOCK = 2  #: as in `network`
EPSILON = 1e-5  #: of torch's batch normalisation
LARGEST = 127  #: of a weight as it is stored

Weights = Mapping[str, NDArray[np.float32]]


class Writer:
    """Nodes and weights of a graph; what is stored in fewer bits becomes float32 when the graph is loaded."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """One node with one output; its name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def kernel(self, values: NDArray[np.float32]) -> str:
        """The weights of a convolution, of eight bits and one scale for each channel that comes out; their name."""
        scale = np.maximum(np.abs(values).max(axis=(1, 2, 3), keepdims=True), np.finfo(np.float32).tiny) / LARGEST
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.round(values / scale).astype(np.int8), name))
        return self.add("Mul", self.add("Cast", name, to=TensorProto.FLOAT), self.constant(scale.astype(np.float32)))

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


def part(model: bytes, members: Collection[int]) -> bytes:
    """The same graph with some of its members only, and `probability` as its one output."""
    loaded = onnx.load_from_string(model)
    (told,) = (node for node in loaded.graph.node if "members" in node.output)
    (joined,) = (node for node in loaded.graph.node if told.input[0] in node.output)
    kept = [joined.input[member] for member in sorted(members)]
    del joined.input[:]
    joined.input.extend(kept)
    extracted = onnx.utils.Extractor(loaded).extract_model(["image"], ["probability"])
    return extracted.SerializeToString(deterministic=True)


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
    last = writer.add("Conv", x, writer.kernel(weights["out.weight"]), writer.constant(weights["out.bias"]))
    return writer.add("DepthToSpace", last, blocksize=BLOCK, mode="CRD")


def _block(writer: Writer, weights: Weights, at: str, *, x: str = "", regrouped: int = 0) -> str:
    x = x or writer.nodes[-1].output[0]
    for conv, norm in ((0, 1), (3, 4)):
        kernel, bias = _folded(weights, f"{at}.{conv}", f"{at}.{norm}")
        if regrouped and conv == 0:  # torch counts channel by channel, ONNX pixel by pixel of a block
            shape = (len(kernel), regrouped, BLOCK**2, *kernel.shape[2:])
            kernel = kernel.reshape(shape).swapaxes(1, 2).reshape(kernel.shape)
        x = writer.add("Conv", x, writer.kernel(kernel), writer.constant(bias), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        x = writer.add("Relu", x)
    return x


def _folded(weights: Weights, conv: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A convolution that does what it and the normalisation after it did."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    return weights[f"{conv}.weight"] * gain[:, None, None, None], (
        weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    )
