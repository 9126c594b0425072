"""The dense layer that makes logits of hidden states: y = x W + b."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, floats


class Gradients(NamedTuple):
    """dx [..., D], dW [D, V] and db [V]."""

    dx: Floats
    dW: Floats
    db: Floats


def forward(x: ArrayLike, W: ArrayLike, b: ArrayLike) -> Floats:
    """Give y = x W + b, [..., V], for x [..., D], W [D, V] and b [V].

    >>> forward([[1.0, 2.0]], [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [0.0, 0.0, 10.0])
    array([[ 1.,  2., 13.]])
    """
    W = floats("W", W, None, None)
    x = _rows("x", x, W.shape[0])
    return np.asarray(x @ W + floats("b", b, W.shape[1]))


def backward(dy: ArrayLike, x: ArrayLike, W: ArrayLike) -> Gradients:
    """From dy = dL/dy [..., V], give dx = dy W^T, dW = x^T dy and db = dy, the last two summed over rows."""
    W = floats("W", W, None, None)
    x, dy = _rows("x", x, W.shape[0]), _rows("dy", dy, W.shape[1])
    if x.shape[:-1] != dy.shape[:-1]:
        raise ValueError(
            f"dy has shape {dy.shape}, expected {(*x.shape[:-1], W.shape[1])} as x has {x.shape}"
        )
    dy_rows = dy.reshape(-1, W.shape[1])
    return Gradients(dy @ W.T, x.reshape(-1, W.shape[0]).T @ dy_rows, dy_rows.sum(axis=0))


def _rows(name: str, value: ArrayLike, size: int) -> Floats:
    array = floats(name, value)
    if array.ndim == 0 or array.shape[-1] != size:
        raise ValueError(f"{name} has shape {array.shape}, expected its last length to be {size}")
    return array
