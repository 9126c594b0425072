"""Gated recurrent units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from rnnfast.layers.layer import Shapes
from rnnfast.layers.recurrent import Recurrent


class GRU(Recurrent):
    """Gated recurrent units (Cho et al. 2014), forward and backward.

    With ``a = x(t) W + b``, in gate order r, z, n::

        r = sigmoid(a_r + h(t-1) R_r)   z = sigmoid(a_z + h(t-1) R_z)   h(t) = (1 - z) n + z h(t-1)
        n = tanh(a_n + r (h(t-1) R_n + b_Rn))    reset after the recurrent product (PyTorch, cuDNN)
        n = tanh(a_n + (r h(t-1)) R_n)           reset before it (Cho et al. 2014)

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
    reset_after : bool
        Which of the two n is: reset after the recurrent product, or before it.

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, 3H), ``layers.0.R`` (H, 3H), ``layers.0.b`` (3H,) and, with reset after,
    ``layers.0.b_Rn`` (H,), then ``layers.0.reverse.W``, ..., ``layers.1.W``, ... The state is h, (num_layers *
    directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); biases 0.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import GRU
    >>> layer = GRU(3, 4, num_layers=2, bidirectional=True)
    >>> y, h = layer(np.ones((5, 2, 3)), lengths=[5, 2])
    >>> y.shape, h.shape, bool((y[2:, 1] == 0).all())
    ((5, 2, 8), (4, 2, 4), True)
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
        reset_after: bool = True,
    ) -> None:
        super().__init__(
            "gru" if reset_after else "gru_reset_before",
            input_size,
            hidden_size,
            num_layers,
            {"reset_after": bool(reset_after)},
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
        yield from {"W": (input_size, 3 * H), "R": (H, 3 * H), "b": (3 * H,)}.items()
        if config["reset_after"]:
            yield "b_Rn", (H,)

    @staticmethod
    def _of(config: Mapping[str, Any]) -> GRU:
        return GRU(**config)
