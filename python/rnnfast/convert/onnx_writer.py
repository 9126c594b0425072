"""Graphs of ONNX that compute what a described network does.

A stack alone becomes a graph of whole sequences; a language model becomes one of a single step, which a loop in any
language can run:

    x (T, N, D), h, c            ->  y (T, N, directions*H), h_out, c_out
    tokens (N,), h, c            ->  logits (N, V), probabilities (N, V), h_out, c_out

States are (layers*directions, N, H) as everywhere in rnnfast. Token -1, none, is the zero vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnfast.convert.description import Array, Dense, Embedding, Network, Recurrent
from rnnfast.convert.errors import needing
from rnnfast.convert.onnx_nodes import OPERATORS, operator_attributes, operator_inputs

_OPSET = 17
_IR_VERSION = 8


def model_bytes(network: Network) -> bytes:
    """Give the content of an .onnx file."""
    with needing("onnx", "onnx"):
        import onnx
    writer = _Writer()
    parts = network.parts
    if len(parts) == 1 and isinstance(parts[0], Recurrent):
        name, (inputs, outputs) = "sequence", _sequence(writer, parts[0])
    else:
        name, (inputs, outputs) = "step", _step(writer, network)
    graph = onnx.helper.make_graph(writer.nodes, name, inputs, outputs, writer.constants)
    model = onnx.helper.make_model(
        graph,
        producer_name="rnnfast",
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class _Writer:
    """Collects a graph's nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any) -> str:
        import onnx

        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], outputs: str | Sequence[str], **attributes: Any
    ) -> Any:
        import onnx

        names = [outputs] if isinstance(outputs, str) else list(outputs)
        self.nodes.append(
            onnx.helper.make_node(
                operator, list(inputs), names, name=f"{operator}_{len(self.nodes)}", **attributes
            )
        )
        return outputs


Values = tuple[list[Any], list[Any]]
"""A graph's inputs and outputs."""


def _value(name: str, dtype: Any, *shape: int | str) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(
        name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )


def _states(stack: Recurrent, ending: str) -> list[Any]:
    dtype = stack.layers[0][0].W.dtype
    shape = len(stack.layers) * stack.num_directions, "N", stack.hidden_size
    return [_value(f"{letter}{ending}", dtype, *shape) for letter in _letters(stack)]


def _letters(stack: Recurrent) -> str:
    return "hc" if stack.cell == "lstm" else "h"


def _sequence(writer: _Writer, stack: Recurrent) -> Values:
    dtype = stack.layers[0][0].W.dtype
    axes = ("N", "T") if stack.batch_first else ("T", "N")
    x, y = "x", "y_time_first" if stack.batch_first else "y"
    if stack.batch_first:
        x = writer.node("Transpose", ["x"], "x_time_first", perm=[1, 0, 2])
    _stack(writer, stack, x, y)
    if stack.batch_first:
        writer.node("Transpose", [y], "y", perm=[1, 0, 2])
    inputs = [_value("x", dtype, *axes, stack.input_size), *_states(stack, "")]
    return inputs, [_value("y", dtype, *axes, stack.output_size), *_states(stack, "_out")]


def _step(writer: _Writer, network: Network) -> Values:
    tables = [part.W for part in network.parts if isinstance(part, Embedding)]
    stack, dense = network.parts[len(tables) :][0], network.parts[-1]
    if (
        not isinstance(stack, Recurrent)
        or not isinstance(dense, Dense)
        or len(network.parts) != len(tables) + 2
        or stack.num_directions != 1
    ):
        raise ValueError("the network is neither a stack of layers nor a language model")
    dtype, V = dense.W.dtype, len(dense.b)
    _input_vectors(writer, tables[0] if tables else None, stack.input_size, dtype)
    _stack(writer, stack, "x", "y")
    first = writer.constant("axis_0", np.array([0]))
    writer.node("Squeeze", ["y", first], "y_of_step")
    weights = [writer.constant("dense.W", dense.W), writer.constant("dense.b", dense.b)]
    writer.node("Gemm", ["y_of_step", *weights], "logits")
    writer.node("Softmax", ["logits"], "probabilities", axis=-1)
    outputs = [_value("logits", dtype, "N", V), _value("probabilities", dtype, "N", V)]
    return [_value("tokens", np.int64, "N"), *_states(stack, "")], [*outputs, *_states(stack, "_out")]


def _input_vectors(writer: _Writer, table: Array | None, size: int, dtype: Any) -> None:
    """A row of the table, or a one-hot vector, for each of (N,) tokens: (1, N, D)."""
    zero, one = np.zeros(1, dtype), np.ones(1, dtype)
    if table is not None:
        writer.node("Gather", [writer.constant("embedding.W", table), "tokens"], "vectors", axis=0)
    else:
        values = writer.constant("off_and_on", np.concatenate([zero, one]))
        writer.node("OneHot", ["tokens", writer.constant("D", np.array(size)), values], "vectors")
    writer.node("GreaterOrEqual", ["tokens", writer.constant("no_token_below", np.array(0))], "is_token")
    writer.node("Unsqueeze", ["is_token", writer.constant("last_axis", np.array([-1]))], "is_token_column")
    writer.node("Where", ["is_token_column", "vectors", writer.constant("zero", zero)], "x_of_step")
    writer.node("Unsqueeze", ["x_of_step", writer.constant("time_axis", np.array([0]))], "x")


def _stack(writer: _Writer, stack: Recurrent, x: str, y: str) -> None:
    """The layers from x (T, N, D) to y (T, N, directions*H), with the states h and c in and out."""
    if stack.proj_size is not None:
        raise ValueError("ONNX has no LSTM with a projection")
    L, letters = len(stack.layers), _letters(stack)
    for letter in letters:
        _split_state(writer, letter, L, stack.num_directions)
    for layer in range(L):
        arrays = operator_inputs(stack, layer)
        names = {key: writer.constant(f"layers.{layer}.{key}", array) for key, array in arrays.items()}
        states = [f"{letter}_{layer}" for letter in letters]
        inputs = [x, names["W"], names["R"], names["B"], "", *states, *([names["P"]] if "P" in names else [])]
        outputs = [f"y_{layer}", *(f"{letter}_out_{layer}" for letter in letters)]
        writer.node(OPERATORS[stack.cell], inputs, outputs, **operator_attributes(stack))
        x = _join_directions(writer, f"y_{layer}", y if layer == L - 1 else f"x_{layer + 1}", stack)
    for letter in letters:
        writer.node("Concat", [f"{letter}_out_{layer}" for layer in range(L)], f"{letter}_out", axis=0)


def _split_state(writer: _Writer, letter: str, L: int, directions: int) -> None:
    if L == 1:
        writer.node("Identity", [letter], f"{letter}_0")
        return
    sizes = writer.constant(f"{letter}_sizes", np.full(L, directions))
    writer.node("Split", [letter, sizes], [f"{letter}_{layer}" for layer in range(L)], axis=0)


def _join_directions(writer: _Writer, y: str, name: str, stack: Recurrent) -> str:
    """From (T, directions, N, H) to (T, N, directions*H)."""
    if stack.num_directions == 1:
        writer.node("Squeeze", [y, writer.constant(f"{y}_axis", np.array([1]))], name)
        return name
    writer.node("Transpose", [y], f"{y}_directions_last", perm=[0, 2, 1, 3])
    shape = writer.constant(f"{y}_shape", np.array([0, 0, stack.output_size]))
    writer.node("Reshape", [f"{y}_directions_last", shape], name)
    return name
