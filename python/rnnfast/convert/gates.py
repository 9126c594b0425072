"""The blocks of weight matrices, one for each gate, and their order in different frameworks."""

from __future__ import annotations

import numpy as np

from rnnfast.convert.description import Array


def reorder(array: Array, have: str, want: str, axis: int = -1) -> Array:
    """Put the blocks of `array` along `axis` in another order.

    Parameters
    ----------
    array : array
        Its length along `axis` is a multiple of ``len(have)``.
    have, want : str
        A letter for each block, as it is and as it shall be; `want` may leave blocks out.
    axis : int

    Returns
    -------
    array
        A new one.

    Raises
    ------
    ValueError
        Where the length is no such multiple.

    Examples
    --------
    >>> reorder(np.array([1, 2, 3, 4, 5, 6]), "zrn", "rzn")
    array([3, 4, 1, 2, 5, 6])
    """
    if array.shape[axis] % len(have):
        raise ValueError(f"a length of {array.shape[axis]} is no multiple of {len(have)} gates")
    blocks = dict(zip(have, np.split(array, len(have), axis=axis), strict=True))
    return np.concatenate([blocks[letter] for letter in want], axis=axis)
