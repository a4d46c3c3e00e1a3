"""How a graph is opened: the one place that says what of onnxruntime is used, and on which processor."""

from __future__ import annotations

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from node.domain.language import say
from node.errors import ModelFailed

FOREIGN = (
    state.EPFail, state.EngineError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
    state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException, RuntimeError, ValueError,
)  # fmt: skip
"""All that onnxruntime raises; it has no common base."""

REPORT = say("disable the model and report it to its makers")


def open_session(graph: bytes, *, threads: int, at: str) -> onnxruntime.InferenceSession:
    """
    Load a graph on the CPU, or on a GPU where onnxruntime has one.

    Args:
        graph: The file's bytes, checked by the caller against the manifest.
        threads: Threads of onnxruntime; the answer does not depend on it.
        at: The model, for the message.

    Raises:
        ModelFailed: The bytes are no graph.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors reach us as exceptions
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(graph, options, providers=providers)
    except FOREIGN as error:
        raise ModelFailed(say("model.onnx cannot be loaded: {error}", error=str(error)), at=at, do=REPORT) from error
