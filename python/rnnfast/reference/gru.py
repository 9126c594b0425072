"""One GRU layer over a whole sequence, forward and backward through time.

Cho et al. 2014 apply the reset gate before the recurrent product; cuDNN, PyTorch and Keras (`reset_after=True`)
after it, where it also resets a recurrent bias of its own:

    a = x W + b, three blocks in the order r z n
    r = sigmoid(a_r + h(t-1) R_r)   z = sigmoid(a_z + h(t-1) R_z)
    reset after:   u = h(t-1) R_n + b_Rn   n = tanh(a_n + r u)
    reset before:  u = r h(t-1)            n = tanh(a_n + u R_n)
    h = (1 - z) n + z h(t-1)

Cho et al. swap the meaning of z and 1 - z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats
from rnnfast.reference._input import input_gradient, input_product, is_tokens, layer_input
from rnnfast.reference.lstm import sigmoid


class Activations(NamedTuple):
    """What forward leaves for backward: h [T + 1, N, H] (slot 0 is the initial state), gates and u."""

    h: Floats
    gates: Floats
    u: Floats


class Gradients(NamedTuple):
    """The gradient on each input of forward, of its shape; None where the input was tokens or None."""

    dx: Floats | None
    dW: Floats
    dR: Floats
    db: Floats
    db_Rn: Floats | None
    dh0: Floats


def forward(
    x: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    b: ArrayLike,
    b_Rn: ArrayLike | None,
    h0: ArrayLike,
) -> Activations:
    """Run the layer over T steps.

    Parameters
    ----------
    x : float array [T, N, D], or integer array [T, N]
        An integer is a token: it stands for its one-hot vector, so it takes row `token` of `W`; -1 stands for
        zeros.
    W : float array [D, 3H]
        Input weights.
    R : float array [H, 3H]
        Recurrent weights.
    b : float array [3H]
        Bias.
    b_Rn : float array [H], or None
        Recurrent bias of n, for reset after; None means reset before.
    h0 : float array [N, H]
        Initial state.

    Returns
    -------
    Activations
        h [T + 1, N, H], gates [T, N, 3H] after their sigmoid or tanh, u [T, N, H]; new arrays.

    Raises
    ------
    ValueError
        Where shapes do not fit each other or a token is outside [-1, D).

    Examples
    --------
    >>> W, R = np.ones((3, 6)), np.zeros((2, 6))
    >>> h, gates, u = forward([[0], [-1]], W, R, np.zeros(6), np.ones(2), np.zeros((1, 2)))
    >>> h.shape, gates.shape, u.shape
    ((3, 1, 2), (2, 1, 6), (2, 1, 2))
    >>> h[:, 0, 0].round(6)
    array([0.      , 0.252585, 0.357351])
    """
    R = floats("R", R, None, None)
    H = R.shape[0]
    R, b, W = floats("R", R, H, 3 * H), floats("b", b, 3 * H), floats("W", W, None, 3 * H)
    b_Rn = None if b_Rn is None else floats("b_Rn", b_Rn, H)
    x = layer_input(x, W.shape[0])
    T, N = x.shape[:2]
    R_r, R_z, R_n = np.split(R, 3, axis=1)

    from_input = input_product(x, W) + b
    h, gates, u = np.empty((T + 1, N, H)), np.empty((T, N, 3 * H)), np.empty((T, N, H))
    h[0] = floats("h0", h0, N, H)
    for t in range(T):
        a_r, a_z, a_n = np.split(from_input[t], 3, axis=-1)
        r, z = sigmoid(a_r + h[t] @ R_r), sigmoid(a_z + h[t] @ R_z)
        if b_Rn is not None:
            u[t] = h[t] @ R_n + b_Rn
            n = np.tanh(a_n + r * u[t])
        else:
            u[t] = r * h[t]
            n = np.tanh(a_n + u[t] @ R_n)
        h[t + 1] = (1 - z) * n + z * h[t]
        gates[t] = np.concatenate([r, z, n], axis=-1)
    return Activations(h, gates, u)


def backward(
    dh_out: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    gates: ArrayLike,
    u: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    dh_last: ArrayLike | None = None,
    *,
    reset_after: bool,
) -> Gradients:
    """Take the gradient of a loss L through the layer, from its gradient on the layer's outputs.

    Going back from the last step, with dh the whole gradient on h(t):

        da_n = dh (1 - z) (1 - n^2)   da_z = dh (h(t-1) - n) z (1 - z)
        reset after:   du = da_n r        da_r = da_n u r (1 - r)
        reset before:  du = da_n R_n^T    da_r = du h(t-1) r (1 - r)
        dh(t-1) = dh_out(t-1) + dh z + da_r R_r^T + da_z R_z^T + (after: du R_n^T; before: du r)

    and then dW = x^T da, db = da, dR_r = h(t-1)^T da_r, dR_z = h(t-1)^T da_z and, with reset after,
    dR_n = h(t-1)^T du, db_Rn = du, or with reset before dR_n = u^T da_n, each summed over t and n; dx = da W^T.

    Parameters
    ----------
    dh_out : float array [T, N, H]
        dL/dh[1:] as it comes from the layer above.
    x, h, gates, u, W, R
        As `forward` took and gave them.
    dh_last : float array [N, H], optional
        What the final state h[T] receives besides; zero by default. Handing the `dh0` of a later piece of the
        sequence to the piece before it gives the gradients of the whole.
    reset_after : bool
        Whether `forward` had a `b_Rn`.

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
    h, u, gates = floats("h", h, T + 1, N, H), floats("u", u, T, N, H), floats("gates", gates, T, N, 3 * H)
    W, R = floats("W", W, None, 3 * H), floats("R", R, H, 3 * H)
    x = layer_input(x, W.shape[0])
    if x.shape[:2] != (T, N):
        raise ValueError(f"x has shape {x.shape}, expected it to begin with (T, N) = {(T, N)}")
    dh_next = np.zeros((N, H)) if dh_last is None else floats("dh_last", dh_last, N, H)
    R_r, R_z, R_n = np.split(R, 3, axis=1)

    da, du = np.empty((T, N, 3 * H)), np.empty((T, N, H))
    for t in reversed(range(T)):
        r, z, n = np.split(gates[t], 3, axis=-1)
        dh = dh_out[t] + dh_next
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h[t] - n) * z * (1 - z)
        if reset_after:
            du[t] = da_n * r
            da_r = da_n * u[t] * r * (1 - r)
            through_u = du[t] @ R_n.T
        else:
            du[t] = da_n @ R_n.T
            da_r = du[t] * h[t] * r * (1 - r)
            through_u = du[t] * r
        da[t] = np.concatenate([da_r, da_z, da_n], axis=-1)
        dh_next = dh * z + da_r @ R_r.T + da_z @ R_z.T + through_u

    da_rz, da_n = np.split(da, [2 * H], axis=-1)
    dR_rz = np.einsum("tnh,tna->ha", h[:-1], da_rz)
    dR_n = np.einsum("tnh,tna->ha", *((h[:-1], du) if reset_after else (u, da_n)))
    return Gradients(
        dx=None if is_tokens(x) else da @ W.T,
        dW=input_gradient(x, da, W.shape[0]),
        dR=np.concatenate([dR_rz, dR_n], axis=1),
        db=da.sum(axis=(0, 1)),
        db_Rn=du.sum(axis=(0, 1)) if reset_after else None,
        dh0=dh_next,
    )
