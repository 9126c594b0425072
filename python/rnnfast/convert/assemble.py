"""From a description to models of ours, and back: the only module of this package that knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from rnnfast.layers import GRU, LSTM, RNN, dense, embedding
from rnnfast.model import LanguageModel
from rnnfast.sequence.model import SequenceModel

Layer = RNN | GRU | LSTM | dense.Dense | embedding.Embedding
Model = LanguageModel | Layer | tuple[Layer, ...]
Source = LanguageModel | SequenceModel | Layer | Sequence[Layer]

_RECURRENT: dict[CellName, type[RNN | GRU | LSTM]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def build(network: Network, language_model: bool | None = None) -> Model:
    """Make what `network` describes: a LanguageModel, a layer, or several layers in order.

    Raises
    ------
    ValueError
        Where `language_model` is True and it is none; where that is None and it may be one.
    """
    if language_model is not None and not isinstance(language_model, bool):
        raise TypeError(f"language_model is {language_model!r}, expected True, False or None")
    network = astype(network, network.dtype)
    parts = _parts_of_language_model(network)
    if parts is not None and _wants_language_model(network, language_model):
        return _language_model(*parts)
    if language_model:
        raise ValueError(
            "language_model is True, expected one stack of RNN, GRU or plain LSTM layers in one direction, after an "
            "embedding or none, and a dense layer with an output for each token"
        )
    layers = tuple(map(_layer, network.parts))
    return layers[0] if len(layers) == 1 else layers


def describe(model: Source) -> Network:
    """Describe a model, a layer or several layers in order; the arrays are views of their parameters.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        Where a layer gives what the next cannot take.
    """
    if isinstance(model, LanguageModel | SequenceModel):
        own = {name.removeprefix("recurrent."): array for name, array in model.parameters.items()}
        W = own["dense.W"] if "dense.W" in own else np.ascontiguousarray(own["embedding.W"].T)
        table = [Embedding(own["embedding.W"])] if "embedding.W" in own else []
        stack = _stack(model.config["cell"], model.config, own)
        reads_tokens = isinstance(model, LanguageModel)
        return Network((*table, stack, Dense(W, own["dense.b"])), one_hot=reads_tokens and not table)
    layers = model if isinstance(model, tuple | list) else (model,)
    return Network(tuple(map(_part, layers)))


def _wants_language_model(network: Network, said: bool | None) -> bool:
    """Whether to make one of a network that can be one."""
    if said is not None:
        return said
    if not network.takes_tokens:
        raise ValueError(
            "the network takes as many numbers a step as it gives, which may be tokens as one-hot vectors, or not: "
            "pass language_model=True for a LanguageModel, language_model=False for its layers"
        )
    return True


def _parts_of_language_model(network: Network) -> tuple[Embedding | None, Recurrent, Dense] | None:
    """Where it has an output for each token that it reads, and nothing that a LanguageModel has not."""
    table: Embedding | None = None
    match network.parts:
        case (Recurrent() as stack, Dense() as output):
            pass
        case (Embedding() as table, Recurrent() as stack, Dense() as output):
            pass
        case _:
            return None
    tokens = stack.input_size if table is None else len(table.W)
    if len(output.b) != tokens or stack.num_directions > 1 or _lstm_options(stack):
        return None
    return table, stack, output


def _language_model(table: Embedding | None, stack: Recurrent, output: Dense) -> LanguageModel:
    tied = table is not None and np.array_equal(table.W.T, output.W)
    model = LanguageModel(
        len(output.b),
        stack.hidden_size,
        cell=stack.cell,
        num_layers=len(stack.layers),
        dtype=output.W.dtype,
        embedding_size=None if table is None else table.W.shape[1],
        tie_weights=tied,
        **_options(stack),
    )
    parameters = stack.arrays() | {"dense.b": output.b}
    if table is not None:
        parameters["embedding.W"] = table.W
    if not tied:
        parameters["dense.W"] = output.W
    model.set_parameters(parameters)
    return model


def _layer(part: Part) -> Layer:
    layer = _recurrent_layer(part) if isinstance(part, Recurrent) else _other_layer(part)
    layer.set_parameters(part.arrays())
    return layer


def _other_layer(part: Dense | Embedding) -> dense.Dense | embedding.Embedding:
    kind = dense.Dense if isinstance(part, Dense) else embedding.Embedding
    return kind(*part.W.shape, dtype=part.W.dtype)


def _recurrent_layer(stack: Recurrent) -> RNN | GRU | LSTM:
    return _RECURRENT[stack.cell](
        stack.input_size,
        stack.hidden_size,
        len(stack.layers),
        bidirectional=stack.num_directions == 2,
        batch_first=stack.batch_first,
        dtype=stack.layers[0][0].W.dtype,
        **_options(stack),
        **_lstm_options(stack),
    )


def _options(stack: Recurrent) -> dict[str, Any]:
    if stack.cell == "rnn":
        return {"nonlinearity": stack.nonlinearity}
    return {"reset_after": stack.reset_after} if stack.cell == "gru" else {}


def _lstm_options(stack: Recurrent) -> dict[str, Any]:
    """Those that differ from the plain LSTM."""
    options = {"proj_size": stack.proj_size, "peephole": stack.peephole, "coupled": stack.coupled}
    return {name: value for name, value in options.items() if value}


def _part(layer: Any) -> Part:
    if isinstance(layer, dense.Dense):
        return Dense(layer.parameters["W"], layer.parameters["b"])
    if isinstance(layer, embedding.Embedding):
        return Embedding(layer.parameters["W"])
    for cell, kind in _RECURRENT.items():
        if isinstance(layer, kind):
            return _stack(cell, layer.config, layer.parameters)
    raise TypeError(f"model is a {type(layer).__name__}, expected a model, a layer or a sequence of layers")


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
