"""The GRU: reset and update gates over [a; x], the reset before the product.

    rt  = sigmoid(Wr [a(t-1); x(t)] + br)       ut = sigmoid(Wu [a(t-1); x(t)] + bu)
    cct = tanh(Wc [rt a(t-1); x(t)] + bc)
    a(t) = ut cct + (1 - ut) a(t-1)             y(t) = softmax(Wy a(t) + by)

Cho et al. 2014. The memory cell is the hidden state: c = a. The engine's gates are r z n with z = 1 - ut, and since
1 - sigmoid(v) = sigmoid(-v), its weights for z are -Wu and -bu.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from rnnfast.reference.steps.gru import GruCache

_GATES = "ruc"
_RESET_BEFORE = None
"""In place of the bias that a reset after the product needs."""


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
    a_prev = floats("a_prev", a_prev, None, xt.shape[1])
    _, yt_pred, (cells, _) = _run(one_step(xt), a_prev, parameters)
    return cells[0].a_next, yt_pred[:, :, 0], cells[0]


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
    a0 = floats("a0", a0, None, x.shape[1])
    return _run(x, a0, parameters)


def gru_cell_backward(da_next: ArrayLike, cache: Sequence[Any]) -> Gradients:
    """Take a gradient back through one step.

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
    cell = take_cache(GruCache, cache)
    da_next = floats("da_next", da_next, *cell.a_next.shape)
    gradients = _run_back(one_step(da_next), [cell])
    return {"dxt": gradients.pop("dx")[:, :, 0], "da_prev": gradients.pop("da0")} | gradients


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
        Where shapes do not fit, T is more than the caches have, or they are not of one run.
    """
    da = floats("da", da, None, None, None)
    steps, x = take_caches(caches, da)
    (n_a, m, T), n_x = da.shape, len(x)
    if T == 0:
        return {"dx": np.zeros((n_x, m, 0)), "da0": np.zeros((n_a, m))} | zero_gradients(_GATES, n_a, n_x)
    cells = [take_cache(GruCache, cell) for cell in steps[:T]]
    floats("da_next", da[:, :, 0], *cells[0].a_next.shape)
    expect_one_run(cells, "a")
    return _run_back(da, cells)


def _run(
    x: Floats, a0: Floats, parameters: Parameters
) -> tuple[Floats, Floats, tuple[list[GruCache], Floats]]:
    """Run over x [n_x, m, T]: what `gru_forward` returns."""
    n_a, n_x = len(a0), len(x)
    W, b = (n_a, n_a + n_x), (n_a, 1)
    Wr, br, Wu, bu, Wc, bc = take(parameters, Wr=W, br=b, Wu=W, bu=b, Wc=W, bc=b)
    Wy, by = take_output(parameters, "Wy", n_a)
    weights = join([Wr, -Wu, Wc], [br, -bu, bc])
    h, gates, _ = _core.gru_forward(swapped(x), *weights, _RESET_BEFORE, swapped(a0))
    gates[:, :, n_a : 2 * n_a] = 1 - gates[:, :, n_a : 2 * n_a]
    a, cells = columns(h), []
    for t, (rt, ut, cct) in enumerate(gates_of(gates, len(_GATES))):
        cells.append(GruCache(a[t + 1], a[t], rt, ut, cct, x[:, :, t], parameters))
    return swapped(h[1:]), predictions(h[1:], Wy, by), (cells, x)


def _run_back(da: Floats, cells: Sequence[GruCache]) -> Gradients:
    """Take da [n_a, m, T] back through the T steps of one run."""
    (n_a, m, _), n_x = da.shape, len(cells[0].xt)
    W = (n_a, n_a + n_x)
    Wr, Wu, Wc = take(cells[0].parameters, Wr=W, Wu=W, Wc=W)
    x = stack(cell.xt for cell in cells)
    h = stack([cells[0].a_prev, *(cell.a_next for cell in cells)])
    gates = stack_gates([(cell.rt, 1 - cell.ut, cell.cct) for cell in cells])
    reset = stack(cell.rt * cell.a_prev for cell in cells)
    weights = join([Wr, -Wu, Wc])
    after = np.zeros((m, n_a))
    gradients = _core.gru_backward(swapped(da), x, h, gates, reset, *weights, _RESET_BEFORE, after)
    by_gate = split(gradients, _GATES, _GATES)
    by_gate |= {name: -by_gate[name] for name in ("dWu", "dbu")}
    return {"dx": swapped(gradients["dx"]), "da0": swapped(gradients["dh0"]), **by_gate}
