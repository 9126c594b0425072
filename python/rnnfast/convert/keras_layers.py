"""Keras' layers: their arrays' shapes, order of gates and settings.

    kernel (D, G*H)   recurrent_kernel (H, G*H)   bias (G*H,); of a GRU that resets after the product (2, 3H)

Gates are i f c o (ours) and z r h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfast.convert.description import (
    Array,
    Cell,
    CellName,
    Dense,
    Embedding,
    Network,
    Nonlinearity,
    Part,
    Recurrent,
    as_floats,
    stacked,
)
from rnnfast.convert.gates import reorder
from rnnfast.convert.keras_files import Config, Layer

_CELLS: dict[str, CellName] = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
_CELLS_BY_GATES: dict[int, CellName] = {1: "rnn", 3: "gru", 4: "lstm"}
_WITHOUT_EFFECT = ("InputLayer", "Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise")
"""Outside training."""


@dataclass(frozen=True)
class Choices:
    """What the caller says where the file does not."""

    nonlinearity: Nonlinearity | None = None
    reset_after: bool | None = None
    assume_defaults: bool = False


def network_of(layers: Sequence[Layer], choices: Choices) -> Network:
    """Describe the network of these layers."""
    if not choices.assume_defaults and any(layer.config is None for layer in layers):
        raise ValueError(
            "a file of weights alone does not say its layers' settings: pass assume_defaults=True where they are "
            "Keras' own (LSTM and GRU with tanh and sigmoid, which was hard_sigmoid before Keras 2.3; Dense linear or "
            "with softmax; Bidirectional that concatenates; no masks, nothing backwards), or save the whole model as "
            ".keras"
        )
    parts: list[Part] = []
    every_step = True
    for layer in layers:
        if layer.kind in _WITHOUT_EFFECT or _is_activation(layer, "linear"):
            continue
        if _is_activation(layer, "softmax") and parts and isinstance(parts[-1], Dense):
            parts[-1] = Dense(parts[-1].W, parts[-1].b, softmax=True)
            continue
        part = _part(layer, choices)
        if isinstance(part, Recurrent):
            if not every_step:
                raise ValueError(f"layer {layer.name!r} comes after one that returns its last output only")
            every_step = _returns_sequences(layer)
        parts.append(part)
    return stacked(parts)


def _returns_sequences(layer: Layer) -> bool:
    if layer.kind == "Bidirectional" and layer.config is not None:
        return bool(_inner(layer, layer.config, None).get("return_sequences", False))
    return bool(_setting(layer, "return_sequences", layer.config is None))


def _is_activation(layer: Layer, name: str) -> bool:
    return (
        layer.kind == "Activation" and layer.config is not None and _function(layer, "activation", "") == name
    )


def _part(layer: Layer, choices: Choices) -> Part:
    kind, config = layer.kind, layer.config
    if kind == "TimeDistributed":
        kind, config = "Dense", None if config is None else _inner(layer, config, "Dense")
    own = Layer(kind, layer.name, config, [as_floats(layer.name, array) for array in layer.weights])
    if kind in _CELLS or kind == "Recurrent":
        return _recurrent(own, [(config, own.weights)], choices)
    if kind == "Bidirectional":
        return _bidirectional(own, choices)
    if kind == "Dense":
        return _dense(own)
    if kind == "Embedding":
        _expect(own, "mask_zero", False)
        return Embedding(*_arrays(own, own.weights, (1,)))
    raise ValueError(
        f"layer {layer.name!r} is a {kind}, expected LSTM, GRU, SimpleRNN, Bidirectional, Dense or Embedding"
    )


def _inner(layer: Layer, config: Config, kind: str | None, key: str = "layer") -> Config:
    """The settings of the layer that a wrapper holds."""
    inner = config.get(key)
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise ValueError(f"layer {layer.name!r} has no settings of the layer that it wraps")
    if kind is not None and inner.get("class_name") != kind:
        raise ValueError(f"layer {layer.name!r} wraps a {inner.get('class_name')}, expected a {kind}")
    return {**inner["config"], "class_name": inner.get("class_name")}


def _dense(layer: Layer) -> Dense:
    kernel, *bias = _arrays(layer, layer.weights, (1, 2))
    activation = _function(layer, "activation", "linear")
    if activation not in ("linear", "softmax"):
        raise ValueError(
            f"layer {layer.name!r} has the activation {activation!r}, expected 'softmax' or 'linear'"
        )
    zeros = np.zeros(kernel.shape[-1], kernel.dtype)
    return Dense(kernel, bias[0] if bias else zeros, softmax=activation == "softmax")


def _bidirectional(layer: Layer, choices: Choices) -> Recurrent:
    half = len(layer.weights) // 2
    forward, backward = layer.config, layer.config
    if layer.config is not None:
        _expect(layer, "merge_mode", "concat")
        forward = _inner(layer, layer.config, None)
        backward = _backward(layer, layer.config, forward)
        layer = Layer(forward["class_name"], layer.name, forward, layer.weights)
    else:
        layer = Layer("Recurrent", layer.name, None, layer.weights)
    return _recurrent(layer, [(forward, layer.weights[:half]), (backward, layer.weights[half:])], choices)


def _backward(layer: Layer, config: Config, forward: Config) -> Config:
    """The settings of the other direction as if it went forwards; Keras 2 writes them only where they differ."""
    if "backward_layer" not in config:
        return forward
    backward = _inner(layer, config, forward["class_name"], "backward_layer")
    if backward.get("go_backwards") is not True:
        raise ValueError(f"layer {layer.name!r} has a backward layer that does not go backwards")
    return {**backward, "go_backwards": False}


def _recurrent(
    layer: Layer, directions: Sequence[tuple[Config | None, list[Array]]], choices: Choices
) -> Recurrent:
    name = _cell_name(layer)
    both = [Layer(layer.kind, layer.name, config, weights) for config, weights in directions]
    nonlinearities = {_nonlinearity(own, name, choices) for own in both}
    if len(nonlinearities) > 1:
        raise ValueError(f"layer {layer.name!r} has different activations in its two directions")
    cells = tuple(_cell(own, name, choices) for own in both)
    return Recurrent(name, (cells,), nonlinearity=nonlinearities.pop(), batch_first=True)


def _cell_name(layer: Layer) -> CellName:
    if layer.kind in _CELLS:
        return _CELLS[layer.kind]
    recurrent = layer.weights[1] if len(layer.weights) > 1 else np.zeros(0)
    gates, rest = (
        divmod(recurrent.shape[1], len(recurrent)) if recurrent.ndim == 2 and len(recurrent) else (0, 0)
    )
    if layer.kind != "Recurrent" or rest or gates not in _CELLS_BY_GATES:
        raise ValueError(
            f"layer {layer.name!r} holds a {layer.kind} of {recurrent.shape}, expected an LSTM, a GRU ..."
        )
    return _CELLS_BY_GATES[gates]


def _nonlinearity(layer: Layer, name: CellName, choices: Choices) -> Nonlinearity:
    """Give a basic RNN's nonlinearity; refuse all other settings that change the equations."""
    for key in ("go_backwards", "time_major"):
        _expect(layer, key, False)
    activation = _function(layer, "activation", choices.nonlinearity if name == "rnn" else "tanh")
    if name == "rnn":
        known: dict[Any, Nonlinearity] = {"tanh": "tanh", "relu": "relu"}
        if isinstance(activation, str) and activation in known:
            return known[activation]
        if activation is None:
            raise ValueError(
                f"the file does not say the nonlinearity of layer {layer.name!r}: pass nonlinearity='tanh' or "
                "nonlinearity='relu'"
            )
        raise ValueError(f"layer {layer.name!r} has the activation {activation!r}, expected 'tanh' or 'relu'")
    for key, got, expected in (
        ("activation", activation, "tanh"),
        ("recurrent_activation", _function(layer, "recurrent_activation", "sigmoid"), "sigmoid"),
    ):
        if got != expected:
            raise ValueError(f"layer {layer.name!r} has the {key} {got!r}, expected {expected!r}")
    return "tanh"


def _cell(layer: Layer, name: CellName, choices: Choices) -> Cell:
    kernel, recurrent, *biases = _arrays(layer, layer.weights, (2, 3))
    bias = biases[0] if biases else None
    if name != "gru":
        return Cell(
            kernel, recurrent, np.zeros(recurrent.shape[-1], recurrent.dtype) if bias is None else bias
        )
    after = _reset_after(layer, bias, choices)
    if bias is None:
        bias = np.zeros((2, recurrent.shape[-1]) if after else recurrent.shape[-1:], recurrent.dtype)
    if bias.shape not in ((2, recurrent.shape[-1]), recurrent.shape[-1:]) or recurrent.shape[-1] % 3:
        raise ValueError(f"layer {layer.name!r} has a bias of {bias.shape}, expected 3*H or (2, 3*H) numbers")
    W, R, bias = (reorder(array, "zrn", "rzn") for array in (kernel, recurrent, bias))
    if not after:
        return Cell(W, R, bias)
    H = W.shape[1] // 3
    b = bias[0] + bias[1]
    b[2 * H :] = bias[0, 2 * H :]
    return Cell(W, R, b, b_Rn=bias[1, 2 * H :].copy())


def _reset_after(layer: Layer, bias: Array | None, choices: Choices) -> bool:
    two = bias is not None and bias.ndim == 2
    said = choices.reset_after if layer.config is None else layer.config.get("reset_after", False)
    if said is None and not two:
        raise ValueError(
            f"the file does not say whether the GRU of layer {layer.name!r} resets after the recurrent product: "
            "pass reset_after=True or reset_after=False"
        )
    if said is not None and bias is not None and bool(said) != two:
        raise ValueError(
            f"layer {layer.name!r} has a bias of {bias.shape}, but reset_after is {said!r}, which takes "
            f"{'(2, 3*H)' if said else '(3*H,)'}"
        )
    return two if said is None else bool(said)


def _arrays(layer: Layer, weights: list[Array], counts: tuple[int, ...]) -> list[Array]:
    if (
        len(weights) not in counts
        or weights[0].ndim != 2
        or (len(weights) > 1 and weights[1].ndim not in (1, 2))
    ):
        shapes = [array.shape for array in weights]
        raise ValueError(
            f"layer {layer.name!r} has arrays of {shapes}, which are not those of a {layer.kind}"
        )
    return weights


def _setting(layer: Layer, key: str, default: Any) -> Any:
    return default if layer.config is None else layer.config.get(key, default)


def _expect(layer: Layer, key: str, expected: Any) -> None:
    if (got := _setting(layer, key, expected)) != expected:
        raise ValueError(
            f"layer {layer.name!r} has {key}={got!r}, which rnnfast does not do; expected {expected!r}"
        )


def _function(layer: Layer, key: str, default: Any) -> Any:
    """The name of an activation function; Keras writes it as it is, or inside an object."""
    value = _setting(layer, key, default)
    return value.get("config") if isinstance(value, dict) else value
