"""The LSTM of the exercises: forget, update (input) and output gates over [a; x].

    ft  = sigmoid(Wf [a(t-1); x(t)] + bf)    it = sigmoid(Wi [a(t-1); x(t)] + bi)
    cct = tanh(Wc [a(t-1); x(t)] + bc)       ot = sigmoid(Wo [a(t-1); x(t)] + bo)
    c(t) = ft c(t-1) + it cct                a(t) = ot tanh(c(t))
    y(t) = softmax(Wy a(t) + by)

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The engine's order of gates is i f g o,
which is i f c o here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast import _core
from rnnfast.course.steps._layout import (
    columns,
    expect_one_run,
    gates_of,
    join,
    one_step,
    predictions,
    split,
    stack,
    stack_gates,
    swapped,
    zero_gradients,
)
from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps._parts import take_cache, take_caches, take_output
from rnnfast.reference.steps.lstm import LstmCache

_GATES, _ENGINE_GATES = "fico", "ifco"


class _Run(NamedTuple):
    """States h and c [T + 1, m, n_a], the initial ones first, and the gates [T, m, 4 n_a]."""

    h: Floats
    c: Floats
    gates: Floats

    def cells(self, x: Floats, parameters: Parameters) -> list[LstmCache]:
        """Cut out the cache of each step."""
        a, c, cells = columns(self.h), columns(self.c), []
        for t, (it, ft, cct, ot) in enumerate(gates_of(self.gates, len(_GATES))):
            states = a[t + 1], c[t + 1], a[t], c[t]
            cells.append(LstmCache(*states, ft, it, cct, ot, x[:, :, t], parameters))
        return cells


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
    a_prev = floats("a_prev", a_prev, None, xt.shape[1])
    c_prev = floats("c_prev", c_prev, *a_prev.shape)
    x = one_step(xt)
    run, yt_pred = _run(x, a_prev, c_prev, parameters)
    (cache,) = run.cells(x, parameters)
    return cache.a_next, cache.c_next, yt_pred[:, :, 0], cache


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
        The cell states, in an array of their own.
    caches : ([LstmCache of each step], x)

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.
    """
    x = floats("x", x, None, None, None)
    a0 = floats("a0", a0, None, x.shape[1])
    run, y = _run(x, a0, np.zeros_like(a0), parameters)
    return swapped(run.h[1:]), y, swapped(run.c[1:]), (run.cells(x, parameters), x)


def lstm_cell_backward(da_next: ArrayLike, dc_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

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
    cell = take_cache(LstmCache, cache)
    da_next = floats("da_next", da_next, *cell.a_next.shape)
    dc_next = floats("dc_next", dc_next, *cell.a_next.shape)
    gradients = _run_back(one_step(da_next), dc_next, [cell])
    return {
        "dxt": gradients.pop("dx")[:, :, 0],
        "da_prev": gradients.pop("da0"),
        "dc_prev": gradients.pop("dc0"),
        **gradients,
    }


def lstm_backward(da: ArrayLike, caches: Sequence[Any]) -> Gradients:
    """Take a gradient back through time.

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
        Where shapes do not fit, T is more than the caches have, or they are not of one run.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    if T == 0:
        return {"dx": np.zeros((n_x, m, 0)), "da0": np.zeros((n_a, m))} | zero_gradients(_GATES, n_a, n_x)
    cells = [take_cache(LstmCache, cell) for cell in steps[:T]]
    floats("da_next", da[:, :, 0], *cells[0].a_next.shape)
    expect_one_run(cells, "ac")
    gradients = _run_back(da, np.zeros((n_a, m)), cells)
    del gradients["dc0"]  # the initial cell state is no input
    return gradients


def _run(x: Floats, a0: Floats, c0: Floats, parameters: Parameters) -> tuple[_Run, Floats]:
    """Run over x [n_x, m, T], and give the predictions [n_y, m, T] too."""
    n_a, n_x = len(a0), len(x)
    W, b = (n_a, n_a + n_x), (n_a, 1)
    Wf, bf, Wi, bi = take(parameters, Wf=W, bf=b, Wi=W, bi=b)
    Wc, bc, Wo, bo = take(parameters, Wc=W, bc=b, Wo=W, bo=b)
    Wy, by = take_output(parameters, "Wy", n_a)
    weights = join([Wi, Wf, Wc, Wo], [bi, bf, bc, bo])
    run = _Run(*_core.lstm_forward(swapped(x), *weights, swapped(a0), swapped(c0)))
    return run, predictions(run.h[1:], Wy, by)


def _run_back(da: Floats, dc_last: Floats, cells: Sequence[LstmCache]) -> Gradients:
    """Take da [n_a, m, T], and dc_last [n_a, m] from beyond, back through the T steps of one run."""
    (n_a, m, _), n_x = da.shape, len(cells[0].xt)
    W = (n_a, n_a + n_x)
    weights = join(take(cells[0].parameters, Wi=W, Wf=W, Wc=W, Wo=W))
    x = stack(cell.xt for cell in cells)
    run = _Run(
        h=stack([cells[0].a_prev, *(cell.a_next for cell in cells)]),
        c=stack([cells[0].c_prev, *(cell.c_next for cell in cells)]),
        gates=stack_gates([(cell.it, cell.ft, cell.cct, cell.ot) for cell in cells]),
    )
    after = np.zeros((m, n_a))
    gradients = _core.lstm_backward(swapped(da), x, *run, *weights, after, swapped(dc_last))
    return {
        "dx": swapped(gradients["dx"]),
        "da0": swapped(gradients["dh0"]),
        "dc0": swapped(gradients["dc0"]),
        **split(gradients, _ENGINE_GATES, _GATES),
    }
