"""The order in which numbers along a vector are added: a sum has the same bits whatever the vector width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LANES = 16


def folded_sum(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Sum along the last axis: element j goes into partial sum j mod 16, and the 16 are folded 8, 4, 2, 1.

    Parameters
    ----------
    x : float array [..., n]
        Any n, also 0.

    Returns
    -------
    array [...] of the dtype of `x`

    Examples
    --------
    >>> float(folded_sum(np.arange(100.0)))
    4950.0
    """
    partial = np.zeros((*x.shape[:-1], LANES), dtype=x.dtype)
    for start in range(0, x.shape[-1], LANES):
        block = x[..., start : start + LANES]
        partial[..., : block.shape[-1]] += block
    for half in (8, 4, 2, 1):
        partial = partial[..., :half] + partial[..., half:]
    return np.asarray(partial[..., 0])
