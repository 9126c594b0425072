"""The basic recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from rnnfast.layers.layer import Shapes
from rnnfast.layers.recurrent import Recurrent


class RNN(Recurrent):
    """Basic recurrent layers (Elman 1990), forward and backward.

    ``h(t) = tanh(x(t) W + h(t-1) R + b)``, or with ``max(0, a)`` in place of ``tanh(a)``.

    Parameters
    ----------
    input_size : int
        D.
    hidden_size : int
        H.
    num_layers : int
        L; layer l + 1 reads the output of layer l.
    bidirectional : bool
        A second direction in each layer, which reads the sequence from its end (Schuster & Paliwal 1997); outputs are
        side by side, and the states are in the order layer 0, layer 0 reverse, layer 1, ...
    dropout : float
        Of the inputs of all layers but the first, 0 to below 1, in `forward` only.
    input_dropout : float
        The same of the first layer's input, which must not be tokens then.
    batch_first : bool
        x, y, dx, dy and reset have the axes (N, T, ...) instead of (T, N, ...).
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights and dropout's masks.
    nonlinearity : {"tanh", "relu"}
        What h is of a: tanh(a), or max(0, a).

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, H), ``layers.0.R`` (H, H) and ``layers.0.b`` (H,), then ``layers.0.reverse.W``,
    ..., ``layers.1.W``, ... The state is h, (num_layers * directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); b 0.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import RNN
    >>> layer = RNN(input_size=3, hidden_size=4)
    >>> y, h = layer(np.ones((5, 2, 3)))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_first: bool = False,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        nonlinearity: str = "tanh",
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'")
        super().__init__(
            f"rnn_{nonlinearity}",
            input_size,
            hidden_size,
            num_layers,
            {"nonlinearity": nonlinearity},
            bidirectional=bidirectional,
            dropout=dropout,
            input_dropout=input_dropout,
            batch_first=batch_first,
            dtype=dtype,
            seed=seed,
        )

    @staticmethod
    def _cell_shapes(config: Mapping[str, Any], input_size: int) -> Shapes:
        H = config["hidden_size"]
        yield from {"W": (input_size, H), "R": (H, H), "b": (H,)}.items()

    @staticmethod
    def _of(config: Mapping[str, Any]) -> RNN:
        return RNN(**config)
