"""The basic recurrent network (Elman 1990), forward and backward.

a(t) = tanh(Wax x(t) + Waa a(t-1) + ba)
y(t) = softmax(Wya a(t) + by)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps._parts import take_cache, take_caches, take_output
from rnnfast.reference.steps.activations import softmax


class RnnCache(NamedTuple):
    """What a step leaves for backward: a_next, a_prev [n_a, m], xt [n_x, m] and the parameters."""

    a_next: Floats
    a_prev: Floats
    xt: Floats
    parameters: Parameters


def rnn_cell_forward(
    xt: ArrayLike, a_prev: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, RnnCache]:
    """Take one step.

    Parameters
    ----------
    xt : float array [n_x, m]
        Input of this step.
    a_prev : float array [n_a, m]
        Hidden state before it.
    parameters : dict of float arrays
        Wax [n_a, n_x], Waa [n_a, n_a], Wya [n_y, n_a], ba [n_a, 1], by [n_y, 1].

    Returns
    -------
    a_next : float64 array [n_a, m]
        Hidden state after the step.
    yt_pred : float64 array [n_y, m]
        Probabilities, each column's sum being 1.
    cache : RnnCache
        (a_next, a_prev, xt, parameters).

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.

    Examples
    --------
    >>> shapes = {"Wax": (2, 3), "Waa": (2, 2), "Wya": (4, 2), "ba": (2, 1), "by": (4, 1)}
    >>> parameters = {name: np.ones(shape) for name, shape in shapes.items()}
    >>> a_next, yt_pred, cache = rnn_cell_forward(np.zeros((3, 1)), np.zeros((2, 1)), parameters)
    >>> a_next.round(6)
    array([[0.761594],
           [0.761594]])
    >>> cache[0] is cache.a_next is a_next
    True
    """
    xt = floats("xt", xt, None, None)
    n_x, m = xt.shape
    a_prev = floats("a_prev", a_prev, None, m)
    n_a = len(a_prev)
    Wax, Waa, ba = take(parameters, Wax=(n_a, n_x), Waa=(n_a, n_a), ba=(n_a, 1))
    Wya, by = take_output(parameters, "Wya", n_a)
    a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
    yt_pred = softmax(Wya @ a_next + by)
    return a_next, yt_pred, RnnCache(a_next, a_prev, xt, parameters)


def rnn_forward(
    x: ArrayLike, a0: ArrayLike, parameters: Parameters
) -> tuple[Floats, Floats, tuple[list[RnnCache], Floats]]:
    """Run over T_x steps.

    Parameters
    ----------
    x : float array [n_x, m, T_x]
    a0 : float array [n_a, m]
        Initial hidden state.
    parameters : dict
        As `rnn_cell_forward` takes them.

    Returns
    -------
    a : float64 array [n_a, m, T_x]
    y_pred : float64 array [n_y, m, T_x]
    caches : ([RnnCache of each step], x)

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.
    """
    x = floats("x", x, None, None, None)
    _, m, T_x = x.shape
    a_next = floats("a0", a0, None, m)
    _, by = take_output(parameters, "Wya", len(a_next))
    a, y_pred = np.empty((*a_next.shape, T_x)), np.empty((len(by), m, T_x))
    caches = []
    for t in range(T_x):
        a_next, y_pred[:, :, t], cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, y_pred, (caches, x)


def rnn_cell_backward(da_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

        dz = da_next (1 - a_next^2)
        dxt = Wax^T dz    da_prev = Waa^T dz    dWax = dz xt^T    dWaa = dz a_prev^T    dba = sum over m of dz

    Parameters
    ----------
    da_next : float array [n_a, m]
        Gradient on the hidden state after the step.
    cache : RnnCache
        As `rnn_cell_forward` gave it.

    Returns
    -------
    dict of float64 arrays
        dxt [n_x, m], da_prev [n_a, m], dWax [n_a, n_x], dWaa [n_a, n_a], dba [n_a, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit.
    """
    a_next, a_prev, xt, parameters = take_cache(RnnCache, cache)
    n_a, n_x = len(a_next), len(xt)
    da_next = floats("da_next", da_next, *a_next.shape)
    Wax, Waa = take(parameters, Wax=(n_a, n_x), Waa=(n_a, n_a))
    dz = da_next * (1 - a_next**2)
    dxt = Wax.T @ dz
    da_prev = Waa.T @ dz
    dWax = dz @ xt.T
    dWaa = dz @ a_prev.T
    dba = dz.sum(axis=1, keepdims=True)
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward(da: ArrayLike, caches: Sequence[Any]) -> Gradients:
    """Take a gradient back through time.

    Parameters
    ----------
    da : float array [n_a, m, T]
        Gradient on the hidden state of each of the first T steps; T may be less than T_x.
    caches : ([RnnCache of each step], x)
        As `rnn_forward` gave them.

    Returns
    -------
    dict of float64 arrays
        dx [n_x, m, T], da0 [n_a, m], dWax [n_a, n_x], dWaa [n_a, n_a], dba [n_a, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit, or T is more than the caches have.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    dx, da_prev = np.empty((n_x, m, T)), np.zeros((n_a, m))
    dWax, dWaa, dba = np.zeros((n_a, n_x)), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    for t in reversed(range(T)):
        gradients = rnn_cell_backward(da[:, :, t] + da_prev, steps[t])
        da_prev = gradients["da_prev"]
        dx[:, :, t] = gradients["dxt"]
        dWax += gradients["dWax"]
        dWaa += gradients["dWaa"]
        dba += gradients["dba"]
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
