"""What a recurrent layer reads, tokens or numbers, and its product with the input weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Integers, floats, tokens


def is_tokens(x: Floats | Integers) -> bool:
    """Say whether `x` came as tokens."""
    return x.ndim == 2


def layer_input(x: ArrayLike, D: int) -> Floats | Integers:
    """Take `x` as tokens [T, N] or as numbers [T, N, D]."""
    return tokens("x", x, D) if np.ndim(x) == 2 else floats("x", x, None, None, D)


def input_product(x: Floats | Integers, W: Floats) -> Floats:
    """Give X W; where x is tokens, X is their one-hot rows, and the product takes rows of W."""
    if not is_tokens(x):
        return np.asarray(x @ W)
    return np.where((x >= 0)[..., np.newaxis], W[x], 0)


def input_gradient(x: Floats | Integers, da: Floats, D: int) -> Floats:
    """Give X^T da, summed over t and n."""
    if not is_tokens(x):
        return np.asarray(np.einsum("tnd,tna->da", x, da))
    dW = np.zeros((D, da.shape[-1]))
    np.add.at(dW, x[x >= 0].astype(np.intp), da[x >= 0])
    return dW
