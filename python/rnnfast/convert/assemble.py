"""From a description to models of ours, and back: the only module of this package that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnfast.convert.description import (
    DIRECTIONS,
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

Layer = RNN | GRU | LSTM
Model = LanguageModel | Layer

_LAYERS: dict[CellName, type[Layer]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def build(network: Network) -> Model:
    """Make what `network` describes: a LanguageModel, or a layer.

    Raises
    ------
    ValueError
        Where no model of ours has these parts; the message lists them.
    """
    network = astype(network, network.dtype)
    model = _language_model(network)
    if model is not None:
        return model
    if len(network.parts) > 1 or not isinstance(network.parts[0], Recurrent):
        raise ValueError(
            f"no model of rnnfast is {', '.join(map(_summary, network.parts))}; expected layers of one kind and "
            "size, and for a LanguageModel a dense layer with one output for each token of the input"
        )
    return _layer(network.parts[0])


def describe(model: Model) -> Network:
    """Describe a model or a layer; the arrays are views of its parameters.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(model, LanguageModel):
        own = model.parameters
        W = own["dense.W"] if "dense.W" in own else np.ascontiguousarray(own["embedding.W"].T)
        table = [Embedding(own["embedding.W"])] if "embedding.W" in own else []
        stack = _stack(model.config["cell"], model.config, own)
        return Network((*table, stack, Dense(W, own["dense.b"], softmax=True)))
    for cell, kind in _LAYERS.items():
        if isinstance(model, kind):
            return Network((_stack(cell, model.config, model.parameters),))
    raise TypeError(f"model is a {type(model).__name__}, expected an RNN, GRU, LSTM or LanguageModel")


def _language_model(network: Network) -> LanguageModel | None:
    """The LanguageModel that the network is, where it is one."""
    *tables, stack, output = (None, *network.parts)[-3:]
    table = tables[0] if tables else None
    if not isinstance(stack, Recurrent) or not isinstance(output, Dense) or len(network.parts) > 3:
        return None
    if len(network.parts) == 3 and not isinstance(table, Embedding):
        return None
    tokens = len(table.W) if isinstance(table, Embedding) else stack.input_size
    if len(output.b) != tokens or stack.num_directions > 1 or _lstm_options(stack):
        return None
    tied = isinstance(table, Embedding) and np.array_equal(table.W.T, output.W)
    model = LanguageModel(
        tokens,
        stack.hidden_size,
        cell=stack.cell,
        num_layers=len(stack.layers),
        dtype=network.dtype,
        embedding_size=table.W.shape[1] if isinstance(table, Embedding) else None,
        tie_weights=tied,
        **_options(stack),
    )
    parameters = stack.arrays() | {"dense.b": output.b}
    if isinstance(table, Embedding):
        parameters["embedding.W"] = table.W
    if not tied:
        parameters["dense.W"] = output.W
    model.set_parameters(parameters)
    return model


def _layer(stack: Recurrent) -> Layer:
    layer = _LAYERS[stack.cell](
        stack.input_size,
        stack.hidden_size,
        len(stack.layers),
        bidirectional=stack.num_directions == 2,
        batch_first=stack.batch_first,
        dtype=stack.layers[0][0].W.dtype,
        **_options(stack),
        **_lstm_options(stack),
    )
    layer.set_parameters(stack.arrays())
    return layer


def _options(stack: Recurrent) -> dict[str, Any]:
    if stack.cell == "rnn":
        return {"nonlinearity": stack.nonlinearity}
    return {"reset_after": stack.reset_after} if stack.cell == "gru" else {}


def _lstm_options(stack: Recurrent) -> dict[str, Any]:
    """Those that differ from the plain LSTM."""
    options = {"proj_size": stack.proj_size, "peephole": stack.peephole, "coupled": stack.coupled}
    return {name: value for name, value in options.items() if value}


def _stack(cell: CellName, config: Mapping[str, Any], own: Mapping[str, Array]) -> Recurrent:
    directions = DIRECTIONS if config.get("bidirectional") else DIRECTIONS[:1]
    layers = tuple(
        tuple(_cell(own, f"layers.{index}.{prefix}") for prefix in directions)
        for index in range(config["num_layers"])
    )
    return Recurrent(
        cell,
        layers,
        nonlinearity=config["nonlinearity"] if cell == "rnn" else "tanh",
        coupled=config.get("coupled", False),
        batch_first=config.get("batch_first", False),
    )


def _cell(own: Mapping[str, Array], prefix: str) -> Cell:
    names = ("W", "R", "b", "b_Rn", "peephole", "projection")
    return Cell(**{name: own[prefix + name] for name in names if prefix + name in own})


def _summary(part: Part) -> str:
    if isinstance(part, Embedding):
        return f"an embedding of {' x '.join(map(str, part.W.shape))}"
    if isinstance(part, Dense):
        return f"a dense layer of {' x '.join(map(str, part.W.shape))}"
    sizes = f"{part.input_size} inputs and {part.hidden_size} units"
    return f"{len(part.layers)} {part.cell.upper()} of {sizes} in {part.num_directions} direction(s)"
