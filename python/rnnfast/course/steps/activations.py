"""The two activations that NumPy does not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnnfast import _core
from rnnfast.reference._arrays import Floats, floats

__all__ = ["sigmoid", "softmax"]


def sigmoid(a: ArrayLike) -> Floats:
    """Give 1 / (1 + exp(-a)) of every number.

    Parameters
    ----------
    a : float array [...]

    Returns
    -------
    float64 array of a's shape
        A new array.

    Examples
    --------
    >>> sigmoid([-1e4, 0.0, 1e4])
    array([0. , 0.5, 1. ])
    """
    a = floats("a", a)
    return _core.sigmoid(a.ravel()).reshape(a.shape)


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
    rows = np.ascontiguousarray(x.reshape(len(x), x[0].size).T)
    return np.array(_core.softmax(rows).T, order="C").reshape(x.shape)
