"""A graph of ONNX as a described network: a chain of recurrent operators, with an embedding and a dense layer around.

What holds weights is found first: LSTM, GRU and RNN, Gather from a table, MatMul and Gemm. Each must read from the one
before it, through operators that only move numbers about; whatever else computes is refused by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfast.convert.description import Array, Dense, Embedding, Network, Part, as_floats, stacked
from rnnfast.convert.errors import needing
from rnnfast.convert.onnx_nodes import CELLS, stack_of

_MOVES = frozenset(
    (
        "Identity",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Reshape",
        "Flatten",
        "Dropout",
        "Cast",
        "Slice",
        "Gather",
    )
)
"""Give the numbers of their first input, in another shape or fewer of them."""

_BESIDE = _MOVES | {
    *("Constant", "ConstantOfShape", "Shape", "Size", "Range", "Expand", "Concat", "Split"),
    *("OneHot", "Where", "Greater", "GreaterOrEqual", "Softmax", "LogSoftmax"),
}
"""What may be there besides: it makes shapes, initial states and masks, or probabilities of logits."""


@dataclass(frozen=True)
class Node:
    """An operator of the graph, and its place in it."""

    place: int
    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def input(self, index: int) -> str:
        """The name of an input, empty where there is none."""
        return self.inputs[index] if index < len(self.inputs) else ""


def read_network(path: Path, *, batch_first: bool) -> Network:
    """Read the network of an .onnx file.

    Raises
    ------
    ValueError
        For a damaged file, weights that are in other files, and graphs that are no such chain.
    OSError
        Where there is no such file, or it cannot be read.
    ImportError
        Without onnx.
    """
    with needing("onnx", "onnx"):
        import onnx
        from google.protobuf.message import DecodeError
    data = path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ValueError(f"it is no ONNX file, or damaged: {error}") from error
    if not model.graph.node:
        raise ValueError("it is no ONNX file, or one without any operator")
    return _Graph(model.graph).network(batch_first)


class _Graph:
    def __init__(self, graph: Any) -> None:
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.given = {value.name for value in graph.input} - set(self.tensors)
        self.nodes = [_node(place, node) for place, node in enumerate(graph.node)]
        self.producers = {name: node for node in self.nodes for name in node.outputs if name}
        self.tensors |= {
            node.outputs[0]: node.attributes["value"]
            for node in self.nodes
            if node.operator == "Constant" and "value" in node.attributes and node.outputs
        }
        self.results = [value.name for value in graph.output if value.name in self.producers]
        self.biases = self._biases()

    def network(self, batch_first: bool) -> Network:
        """Describe the whole graph."""
        chain = [node for node in self.nodes if self._has_weights(node)]
        self._refuse_others(chain)
        for before, node in zip([None, *chain], chain, strict=False):
            source = self._source(node)
            if source is not before:
                raise ValueError(
                    f"{node.name} reads from {'an input' if source is None else source.name}, "
                    f"expected {'an input' if before is None else before.name}: one chain of layers"
                )
        self._check_results()
        one_hot = bool(chain) and chain[0].operator != "Gather" and self._reads_one_hot(chain[0])
        return stacked([self._part(node, batch_first) for node in chain], one_hot=one_hot)

    def _has_weights(self, node: Node) -> bool:
        if node.operator == "Gather":
            return self._is_matrix_of_numbers(node.input(0))
        return node.operator in CELLS or node.operator in ("MatMul", "Gemm")

    def _is_matrix_of_numbers(self, name: str) -> bool:
        import onnx

        kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
        tensor = self.tensors.get(name)
        return tensor is not None and tensor.data_type in kinds and len(tensor.dims) == 2

    def _biases(self) -> dict[str, str]:
        """Products to which a constant is added: the product's name and the constant's."""
        found = {}
        for node in self.nodes:
            if node.operator == "Add" and len(node.inputs) == 2:
                for product, bias in (node.inputs, node.inputs[::-1]):
                    producer = self.producers.get(product)
                    if producer is not None and producer.operator == "MatMul" and bias in self.tensors:
                        found[product] = bias
        return found

    def _refuse_others(self, chain: list[Node]) -> None:
        for node in self.nodes:
            is_bias = node.operator == "Add" and any(name in self.biases for name in node.inputs)
            if node not in chain and not is_bias and node.operator not in _BESIDE:
                raise ValueError(
                    f"{node.name} is a {node.operator}, expected LSTM, GRU and RNN, a Gather from a table before "
                    "them, a MatMul or Gemm after them"
                )

    def _source(self, node: Node) -> Node | None:
        """The node with weights whose output this one reads; None for an input of the graph."""
        for name, producer in self._way_back(node):
            if self._has_weights(producer):
                self._check_output(name, producer, node)
                return producer
        return None

    def _check_results(self) -> None:
        """What the graph gives are its layers' numbers as they are, too."""
        for name in self.results:
            reader = Node(len(self.nodes), "", f"the graph's output {name!r}", (name,), (), {})
            for _, producer in self._way_back(reader):
                if self._has_weights(producer) or producer.operator not in _MOVES:
                    break

    def _reads_one_hot(self, node: Node) -> bool:
        """Whether a OneHot makes the vectors that the first layer reads."""
        return any(producer.operator == "OneHot" for _, producer in self._way_back(node))

    def _way_back(self, node: Node) -> Iterator[tuple[str, Node]]:
        """What hands on the numbers that a node reads, the nearest first: a name, and the node that gives it."""
        tokens = node.operator == "Gather"
        name, reader = node.input(1 if tokens else 0), node
        while name not in self.given:
            producer = self._producer(name, reader)
            yield name, producer
            tokens = tokens or producer.operator == "OneHot"
            name, reader = self._handed_on(producer, node, tokens), producer

    def _check_output(self, name: str, producer: Node, node: Node) -> None:
        """All outputs of a layer may be read, and by a dense layer the last one alone."""
        last = producer.operator in CELLS and node.operator not in CELLS
        if name not in producer.outputs[: 2 if last else 1]:
            raise ValueError(
                f"{node.name} reads from the final state of {producer.name}, expected its outputs"
            )

    def _handed_on(self, node: Node, reader: Node, tokens: bool) -> str:
        """The input whose numbers, or tokens, an operator hands on."""
        if node.operator == "Slice" and node.input(4) and not self._is_ones(node.input(4)):
            raise ValueError(
                f"{reader.name} reads {node.name}'s steps in another order, expected all as they are"
            )
        if node.operator == "Gather" and not self._is_one_constant(node.input(1)):
            raise ValueError(
                f"{reader.name} reads from {node.name}, a Gather of several indices or computed ones, expected one "
                "constant index, or rows of a table"
            )
        if node.operator == "Cast":
            _check_cast(node, reader, tokens)
        if node.operator in _MOVES or node.operator == "OneHot":
            return node.input(0)
        if node.operator == "Where" and self._is_zero_constant(node.input(2)):
            return node.input(1)
        for name in node.inputs:
            if node.operator == "Add" and name in self.biases:
                return name
        raise ValueError(f"{reader.name} reads from {node.name}, a {node.operator}, expected a layer")

    def _is_one_constant(self, name: str) -> bool:
        return name in self.tensors and all(length == 1 for length in self.tensors[name].dims)

    def _is_ones(self, name: str) -> bool:
        import onnx

        tensor = self.tensors.get(name)
        return tensor is not None and bool((onnx.numpy_helper.to_array(tensor) == 1).all())

    def _producer(self, name: str, reader: Node) -> Node:
        producer = self.producers.get(name)
        if producer is None or producer.place >= reader.place:
            raise ValueError(f"{reader.name} reads {name!r}, which nothing before it gives")
        return producer

    def _part(self, node: Node, batch_first: bool) -> Part:
        if node.operator == "Gather":
            if node.attributes.get("axis", 0) != 0:
                raise ValueError(f"{node.name} gathers columns, expected rows of a table")
            return Embedding(self._array(node, "table", node.input(0)))
        if node.operator in CELLS:
            return self._recurrent(node, batch_first)
        return self._dense(node)

    def _recurrent(self, node: Node, batch_first: bool) -> Part:
        places = {"W": 1, "R": 2, "B": 3} | ({"P": 7} if node.operator == "LSTM" else {})
        arrays = {
            key: self._array(node, key, node.input(index))
            for key, index in places.items()
            if node.input(index)
        }
        if "W" not in arrays or "R" not in arrays or arrays["W"].ndim != 3 or arrays["R"].ndim != 3:
            raise ValueError(f"{node.name} has no W or R of 3 dimensions")
        for index in (5, 6) if node.operator == "LSTM" else (5,):
            if node.input(index) and not self._is_given_or_zero(node.input(index), node):
                raise ValueError(
                    f"{node.name} starts from a state that is neither zero nor an input of the graph"
                )
        if node.input(4) in self.tensors:
            raise ValueError(f"{node.name} has lengths of its own, expected none, or an input of the graph")
        first = batch_first or bool(node.attributes.get("layout", 0))
        return stack_of(node.name, node.operator, node.attributes, arrays, batch_first=first)

    def _dense(self, node: Node) -> Dense:
        if node.operator == "MatMul":
            W = self._array(node, "weights", node.input(1))
            bias = self.biases.get(node.outputs[0], "")
        else:
            if any(node.attributes.get(key, default) != default for key, default in _GEMM.items()):
                raise ValueError(
                    f"{node.name} has attributes {dict(node.attributes)}, expected those of a dense layer"
                )
            W, bias = self._array(node, "weights", node.input(1)), node.input(2)
            W = W.T if node.attributes.get("transB", 0) else W
        b = self._array(node, "bias", bias) if bias else np.zeros(W.shape[-1:], W.dtype)
        softmax = any(other.operator == "Softmax" and self._source(other) is node for other in self.nodes)
        return Dense(np.ascontiguousarray(W), b.reshape(-1), softmax=softmax)

    def _array(self, node: Node, what: str, name: str) -> Array:
        import onnx

        tensor = self.tensors.get(name)
        if tensor is None:
            raise ValueError(f"{node.name} has {what} that are computed or an input, expected constants")
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ValueError(f"{node.name} has {what} in another file, expected them inside this one")
        try:
            return as_floats(f"{node.name}: {what}", onnx.numpy_helper.to_array(tensor))
        except (TypeError, KeyError, MemoryError, OverflowError) as error:
            raise ValueError(f"{node.name}: {what} are damaged: {error}") from error

    def _is_zero_constant(self, name: str) -> bool:
        return name in self.tensors and _is_zero(self.tensors[name])

    def _is_given_or_zero(self, name: str, reader: Node) -> bool:
        """Whether a state is an input of the graph, or zeros, moved about and joined."""
        waiting, seen = [(name, reader)], set()
        while waiting:
            name, reader = waiting.pop()
            if name in self.given or self._is_zero_constant(name):
                continue
            if name in self.tensors:
                return False
            producer = self._producer(name, reader)
            if name in seen:
                continue
            seen.add(name)
            if producer.operator == "ConstantOfShape":
                if not _is_zero(producer.attributes.get("value")):
                    return False
            elif producer.operator == "Concat":
                waiting += [(inner, producer) for inner in producer.inputs]
            elif producer.operator in _MOVES or producer.operator in ("Expand", "Split"):
                waiting.append((producer.input(0), producer))
            else:
                return False
        return True


def _check_cast(node: Node, reader: Node, tokens: bool) -> None:
    """Numbers stay numbers; tokens may also be integers that are wide enough for any."""
    import onnx

    expected = ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", *(("INT32", "INT64") if tokens else ())]
    kinds = onnx.TensorProto.DataType
    if (to := node.attributes.get("to")) not in map(kinds.Value, expected):
        what = kinds.Name(to) if to in kinds.values() else to
        raise ValueError(
            f"{reader.name} reads from {node.name}, a Cast to {what}, expected {', '.join(expected)}"
        )


_GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0}


def _is_zero(tensor: Any) -> bool:
    """Whether a constant is zeros; that of a ConstantOfShape, where there is none, is."""
    import onnx

    return tensor is None or not (tensor.external_data or np.any(onnx.numpy_helper.to_array(tensor)))


def _node(place: int, node: Any) -> Node:
    import onnx

    if node.domain not in ("", "ai.onnx"):
        raise ValueError(
            f"{node.name or node.op_type} is an operator of {node.domain!r}, expected ONNX's own"
        )
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    return Node(
        place,
        node.op_type,
        node.name or f"{node.op_type} number {place}",
        tuple(node.input),
        tuple(node.output),
        {name: _text(value) for name, value in attributes.items()},
    )


def _text(value: Any) -> Any:
    """Attributes that are texts come as bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return [_text(item) for item in value] if isinstance(value, list) else value
