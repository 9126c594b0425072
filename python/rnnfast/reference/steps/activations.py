"""The two activations that NumPy does not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats
from rnnfast.reference.lstm import sigmoid

__all__ = ["sigmoid", "softmax"]


def softmax(x: ArrayLike) -> Floats:
    """Turn each column into probabilities.

    Parameters
    ----------
    x : float array [n_y, ...]

    Returns
    -------
    float64 array of x's shape
        exp(x) / sum(exp(x)) along the first axis, without overflow; a new array.

    Raises
    ------
    ValueError
        Where x has no rows.

    Examples
    --------
    >>> softmax([[0.0, 1000.0], [0.0, 0.0]])
    array([[0.5, 1. ],
           [0.5, 0. ]])
    """
    x = floats("x", x)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x has shape {x.shape}, expected at least one row")
    weights = np.exp(x - x.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))
