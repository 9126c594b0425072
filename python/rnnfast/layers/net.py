"""The layers of a net taken together: their names, their parameters and their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnfast._parameters import Floats
from rnnfast.layers.layer import Layer, LayerGradients

Layers = Layer | Sequence[Layer] | Mapping[str, Layer]
"""One layer, or those of a net; their places or keys are their names."""

Gradients = LayerGradients | Mapping[str, Floats]
"""What `backward` returned, or its `parameters` alone."""


def named_layers(layers: Any) -> dict[str, Layer] | None:
    """Layers by their names, or None where `layers` is something else than layers.

    Raises
    ------
    TypeError
        For something else among layers, and for layers of two dtypes.
    ValueError
        Where a layer comes twice.
    """
    named = {"layer": layers} if isinstance(layers, Layer) else _by_name(layers)
    if not any(isinstance(layer, Layer) for layer in named.values()):
        return None
    for name, layer in named.items():
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{name}] is {layer!r}, expected a layer")
    if len({id(layer) for layer in named.values()}) < len(named):
        raise ValueError("layers has a layer twice: add its gradients up, and give it once")
    dtypes = sorted({layer.dtype.name for layer in named.values()})
    if len(dtypes) > 1:
        raise TypeError(f"layers are of {' and '.join(dtypes)}, expected one dtype")
    return named


def parameters_of(layers: Mapping[str, Layer]) -> dict[str, Floats]:
    """The parameters of all layers, in one mapping: "0.layers.0.W", ...

    Raises
    ------
    ValueError
        Where two of them would have one name.
    """
    flat = {f"{name}.{key}": p for name, layer in layers.items() for key, p in layer.parameters.items()}
    if len(flat) < sum(len(layer.parameters) for layer in layers.values()):
        raise ValueError(f"layers are named {sorted(layers)}: two of their parameters would have one name")
    return flat


def gradients_of(layers: Mapping[str, Layer], gradients: Any) -> dict[str, Floats]:
    """The gradients of all layers, named like `parameters_of`.

    Raises
    ------
    TypeError
        For anything but what `backward` returns.
    ValueError
        Where there are more or fewer than layers, or they have other names.
    """
    given = {"layer": gradients} if _is_of_one_layer(gradients) else _by_name(gradients)
    if given.keys() != layers.keys():
        raise ValueError(f"gradients are of {sorted(given)}, expected of {sorted(layers)} as layers")
    flat: dict[str, Floats] = {}
    for name in layers:
        own = given[name].parameters if isinstance(given[name], LayerGradients) else given[name]
        if not isinstance(own, Mapping):
            raise TypeError(f"gradients[{name}] is {own!r}, expected what the layer's backward returned")
        flat |= {f"{name}.{key}": array for key, array in own.items()}
    return flat


def _is_of_one_layer(gradients: Any) -> bool:
    arrays = isinstance(gradients, Mapping) and not any(
        isinstance(g, Mapping | LayerGradients) for g in gradients.values()
    )
    return isinstance(gradients, LayerGradients) or arrays


def _by_name(items: Any) -> dict[str, Any]:
    if isinstance(items, Mapping):
        return {str(name): item for name, item in items.items()}
    if isinstance(items, Sequence) and not isinstance(items, str):
        return {str(place): item for place, item in enumerate(items)}
    return {}
