"""The GRU, forward and backward: reset and update gates over [a; x], the reset before the product.

    rt  = sigmoid(Wr [a(t-1); x(t)] + br)       ut = sigmoid(Wu [a(t-1); x(t)] + bu)
    cct = tanh(Wc [rt a(t-1); x(t)] + bc)
    a(t) = ut cct + (1 - ut) a(t-1)             y(t) = softmax(Wy a(t) + by)

Cho et al. 2014. The memory cell is the hidden state: c = a. An update gate of 1 takes the new candidate cct,
as in the lectures that the exercises belong to; PyTorch's z is 1 - ut, and its reset gate comes after the
product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps._parts import take_cache, take_caches, take_output
from rnnfast.reference.steps.activations import sigmoid, softmax


class GruCache(NamedTuple):
    """What a step leaves for backward: states and gates [n_a, m], xt [n_x, m] and the parameters."""

    a_next: Floats
    a_prev: Floats
    rt: Floats
    ut: Floats
    cct: Floats
    xt: Floats
    parameters: Parameters


def gru_cell_forward(
    xt: ArrayLike, a_prev: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, GruCache]:
    """Take one step.

    Parameters
    ----------
    xt : float array [n_x, m]
        Input of this step.
    a_prev : float array [n_a, m]
        Hidden state before it.
    parameters : dict of float arrays
        Wr, Wu, Wc [n_a, n_a + n_x], whose first n_a columns belong to a_prev; br, bu, bc [n_a, 1]; Wy [n_y,
        n_a], by [n_y, 1].

    Returns
    -------
    a_next : float64 array [n_a, m]
        Hidden state after the step.
    yt_pred : float64 array [n_y, m]
        Probabilities, each column's sum being 1.
    cache : GruCache
        (a_next, a_prev, rt, ut, cct, xt, parameters).

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.

    Examples
    --------
    >>> parameters = {f"W{gate}": np.ones((2, 5)) for gate in "ruc"} | {"Wy": np.ones((4, 2))}
    >>> parameters |= {f"b{gate}": np.zeros((2, 1)) for gate in "ruc"} | {"by": np.zeros((4, 1))}
    >>> a_next, yt_pred, cache = gru_cell_forward(np.zeros((3, 1)), np.full((2, 1), 0.5), parameters)
    >>> a_next.round(6)
    array([[0.590441],
           [0.590441]])
    """
    xt = floats("xt", xt, None, None)
    n_x, m = xt.shape
    a_prev = floats("a_prev", a_prev, None, m)
    n_a = len(a_prev)
    W, b = (n_a, n_a + n_x), (n_a, 1)
    Wr, br, Wu, bu, Wc, bc = take(parameters, Wr=W, br=b, Wu=W, bu=b, Wc=W, bc=b)
    Wy, by = take_output(parameters, "Wy", n_a)

    concat = np.concatenate([a_prev, xt])
    rt = sigmoid(Wr @ concat + br)
    ut = sigmoid(Wu @ concat + bu)
    cct = np.tanh(Wc @ np.concatenate([rt * a_prev, xt]) + bc)
    a_next = ut * cct + (1 - ut) * a_prev
    yt_pred = softmax(Wy @ a_next + by)
    return a_next, yt_pred, GruCache(a_next, a_prev, rt, ut, cct, xt, parameters)


def gru_forward(
    x: ArrayLike, a0: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, tuple[list[GruCache], Floats]]:
    """Run over T_x steps.

    Parameters
    ----------
    x : float array [n_x, m, T_x]
    a0 : float array [n_a, m]
        Initial hidden state.
    parameters : dict
        As `gru_cell_forward` takes them.

    Returns
    -------
    a : float64 array [n_a, m, T_x]
    y : float64 array [n_y, m, T_x]
    caches : ([GruCache of each step], x)

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.
    """
    x = floats("x", x, None, None, None)
    _, m, T_x = x.shape
    a_next = floats("a0", a0, None, m)
    _, by = take_output(parameters, "Wy", len(a_next))
    a, y = np.empty((*a_next.shape, T_x)), np.empty((len(by), m, T_x))
    caches = []
    for t in range(T_x):
        a_next, y[:, :, t], cache = gru_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, y, (caches, x)


def gru_cell_backward(da_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

    With drt, dut, dcct the gradients on what each gate's activation was applied to, and ds the gradient on the
    reset state rt a_prev:

        dut  = da_next (cct - a_prev) ut (1 - ut)    dcct = da_next ut (1 - cct^2)
        [ds; dxc] = Wc^T dcct                        drt  = ds a_prev rt (1 - rt)
        [da; dxg] = Wr^T drt + Wu^T dut
        da_prev = da + ds rt + da_next (1 - ut)      dxt = dxg + dxc
        dWr = drt [a_prev; xt]^T    dWu = dut [a_prev; xt]^T    dWc = dcct [rt a_prev; xt]^T
        dbr = sum over m of drt, and so on for u, c

    Parameters
    ----------
    da_next : float array [n_a, m]
        Gradient on the hidden state after the step.
    cache : GruCache
        As `gru_cell_forward` gave it.

    Returns
    -------
    dict of float64 arrays
        dxt [n_x, m], da_prev [n_a, m], dWr, dWu, dWc [n_a, n_a + n_x], dbr, dbu, dbc [n_a, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit.
    """
    a_next, a_prev, rt, ut, cct, xt, parameters = take_cache(GruCache, cache)
    n_a, n_x = len(a_next), len(xt)
    da_next = floats("da_next", da_next, *a_next.shape)
    W = (n_a, n_a + n_x)
    Wr, Wu, Wc = take(parameters, Wr=W, Wu=W, Wc=W)

    dut = da_next * (cct - a_prev) * ut * (1 - ut)
    dcct = da_next * ut * (1 - cct**2)
    dreset = Wc.T @ dcct
    drt = dreset[:n_a] * a_prev * rt * (1 - rt)

    concat, reset = np.concatenate([a_prev, xt]), np.concatenate([rt * a_prev, xt])
    dconcat = Wr.T @ drt + Wu.T @ dut
    da_prev = dconcat[:n_a] + dreset[:n_a] * rt + da_next * (1 - ut)
    dxt = dconcat[n_a:] + dreset[n_a:]
    gradients = {"dxt": dxt, "da_prev": da_prev}
    for gate, dz, product in zip("ruc", (drt, dut, dcct), (concat, concat, reset), strict=True):
        gradients[f"dW{gate}"] = dz @ product.T
        gradients[f"db{gate}"] = dz.sum(axis=1, keepdims=True)
    return gradients


def gru_backward(da: ArrayLike, caches: Sequence[Any]) -> Gradients:
    """Take a gradient back through time.

    Parameters
    ----------
    da : float array [n_a, m, T]
        Gradient on the hidden state of each of the first T steps; T may be less than T_x.
    caches : ([GruCache of each step], x)
        As `gru_forward` gave them.

    Returns
    -------
    dict of float64 arrays
        dx [n_x, m, T], da0 [n_a, m], dWr, dWu, dWc [n_a, n_a + n_x], dbr, dbu, dbc [n_a, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit, or T is more than the caches have.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    dx, da_prev = np.empty((n_x, m, T)), np.zeros((n_a, m))
    totals = {}
    for gate in "ruc":
        totals[f"dW{gate}"], totals[f"db{gate}"] = np.zeros((n_a, n_a + n_x)), np.zeros((n_a, 1))
    for t in reversed(range(T)):
        gradients = gru_cell_backward(da[:, :, t] + da_prev, steps[t])
        da_prev = gradients["da_prev"]
        dx[:, :, t] = gradients["dxt"]
        for name in totals:
            totals[name] += gradients[name]
    return {"dx": dx, "da0": da_prev} | totals
