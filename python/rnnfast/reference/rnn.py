"""One layer of the basic recurrent network over a whole sequence, forward and backward through time.

Elman 1990; with relu instead of tanh, Le, Jaitly & Hinton 2015:

    a = x W + h(t-1) R + b
    h = tanh(a)   or   h = relu(a)
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats
from rnnfast.reference._input import input_gradient, input_product, is_tokens, layer_input

Nonlinearity = Literal["tanh", "relu"]


class Gradients(NamedTuple):
    """The gradient on each input of forward, of its shape; `dx` is None where the input was tokens."""

    dx: Floats | None
    dW: Floats
    dR: Floats
    db: Floats
    dh0: Floats


def forward(
    x: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    b: ArrayLike,
    h0: ArrayLike,
    nonlinearity: Nonlinearity = "tanh",
) -> Floats:
    """Run the layer over T steps.

    Parameters
    ----------
    x : float array [T, N, D], or integer array [T, N]
        An integer is a token: it stands for its one-hot vector, so it takes row `token` of `W`; -1 stands for
        zeros.
    W : float array [D, H]
        Input weights.
    R : float array [H, H]
        Recurrent weights.
    b : float array [H]
        Bias.
    h0 : float array [N, H]
        Initial state.
    nonlinearity : "tanh" or "relu"
        relu keeps NaN.

    Returns
    -------
    float array [T + 1, N, H]
        h, a new array: slot 0 is the initial state. It is all that `backward` needs.

    Raises
    ------
    ValueError
        Where shapes do not fit each other, a token is outside [-1, D) or the nonlinearity is neither.

    Examples
    --------
    >>> h = forward([[0], [-1]], np.ones((3, 2)), np.eye(2), [0.0, -2.0], np.zeros((1, 2)), "relu")
    >>> h[:, 0]
    array([[0., 0.],
           [1., 0.],
           [1., 0.]])
    """
    R = floats("R", R, None, None)
    H = R.shape[0]
    R, b, W = floats("R", R, H, H), floats("b", b, H), floats("W", W, None, H)
    x = layer_input(x, W.shape[0])
    T, N = x.shape[:2]

    from_input = input_product(x, W) + b
    h = np.empty((T + 1, N, H))
    h[0] = floats("h0", h0, N, H)
    for t in range(T):
        h[t + 1] = _activate(from_input[t] + h[t] @ R, nonlinearity)
    return h


def backward(
    dh_out: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    W: ArrayLike,
    R: ArrayLike,
    dh_last: ArrayLike | None = None,
    nonlinearity: Nonlinearity = "tanh",
) -> Gradients:
    """Take the gradient of a loss L through the layer, from its gradient on the layer's outputs.

    Going back from the last step, with dh the whole gradient on h(t):

        da = dh (1 - h^2)   or, with relu,   da = dh where h > 0, else 0
        dh(t-1) = dh_out(t-1) + da R^T

    and then dW = x^T da, dR = h(t-1)^T da, db = da, each summed over t and n, and dx = da W^T.

    Parameters
    ----------
    dh_out : float array [T, N, H]
        dL/dh[1:] as it comes from the layer above.
    x, h, W, R, nonlinearity
        As `forward` took and gave them.
    dh_last : float array [N, H], optional
        What the final state h[T] receives besides; zero by default. Handing the `dh0` of a later piece of the
        sequence to the piece before it gives the gradients of the whole.

    Returns
    -------
    Gradients
        New arrays.

    Raises
    ------
    ValueError
        Where a shape does not fit or the nonlinearity is neither.
    """
    dh_out = floats("dh_out", dh_out, None, None, None)
    T, N, H = dh_out.shape
    h, W, R = floats("h", h, T + 1, N, H), floats("W", W, None, H), floats("R", R, H, H)
    x = layer_input(x, W.shape[0])
    if x.shape[:2] != (T, N):
        raise ValueError(f"x has shape {x.shape}, expected it to begin with (T, N) = {(T, N)}")
    dh_next = np.zeros((N, H)) if dh_last is None else floats("dh_last", dh_last, N, H)

    da = np.empty((T, N, H))
    for t in reversed(range(T)):
        da[t] = _gradient(h[t + 1], dh_out[t] + dh_next, nonlinearity)
        dh_next = da[t] @ R.T

    dR = np.einsum("tnh,tna->ha", h[:-1], da)
    dx = None if is_tokens(x) else da @ W.T
    return Gradients(dx, input_gradient(x, da, W.shape[0]), dR, da.sum(axis=(0, 1)), dh_next)


def _activate(a: Floats, nonlinearity: str) -> Floats:
    if nonlinearity == "tanh":
        return np.tanh(a)
    if nonlinearity == "relu":
        return np.where(a < 0, 0.0, a)
    raise ValueError(f"nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'")


def _gradient(h: Floats, dh: Floats, nonlinearity: str) -> Floats:
    """Give da from h = f(a) and dh."""
    if nonlinearity == "tanh":
        return np.asarray(dh * (1 - h**2))
    if nonlinearity == "relu":
        return np.where(h > 0, dh, h)  # h is 0 or NaN where it is not positive
    raise ValueError(f"nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'")
