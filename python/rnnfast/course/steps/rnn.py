"""The basic RNN: a(t) = tanh(Wax x(t) + Waa a(t-1) + ba), y(t) = softmax(Wya a(t) + by) (Elman 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnfast import _core
from rnnfast.course.steps._layout import expect_one_run, one_step, predictions, stack, swapped
from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps._parts import take_cache, take_caches, take_output
from rnnfast.reference.steps.rnn import RnnCache


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
    a_prev = floats("a_prev", a_prev, None, xt.shape[1])
    h, yt_pred = _run(one_step(xt), a_prev, parameters)
    a_next = h[1].T
    return a_next, yt_pred[:, :, 0], RnnCache(a_next, a_prev, xt, parameters)


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
    a0 = floats("a0", a0, None, x.shape[1])
    h, y_pred = _run(x, a0, parameters)
    caches = [RnnCache(h[t + 1].T, h[t].T, x[:, :, t], parameters) for t in range(x.shape[2])]
    return swapped(h[1:]), y_pred, (caches, x)


def rnn_cell_backward(da_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

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
    cell = take_cache(RnnCache, cache)
    da_next = floats("da_next", da_next, *cell.a_next.shape)
    gradients = _run_back(one_step(da_next), [cell])
    return {"dxt": gradients.pop("dx")[:, :, 0], "da_prev": gradients.pop("da0")} | gradients


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
        Where shapes do not fit, T is more than the caches have, or they are not of one run.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    if T == 0:
        return {
            "dx": np.zeros((n_x, m, 0)),
            "da0": np.zeros((n_a, m)),
            "dWax": np.zeros((n_a, n_x)),
            "dWaa": np.zeros((n_a, n_a)),
            "dba": np.zeros((n_a, 1)),
        }
    cells = [take_cache(RnnCache, cell) for cell in steps[:T]]
    floats("da_next", da[:, :, 0], *cells[0].a_next.shape)
    expect_one_run(cells, "a")
    return _run_back(da, cells)


def _run(x: Floats, a0: Floats, parameters: Parameters) -> tuple[Floats, Floats]:
    """Give the states [T + 1, m, n_a], the initial one first, and the predictions [n_y, m, T]."""
    n_a, n_x = len(a0), len(x)
    Wax, Waa, ba = take(parameters, Wax=(n_a, n_x), Waa=(n_a, n_a), ba=(n_a, 1))
    take_output(parameters, "Wya", n_a)
    h = _core.rnn_forward(swapped(x), swapped(Wax), swapped(Waa), ba[:, 0].copy(), swapped(a0), "tanh")
    return h, predictions(h[1:], parameters, "Wya")


def _run_back(da: Floats, cells: Sequence[RnnCache]) -> Gradients:
    """Take da [n_a, m, T] back through the T steps of one run."""
    (n_a, m, _), n_x = da.shape, len(cells[0].xt)
    Wax, Waa = take(cells[0].parameters, Wax=(n_a, n_x), Waa=(n_a, n_a))
    x = stack(cell.xt for cell in cells)
    h = stack([cells[0].a_prev, *(cell.a_next for cell in cells)])
    after, no_bias = np.zeros((m, n_a)), np.zeros(n_a)
    weights = swapped(Wax), swapped(Waa), no_bias
    gradients = _core.rnn_backward(swapped(da), x, h, *weights, after, "tanh")
    return {
        "dx": swapped(gradients["dx"]),
        "da0": swapped(gradients["dh0"]),
        "dWax": swapped(gradients["dW"]),
        "dWaa": swapped(gradients["dR"]),
        "dba": gradients["db"][:, np.newaxis],
    }
