"""Losses for nets of one's own: each gives the loss and its gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import as_array, floats, thread_count, tokens
from rnnfast._parameters import Floats


def softmax_cross_entropy(
    logits: npt.ArrayLike, targets: npt.ArrayLike, *, num_threads: int | None = None
) -> tuple[float, Floats]:
    """Mean of ``-log softmax(logits)[target]`` over the targets that count, and its gradient.

    Parameters
    ----------
    logits : (..., V) array of float32 or float64
        Any number of leading axes.
    targets : (...) integers
        0 to V - 1, or -1, which does not count.
    num_threads : int, optional
        None: as many as pay. No bit depends on it.

    Returns
    -------
    loss : float
        Nats a target that counts, summed in float64; 0 where none counts.
    dlogits : array like logits
        ``(softmax(logits) - one_hot(target)) / count``; zeros where the target is -1.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not fit, targets outside -1 to V - 1, and arrays of other types.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import softmax_cross_entropy
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((3, 2)), [0, 1, -1])
    >>> round(loss, 4)
    0.6931
    >>> dlogits
    array([[-0.25,  0.25],
           [ 0.25, -0.25],
           [ 0.  ,  0.  ]])
    """
    scores = _floats("logits", logits)
    if scores.ndim == 0 or scores.shape[-1] == 0:
        raise ValueError(f"logits has shape {scores.shape}, expected (..., V) with V at least 1")
    own = tokens("targets", targets, scores.shape[-1])
    if own.shape != scores.shape[:-1]:
        raise ValueError(
            f"targets has shape {own.shape}, expected {scores.shape[:-1]}: logits without the last axis"
        )
    count = max(int(np.count_nonzero(own >= 0)), 1)
    work = 16.0 * scores.size  # an exponential takes as long as so many multiply-adds
    total, _, _, gradient = _core.cross_entropy(
        scores.reshape(own.size, scores.shape[-1]),
        own.reshape(-1),
        1 / count,
        _core.choose_threads(thread_count(num_threads), work),
    )
    return total / count, gradient.reshape(scores.shape)


def mse(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[float, Floats]:
    """Mean of ``(predictions - targets)^2`` over all numbers, and its gradient.

    Parameters
    ----------
    predictions : array of float32 or float64
    targets : array_like of the same shape

    Returns
    -------
    loss : float
        Summed in float64; 0 of no numbers.
    dpredictions : array like predictions
        ``2 (predictions - targets) / size``.

    Raises
    ------
    ValueError, TypeError
        For another shape, and for arrays of other types.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import mse
    >>> mse(np.array([1.0, 2.0]), [1, 4])
    (2.0, array([ 0., -2.]))
    """
    own = _floats("predictions", predictions)
    wanted = floats("targets", targets, own.dtype)
    if wanted.shape != own.shape:
        raise ValueError(f"targets has shape {wanted.shape}, expected {own.shape} as predictions")
    count = max(own.size, 1)
    total, gradient = _core.squared_error(own, wanted, 2 / count)
    return total / count, gradient


def _floats(name: str, values: npt.ArrayLike) -> Floats:
    """Keep float32 and float64 as they are; integers become float64."""
    array = as_array(name, values)
    if array.dtype not in (np.float32, np.float64) and array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected float32 or float64")
    return floats(name, array, np.float32 if array.dtype == np.float32 else np.float64)
