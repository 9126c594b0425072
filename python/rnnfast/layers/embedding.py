"""An embedding of tokens for nets of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import floats, integer, thread_count, tokens
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import Floats, dtype_name
from rnnfast.layers.layer import Layer, LayerGradients, Shapes

_NATIVE = {"float32": _core.EmbeddingF32, "float64": _core.EmbeddingF64}


class EmbeddingWorkspace(NamedTuple):
    """What `Embedding.forward` leaves for `Embedding.backward`."""

    x: npt.NDArray[np.int32]


class Embedding(Layer):
    """A token becomes its row of a table, forward and backward; -1, no token, becomes zeros.

    A recurrent layer takes tokens without one: its W is a table of its own, of 4H, 3H or H columns. An embedding pays
    where there are many tokens or several layers that read them.

    Parameters
    ----------
    vocab_size : int
        V; tokens are 0 to V - 1, and -1.
    embedding_size : int
        E.
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1; decides the initial table.

    Notes
    -----
    `parameters` is ``W`` (V, E), at first Glorot-uniform (Glorot & Bengio 2010).

    Examples
    --------
    >>> from rnnfast import Embedding
    >>> table = Embedding(5, 2, dtype="float64")
    >>> table.set_parameters({"W": [[0, 0], [1, 10], [2, 20], [3, 30], [4, 40]]})
    >>> y, workspace = table.forward([3, -1, 3])
    >>> y
    array([[ 3., 30.],
           [ 0.,  0.],
           [ 3., 30.]])
    >>> table.backward([[1, 0], [1, 0], [1, 1]], workspace).parameters["W"][3]
    array([2., 1.])
    """

    def __init__(
        self, vocab_size: int, embedding_size: int, *, dtype: npt.DTypeLike = "float32", seed: int = 0
    ) -> None:
        self._dtype = np.dtype(dtype_name(dtype))
        self._config = {
            "vocab_size": integer("vocab_size", vocab_size),
            "embedding_size": integer("embedding_size", embedding_size),
            "seed": checked_seed(seed),
        }
        self._native = _NATIVE[self._dtype.name](**self._config)

    def __call__(self, x: npt.ArrayLike, *, num_threads: int | None = None) -> Floats:
        """Look tokens up.

        Parameters
        ----------
        x : (...) integers
            -1 to V - 1.
        num_threads : int, optional
            None: as many as pay. No bit of any result depends on it.

        Returns
        -------
        y : (..., E) array
        """
        return self.forward(x, num_threads=num_threads)[0]

    def forward(
        self, x: npt.ArrayLike, *, num_threads: int | None = None
    ) -> tuple[Floats, EmbeddingWorkspace]:
        """Look tokens up, and keep what `backward` needs.

        Parameters
        ----------
        x, num_threads
            As in a call of the layer.

        Returns
        -------
        y : (..., E) array
        workspace : EmbeddingWorkspace
            Holds a copy of x.
        """
        own = tokens("x", x, self._config["vocab_size"]).copy()
        y = self._native.forward(own.reshape(-1), thread_count(num_threads))
        return y.reshape(*own.shape, y.shape[-1]), EmbeddingWorkspace(own)

    def backward(
        self, dy: npt.ArrayLike, workspace: EmbeddingWorkspace, *, num_threads: int | None = None
    ) -> LayerGradients:
        """Differentiate a scalar loss through `forward`.

        Parameters
        ----------
        dy : array like y
            d(loss) / dy.
        workspace : EmbeddingWorkspace
            What `forward` returned.

        Returns
        -------
        gradients : LayerGradients
            ``parameters`` alone: the sum of the rows of dy for each token, first to last.
        """
        if not isinstance(workspace, EmbeddingWorkspace):
            raise TypeError(f"workspace is a {type(workspace).__name__}, expected what forward returned")
        own = floats("dy", dy, self._dtype)
        expected = (*workspace.x.shape, self._config["embedding_size"])
        if own.shape != expected:
            raise ValueError(f"dy has shape {own.shape}, expected {expected} as y")
        dW = self._native.backward(
            workspace.x.reshape(-1), own.reshape(workspace.x.size, expected[-1]), thread_count(num_threads)
        )
        return LayerGradients(None, None, {"W": dW})

    @classmethod
    def _shapes(cls, config: Mapping[str, Any]) -> Shapes:
        yield "W", (config["vocab_size"], config["embedding_size"])

    @staticmethod
    def _of(config: Mapping[str, Any]) -> Embedding:
        return Embedding(**config)
