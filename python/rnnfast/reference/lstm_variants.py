"""The LSTM with its options: a coupled input and forget gate, peepholes, a projection; any of them together.

Without options it is the module `lstm`. `Q` is the projection, and p_i, p_f, p_o are the peepholes:

    a = x W + h(t-1) R + b, four blocks in the order i f g o; coupled three, i g o
    i = sigmoid(a_i + p_i c(t-1))   f = sigmoid(a_f + p_f c(t-1)); coupled f = 1 - i   g = tanh(a_g)
    c = f c(t-1) + i g              o = sigmoid(a_o + p_o c)
    m = o tanh(c)                   h = m, or with a projection h = m Q

Peepholes: Gers & Schmidhuber 2000. Coupled gates: Greff et al. 2017. Projection: Sak, Senior & Beaufays 2014.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats
from rnnfast.reference._input import input_gradient, input_product, is_tokens, layer_input
from rnnfast.reference.lstm import Activations, sigmoid


class Gradients(NamedTuple):
    """The gradient on each input of forward, of its shape; None where the input was tokens or None."""

    dx: Floats | None
    dW: Floats
    dR: Floats
    db: Floats
    dpeepholes: Floats | None
    dprojection: Floats | None
    dh0: Floats
    dc0: Floats


def forward(
    x: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    b: ArrayLike,
    h0: ArrayLike,
    c0: ArrayLike,
    *,
    coupled: bool = False,
    peepholes: ArrayLike | None = None,
    projection: ArrayLike | None = None,
) -> Activations:
    """Run the layer over T steps.

    Below, G is the number of gates with weights of their own: 4, or 3 where two are coupled. P is the size of
    h: that of the projection, or H without one.

    Parameters
    ----------
    x : float array [T, N, D], or integer array [T, N]
        An integer is a token: it stands for its one-hot vector, so it takes row `token` of `W`; -1 stands for
        zeros.
    W : float array [D, G*H]
        Input weights.
    R : float array [P, G*H]
        Recurrent weights.
    b : float array [G*H]
        Bias.
    h0 : float array [N, P]
        Initial output.
    c0 : float array [N, H]
        Initial cell.
    coupled : bool
        Whether f = 1 - i.
    peepholes : float array [(G-1)*H], optional
        p_i, p_f, p_o; coupled p_i, p_o.
    projection : float array [H, P], optional
        Q.

    Returns
    -------
    Activations
        h [T + 1, N, P], c [T + 1, N, H], gates [T, N, G*H] after their sigmoid or tanh; new arrays.

    Raises
    ------
    ValueError
        Where shapes do not fit each other or a token is outside [-1, D).

    Examples
    --------
    >>> W, R, b = np.ones((3, 6)), np.zeros((1, 6)), np.zeros(6)
    >>> h, c, gates = forward([[0]], W, R, b, [[0.0]], [[0.0, 1.0]], coupled=True, projection=[[1.0], [2.0]])
    >>> h.shape, c.shape, gates.shape
    ((2, 1, 1), (2, 1, 2), (1, 1, 6))
    """
    c0 = floats("c0", c0, None, None)
    H, G = c0.shape[1], 3 if coupled else 4
    projection = None if projection is None else floats("projection", projection, H, None)
    P = H if projection is None else projection.shape[1]
    W, R, b = floats("W", W, None, G * H), floats("R", R, P, G * H), floats("b", b, G * H)
    p_i, p_f, p_o = _split_peepholes(peepholes, H, coupled)
    x = layer_input(x, W.shape[0])
    T, N = x.shape[:2]

    from_input = input_product(x, W) + b
    h, c, gates = np.empty((T + 1, N, P)), np.empty((T + 1, N, H)), np.empty((T, N, G * H))
    h[0], c[0] = floats("h0", h0, N, P), floats("c0", c0, N, H)
    for t in range(T):
        a_i, *a_f, a_g, a_o = np.split(from_input[t] + h[t] @ R, G, axis=-1)
        i, g = sigmoid(a_i + p_i * c[t]), np.tanh(a_g)
        f = 1 - i if coupled else sigmoid(a_f[0] + p_f * c[t])
        c[t + 1] = f * c[t] + i * g
        o = sigmoid(a_o + p_o * c[t + 1])
        m = o * np.tanh(c[t + 1])
        h[t + 1] = m if projection is None else m @ projection
        gates[t] = np.concatenate([i, g, o] if coupled else [i, f, g, o], axis=-1)
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
    *,
    coupled: bool = False,
    peepholes: ArrayLike | None = None,
    projection: ArrayLike | None = None,
) -> Gradients:
    """Take the gradient of a loss L through the layer, from its gradient on the layer's outputs.

    Going back from the last step, with dh and dc the whole gradient on h(t) and c(t):

        dm   = dh Q^T                       da_o = dm tanh(c) o (1 - o)
        dc  += dm o (1 - tanh(c)^2) + da_o p_o
        da_g = dc i (1 - g^2)               da_f = dc c(t-1) f (1 - f)
        da_i = dc g i (1 - i)               coupled: da_i = dc (g - c(t-1)) i (1 - i)
        dc(t-1) = dc f + da_i p_i + da_f p_f
        dh(t-1) = dh_out(t-1) + da R^T

    and then dW = x^T da, dR = h(t-1)^T da, db = da, dQ = m^T dh, dp_i = da_i c(t-1), dp_f = da_f c(t-1),
    dp_o = da_o c(t), each summed over t and n, and dx = da W^T.

    Parameters
    ----------
    dh_out : float array [T, N, P]
        dL/dh[1:] as it comes from the layer above.
    x, h, c, gates, W, R, coupled, peepholes, projection
        As `forward` took and gave them.
    dh_last : float array [N, P], optional
    dc_last : float array [N, H], optional
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
    T, N, P = dh_out.shape
    h, c = floats("h", h, T + 1, N, P), floats("c", c, T + 1, N, None)
    H, G = c.shape[2], 3 if coupled else 4
    Q = np.eye(H) if projection is None else floats("projection", projection, H, P)
    gates, W, R = (
        floats("gates", gates, T, N, G * H),
        floats("W", W, None, G * H),
        floats("R", R, P, G * H),
    )
    p_i, p_f, p_o = _split_peepholes(peepholes, H, coupled)
    x = layer_input(x, W.shape[0])
    if x.shape[:2] != (T, N):
        raise ValueError(f"x has shape {x.shape}, expected it to begin with (T, N) = {(T, N)}")
    dh_next = np.zeros((N, P)) if dh_last is None else floats("dh_last", dh_last, N, P)
    dc = np.zeros((N, H)) if dc_last is None else floats("dc_last", dc_last, N, H)

    da, dQ = np.empty((T, N, G * H)), np.zeros((H, P))
    for t in reversed(range(T)):
        i, f, g, o = _split_gates(gates[t], coupled)
        tanh_c = np.tanh(c[t + 1])
        dh = dh_out[t] + dh_next
        dm = dh @ Q.T
        dQ += (o * tanh_c).T @ dh
        da_o = dm * tanh_c * o * (1 - o)
        dc = dc + dm * o * (1 - tanh_c**2) + da_o * p_o
        da_g = dc * i * (1 - g**2)
        if coupled:
            da_i = dc * (g - c[t]) * i * (1 - i)
            dc = dc * f + da_i * p_i
            da[t] = np.concatenate([da_i, da_g, da_o], axis=-1)
        else:
            da_i, da_f = dc * g * i * (1 - i), dc * c[t] * f * (1 - f)
            dc = dc * f + da_i * p_i + da_f * p_f
            da[t] = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)
        dh_next = da[t] @ R.T

    return Gradients(
        dx=None if is_tokens(x) else da @ W.T,
        dW=input_gradient(x, da, W.shape[0]),
        dR=np.einsum("tnh,tna->ha", h[:-1], da),
        db=da.sum(axis=(0, 1)),
        dpeepholes=None if peepholes is None else _peephole_gradient(da, c, coupled),
        dprojection=None if projection is None else dQ,
        dh0=dh_next,
        dc0=dc,
    )


def _split_gates(gates: Floats, coupled: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Give i, f, g, o."""
    if coupled:
        i, g, o = np.split(gates, 3, axis=-1)
        return i, 1 - i, g, o
    i, f, g, o = np.split(gates, 4, axis=-1)
    return i, f, g, o


def _split_peepholes(peepholes: ArrayLike | None, H: int, coupled: bool) -> tuple[Floats, Floats, Floats]:
    """Give p_i, p_f, p_o, which are zero where there are none."""
    if peepholes is None:
        return np.zeros(H), np.zeros(H), np.zeros(H)
    if coupled:
        p_i, p_o = np.split(floats("peepholes", peepholes, 2 * H), 2)
        return p_i, np.zeros(H), p_o
    p_i, p_f, p_o = np.split(floats("peepholes", peepholes, 3 * H), 3)
    return p_i, p_f, p_o


def _peephole_gradient(da: Floats, c: Floats, coupled: bool) -> Floats:
    """Sum da c over t and n for each peephole: i and f see c(t-1), o sees c(t)."""
    da_i, *da_f, _, da_o = np.split(da, 3 if coupled else 4, axis=-1)
    of_gates = [da_i * c[:-1], *(a * c[:-1] for a in da_f), da_o * c[1:]]
    return np.asarray(np.concatenate(of_gates, axis=-1).sum(axis=(0, 1)))
