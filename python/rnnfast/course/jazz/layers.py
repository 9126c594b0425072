"""The layers: they own the weights, which every model that is made of them reads and training changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from rnnfast._arguments import integer

Weights = npt.NDArray[np.float32]


class Layer:
    """What the three kinds have in common: arrays of weights, none before a model is made of the layer."""

    weights: tuple[Weights, ...] = ()

    def count_params(self) -> int:
        """How many numbers training changes."""
        return sum(array.size for array in self.weights)

    def get_weights(self) -> list[Weights]:
        """Copies of the weights, in Keras' order and layout."""
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Replace the weights by arrays of the same shapes, as `get_weights` gives them.

        Raises
        ------
        ValueError
            For another number of arrays or another shape; nothing is changed then.
        """
        arrays = tuple(np.array(array, dtype=np.float32) for array in weights)
        shapes, expected = ([array.shape for array in given] for given in (arrays, self.weights))
        if shapes != expected:
            raise ValueError(f"weights has the shapes {shapes}, expected {expected}")
        self.weights = arrays

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        """Say that layers are not called here."""
        name = type(self).__name__
        raise TypeError(
            f"{name} cannot be called: there is no graph here; djmodel makes a model of the layers"
        )


class LSTM(Layer):
    """A layer of LSTM units.

    Parameters
    ----------
    units : int
        n_a.
    return_state : bool
        The exercise's models need both states: True.

    Attributes
    ----------
    weights : tuple of float32 arrays
        kernel (n_values, 4 n_a), recurrent_kernel (n_a, 4 n_a), bias (4 n_a,); gates in the order i, f, c, o.

    Examples
    --------
    >>> LSTM(64, return_state=True).units
    64
    """

    def __init__(self, units: int, return_state: bool = False) -> None:
        self.units = _size("units", units)
        self.return_state = bool(return_state)


class Dense(Layer):
    """A softmax layer.

    Parameters
    ----------
    units : int
        n_values.
    activation : {"softmax"}

    Attributes
    ----------
    weights : tuple of float32 arrays
        kernel (n_a, n_values), bias (n_values,).
    """

    def __init__(self, units: int, activation: str | None = None) -> None:
        self.units = _size("units", units)
        if activation != "softmax":
            raise ValueError(f"activation is {activation!r}, expected 'softmax'")
        self.activation = activation


class Reshape(Layer):
    """What makes a step of X a sequence of one step: here it only says how many values there are.

    Parameters
    ----------
    target_shape : (1, int)
        (1, n_values).
    """

    def __init__(self, target_shape: tuple[int, int]) -> None:
        if not isinstance(target_shape, Sequence) or len(target_shape) != 2 or target_shape[0] != 1:
            raise ValueError(f"target_shape is {target_shape!r}, expected (1, n_values)")
        self.target_shape = (1, _size("n_values", target_shape[1]))


def _size(name: str, value: Any) -> int:
    size = integer(name, value)
    if size < 1:
        raise ValueError(f"{name} is {value}, expected at least 1")
    return size
