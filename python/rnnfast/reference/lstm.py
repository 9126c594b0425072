"""One LSTM layer over a whole sequence, forward and backward through time.

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000:

    a = x W + h(t-1) R + b, four blocks in the order i f g o
    i = sigmoid(a_i)   f = sigmoid(a_f)   g = tanh(a_g)   o = sigmoid(a_o)
    c = f c(t-1) + i g                    h = o tanh(c)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats
from rnnfast.reference._input import input_gradient, input_product, is_tokens, layer_input


class Activations(NamedTuple):
    """What forward leaves for backward: h, c [T + 1, N, H] (slot 0 is the initial state) and gates."""

    h: Floats
    c: Floats
    gates: Floats


class Gradients(NamedTuple):
    """The gradient on each input of forward, of its shape; `dx` is None where the input was tokens."""

    dx: Floats | None
    dW: Floats
    dR: Floats
    db: Floats
    dh0: Floats
    dc0: Floats


def sigmoid(a: ArrayLike) -> Floats:
    """Give 1 / (1 + exp(-a)), without overflow.

    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    a = np.asarray(a, dtype=np.float64)
    z = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, 1, z) / (1 + z))


def forward(
    x: ArrayLike, W: ArrayLike, R: ArrayLike, b: ArrayLike, h0: ArrayLike, c0: ArrayLike
) -> Activations:
    """Run the layer over T steps.

    Parameters
    ----------
    x : float array [T, N, D], or integer array [T, N]
        An integer is a token: it stands for its one-hot vector, so it takes row `token` of `W`; -1 stands for
        zeros.
    W : float array [D, 4H]
        Input weights.
    R : float array [H, 4H]
        Recurrent weights.
    b : float array [4H]
        Bias.
    h0, c0 : float array [N, H]
        Initial state.

    Returns
    -------
    Activations
        h, c [T + 1, N, H], gates [T, N, 4H] after their sigmoid or tanh; new arrays.

    Raises
    ------
    ValueError
        Where shapes do not fit each other or a token is outside [-1, D).

    Examples
    --------
    >>> zeros = np.zeros((1, 2))
    >>> h, c, gates = forward([[0], [-1]], np.ones((3, 8)), np.zeros((2, 8)), np.zeros(8), zeros, zeros)
    >>> h.shape, c.shape, gates.shape
    ((3, 1, 2), (3, 1, 2), (2, 1, 8))
    >>> h[:, 0, 0].round(6)
    array([0.      , 0.369606, 0.135705])
    """
    R = floats("R", R, None, None)
    H = R.shape[0]
    R, b, W = floats("R", R, H, 4 * H), floats("b", b, 4 * H), floats("W", W, None, 4 * H)
    x = layer_input(x, W.shape[0])
    T, N = x.shape[:2]

    from_input = input_product(x, W) + b
    h, c, gates = np.empty((T + 1, N, H)), np.empty((T + 1, N, H)), np.empty((T, N, 4 * H))
    h[0], c[0] = floats("h0", h0, N, H), floats("c0", c0, N, H)
    for t in range(T):
        a_i, a_f, a_g, a_o = np.split(from_input[t] + h[t] @ R, 4, axis=-1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
        gates[t] = np.concatenate([i, f, g, o], axis=-1)
    return Activations(h, c, gates)


def backward(
    dh_out: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    c: ArrayLike,
    gates: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    dh_last: ArrayLike | None = None,
    dc_last: ArrayLike | None = None,
) -> Gradients:
    """Take the gradient of a loss L through the layer, from its gradient on the layer's outputs.

    Going back from the last step, with dh and dc the whole gradient on h(t) and c(t):

        dc  += dh o (1 - tanh(c)^2)
        da_i = dc g i (1 - i)    da_f = dc c(t-1) f (1 - f)
        da_g = dc i (1 - g^2)    da_o = dh tanh(c) o (1 - o)
        dc(t-1) = dc f           dh(t-1) = dh_out(t-1) + da R^T

    and then dW = x^T da, dR = h(t-1)^T da, db = da, each summed over t and n, and dx = da W^T.

    Parameters
    ----------
    dh_out : float array [T, N, H]
        dL/dh[1:] as it comes from the layer above.
    x, h, c, gates, W, R
        As `forward` took and gave them.
    dh_last, dc_last : float array [N, H], optional
        What the final state h[T], c[T] receives besides; zero by default. Handing the `dh0`, `dc0` of a later
        piece of the sequence to the piece before it gives the gradients of the whole.

    Returns
    -------
    Gradients
        New arrays.

    Raises
    ------
    ValueError
        Where a shape does not fit.
    """
    dh_out = floats("dh_out", dh_out, None, None, None)
    T, N, H = dh_out.shape
    h, c = floats("h", h, T + 1, N, H), floats("c", c, T + 1, N, H)
    gates, W, R = floats("gates", gates, T, N, 4 * H), floats("W", W, None, 4 * H), floats("R", R, H, 4 * H)
    x = layer_input(x, W.shape[0])
    if x.shape[:2] != (T, N):
        raise ValueError(f"x has shape {x.shape}, expected it to begin with (T, N) = {(T, N)}")
    dh_next = np.zeros((N, H)) if dh_last is None else floats("dh_last", dh_last, N, H)
    dc = np.zeros((N, H)) if dc_last is None else floats("dc_last", dc_last, N, H)

    da = np.empty((T, N, 4 * H))
    for t in reversed(range(T)):
        i, f, g, o = np.split(gates[t], 4, axis=-1)
        tanh_c = np.tanh(c[t + 1])
        dh = dh_out[t] + dh_next
        dc = dc + dh * o * (1 - tanh_c**2)
        da_i, da_f = dc * g * i * (1 - i), dc * c[t] * f * (1 - f)
        da_g, da_o = dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)
        da[t] = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)
        dc = dc * f
        dh_next = da[t] @ R.T

    dR = np.einsum("tnh,tna->ha", h[:-1], da)
    dx = None if is_tokens(x) else da @ W.T
    return Gradients(dx, input_gradient(x, da, W.shape[0]), dR, da.sum(axis=(0, 1)), dh_next, dc)
