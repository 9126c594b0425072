"""The peer in ONNX Runtime: its LSTM operator, and a whole generation as one graph, a Loop with the draw inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.environment import threads
from benchmarks.filters_onnxruntime import edits
from rnnfast import Sampler

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]
NAME = f"ONNX Runtime {onnxruntime.__version__}"
OPSET = 22
ORDER = (0, 3, 1, 2)  # theirs is i o f c


def generators(
    parameters: dict[str, Floats], streams: int, length: int, sampler: Sampler
) -> dict[str, Callable[[Floats], Tokens]]:
    """The Loop's body around the LSTM operator, or with the cell spelled out, which is quicker for few streams."""
    bodies = {"Loop": _cell_body(parameters), "Loop of LSTM operators": _lstm_body(parameters)}
    return {name: _loop(*body, parameters, streams, length, sampler) for name, body in bodies.items()}


def sequence(W: Floats, R: Floats, b: Floats, steps: int) -> Callable[[Floats], Floats]:
    """The LSTM operator over the whole sequence."""
    H = len(R)
    node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=H)
    graph = helper.make_graph(
        [node],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, 1, len(W)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, 1, 1, H])],
        _weights(W, R, b),
    )
    session = _session(graph)

    def run(x: Floats) -> Floats:
        return np.asarray(session.run(None, {"x": x})[0][:, 0])

    return run


def _cell_body(parameters: dict[str, Floats]) -> tuple[list[Any], list[Any]]:
    """h, c, token -> h_out [N, H], c_out: gather, one product, and the gates by hand."""
    W, R, b = (parameters[f"layers.0.{name}"] for name in "WRb")
    H = len(R)
    table = np.vstack([np.zeros_like(W[:1]), W]) + b  # row 0: no token
    order = np.concatenate([np.arange(k * H, (k + 1) * H) for k in (0, 1, 3, 2)])  # one Sigmoid for i f o
    nodes = [
        _node("Add", ["token", "one"], "row"),
        _node("Gather", ["table", "row"], "from_token"),
        _node("MatMul", ["h", "R"], "from_h"),
        _node("Add", ["from_token", "from_h"], "a"),
        helper.make_node("Split", ["a", "parts"], ["a_ifo", "a_g"], axis=1),
        _node("Sigmoid", ["a_ifo"], "ifo"),
        _node("Tanh", ["a_g"], "g"),
        helper.make_node("Split", ["ifo"], ["i", "f", "o"], axis=1, num_outputs=3),
        _node("Mul", ["i", "g"], "ig"),
        _node("Mul", ["f", "c"], "fc"),
        _node("Add", ["ig", "fc"], "c_out"),
        _node("Tanh", ["c_out"], "tanh_c"),
        _node("Mul", ["o", "tanh_c"], "h_out"),
    ]
    constants = {
        "table": table[:, order],
        "R": R[:, order],
        "parts": np.array([3 * H, H]),
        "one": np.array(1),
    }
    return nodes, [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()]


def _lstm_body(parameters: dict[str, Floats]) -> tuple[list[Any], list[Any]]:
    """The same through the LSTM operator, whose input is the token's one-hot vector."""
    W, R, b = (parameters[f"layers.0.{name}"] for name in "WRb")
    one_hot = np.vstack([np.zeros((1, len(W)), np.float32), np.eye(len(W), dtype=np.float32)])[None]
    nodes = [
        _node("Add", ["token", "one"], "row"),
        _node("Gather", ["one_hot", "row"], "x", axis=1),
        _node("Unsqueeze", ["h", "first"], "h_in"),
        _node("Unsqueeze", ["c", "first"], "c_in"),
        helper.make_node(
            "LSTM", ["x", "W", "R", "B", "", "h_in", "c_in"], ["", "h_new", "c_new"], hidden_size=len(R)
        ),
        _node("Squeeze", ["h_new", "first"], "h_out"),
        _node("Squeeze", ["c_new", "first"], "c_out"),
    ]
    constants = {"one_hot": one_hot, "one": np.array(1), "first": np.array([0])}
    return nodes, [*(numpy_helper.from_array(v, k) for k, v in constants.items()), *_weights(W, R, b)]


def _loop(
    nodes: list[Any],
    constants: list[Any],
    parameters: dict[str, Floats],
    streams: int,
    length: int,
    sampler: Sampler,
) -> Callable[[Floats], Tokens]:
    start = {
        "h": np.zeros((streams, len(parameters["dense.W"])), np.float32),
        "c": np.zeros((streams, len(parameters["dense.W"])), np.float32),
        "token": np.full(streams, -1),
    }
    if sampler.has_penalties:
        start["counts"] = np.zeros((streams, len(parameters["dense.b"])), np.float32)
    drawing, values = _drawing(parameters, sampler)
    info = helper.make_tensor_value_info
    flag = TensorProto.BOOL
    kinds = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in start.items()}
    body = helper.make_graph(
        [*nodes, *drawing],
        "step",
        [
            info("t", TensorProto.INT64, []),
            info("go_on", flag, []),
            *(info(name, kinds[name], value.shape) for name, value in start.items()),
        ],
        [
            info("go_on_out", flag, []),
            *(info(f"{name}_out", kinds[name], value.shape) for name, value in start.items()),
            info("drawn", TensorProto.INT64, [streams]),
        ],
        [*constants, *(numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in values.items())],
    )
    before = {"length": np.array(length), "yes": np.array(True)} | {f"{k}_start": v for k, v in start.items()}
    # the final state has names too: without them 1.31 ends in a segmentation fault
    ends = [f"{name}_end" for name in start]
    loop = helper.make_node("Loop", list(before), [*ends, "tokens"], body=body)
    graph = helper.make_graph(
        [loop],
        "generate",
        [info("uniform", TensorProto.FLOAT, [length, streams, 1])],
        [info("tokens", TensorProto.INT64, [length, streams])],
        [numpy_helper.from_array(value, name) for name, value in before.items()],
    )
    session = _session(graph)
    return lambda uniform: session.run(None, {"uniform": uniform[:, :, None]})[0].T


def _drawing(parameters: dict[str, Floats], sampler: Sampler) -> tuple[list[Any], dict[str, Any]]:
    """From h_out to the token that is drawn."""
    dense_W, dense_b = parameters["dense.W"], parameters["dense.b"]
    colder = np.float32(1 / sampler.temperature)
    (editing, values), left = edits(sampler, len(dense_b))
    if editing:
        editing.append(_node("Mul", [left, "colder"], "colder_logits"))
        values |= {"colder": colder, "dense_W": dense_W, "dense_b": dense_b}
        left = "colder_logits"
    else:  # the temperature costs nothing
        values |= {"dense_W": dense_W * colder, "dense_b": dense_b * colder}
    counting = []
    if sampler.has_penalties:
        values["one_hot_rows"] = np.eye(len(dense_b), dtype=np.float32)
        counting = [
            _node("Gather", ["one_hot_rows", "token_out"], "once"),
            _node("Add", ["counts", "once"], "counts_out"),
        ]
    nodes = [
        _node("Gemm", ["h_out", "dense_W", "dense_b"], "logits"),
        *editing,
        _node("Softmax", [left], "p", axis=1),
        _node("CumSum", ["p", "axis"], "total"),
        _node("Gather", ["uniform", "t"], "u"),
        _node("LessOrEqual", ["total", "u"], "passed"),
        _node("Cast", ["passed"], "passed_numbers", to=TensorProto.INT64),
        _node("ReduceSum", ["passed_numbers", "one_axis"], "token_out", keepdims=0),
        _node("Identity", ["token_out"], "drawn"),
        _node("Identity", ["go_on"], "go_on_out"),
        *counting,
    ]
    return nodes, values | {"axis": np.array(1), "one_axis": np.array([1])}


def _weights(W: Floats, R: Floats, b: Floats) -> list[Any]:
    """The LSTM operator's W [1, 4H, D], R [1, 4H, H] and B [1, 8H]."""
    B = np.concatenate([_reordered(b[None])[0], np.zeros_like(b)])
    arrays = {"W": _reordered(W).T, "R": _reordered(R).T, "B": B}
    return [numpy_helper.from_array(np.ascontiguousarray(a)[None], name) for name, a in arrays.items()]


def _reordered(matrix: Floats) -> Floats:
    return np.concatenate([np.split(matrix, 4, axis=1)[k] for k in ORDER], axis=1)


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, [output], **attributes)


def _session(graph: Any) -> onnxruntime.InferenceSession:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
