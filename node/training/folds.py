"""Several networks as one graph that answers their mean, as nnU-Net averages its folds before it decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import compose, helper

from node.training.foreign import refused

AT_MOST = 2**31 - 1  #: bytes of one ONNX file
TAKEN, GIVEN = "image", "answer"  #: names of the graph that is made; what is inside has a number and a slash


def averaged(paths: Sequence[Path]) -> bytes:
    """
    One graph of several that take and answer the same; weights that lie beside them are put inside.

    Args:
        paths: ONNX files of one input each; their first outputs are averaged.

    Raises:
        ModelFailed: One cannot be read or is none, they differ in what they take, answer or are written for, or they
            are too large for one file.
    """
    models = [_read(path) for path in paths]
    first, *others = [_looks(model) for model in models]
    for path, looks in zip(paths[1:], others, strict=True):
        for what, wanted in first.items():
            if looks[what] != wanted:
                found = f"{what} {looks[what]}, while {paths[0].name} has {wanted}"
                raise refused(found, at=str(path), do="export all folds alike")
    if sum(model.ByteSize() for model in models) > AT_MOST:
        raise refused("are above 2 GiB together", at=str(paths[0].parent), do="name fewer with --graph")
    return bytes(_joined(models).SerializeToString(deterministic=True))


def _joined(models: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    first = models[0]
    taken, given = onnx.ValueInfoProto(), onnx.ValueInfoProto()
    taken.CopyFrom(first.graph.input[0])
    given.CopyFrom(first.graph.output[0])
    taken.name, given.name = TAKEN, GIVEN
    parts = [compose.add_prefix(model, f"{number}/") for number, model in enumerate(models)]
    nodes = [helper.make_node("Identity", [TAKEN], [part.graph.input[0].name]) for part in parts]
    nodes += [node for part in parts for node in part.graph.node]
    nodes.append(helper.make_node("Mean", [part.graph.output[0].name for part in parts], [GIVEN]))
    graph = helper.make_graph(nodes, "folds", [taken], [given])
    for part in parts:
        graph.initializer.extend(part.graph.initializer)
        graph.sparse_initializer.extend(part.graph.sparse_initializer)
    newest = max(model.ir_version for model in models)
    whole = helper.make_model(graph, opset_imports=first.opset_import, ir_version=max(4, newest))
    whole.functions.extend(each for part in parts for each in part.functions)
    return whole


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
    except OSError as error:
        raise refused(f"cannot be read ({error.strerror})", at=str(path)) from error
    except DecodeError as error:
        raise refused("is no ONNX file", at=str(path)) from error
    except onnx.checker.ValidationError as error:
        raise refused(f"lacks weights that lie in another file ({error})", at=str(path)) from error
    held = {each.name for each in model.graph.initializer}
    taken = [each for each in model.graph.input if each.name not in held]
    if not model.graph.node:
        raise refused("is no ONNX file", at=str(path))
    if len(taken) != 1 or not model.graph.output:
        raise refused(f"takes {len(taken)} inputs and gives {len(model.graph.output)} outputs", at=str(path))
    del model.graph.input[:]
    model.graph.input.extend(taken)
    return model


def _looks(model: onnx.ModelProto) -> dict[str, str]:
    """What must be the same for graphs to be averaged."""
    operators = sorted(f"{each.domain or 'ai.onnx'} {each.version}" for each in model.opset_import)
    return {
        "takes": _shape(model.graph.input[0]),
        "answers": _shape(model.graph.output[0]),
        "needs operators": ", ".join(operators),
    }


def _shape(value: onnx.ValueInfoProto) -> str:
    """Type and fixed sizes; names of the others are anybody's choice."""
    tensor = value.type.tensor_type
    sizes = (str(size.dim_value) if size.HasField("dim_value") else "n" for size in tensor.shape.dim)
    return f"{onnx.TensorProto.DataType.Name(tensor.elem_type).lower()} {' x '.join(sizes)}"
