"""From a description to a model of ours, and back: the only module of this package that knows the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnfast.convert.description import (
    Array,
    Cell,
    CellName,
    Dense,
    Embedding,
    Network,
    Part,
    Recurrent,
    astype,
)
from rnnfast.layers import GRU, LSTM, RNN
from rnnfast.model import LanguageModel

Model = RNN | GRU | LSTM | LanguageModel

_LAYERS: dict[CellName, type[RNN | GRU | LSTM]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
_DIRECTIONS = ("", "reverse.")


def build(network: Network) -> Model:
    """Make the model that `network` describes.

    Raises
    ------
    ValueError
        Where no model of ours has these parts; the message lists them.
    """
    network = astype(network, _dtype(network))
    for part in network.parts:
        if isinstance(part, Recurrent):
            _refuse_options(part)
    tables = [part for part in network.parts if isinstance(part, Embedding)]
    stack, *rest = network.parts[len(tables) :]
    if isinstance(stack, Recurrent) and not tables and not rest:
        return _layer(stack)
    if (
        isinstance(stack, Recurrent)
        and len(rest) == 1
        and isinstance(rest[0], Dense)
        and stack.num_directions == 1
    ):
        table, dense = tables[0] if tables else None, rest[0]
        if len(dense.b) == (stack.input_size if table is None else len(table.W)):
            return _language_model(table, stack, dense)
    raise ValueError(
        f"no model of rnnfast is {', '.join(map(_summary, network.parts))}; expected layers of one kind and size, "
        "and for a LanguageModel a dense layer with one output for each token of the input"
    )


def describe(model: Model) -> Network:
    """Describe `model`; the arrays are views of its parameters.

    Raises
    ------
    TypeError
        For anything but a layer or a LanguageModel.
    """
    if isinstance(model, LanguageModel):
        return _described_model(model)
    for cell, kind in _LAYERS.items():
        if isinstance(model, kind):
            directions = 2 if model.config["bidirectional"] else 1
            return Network((_described_stack(cell, model.config, model.parameters, directions),))
    raise TypeError(f"model is a {type(model).__name__}, expected an RNN, GRU, LSTM or LanguageModel")


def _dtype(network: Network) -> Any:
    arrays = [array for part in network.parts for array in _arrays(part)]
    return np.result_type(*arrays)


def _arrays(part: Part) -> list[Array]:
    if isinstance(part, Embedding):
        return [part.W]
    if isinstance(part, Dense):
        return [part.W, part.b]
    return list(_parameters(part).values())


def _parameters(stack: Recurrent) -> dict[str, Array]:
    """The names that a layer's parameters have."""
    return {
        f"layers.{index}.{direction}{name}": array
        for index, directions in enumerate(stack.layers)
        for direction, cell in zip(_DIRECTIONS, directions, strict=False)
        for name, array in cell.arrays().items()
    }


def _refuse_options(stack: Recurrent) -> None:
    for has, what in (
        (stack.peephole, "peepholes"),
        (stack.coupled, "coupled gates"),
        (stack.proj_size is not None, "a projection"),
    ):
        if has:
            raise ValueError(f"an LSTM with {what} is not among rnnfast's layers")


def _options(stack: Recurrent) -> dict[str, Any]:
    if stack.cell == "rnn":
        return {"nonlinearity": stack.nonlinearity}
    return {"reset_after": stack.reset_after} if stack.cell == "gru" else {}


def _layer(stack: Recurrent) -> RNN | GRU | LSTM:
    parameters = _parameters(stack)
    layer = _LAYERS[stack.cell](
        stack.input_size,
        stack.hidden_size,
        len(stack.layers),
        bidirectional=stack.num_directions == 2,
        batch_first=stack.batch_first,
        dtype=parameters["layers.0.W"].dtype,
        **_options(stack),
    )
    layer.set_parameters(parameters)
    return layer


def _language_model(table: Embedding | None, stack: Recurrent, dense: Dense) -> LanguageModel:
    tied = table is not None and np.array_equal(table.W.T, dense.W)
    model = LanguageModel(
        len(dense.b),
        stack.hidden_size,
        cell=stack.cell,
        num_layers=len(stack.layers),
        dtype=dense.W.dtype,
        embedding_size=None if table is None else table.W.shape[1],
        tie_weights=tied,
        **_options(stack),
    )
    parameters = _parameters(stack) | {"dense.b": dense.b}
    if table is not None:
        parameters["embedding.W"] = table.W
    if not tied:
        parameters["dense.W"] = dense.W
    model.set_parameters(parameters)
    return model


def _described_model(model: LanguageModel) -> Network:
    own = model.parameters
    table = own.get("embedding.W")
    W = own["dense.W"] if table is None or "dense.W" in own else np.ascontiguousarray(table.T)
    stack = _described_stack(model.config["cell"], model.config, own, 1)
    before = () if table is None else (Embedding(table),)
    return Network((*before, stack, Dense(W, own["dense.b"], softmax=True)))


def _described_stack(
    cell: CellName, config: Mapping[str, Any], own: Mapping[str, Array], directions: int
) -> Recurrent:
    layers = tuple(
        tuple(_described_cell(own, f"layers.{index}.{direction}") for direction in _DIRECTIONS[:directions])
        for index in range(config["num_layers"])
    )
    return Recurrent(
        cell,
        layers,
        nonlinearity=config["nonlinearity"] if cell == "rnn" else "tanh",
        batch_first=config.get("batch_first", False),
    )


def _described_cell(own: Mapping[str, Array], prefix: str) -> Cell:
    names = ("W", "R", "b", "b_Rn", "peephole", "projection")
    return Cell(**{name: own[prefix + name] for name in names if prefix + name in own})


def _summary(part: Part) -> str:
    if isinstance(part, Embedding):
        return f"an embedding of {' x '.join(map(str, part.W.shape))}"
    if isinstance(part, Dense):
        return f"a dense layer of {' x '.join(map(str, part.W.shape))}"
    sizes = f"{part.input_size} inputs and {part.hidden_size} units"
    return f"{len(part.layers)} {part.cell.upper()} of {sizes} in {part.num_directions} direction(s)"
