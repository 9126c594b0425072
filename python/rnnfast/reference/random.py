"""Random numbers by counter: each is a function of (seed, stream, position, purpose) and of nothing else.

Philox4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). A block of four words at
`counter` comes from ten rounds of multiplying, exchanging and adding the key; the first word of a block is
the draw. It is the first word of `numpy.random.Philox(key=[seed, stream], counter=[position, purpose, 0,
0])`, which adds 1 to its 256-bit counter before its first block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Words = NDArray[np.uint64]
Position = int | NDArray[np.integer[Any]]

# Purposes keep draws for different ends apart.
SAMPLING, INITIALISATION, SHUFFLING, DROPOUT = 0, 1, 2, 3

_MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL = (
    0x9E3779B97F4A7C15,
    0xBB67AE8584CAA73B,
)  # added to the key after each round: the golden ratio, sqrt(3) - 1
_ROUNDS = 10
_ALL = 2**64


def words(seed: int, stream: int, position: Position, purpose: int) -> Words:
    """Draw the random 64-bit word at each position.

    Parameters
    ----------
    seed, stream : int
        In [0, 2^64): the key.
    position : int or integer array [...]
        In [0, 2^64).
    purpose : int
        SAMPLING, INITIALISATION, SHUFFLING or DROPOUT.

    Returns
    -------
    uint64 array [...]

    Raises
    ------
    TypeError, ValueError
        Where a number is no integer or outside its range.

    Examples
    --------
    >>> generator = np.random.Philox(key=[7, 1], counter=[5, SAMPLING, 0, 0])
    >>> int(words(7, 1, 5, SAMPLING)) == int(generator.random_raw())
    True
    """
    return blocks(seed, stream, position, purpose)[..., 0]


def blocks(seed: int, stream: int, position: Position, purpose: int) -> Words:
    """Draw all four words of the block at each position, uint64 [..., 4]; arguments as for `words`.

    >>> generator = np.random.Philox(key=[7, 1], counter=[5, DROPOUT, 0, 0])
    >>> bool((blocks(7, 1, 5, DROPOUT) == generator.random_raw(4)).all())
    True
    """
    key = [_word("seed", seed), _word("stream", stream)]
    purpose = _word("purpose", purpose)
    positions = _positions(position)
    x0 = np.atleast_1d(positions) + np.uint64(1)
    x1 = np.uint64(purpose) + (x0 == 0).astype(np.uint64)  # the carry
    x2, x3 = np.zeros_like(x0), np.zeros_like(x0)
    for _ in range(_ROUNDS):
        high0, low0 = _multiply(_MULTIPLIERS[0], x0)
        high1, low1 = _multiply(_MULTIPLIERS[1], x2)
        x0, x1, x2, x3 = high1 ^ x1 ^ np.uint64(key[0]), low1, high0 ^ x3 ^ np.uint64(key[1]), low0
        key = [(k + w) % _ALL for k, w in zip(key, _WEYL, strict=True)]
    return np.stack([x0, x1, x2, x3], axis=-1).reshape(*positions.shape, 4)


def uniform(
    seed: int, stream: int, position: Position, purpose: int, dtype: DTypeLike = np.float64
) -> NDArray[np.floating[Any]]:
    """Draw uniform numbers in [0, 1): the highest 53 bits of each word for float64, 24 for float32.

    >>> float(uniform(0, 0, 0, SAMPLING)) < 1
    True
    >>> uniform(0, 0, np.arange(3), SAMPLING, np.float32).dtype
    dtype('float32')
    """
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"dtype is {dtype}, expected float32 or float64")
    bits = 53 if dtype == np.float64 else 24
    word = words(seed, stream, position, purpose)
    return np.asarray(np.ldexp((word >> np.uint64(64 - bits)).astype(dtype), -bits))


def permutation(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Shuffle the numbers 0 to n - 1 for an epoch: Fisher & Yates, with the stream `epoch` of SHUFFLING.

    >>> permutation(5, seed=0, epoch=0)
    array([2, 4, 3, 0, 1])
    """
    if n < 0:
        raise ValueError(f"n is {n}, expected at least 0")
    order = np.arange(n)
    drawn = words(seed, epoch, order, SHUFFLING)
    for k in range(n - 1, 0, -1):
        other = int(drawn[k]) * (k + 1) >> 64  # word / 2^64 * (k + 1), rounded down
        order[[k, other]] = order[[other, k]]
    return order


def _multiply(a: np.uint64, b: Words) -> tuple[Words, Words]:
    """Give the high and the low 64 bits of a * b, by schoolbook multiplication of 32-bit halves."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a_high, a_low, b_high, b_low = a >> half, a & mask, b >> half, b & mask
    low = a_low * b_low
    middle = a_high * b_low + (low >> half)
    other = a_low * b_high + (middle & mask)
    return a_high * b_high + (middle >> half) + (other >> half), a * b


def _word(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    if not 0 <= value < _ALL:
        raise ValueError(f"{name} is {value}, expected an integer from 0 to 2^64 - 1")
    return int(value)


def _positions(position: Position) -> Words:
    if not isinstance(position, np.ndarray):
        return np.array(_word("position", position), dtype=np.uint64)
    if position.dtype.kind not in "iu":
        raise TypeError(f"position has dtype {position.dtype}, expected integers")
    if position.size and position.min() < 0:
        raise ValueError(f"position holds {position.min()}, expected at least 0")
    return position.astype(np.uint64)
