"""Softmax, cross-entropy against the right tokens, and its gradient on the logits; the squared error.

    m = max x    s = sum_j exp(x_j - m)    p_j = exp(x_j - m) / s
    loss = -log p_target    dL/dx_j = p_j - [j = target]

A target of -1 does not count: its loss and its gradient are zero.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Integers, floats, tokens
from rnnfast.reference.sums import folded_sum

Reduction = Literal["token", "sequence"]


def softmax(logits: ArrayLike) -> Floats:
    """Turn logits into probabilities along the last axis.

    >>> softmax([0.0, np.log(3.0)])
    array([0.25, 0.75])
    """
    x = floats("logits", logits)
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(weights / folded_sum(weights)[..., np.newaxis])


def log_softmax(logits: ArrayLike) -> Floats:
    """Take the logarithm of `softmax`, which stays finite where a probability underflows.

    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """
    x = floats("logits", logits)
    shifted = x - x.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(folded_sum(np.exp(shifted)))[..., np.newaxis])


def row_losses(logits: ArrayLike, targets: ArrayLike) -> Floats:
    """Give -log p of each target in nats, [...] for logits [..., V] and targets [...]; 0 where it is -1."""
    x, targets = _rows(logits, targets)
    log_p = np.take_along_axis(log_softmax(x), np.maximum(targets, 0)[..., np.newaxis], axis=-1)[..., 0]
    return np.where(targets >= 0, -log_p, 0.0)


def cross_entropy(
    logits: ArrayLike, targets: ArrayLike, reduction: Reduction = "token"
) -> tuple[float, Floats]:
    """Reduce the cross-entropy to one number, and take its gradient.

    Parameters
    ----------
    logits : float array [T, N, V]
        As the dense layer gives them.
    targets : integer array [T, N]
        -1 where there is none.
    reduction : {"token", "sequence"}
        "token": the mean over the targets that count. "sequence": the sum over time, averaged over the batch
        N.

    Returns
    -------
    loss : float
        In nats; 0 where no target counts.
    dlogits : float64 array [T, N, V]

    Raises
    ------
    TypeError, ValueError
        Targets that are no integers or outside [-1, V), shapes that do not fit, an unknown `reduction`.

    Examples
    --------
    >>> loss, dlogits = cross_entropy(np.zeros((1, 2, 4)), [[3, -1]])
    >>> bool(loss == np.log(4))
    True
    >>> dlogits
    array([[[ 0.25,  0.25,  0.25, -0.75],
            [ 0.  ,  0.  ,  0.  ,  0.  ]]])
    """
    x, targets = _rows(logits, targets)
    divisor = reduction_divisor(targets, reduction)
    one_hot = targets[..., np.newaxis] == np.arange(x.shape[-1])
    dlogits = np.where((targets >= 0)[..., np.newaxis], softmax(x) - one_hot, 0.0) / divisor
    return float(row_losses(x, targets).sum() / divisor), dlogits


def reduction_divisor(targets: Integers, reduction: Reduction) -> int:
    """Count what the sum of losses of targets [T, N] is divided by: those that count (at least 1), or N."""
    if targets.ndim != 2:
        raise ValueError(f"targets has shape {targets.shape}, expected (T, N)")
    if reduction == "token":
        return max(1, int((targets >= 0).sum()))
    if reduction == "sequence":
        return int(targets.shape[1])
    raise ValueError(f"reduction is {reduction!r}, expected 'token' or 'sequence'")


def accuracy(logits: ArrayLike, targets: ArrayLike) -> float:
    """Take the share of targets that are their row's largest logit (the first of equals); nan if none counts.

    >>> accuracy([[1.0, 2.0], [3.0, 3.0], [3.0, 3.0], [0.0, 1.0]], [1, 0, 1, -1])
    0.6666666666666666
    """
    x, targets = _rows(logits, targets)
    counts = targets >= 0
    return float((x.argmax(axis=-1) == targets)[counts].mean()) if counts.any() else float("nan")


def squared_error(predictions: ArrayLike, targets: ArrayLike) -> tuple[float, Floats]:
    """Take the mean of (prediction - target)^2 over all numbers, and its gradient on the predictions.

    >>> squared_error([1.0, 2.0], [1.0, 4.0])
    (2.0, array([ 0., -2.]))
    """
    x, y = floats("predictions", predictions), floats("targets", targets)
    if x.shape != y.shape:
        raise ValueError(f"targets has shape {y.shape}, expected {x.shape} as predictions")
    size = max(1, x.size)
    return float(folded_sum(np.square(x - y).reshape(-1)) / size), 2 / size * (x - y)


def _rows(logits: ArrayLike, targets: ArrayLike) -> tuple[Floats, Integers]:
    x = floats("logits", logits)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"logits has shape {x.shape}, expected (..., V) with V at least 1")
    y = tokens("targets", targets, x.shape[-1])
    if y.shape != x.shape[:-1]:
        raise ValueError(f"targets has shape {y.shape}, expected {x.shape[:-1]} as logits has {x.shape}")
    return x, y
