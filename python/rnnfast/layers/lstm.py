"""Long short-term memory, plain or with projections, peepholes or coupled gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from rnnfast._arguments import integer
from rnnfast.layers.layer import Shapes
from rnnfast.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000), forward and backward.

    With ``a = x(t) W + h(t-1) R + b``, in gate order i, f, g, o::

        c(t) = sigmoid(a_f) c(t-1) + sigmoid(a_i) tanh(a_g)
        h(t) = sigmoid(a_o) tanh(c(t))

    With a projection Q (Sak, Senior & Beaufays 2014) h(t) is ``(sigmoid(a_o) tanh(c(t))) Q``. With peepholes (Gers &
    Schmidhuber 2000) ``p_i c(t-1)``, ``p_f c(t-1)`` and ``p_o c(t)`` are added to a_i, a_f and a_o. With coupled gates
    (Greff et al. 2017) the forget gate is 1 minus the input gate, and the order is i, g, o.

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
    proj_size : int
        P, the size of h, at most H; 0: no projection, P = H.
    peephole, coupled : bool
        As above; False: the plain cell.

    Notes
    -----
    `parameters` are ``layers.0.W`` (D, 4H), ``layers.0.R`` (P, 4H), ``layers.0.b`` (4H,), where there are peepholes
    ``layers.0.peephole`` (3H,) in the order i, f, o, and with a projection ``layers.0.projection`` (H, P); then
    ``layers.0.reverse.W``, ..., ``layers.1.W``, ... Coupled, 4H is 3H and 3H is 2H. The state is (h, c): (num_layers *
    directions, N, P) and (num_layers * directions, N, H).

    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014); b 0, but 1
    for the forget gate; projections as W, peepholes 0.

    Examples
    --------
    One training step by hand:

    >>> import numpy as np
    >>> from rnnfast import LSTM
    >>> layer = LSTM(input_size=3, hidden_size=4)
    >>> x = np.ones((5, 2, 3))
    >>> y, (h, c), workspace = layer.forward(x)
    >>> gradients = layer.backward(2 * y, None, workspace)  # of sum(y^2)
    >>> layer.set_parameters(
    ...     {name: p - 0.1 * gradients.parameters[name] for name, p in layer.parameters.items()}
    ... )
    >>> bool(np.square(layer(x)[0]).sum() < np.square(y).sum())
    True
    """

    _has_c = True

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
        proj_size: int = 0,
        peephole: bool = False,
        coupled: bool = False,
    ) -> None:
        super().__init__(
            "lstm",
            input_size,
            hidden_size,
            num_layers,
            {
                "proj_size": integer("proj_size", proj_size),
                "peephole": bool(peephole),
                "coupled": bool(coupled),
            },
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
        P, gates = config["proj_size"] or H, 3 if config["coupled"] else 4
        yield from {"W": (input_size, gates * H), "R": (P, gates * H), "b": (gates * H,)}.items()
        if config["peephole"]:
            yield "peephole", ((gates - 1) * H,)
        if config["proj_size"]:
            yield "projection", (H, P)

    @staticmethod
    def _of(config: Mapping[str, Any]) -> LSTM:
        return LSTM(**config)
