"""The exercises' dictionaries of parameters, in and out.

    basic RNN   Wax (n_a, n_x)   Waa (n_a, n_a)   ba or, for the dinosaurs, b (n_a, 1)   Wya (n_y, n_a)   by (n_y, 1)
    LSTM        Wf, Wi, Wc, Wo (n_a, n_a + n_x) over [a; x]   bf, bi, bc, bo (n_a, 1)    Wy (n_y, n_a)    by (n_y, 1)
    GRU         Wr, Wu, Wc     (n_a, n_a + n_x) over [a; x]   br, bu, bc     (n_a, 1)    Wy (n_y, n_a)    by (n_y, 1)

The exercises' update gate u is 1 - z: its weights change their sign, and sigmoid(-a) = 1 - sigmoid(a) does the rest.
Their GRU resets before the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnfast.convert.assemble import Model, Source, build, describe
from rnnfast.convert.description import Array, Cell, CellName, Dense, Network, Part, Recurrent, as_floats

Parameters = Mapping[str, npt.ArrayLike]

_GATES: dict[CellName, str] = {"lstm": "fico", "gru": "ruc"}
_OURS: dict[CellName, str] = {"lstm": "ifco", "gru": "ruc"}
"""The exercises' letters in our order of blocks."""


def from_course(parameters: Parameters, *, language_model: bool | None = None) -> Model:
    """Make layers or a LanguageModel of an exercise's dictionary.

    Parameters
    ----------
    parameters : dict of float arrays
        As above; which cell it is follows from the names. Without Wy, Wya and by it makes a layer.
    language_model : bool, optional
        Whether it is a LanguageModel, which reads tokens as one-hot vectors; False: layers. None: it is with the
        dinosaurs' names, and asked for with others where n_y = n_x.

    Returns
    -------
    model : RNN, GRU or LSTM, LanguageModel, or (layer, Dense)
        Of the arrays' dtype.

    Raises
    ------
    ValueError
        For names of no such exercise, some of them missing, shapes that do not fit, and what they do not say; the
        message names the choice.

    Examples
    --------
    >>> parameters = {f"W{gate}": np.ones((2, 5)) for gate in "fico"} | {"Wy": np.ones((3, 2))}
    >>> parameters |= {f"b{gate}": np.zeros((2, 1)) for gate in "fico"} | {"by": np.zeros((3, 1))}
    >>> from_course(parameters, language_model=True).hidden_size
    2
    """
    return build(network_of(parameters), language_model)


def to_course(model: Source, *, bias: Literal["ba", "b"] = "ba") -> dict[str, npt.NDArray[Any]]:
    """Give the dictionary of parameters with which the exercises' functions compute the same as `model`.

    Parameters
    ----------
    model : RNN, GRU or LSTM, LanguageModel, or (layer, Dense)
        Of one layer and one direction.
    bias : {"ba", "b"}
        The name of a basic RNN's bias: step by step, or of the dinosaurs.

    Returns
    -------
    parameters : dict
        New arrays.

    Raises
    ------
    ValueError
        For what the exercises have not: several layers, two directions, an embedding, relu, peepholes, projections,
        a GRU that resets after the product.

    Examples
    --------
    >>> from rnnfast import LanguageModel
    >>> to_course(LanguageModel(9, 4))["Wf"].shape
    (4, 13)
    """
    return dictionary_of(describe(model), bias)


def network_of(parameters: Parameters) -> Network:
    """Describe the network of an exercise's dictionary."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is a {type(parameters).__name__}, expected a dictionary of arrays")
    own = {str(name): as_floats(f"parameters[{name!r}]", value) for name, value in parameters.items()}
    cell = _cell_name(own)
    is_dinosaurs = "b" in own and "by" in own
    parts: list[Part] = [Recurrent(cell, ((_rnn(own) if cell == "rnn" else _gated(own, cell),),))]
    output = "Wya" if cell == "rnn" else "Wy"
    if output in own or "by" in own:
        W, by = _take(own, output, None, None), _take(own, "by", None, 1)
        parts.append(Dense(np.ascontiguousarray(W.T), by[:, 0]))
    if own:
        raise ValueError(f"parameters has {', '.join(own)}, which no {cell.upper()} of the exercises has")
    return Network(tuple(parts), one_hot=is_dinosaurs)


def _cell_name(own: Mapping[str, Array]) -> CellName:
    signs: dict[CellName, str] = {"rnn": "Waa", "gru": "Wu", "lstm": "Wf"}
    cells = [cell for cell, name in signs.items() if name in own]
    if len(cells) != 1:
        raise ValueError(
            f"parameters has {', '.join(own) or 'no names'}, expected one of Waa (RNN), Wu (GRU), Wf (LSTM)"
        )
    return cells[0]


def _take(own: dict[str, Array], name: str, *shape: int | None) -> Array:
    """Take an array out of `own`, of a shape in which None is any length."""
    if name not in own:
        raise ValueError(f"parameters has no {name}")
    array = own.pop(name)
    fits = len(shape) == array.ndim and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"parameters[{name!r}] has shape {array.shape}, expected ({expected})")
    return array


def _rnn(own: dict[str, Array]) -> Cell:
    n_a = len(own["Waa"]) if own["Waa"].ndim else 0
    R, W = _take(own, "Waa", n_a, n_a), _take(own, "Wax", n_a, None)
    b = _take(own, "b" if "b" in own and "ba" not in own else "ba", n_a, 1)
    return Cell(np.ascontiguousarray(W.T), np.ascontiguousarray(R.T), b[:, 0])


def _gated(own: dict[str, Array], cell: CellName) -> Cell:
    first = own[f"W{_GATES[cell][0]}"] if f"W{_GATES[cell][0]}" in own else np.zeros(())
    shape = first.shape if first.ndim == 2 else (None, None)
    W = {gate: _take(own, f"W{gate}", *shape) for gate in _GATES[cell]}
    n_a = len(next(iter(W.values())))
    b = {gate: _take(own, f"b{gate}", n_a, 1) for gate in _GATES[cell]}
    if cell == "gru":
        W["u"], b["u"] = -W["u"], -b["u"]
    both = np.concatenate([W[gate].T for gate in _OURS[cell]], axis=1)
    return Cell(both[n_a:].copy(), both[:n_a].copy(), np.concatenate([b[gate][:, 0] for gate in _OURS[cell]]))


def dictionary_of(network: Network, bias: str) -> dict[str, Array]:
    """Give the dictionary of a description."""
    if bias not in ("ba", "b"):
        raise ValueError(f"bias is {bias!r}, expected 'ba' or 'b'")
    stack, *rest = network.parts
    if not isinstance(stack, Recurrent) or len(rest) > 1 or not all(isinstance(part, Dense) for part in rest):
        raise ValueError("the exercises have a recurrent layer and an output layer, nothing else")
    _check(stack)
    (cell,) = stack.layers[0]
    parameters = _rnn_arrays(cell, bias) if stack.cell == "rnn" else _gated_arrays(cell, stack.cell)
    for dense in rest:
        if isinstance(dense, Dense):
            parameters["Wya" if stack.cell == "rnn" else "Wy"] = dense.W.T.copy()
            parameters["by"] = dense.b[:, np.newaxis].copy()
    return parameters


def _check(stack: Recurrent) -> None:
    for has, what in (
        (len(stack.layers) > 1, "several layers"),
        (stack.num_directions > 1, "two directions"),
        (stack.cell == "rnn" and stack.nonlinearity != "tanh", "relu"),
        (stack.reset_after, "a reset after the product (reset_after=True)"),
        (stack.coupled, "coupled gates"),
        (stack.peephole, "peepholes"),
        (stack.proj_size is not None, "a projection"),
    ):
        if has:
            raise ValueError(f"the exercises have no {stack.cell.upper()} with {what}")


def _rnn_arrays(cell: Cell, bias: str) -> dict[str, Array]:
    return {"Wax": cell.W.T.copy(), "Waa": cell.R.T.copy(), bias: cell.b[:, np.newaxis].copy()}


def _gated_arrays(cell: Cell, name: CellName) -> dict[str, Array]:
    gates = _OURS[name]
    blocks = np.split(np.concatenate([cell.R, cell.W]), len(gates), axis=1)
    signs = {gate: -1 if gate == "u" else 1 for gate in gates}
    parameters = {f"W{gate}": signs[gate] * block.T for gate, block in zip(gates, blocks, strict=True)}
    biases = np.split(cell.b[:, np.newaxis], len(gates))
    return parameters | {f"b{gate}": signs[gate] * block for gate, block in zip(gates, biases, strict=True)}
