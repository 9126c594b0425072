"""A dense layer for nets of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import floats, integer, thread_count
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import Floats, dtype_name
from rnnfast.layers.layer import Layer, LayerGradients, Shapes, stay_with_layer

_NATIVE = {"float32": _core.DenseF32, "float64": _core.DenseF64}


class DenseWorkspace(NamedTuple):
    """What `Dense.forward` leaves for `Dense.backward`; good for any number of them, with the same parameters."""

    x: Floats
    changes: int
    layer: Dense

    def __getstate__(self) -> NoReturn:
        stay_with_layer(self)


class Dense(Layer):
    """``y = x W + b``, forward and backward.

    Parameters
    ----------
    input_size : int
        D.
    output_size : int
        V.
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1; decides the initial weights.

    Notes
    -----
    `parameters` are ``W`` (D, V), at first Glorot-uniform (Glorot & Bengio 2010), and ``b`` (V,), at first 0. W is
    packed for the product when it has changed, not when it is used.

    Examples
    --------
    A line through three points, by gradient descent:

    >>> import numpy as np
    >>> from rnnfast import Dense, mse
    >>> layer, x, y = Dense(1, 1, dtype="float64"), np.array([[0.0], [1], [2]]), np.array([[1.0], [3], [5]])
    >>> for _ in range(200):
    ...     prediction, workspace = layer.forward(x)
    ...     loss, dprediction = mse(prediction, y)
    ...     gradients = layer.backward(dprediction, workspace).parameters
    ...     layer.set_parameters({k: p - 0.3 * gradients[k] for k, p in layer.parameters.items()})
    >>> layer([3.0]).round(3)
    array([7.])
    """

    def __init__(
        self, input_size: int, output_size: int, *, dtype: npt.DTypeLike = "float32", seed: int = 0
    ) -> None:
        self._dtype = np.dtype(dtype_name(dtype))
        self._config = {
            "input_size": integer("input_size", input_size),
            "output_size": integer("output_size", output_size),
            "seed": checked_seed(seed),
        }
        self._native = _NATIVE[self._dtype.name](**self._config)

    def __call__(self, x: npt.ArrayLike, *, num_threads: int | None = None) -> Floats:
        """Compute y.

        Parameters
        ----------
        x : (..., D) array
            Any number of leading axes; a row does not depend on the others.
        num_threads : int, optional
            None: as many as pay. No bit of any result depends on it.

        Returns
        -------
        y : (..., V) array
        """
        return self._run(self._rows("x", x, "input_size"), num_threads)[0]

    def forward(self, x: npt.ArrayLike, *, num_threads: int | None = None) -> tuple[Floats, DenseWorkspace]:
        """Compute y, and keep what `backward` needs.

        Parameters
        ----------
        x, num_threads
            As in a call of the layer.

        Returns
        -------
        y : (..., V) array
        workspace : DenseWorkspace
            Holds a copy of x.
        """
        own = self._rows("x", x, "input_size").copy()
        y, changes = self._run(own, num_threads)
        return y, DenseWorkspace(own, changes, self)

    def backward(
        self, dy: npt.ArrayLike, workspace: DenseWorkspace, *, num_threads: int | None = None
    ) -> LayerGradients:
        """Differentiate a scalar loss through `forward`.

        Parameters
        ----------
        dy : array like y
            d(loss) / dy.
        workspace : DenseWorkspace
            What `forward` returned.

        Returns
        -------
        gradients : LayerGradients
            dx like x, and ``parameters``; no dstate.

        Raises
        ------
        RuntimeError
            Where the parameters have changed since `forward`.
        ValueError
            Where it is another layer's, or a shape does not fit.
        """
        if not isinstance(workspace, DenseWorkspace):
            raise TypeError(f"workspace is a {type(workspace).__name__}, expected what forward returned")
        if workspace.layer is not self:  # whose count of changes tells nothing here
            raise ValueError("workspace is of another layer, expected what this one's forward returned")
        own, x = self._rows("dy", dy, "output_size"), workspace.x
        if own.shape[:-1] != x.shape[:-1]:
            expected = (*x.shape[:-1], self._config["output_size"])
            raise ValueError(f"dy has shape {own.shape}, expected {expected} as y")
        dx, dW, db = self._native.backward(workspace.changes, _flat(x), _flat(own), thread_count(num_threads))
        return LayerGradients(dx.reshape(x.shape), None, {"W": dW, "b": db})

    @classmethod
    def _shapes(cls, config: Mapping[str, Any]) -> Shapes:
        yield "W", (config["input_size"], config["output_size"])
        yield "b", (config["output_size"],)

    @staticmethod
    def _of(config: Mapping[str, Any]) -> Dense:
        return Dense(**config)

    def _run(self, x: Floats, num_threads: int | None) -> tuple[Floats, int]:
        y, changes = self._native.forward(_flat(x), thread_count(num_threads))
        return y.reshape(*x.shape[:-1], y.shape[-1]), changes

    def _rows(self, name: str, values: npt.ArrayLike, size: str) -> Floats:
        """Rows of as many numbers as the setting `size` says."""
        array = floats(name, values, self._dtype)
        if array.ndim == 0 or array.shape[-1] != self._config[size]:
            raise ValueError(f"{name} has shape {array.shape}, expected (..., {self._config[size]} = {size})")
        return array


def _flat(array: Floats) -> Floats:
    return array.reshape(int(np.prod(array.shape[:-1])), array.shape[-1])
