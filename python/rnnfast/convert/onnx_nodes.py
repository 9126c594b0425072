"""ONNX's recurrent operators: their inputs' shapes, order of gates and attributes, in and out.

    W (directions, G*H, D)   R (directions, G*H, H)   B (directions, 2*G*H), W's and R's   P (directions, 3*H)

Gates are i o f c, in P i o f, and z r h.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnfast.convert.description import Array, Cell, CellName, Nonlinearity, Recurrent
from rnnfast.convert.gates import reorder

CELLS: dict[str, CellName] = {"RNN": "rnn", "GRU": "gru", "LSTM": "lstm"}
OPERATORS = {cell: operator for operator, cell in CELLS.items()}

_GATES: dict[CellName, str] = {"rnn": "h", "gru": "zrn", "lstm": "iofg"}
_OURS: dict[CellName, str] = {"rnn": "h", "gru": "rzn", "lstm": "ifgo"}
_PEEPHOLES = "iof"
_ACTIVATIONS: dict[CellName, list[str]] = {
    "rnn": ["Tanh"],
    "gru": ["Sigmoid", "Tanh"],
    "lstm": ["Sigmoid", "Tanh", "Tanh"],
}

Attributes = Mapping[str, Any]


def stack_of(
    name: str, operator: str, attributes: Attributes, arrays: Mapping[str, Array], *, batch_first: bool
) -> Recurrent:
    """Describe one operator as a stack of one layer.

    Parameters
    ----------
    name : str
        For messages.
    operator : {"RNN", "GRU", "LSTM"}
    attributes : name -> value
    arrays : name -> array
        W, R and, where they are there, B and P.
    batch_first : bool
    """
    cell = CELLS[operator]
    directions = {"forward": 1, "bidirectional": 2}.get(attributes.get("direction", "forward"))
    if directions is None:
        raise ValueError(
            f"{name} has the direction {attributes['direction']!r}, expected forward or bidirectional"
        )
    nonlinearity = _nonlinearity(name, cell, attributes, directions)
    if "clip" in attributes:
        raise ValueError(f"{name} has clip={attributes['clip']}, which rnnfast does not do")
    coupled = cell == "lstm" and bool(attributes.get("input_forget", 0))
    R = arrays["R"]
    H = R.shape[-1]
    G = len(_GATES[cell])
    D = arrays["W"].shape[-1]
    sizes: dict[str, tuple[int, ...]] = {"W": (G * H, D), "R": (G * H, H), "B": (2 * G * H,), "P": (3 * H,)}
    shapes = {key: (directions, *shape) for key, shape in sizes.items()}
    for key, array in arrays.items():
        if array.shape != shapes[key] or 0 in array.shape:
            raise ValueError(f"{name} has {key} of shape {array.shape}, expected {shapes[key]}")
    if attributes.get("hidden_size", H) != H:
        raise ValueError(f"{name} has hidden_size={attributes['hidden_size']}, but R of shape {R.shape}")
    after = cell == "gru" and bool(attributes.get("linear_before_reset", 0))
    cells = tuple(
        _cell(cell, {key: array[index] for key, array in arrays.items()}, coupled, after)
        for index in range(directions)
    )
    return Recurrent(cell, (cells,), nonlinearity=nonlinearity, coupled=coupled, batch_first=batch_first)


def _nonlinearity(name: str, cell: CellName, attributes: Attributes, directions: int) -> Nonlinearity:
    default = _ACTIVATIONS[cell]
    given = [
        str(activation).capitalize() for activation in attributes.get("activations", default * directions)
    ]
    if given == default * directions:
        return "tanh"
    if cell == "rnn" and given == ["Relu"] * directions:
        return "relu"
    raise ValueError(
        f"{name} has the activations {', '.join(given)}, expected {', '.join(default)} in each direction"
    )


def _cell(cell: CellName, arrays: Mapping[str, Array], coupled: bool, after: bool) -> Cell:
    have, want = _GATES[cell], "igo" if coupled else _OURS[cell]
    W, R = (reorder(arrays[key], have, want, axis=0).T for key in ("W", "R"))
    B = arrays.get("B")
    halves = np.split(np.zeros(2 * len(have) * R.shape[0], R.dtype) if B is None else B, 2)
    b_W, b_R = (reorder(half, have, want) for half in halves)
    b, b_Rn = b_W + b_R, None
    if after:
        H = len(b) // len(want)
        b[2 * H :], b_Rn = b_W[2 * H :], b_R[2 * H :].copy()
    P = arrays.get("P")
    peephole = None if P is None else reorder(P, _PEEPHOLES, "io" if coupled else "ifo")
    return Cell(np.ascontiguousarray(W), np.ascontiguousarray(R), b, b_Rn=b_Rn, peephole=peephole)


def operator_inputs(stack: Recurrent, layer: int) -> dict[str, Array]:
    """Give W, R, B and, with peepholes, P of one layer."""
    arrays = [_operator_arrays(stack, cell) for cell in stack.layers[layer]]
    return {name: np.stack([own[name] for own in arrays]) for name in arrays[0]}


def operator_attributes(stack: Recurrent) -> dict[str, Any]:
    """Give the attributes of the operator for any layer of the stack."""
    directions = stack.num_directions
    attributes: dict[str, Any] = {
        "hidden_size": stack.hidden_size,
        "direction": "bidirectional" if directions == 2 else "forward",
    }
    if stack.cell == "rnn":
        attributes["activations"] = [stack.nonlinearity.capitalize()] * directions
    if stack.cell == "gru":
        attributes["linear_before_reset"] = int(stack.reset_after)
    if stack.coupled:
        attributes["input_forget"] = 1
    return attributes


def _operator_arrays(stack: Recurrent, cell: Cell) -> dict[str, Array]:
    have, want = stack.gates, _GATES[stack.cell]
    b_R = np.zeros_like(cell.b)
    if cell.b_Rn is not None:
        b_R[-len(cell.b_Rn) :] = cell.b_Rn
    biases = [_blocks(bias, have, want) for bias in (cell.b, b_R)]
    arrays = {
        "W": np.ascontiguousarray(_blocks(cell.W, have, want).T),
        "R": np.ascontiguousarray(_blocks(cell.R, have, want).T),
        "B": np.concatenate(biases),
    }
    if cell.peephole is not None:
        arrays["P"] = _blocks(cell.peephole, "io" if stack.coupled else "ifo", _PEEPHOLES)
    return arrays


def _blocks(array: Array, have: str, want: Sequence[str]) -> Array:
    """Put blocks in order; those that are not there, a coupled LSTM's f, are zeros."""
    blocks = dict(zip(have, np.split(array, len(have), axis=-1), strict=True))
    zeros = np.zeros_like(blocks[have[0]])
    return np.concatenate([blocks.get(letter, zeros) for letter in want], axis=-1)
