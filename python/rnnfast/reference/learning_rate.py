"""Learning rates that change with the step t, the number of updates so far: the first update is step 0.

Wherever an optimiser takes a learning rate, a function of the step may stand:

>>> from rnnfast.reference.optimizer import SGD
>>> optimizer = SGD(lambda t: warmup(t, 10, 0.0, 0.1, lambda t: cosine(t, 0.1, 90)))
>>> optimizer.learning_rate(10)
0.1
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi


def inverse_time(t: int, rate: float, decay: float) -> float:
    """Give rate / (1 + decay t).

    >>> inverse_time(0, 0.01, 0.01), inverse_time(100, 0.01, 0.01)
    (0.01, 0.005)
    """
    return rate / (1 + decay * t)


def exponential(t: int, rate: float, factor: float) -> float:
    """Give rate factor^t.

    >>> exponential(3, 1.0, 0.5)
    0.125
    """
    return rate * factor**t


def step(t: int, rate: float, every: int, factor: float) -> float:
    """Give rate factor^floor(t / every).

    >>> [step(t, 1.0, 2, 0.5) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return rate * factor ** (t // every)


def cosine(t: int, rate: float, steps: int, final_rate: float = 0.0) -> float:
    """Give final_rate + (rate - final_rate) (1 + cos(pi t / steps)) / 2, then final_rate (Loshchilov & Hutter).

    >>> [round(cosine(t, 1.0, 4), 12) for t in range(6)]
    [1.0, 0.853553390593, 0.5, 0.146446609407, 0.0, 0.0]
    """
    return final_rate + (rate - final_rate) * (1 + cos(pi * min(t / steps, 1))) / 2


def warmup(t: int, steps: int, start: float, rate: float, then: Callable[[int], float]) -> float:
    """From `start` in a straight line to `rate` in so many steps; from there on `then`, a function of the steps since.

    >>> [warmup(t, 2, 0.0, 1.0, lambda t: exponential(t, 1.0, 0.5)) for t in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    return then(t - steps) if t >= steps else start + (rate - start) * t / steps
