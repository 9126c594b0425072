"""From logits to a token.

Filters act in this order: top_k, top_p, temperature. Then one uniform number u in [0, 1) draws from the
weights e_j = exp((x_j - max x) / temperature): the token at which their running total first exceeds u times
their sum. So that float32 draws the same token on every machine, the order of additions is a part of the
definition (see `draw`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnfast.reference.sums import LANES, folded_sum

Logits = NDArray[np.floating[Any]]


def draw(
    logits: ArrayLike,
    u: float,
    temperature: float = 1.0,
    greedy: bool = False,
    top_k: int | None = None,
    top_p: float | None = None,
) -> int:
    """Draw the token that `u` selects.

    The sum is folded in 16 partial sums (`sums.folded_sum`). The running total goes over blocks of 16, each
    folded alike; the first block at which it exceeds u * sum is walked in index order from the running total
    before it. Where rounding leaves none in that block, it is the block's last token of positive weight;
    where it leaves no block, the last of all.

    Parameters
    ----------
    logits : float array [V]
        float32 is computed in float32, all else in float64. +inf is certain (several share equally); -inf is
        never drawn.
    u : float
        In [0, 1).
    temperature : float
        At least 0; 0 is greedy, and so is a subnormal number.
    greedy : bool
        Take the largest logit, ties to the lowest id.
    top_k : int, optional
        Keep the k largest logits, of equals those with the lowest ids.
    top_p : float, optional
        Then keep the likeliest tokens, until their probability (at temperature 1) reaches `top_p`, in (0, 1].

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where an option is outside its range, or the logits hold a nan, only -inf, or nothing.

    Examples
    --------
    >>> x = np.log([0.5, 0.25, 0.25])
    >>> [draw(x, u) for u in (0.0, 0.49, 0.51, 0.76, 0.99)]
    [0, 0, 1, 2, 2]
    >>> draw(x, 0.99, top_k=2), draw(x, 0.99, top_p=0.5), draw(x, 0.99, greedy=True)
    (1, 0, 0)
    """
    _check_options(u, temperature, top_k, top_p)
    x = _as_logits(logits)
    if greedy or temperature < np.finfo(np.float64).tiny:
        return int(x.argmax())
    if x.max() == np.inf:
        x = np.where(x == np.inf, x.dtype.type(0), x.dtype.type(-np.inf))
    if top_k is not None:
        x = keep_top_k(x, top_k)
    if top_p is not None:
        x = keep_top_p(x, top_p)
    return _walk(_weights(x, temperature), x.dtype.type(u))


def keep_top_k(x: Logits, k: int) -> Logits:
    """Copy `x` [V] with -inf for all but the k largest, of equals those with the lowest ids.

    >>> keep_top_k(np.array([1.0, 3.0, 1.0, 2.0]), 3)
    array([  1.,   3., -inf,   2.])
    """
    return _keep(x, _likeliest_first(x)[:k])


def keep_top_p(x: Logits, p: float) -> Logits:
    """Copy `x` [V] with -inf for all but the likeliest, until their probability reaches `p`.

    >>> keep_top_p(np.log([0.125, 0.5, 0.375]), 0.75).round(2)
    array([ -inf, -0.69, -0.98])
    """
    if p == 1:
        return x.copy()
    weights = _weights(x, 1.0)
    probabilities = weights * (x.dtype.type(1) / folded_sum(weights))
    order = _likeliest_first(x)
    reached = np.cumsum(probabilities[order], dtype=np.float64)
    return _keep(x, order[: 1 + np.count_nonzero(reached[:-1] < p)])


def _likeliest_first(x: Logits) -> NDArray[np.int64]:
    return np.argsort(-x, kind="stable")


def _keep(x: Logits, kept: NDArray[np.int64]) -> Logits:
    filtered = np.full_like(x, -np.inf)
    filtered[kept] = x[kept]
    return filtered


def _weights(x: Logits, temperature: float) -> Logits:
    """Give exp((x - max x) / temperature), subnormal ones flushed to zero as the engine's arithmetic does."""
    limits = np.finfo(x.dtype)
    # Neither infinite nor zero, however small or large the temperature: 0 * inf would be nan.
    inverse = x.dtype.type(min(max(1 / temperature, float(limits.tiny)), float(limits.max)))
    with np.errstate(over="ignore"):
        weights = np.exp((x - x.max()) * inverse)
    return np.where(weights < limits.tiny, x.dtype.type(0), weights)


def _walk(weights: Logits, u: np.floating[Any]) -> int:
    threshold = u * folded_sum(weights)
    running: Any = weights.dtype.type(0)
    for start in range(0, weights.size, LANES):
        block = weights[start : start + LANES]
        after = running + folded_sum(block)
        if after > threshold:
            for j, weight in enumerate(block):
                running += weight
                if running > threshold:
                    return start + j
            return start + int(np.flatnonzero(block)[-1])
        running = after
    return int(np.flatnonzero(weights)[-1])


def _as_logits(logits: ArrayLike) -> Logits:
    x = np.asarray(logits)
    if x.dtype != np.float32:
        x = x.astype(np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"logits has shape {x.shape}, expected (V,) with V at least 1")
    if np.isnan(x).any() or x.max() == -np.inf:
        raise ValueError("logits hold a nan or only -inf, expected at least one token that can be drawn")
    return x


def _check_options(u: float, temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not 0 <= u < 1:
        raise ValueError(f"u is {u}, expected at least 0 and less than 1")
    if not 0 <= temperature < np.inf:
        raise ValueError(
            f"temperature is {temperature}, expected a finite number of at least 0 (0 is greedy)"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}, expected at least 1, or None to keep all")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}, expected more than 0 and at most 1, or None to keep all")
