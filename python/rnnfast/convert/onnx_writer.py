"""Graphs of ONNX that compute what a described network does.

Layers become a graph of whole sequences; a language model becomes one of a single step, which a loop in any language
can run:

    x (T, N, D) or tokens (T, N), h, c  ->  y (T, N, ...), h_out, c_out
    tokens (N,), h, c                   ->  logits (N, V), probabilities (N, V), h_out, c_out

States are (layers*directions, N, H) as everywhere in rnnfast; where there are several stacks of layers, they are h_0,
c_0, h_1, ... Token -1, none, is the zero vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnfast.convert.description import Array, Dense, Embedding, Network, Part, Recurrent
from rnnfast.convert.errors import needing
from rnnfast.convert.onnx_nodes import OPERATORS, operator_attributes, operator_inputs

_OPSET = 17
_IR_VERSION = 8


def model_bytes(network: Network, *, step: bool) -> bytes:
    """Give the content of an .onnx file, of a step of a language model or of sequences."""
    with needing("onnx", "onnx"):
        import onnx
    writer = _Writer(network.dtype)
    (_step if step else _sequence)(writer, network.parts)
    graph = onnx.helper.make_graph(
        writer.nodes, "step" if step else "sequence", writer.inputs, writer.outputs, writer.constants
    )
    model = onnx.helper.make_model(
        graph,
        producer_name="rnnfast",
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class _Writer:
    """Collects a graph's nodes, constants, inputs and outputs; all numbers have one dtype."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def constant(self, name: str, value: Any) -> str:
        import onnx

        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Add an operator; give the name of its first output."""
        import onnx

        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), outputs, name=name, **attributes))
        return outputs[0]

    def input(self, name: str, *shape: int | str, dtype: Any = None) -> str:
        self.inputs.append(self._value(name, shape, dtype))
        return name

    def output(self, name: str, *shape: int | str) -> str:
        self.outputs.append(self._value(name, shape, None))
        return name

    def _value(self, name: str, shape: tuple[int | str, ...], dtype: Any) -> Any:
        import onnx

        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype or self.dtype))
        return onnx.helper.make_tensor_value_info(name, kind, shape)


def _sequence(writer: _Writer, parts: Sequence[Part]) -> None:
    batch_first = any(isinstance(part, Recurrent) and part.batch_first for part in parts)
    axes = ("N", "T") if batch_first else ("T", "N")
    first, last = parts[0], parts[-1]
    if isinstance(first, Embedding):
        x, rank = writer.input("tokens", *axes, dtype=np.int64), 2
    else:
        D = first.input_size if isinstance(first, Recurrent) else len(first.W)
        x, rank = writer.input("x", *axes, D), 3
    if batch_first:
        x = writer.node("Transpose", [x], "time_first", perm=[1, 0, 2][:rank])
    if isinstance(first, Embedding):
        x = _rows(writer, x, first.W)
    y = writer.output("y", *axes, last.output_size if isinstance(last, Recurrent) else last.W.shape[1])
    inner = _layers(writer, [part for part in parts if not isinstance(part, Embedding)], x)
    writer.node("Transpose", [inner], y, perm=[1, 0, 2]) if batch_first else writer.node(
        "Identity", [inner], y
    )


def _step(writer: _Writer, parts: Sequence[Part]) -> None:
    first, dense = parts[0], parts[-1]
    if not isinstance(dense, Dense) or isinstance(first, Dense):
        raise ValueError("the network is no language model")
    tokens = writer.input("tokens", "N", dtype=np.int64)
    time_axis = writer.constant("time_axis", np.array([0]))
    x = writer.node("Unsqueeze", [tokens, time_axis], "tokens_of_step")
    x = _rows(writer, x, first.W) if isinstance(first, Embedding) else _one_hot(writer, x, first.input_size)
    logits = writer.output("logits", "N", len(dense.b))
    probabilities = writer.output("probabilities", "N", len(dense.b))
    y = _layers(writer, parts, x)
    writer.node("Squeeze", [y, time_axis], logits)
    writer.node("Softmax", [logits], probabilities, axis=-1)


def _rows(writer: _Writer, tokens: str, table: Array) -> str:
    """A row of the table for each of (T, N) tokens."""
    vectors = writer.node("Gather", [writer.constant("embedding.W", table), tokens], "vectors", axis=0)
    return _without_none(writer, tokens, vectors)


def _one_hot(writer: _Writer, tokens: str, size: int) -> str:
    values = writer.constant("off_and_on", np.array([0, 1], writer.dtype))
    vectors = writer.node("OneHot", [tokens, writer.constant("D", np.array(size)), values], "vectors")
    return _without_none(writer, tokens, vectors)


def _without_none(writer: _Writer, tokens: str, vectors: str) -> str:
    """The vectors, but zeros where the token is -1, which ONNX counts from the end."""
    least = writer.constant("least_token", np.array(0))
    is_token = writer.node("GreaterOrEqual", [tokens, least], "is_token")
    column = writer.node(
        "Unsqueeze", [is_token, writer.constant("last_axis", np.array([-1]))], "is_token_column"
    )
    return writer.node("Where", [column, vectors, writer.constant("zero", np.zeros(1, writer.dtype))], "x_0")


def _layers(writer: _Writer, parts: Sequence[Part], x: str) -> str:
    """Stacks and dense layers, one after the other: from and to (T, N, ...)."""
    stacks = [part for part in parts if isinstance(part, Recurrent)]
    for index, part in enumerate(parts):
        if isinstance(part, Recurrent):
            x = _stack(writer, part, x, f"_{stacks.index(part)}" if len(stacks) > 1 else "")
        elif isinstance(part, Dense):
            W = writer.constant(f"dense_{index}.W", part.W)
            product = writer.node("MatMul", [x, W], f"product_{index}")
            x = writer.node("Add", [product, writer.constant(f"dense_{index}.b", part.b)], f"sum_{index}")
    return x


def _stack(writer: _Writer, stack: Recurrent, x: str, ending: str) -> str:
    """The layers from x (T, N, D) to y (T, N, directions*H), with the states h and c in and out."""
    if stack.proj_size is not None:
        raise ValueError("ONNX has no LSTM with a projection")
    L, letters = len(stack.layers), "hc" if stack.cell == "lstm" else "h"
    shape = L * stack.num_directions, "N", stack.hidden_size
    states = [f"{letter}{ending}" for letter in letters]
    for state in states:
        _split_state(writer, writer.input(state, *shape), L, stack.num_directions)
    for layer in range(L):
        prefix = f"layers{ending}.{layer}."
        constants = operator_inputs(stack, layer).items()
        names = {key: writer.constant(prefix + key, array) for key, array in constants}
        inputs = [x, names["W"], names["R"], names["B"], "", *(f"{state}.{layer}" for state in states)]
        inputs += [names["P"]] if "P" in names else []
        outputs = [f"{prefix}y", *(f"{state}_out.{layer}" for state in states)]
        writer.node(OPERATORS[stack.cell], inputs, *outputs, **operator_attributes(stack))
        x = _join_directions(writer, f"{prefix}y", f"{prefix}y_joined", stack)
    for state in states:
        out = writer.output(f"{state}_out", *shape)
        writer.node("Concat", [f"{state}_out.{layer}" for layer in range(L)], out, axis=0)
    return x


def _split_state(writer: _Writer, state: str, L: int, directions: int) -> None:
    """The states of single layers, as `state`.0, ..."""
    sizes = writer.constant(f"{state}.sizes", np.full(L, directions))
    writer.node("Split", [state, sizes], *(f"{state}.{layer}" for layer in range(L)), axis=0)


def _join_directions(writer: _Writer, y: str, name: str, stack: Recurrent) -> str:
    """From (T, directions, N, H) to (T, N, directions*H)."""
    if stack.num_directions == 1:
        return writer.node("Squeeze", [y, writer.constant(f"{y}.axis", np.array([1]))], name)
    turned = writer.node("Transpose", [y], f"{y}_turned", perm=[0, 2, 1, 3])
    shape = writer.constant(f"{y}.shape", np.array([0, 0, stack.output_size]))
    return writer.node("Reshape", [turned, shape], name)
