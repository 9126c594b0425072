"""Who decides where chance would: every draw of a solo is asked of one function, and can be replayed."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Chooser = Callable[[str, Sequence[Any]], int]
"""Called as ``chooser(kind, options)``, returns the index of the option that is taken.

The kinds and their options: ``round`` (the shorter length, the longer one); ``pitch`` (MIDI pitches);
``scale_note`` (names, the tonic at both ends); ``octave`` (octave numbers); ``neighbour`` (1, -1);
``raised_fourth`` (True, False); ``fallback`` (2, -2). `rnnfast.music.improvise` by default asks for ``start``
(measures to hear first), ``seed`` (seeds of the model), ``entry`` (intervals) and ``pitch``.
"""

_Option = TypeVar("_Option")


def random_chooser(seed: int) -> Chooser:
    """Return a chooser that takes every option with equal probability; a seed always chooses alike.

    Parameters
    ----------
    seed : int
        0 or more.

    Examples
    --------
    >>> chooser = random_chooser(0)
    >>> [chooser("round", (1, 2)) for _ in range(6)]
    [1, 1, 0, 0, 1, 0]
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(f"seed is {seed!r}, expected an integer of 0 or more")
    if operator.index(seed) < 0:
        raise ValueError(f"seed is {seed}, expected an integer of 0 or more")
    uniform = random.Random(operator.index(seed)).random  # the one method whose sequence Python keeps
    return lambda kind, options: int(uniform() * len(options))


def pick(chooser: Chooser, kind: str, options: Sequence[_Option]) -> _Option:
    """Return the option that `chooser` takes; ValueError where it returns anything but an option's index."""
    index = operator.index(chooser(kind, options))
    if not 0 <= index < len(options):
        raise ValueError(
            f"chooser returned {index} for {kind!r}, expected 0 to {len(options) - 1}: an option's index"
        )
    return options[index]
