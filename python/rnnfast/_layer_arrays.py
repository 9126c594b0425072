"""Layers as an optimiser sees them: one mapping of names to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


class Layer(Protocol):
    """Anything that has named parameters and lets them be set."""

    @property
    def parameters(self) -> Arrays:
        """Name -> array, to be read."""

    def set_parameters(self, mapping: Arrays) -> None:
        """Take new values, each of its array's shape."""


Layers = Mapping[str, Layer] | Sequence[Layer]


def named_layers(parameters: Any) -> dict[str, Layer] | None:
    """Layers by name, or by their place in a sequence; None where these are no layers."""
    given = _named(parameters)
    if not isinstance(given, Mapping) or not any(
        hasattr(value, "set_parameters") for value in given.values()
    ):
        return None
    seen: dict[int, str] = {}
    for name, layer in given.items():
        if not hasattr(layer, "set_parameters"):
            raise TypeError(f"parameters[{name!r}] is {layer!r}, expected a layer as the others")
        if id(layer) in seen:
            raise ValueError(f"parameters has one layer twice, as {seen[id(layer)]!r} and {name!r}")
        seen[id(layer)] = name
    return dict(given)


def parameter_copies(layers: Mapping[str, Layer]) -> dict[str, Array]:
    """Of all layers: ``encoder.layers.0.W`` of the layer ``encoder``, and so on."""
    copies = {
        f"{name}.{parameter}": np.array(array, order="C")
        for name, layer in layers.items()
        for parameter, array in layer.parameters.items()
    }
    if len(copies) < sum(len(layer.parameters) for layer in layers.values()):
        raise ValueError(
            f"parameters has layers named {list(layers)}: two of their arrays would have one name"
        )
    return copies


def gradient_arrays(layers: Mapping[str, Layer], gradients: Any) -> dict[str, Array]:
    """By the names of `parameter_copies`. Each layer's is a mapping, or something that has one as its `parameters`."""
    given = _named(gradients)
    if not isinstance(given, Mapping) or given.keys() != layers.keys():
        came = list(given) if isinstance(given, Mapping) else repr(given)
        raise ValueError(f"gradients is for {came}, expected one for each of the layers {list(layers)}")
    arrays: dict[str, Array] = {}
    for name in layers:
        own = getattr(given[name], "parameters", given[name])
        if not isinstance(own, Mapping):
            raise TypeError(f"gradients[{name!r}] is {own!r}, expected a mapping of names to arrays")
        arrays |= {f"{name}.{parameter}": array for parameter, array in own.items()}
    return arrays


def assign(layers: Mapping[str, Layer], arrays: Arrays) -> None:
    """Set what `parameter_copies` gave, changed meanwhile."""
    for name, layer in layers.items():
        layer.set_parameters({key: arrays[f"{name}.{key}"] for key in layer.parameters})


def _named(given: Any) -> Any:
    return {str(place): value for place, value in enumerate(given)} if isinstance(given, Sequence) else given
