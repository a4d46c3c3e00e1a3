"""Several graphs as one: the mean of their answers, whatever they call things."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from node.errors import ModelFailed
from node.training.folds import averaged
from tests.support.foreign import linear

WINDOW = (4, 6, 5)
IMAGE = np.random.default_rng(5).normal(size=(2, 1, *WINDOW)).astype(np.float32)


def answers(graph):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: IMAGE})[0]


def written(folder, *graphs):
    paths = [folder / f"fold_{number}.onnx" for number in range(len(graphs))]
    for path, graph in zip(paths, graphs, strict=True):
        path.write_bytes(graph)
    return paths


def renamed(graph, names):
    """The graph with other names for tensors, and for the axis of which there may be any number."""
    model = onnx.load_from_string(graph)
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.shape.dim[0].dim_param = names["n"]
        each.name = names[each.name]
    for node in model.graph.node:
        for both in (node.input, node.output):
            both[:] = [names.get(name, name) for name in both]
    return model.SerializeToString()


def test_the_mean_of_all_is_answered_with_any_names(tmp_path):
    """Names of one graph that look as those inside of the new one, and another name for the number of windows."""
    first = renamed(linear([[1.0], [-2.0]], [0.5, 0.1], WINDOW), {"image": "1/image", "out": "answer", "n": "batch"})
    second, third = linear([[0.3], [0.7]], [0.0, 0.2], WINDOW), linear([[-1.0], [4.0]], [1.0, 1.0], WINDOW)
    paths = written(tmp_path, first, second, third)
    whole = averaged(paths)
    onnx.checker.check_model(onnx.load_from_string(whole), full_check=True)
    expected = np.mean([answers(graph) for graph in (first, second, third)], axis=0)
    np.testing.assert_allclose(answers(whole), expected, atol=1e-6)
    assert averaged(paths) == whole


def test_weights_beside_a_graph_are_put_inside_and_missed_where_they_are_gone(tmp_path):
    """As torch exports by default; what ships is one file."""
    plain = linear([[1.0], [-2.0]], [0.5, 0.1], WINDOW)
    paths = written(tmp_path, plain, plain)
    model = onnx.load_from_string(plain)
    onnx.save_model(model, paths[1], save_as_external_data=True, location="weights.bin", size_threshold=0)
    np.testing.assert_allclose(answers(averaged(paths)), answers(plain), atol=1e-6)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelFailed, match=r"fold_1.onnx: lacks weights that lie in another file"):
        averaged(paths)


def test_graphs_that_cannot_be_averaged_are_told_with_both_sides(tmp_path):
    """Other classes, other operators, two inputs."""
    plain = linear([[1.0], [-2.0]], [0.5, 0.1], WINDOW)
    with pytest.raises(ModelFailed, match=r"answers float n x 3 x 4 x 6 x 5, while fold_0.onnx has float n x 2 x 4"):
        averaged(written(tmp_path, plain, linear([[1.0], [-2.0], [0.0]], [0.5, 0.1, 0.0], WINDOW)))
    newer = onnx.load_from_string(plain)
    newer.opset_import[0].version += 1
    with pytest.raises(ModelFailed, match=r"needs operators ai.onnx \d+, while fold_0.onnx has ai.onnx \d+"):
        averaged(written(tmp_path, plain, newer.SerializeToString()))
    twice = onnx.load_from_string(plain)
    twice.graph.input.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1]))
    with pytest.raises(ModelFailed, match=r"fold_1.onnx: takes 2 inputs and gives 1 outputs"):
        averaged(written(tmp_path, plain, twice.SerializeToString()))
    twice.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "more"))
    assert averaged(written(tmp_path, plain, twice.SerializeToString()))
