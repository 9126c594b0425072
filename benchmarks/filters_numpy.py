"""What a sampler does to logits [N, V] before temperature and draw, in NumPy: what a filter drops becomes -inf.

Only the values are sorted, never the tokens with them: the least value that stays is a threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def top_n_sigma(n: float, logits: Floats) -> Floats:
    """Within n standard deviations of the largest."""
    least = logits.max(axis=1, keepdims=True) - n * logits.std(axis=1, keepdims=True)
    return _keep(logits >= least, logits)


def top_k(k: int, logits: Floats) -> Floats:
    """The k largest."""
    place = logits.shape[1] - k
    return _keep(logits >= np.partition(logits, place, axis=1)[:, place, None], logits)


def typical_p(share: float, logits: Floats) -> Floats:
    """Those of a surprise nearest to the entropy."""
    p = _softmax(logits)
    log_p = np.log(p)
    distance = np.abs(log_p - (p * log_p).sum(axis=1, keepdims=True))
    order = distance.argsort(axis=1)
    ordered = np.take_along_axis(distance, order, axis=1)
    reached = np.take_along_axis(p, order, axis=1).cumsum(axis=1)
    last = (reached[:, :-1] < share).sum(axis=1)
    return _keep(distance <= ordered[np.arange(len(logits)), last, None], logits)


def top_p(share: float, logits: Floats) -> Floats:
    """The likeliest."""
    p = _softmax(logits)
    ordered = np.sort(p, axis=1)[:, ::-1]
    last = (ordered.cumsum(axis=1)[:, :-1] < share).sum(axis=1)
    return _keep(p >= ordered[np.arange(len(p)), last, None], logits)


def min_p(share: float, logits: Floats) -> Floats:
    """Those at least `share` times as likely as the likeliest."""
    return _keep(logits >= logits.max(axis=1, keepdims=True) + np.float32(np.log(share)), logits)


def _keep(stays: npt.NDArray[np.bool_], logits: Floats) -> Floats:
    return np.where(stays, logits, np.float32(-np.inf))


def _softmax(logits: Floats) -> Floats:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))
