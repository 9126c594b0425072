"""Inverted dropout: a number is zero with probability `rate`, else it is divided by 1 - rate (Srivastava et al. 2014).

A mask is drawn by counter. Eight columns share a block of random words, 32 bits each: column j of place p takes, of the
block at position p * ceil(columns / 8) + j // 8, the low half of word (j % 8) // 2 where j is even, the high half where
it is odd. It is dropped where these bits, as an integer, are less than rate * 2^32.
"""

from __future__ import annotations

import numpy as np

from rnnfast.reference._arrays import Floats
from rnnfast.reference.random import DROPOUT, blocks

COLUMNS_OF_A_BLOCK = 8


def mask(rate: float, seed: int, stream: int, places: int, columns: int) -> Floats:
    """Draw what numbers [places, columns] are multiplied by: 0, or 1 / (1 - rate).

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed, stream : int
        In [0, 2^64): the key.
    places, columns : int
        Of a batch of sequences, step t of sample n is place t * N + n.

    Returns
    -------
    float64 array [places, columns]

    Raises
    ------
    ValueError
        Where the rate is outside its range.

    Examples
    --------
    >>> mask(0.5, seed=0, stream=0, places=2, columns=4)
    array([[0., 0., 2., 0.],
           [2., 2., 2., 0.]])
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate is {rate}, expected at least 0 and less than 1")
    blocks_of_a_place = -(-columns // COLUMNS_OF_A_BLOCK)
    words = blocks(seed, stream, np.arange(places * blocks_of_a_place), DROPOUT)
    halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], axis=-1)
    bits = halves.reshape(places, blocks_of_a_place * COLUMNS_OF_A_BLOCK)[:, :columns]
    return np.where(bits < rate * 2.0**32, 0.0, 1 / (1 - rate))
