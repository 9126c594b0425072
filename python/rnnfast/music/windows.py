"""The exercise's training windows: one-hot stretches of the corpus, drawn with NumPy's old generator."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def window_starts(
    num_tokens: int, count: int = 60, length: int = 30, *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Draw where the windows begin: each draw is ``numpy.random.choice(num_tokens - length)`` after ``seed``.

    NumPy's global generator is not touched.

    Parameters
    ----------
    num_tokens : int
        Tokens in the corpus, more than `length`.
    count, length : int
        Windows, and tokens in each; positive.
    seed : int
        0 to 2**32 - 1, as the old generator takes them.

    Returns
    -------
    starts : (count,) int64
        Windows may overlap or be equal.

    Raises
    ------
    ValueError, TypeError
        A corpus too short for one window, or a number out of range or of another type.

    Examples
    --------
    >>> window_starts(275, 5).tolist()
    [172, 47, 117, 192, 67]
    """
    for name, value, least in (("count", count, 1), ("length", length, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{name} is {value!r}, expected an integer")
        if not least <= operator.index(value) < 2**32:
            raise ValueError(f"{name} is {value}, expected {least} to 2^32 - 1")
    if num_tokens <= length:
        raise ValueError(
            f"the corpus has {num_tokens} tokens, expected more than {length}, the length of a window"
        )
    generator = np.random.RandomState(seed)
    return np.array([generator.choice(num_tokens - length) for _ in range(count)], dtype=np.int64)


def one_hot_windows(
    indices: Sequence[int] | npt.NDArray[np.integer],
    num_values: int,
    starts: Sequence[int] | npt.NDArray[np.int64],
    length: int = 30,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cut the windows and shift them by one, with the exercise's empty first input and empty last target.

    Parameters
    ----------
    indices : (num_tokens,) int
        The corpus, values 0 to num_values - 1.
    num_values : int
        V, size of the vocabulary.
    starts : (N,) int
        First token of each window.
    length : int
        T.

    Returns
    -------
    X : (N, T, V) bool
        One-hot tokens of each window; the first step is all zero, so that the token at the start is not used.
    Y : (T, N, V) bool
        The token after each input, time first; the last step is all zero and costs nothing.
    """
    corpus = np.asarray(indices, dtype=np.int64)
    tokens = corpus[np.asarray(starts, dtype=np.int64)[:, None] + np.arange(1, length)]
    X = np.zeros((len(tokens), length, num_values), dtype=np.bool_)
    X[:, 1:] = np.eye(num_values, dtype=np.bool_)[tokens]
    Y = np.zeros_like(X)
    Y[:, :-1] = X[:, 1:]
    return X, Y.swapaxes(0, 1).copy()
