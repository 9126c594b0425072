"""Training data without end: an iterator's arrays, as the training pairs that the native loop asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnfast.train import Tokens, token_array, training_pair

Pair = tuple[Tokens, Tokens]


class EndlessPairs:
    """Inputs and targets, an array of the iterator at a time; no more than one is held.

    Parameters
    ----------
    arrays : iterator of (N, T) tokens, or of pairs (x, y) of these
        One after the other in time, T as it comes. Where there is no y, it is the next token of x, over the arrays'
        bounds, too.
    vocab_size : int
    """

    def __init__(self, arrays: Iterator[Any], vocab_size: int) -> None:
        self._arrays, self._vocab_size = arrays, vocab_size
        self._taken = 0
        self._samples: int | None = None
        self._last: Tokens | None = None  # the newest token of each sample, which waits for its target

    def first(self) -> Pair:
        """What there must be at least.

        Raises
        ------
        ValueError
            Where there is none.
        """
        pair = self.next()
        if pair is None:
            raise ValueError("X is an iterator without a target, expected at least two steps")
        return pair

    def next(self) -> Pair | None:
        """The pair after that of the last call; None at the end."""
        for item in self._arrays:
            name = f"X, array {self._taken} (counted from 0)"
            pair = self._given(name, item) if isinstance(item, tuple) else self._shifted(name, item)
            self._taken += 1
            if pair is not None:
                return pair
        return None

    def _given(self, name: str, item: tuple[Any, ...]) -> Pair:
        if len(item) != 2:
            raise ValueError(f"{name} has {len(item)} entries, expected an array, or a pair (x, y)")
        pair = training_pair(item[0], item[1], self._vocab_size, names=(f"{name}, x", f"{name}, y"))
        self._check_samples(name, pair[0])
        self._last = None
        return pair

    def _shifted(self, name: str, item: Any) -> Pair | None:
        """None where there is no target yet: of the stream's first token."""
        tokens = token_array(name, item, self._vocab_size)
        if tokens.size == 0:
            raise ValueError(f"{name} has shape {tokens.shape}, expected at least one sample and one step")
        self._check_samples(name, tokens)
        if self._last is not None:
            tokens = np.hstack([self._last, tokens])
        self._last = tokens[:, -1:].copy()
        if tokens.shape[1] < 2:
            return None
        return training_pair(tokens, None, self._vocab_size, names=(name, name))

    def _check_samples(self, name: str, tokens: Tokens) -> None:
        if self._samples is not None and len(tokens) != self._samples:
            raise ValueError(f"{name} has shape {tokens.shape}, expected {self._samples} samples as before")
        self._samples = len(tokens)
