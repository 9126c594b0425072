"""The LSTM of the exercises, forward and backward: forget, update (input) and output gates over [a; x].

    ft  = sigmoid(Wf [a(t-1); x(t)] + bf)    it = sigmoid(Wi [a(t-1); x(t)] + bi)
    cct = tanh(Wc [a(t-1); x(t)] + bc)       ot = sigmoid(Wo [a(t-1); x(t)] + bo)
    c(t) = ft c(t-1) + it cct                a(t) = ot tanh(c(t))
    y(t) = softmax(Wy a(t) + by)

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps._parts import take_cache, take_caches, take_output
from rnnfast.reference.steps.activations import sigmoid, softmax


class LstmCache(NamedTuple):
    """What a step leaves for backward: states and gates [n_a, m], xt [n_x, m] and the parameters."""

    a_next: Floats
    c_next: Floats
    a_prev: Floats
    c_prev: Floats
    ft: Floats
    it: Floats
    cct: Floats
    ot: Floats
    xt: Floats
    parameters: Parameters


def lstm_cell_forward(
    xt: ArrayLike, a_prev: ArrayLike, c_prev: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, Floats, LstmCache]:
    """Take one step.

    Parameters
    ----------
    xt : float array [n_x, m]
        Input of this step.
    a_prev, c_prev : float array [n_a, m]
        Hidden state and cell state before it.
    parameters : dict of float arrays
        Wf, Wi, Wc, Wo [n_a, n_a + n_x], whose first n_a columns belong to a_prev; bf, bi, bc, bo [n_a, 1]; Wy
        [n_y, n_a], by [n_y, 1].

    Returns
    -------
    a_next, c_next : float64 array [n_a, m]
        States after the step.
    yt_pred : float64 array [n_y, m]
        Probabilities, each column's sum being 1.
    cache : LstmCache
        (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters).

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.

    Examples
    --------
    >>> parameters = {f"W{gate}": np.ones((2, 5)) for gate in "fico"} | {"Wy": np.ones((4, 2))}
    >>> parameters |= {f"b{gate}": np.zeros((2, 1)) for gate in "fico"} | {"by": np.zeros((4, 1))}
    >>> zeros = np.zeros((2, 1))
    >>> a_next, c_next, yt_pred, cache = lstm_cell_forward(np.ones((3, 1)), zeros, zeros, parameters)
    >>> a_next.round(6)
    array([[0.703775],
           [0.703775]])
    >>> cache[4] is cache.ft
    True
    """
    xt = floats("xt", xt, None, None)
    n_x, m = xt.shape
    a_prev = floats("a_prev", a_prev, None, m)
    n_a = len(a_prev)
    c_prev = floats("c_prev", c_prev, n_a, m)
    W, b = (n_a, n_a + n_x), (n_a, 1)
    Wf, bf, Wi, bi = take(parameters, Wf=W, bf=b, Wi=W, bi=b)
    Wc, bc, Wo, bo = take(parameters, Wc=W, bc=b, Wo=W, bo=b)
    Wy, by = take_output(parameters, "Wy", n_a)

    concat = np.concatenate([a_prev, xt])
    ft = sigmoid(Wf @ concat + bf)
    it = sigmoid(Wi @ concat + bi)
    cct = np.tanh(Wc @ concat + bc)
    ot = sigmoid(Wo @ concat + bo)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(Wy @ a_next + by)
    return a_next, c_next, yt_pred, LstmCache(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(
    x: ArrayLike, a0: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, Floats, tuple[list[LstmCache], Floats]]:
    """Run over T_x steps from the hidden state `a0` and a cell state of zeros.

    Parameters
    ----------
    x : float array [n_x, m, T_x]
    a0 : float array [n_a, m]
        Initial hidden state.
    parameters : dict
        As `lstm_cell_forward` takes them.

    Returns
    -------
    a : float64 array [n_a, m, T_x]
    y : float64 array [n_y, m, T_x]
    c : float64 array [n_a, m, T_x]
        The cell states, in an array of their own. (A circulating solution begins with `c = a`, one array for
        both, and so returns the cell states as a.)
    caches : ([LstmCache of each step], x)

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.
    """
    x = floats("x", x, None, None, None)
    _, m, T_x = x.shape
    a_next = floats("a0", a0, None, m)
    _, by = take_output(parameters, "Wy", len(a_next))
    c_next = np.zeros_like(a_next)
    a, c, y = np.empty((*a_next.shape, T_x)), np.empty((*a_next.shape, T_x)), np.empty((len(by), m, T_x))
    caches = []
    for t in range(T_x):
        a_next, c_next, y[:, :, t], cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
        caches.append(cache)
    return a, y, c, (caches, x)


def lstm_cell_backward(da_next: ArrayLike, dc_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

    With dc the whole gradient on c_next, and dft, dit, dcct, dot those on what each gate's activation was
    applied to:

        dc  = dc_next + da_next ot (1 - tanh(c_next)^2)
        dft  = dc c_prev ft (1 - ft)       dit = dc cct it (1 - it)
        dcct = dc it (1 - cct^2)           dot = da_next tanh(c_next) ot (1 - ot)
        [da_prev; dxt] = Wf^T dft + Wi^T dit + Wc^T dcct + Wo^T dot
        dc_prev = dc ft
        dWf = dft [a_prev; xt]^T           dbf = sum over m of dft, and so on for i, c, o

    Parameters
    ----------
    da_next, dc_next : float array [n_a, m]
        Gradients on the states after the step.
    cache : LstmCache
        As `lstm_cell_forward` gave it.

    Returns
    -------
    dict of float64 arrays
        dxt [n_x, m], da_prev, dc_prev [n_a, m], dWf, dWi, dWc, dWo [n_a, n_a + n_x], dbf, dbi, dbc, dbo [n_a,
        1].

    Raises
    ------
    ValueError
        Where shapes do not fit.
    """
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = take_cache(LstmCache, cache)
    n_a, n_x = len(a_next), len(xt)
    da_next, dc_next = floats("da_next", da_next, *a_next.shape), floats("dc_next", dc_next, *a_next.shape)
    W = (n_a, n_a + n_x)
    Wf, Wi, Wc, Wo = take(parameters, Wf=W, Wi=W, Wc=W, Wo=W)

    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dft = dc * c_prev * ft * (1 - ft)
    dit = dc * cct * it * (1 - it)
    dcct = dc * it * (1 - cct**2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)

    concat = np.concatenate([a_prev, xt])
    dconcat = Wf.T @ dft + Wi.T @ dit + Wc.T @ dcct + Wo.T @ dot
    da_prev, dxt = dconcat[:n_a], dconcat[n_a:]
    dc_prev = dc * ft
    gradients = {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev}
    for gate, dz in zip("fico", (dft, dit, dcct, dot), strict=True):
        gradients[f"dW{gate}"] = dz @ concat.T
        gradients[f"db{gate}"] = dz.sum(axis=1, keepdims=True)
    return gradients


def lstm_backward(da: ArrayLike, caches: Sequence[Any]) -> Gradients:
    """Take a gradient back through time; both da_prev and dc_prev are carried from each step to the one before.

    Parameters
    ----------
    da : float array [n_a, m, T]
        Gradient on the hidden state of each of the first T steps; T may be less than T_x.
    caches : ([LstmCache of each step], x)
        As `lstm_forward` gave them.

    Returns
    -------
    dict of float64 arrays
        dx [n_x, m, T], da0 [n_a, m], dWf, dWi, dWc, dWo [n_a, n_a + n_x], dbf, dbi, dbc, dbo [n_a, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit, or T is more than the caches have.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    dx, da_prev, dc_prev = np.empty((n_x, m, T)), np.zeros((n_a, m)), np.zeros((n_a, m))
    totals = {}
    for gate in "fico":
        totals[f"dW{gate}"], totals[f"db{gate}"] = np.zeros((n_a, n_a + n_x)), np.zeros((n_a, 1))
    for t in reversed(range(T)):
        gradients = lstm_cell_backward(da[:, :, t] + da_prev, dc_prev, steps[t])
        da_prev, dc_prev = gradients["da_prev"], gradients["dc_prev"]
        dx[:, :, t] = gradients["dxt"]
        for name in totals:
            totals[name] += gradients[name]
    return {"dx": dx, "da0": da_prev} | totals
