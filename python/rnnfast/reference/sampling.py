"""From logits to a token.

What is on acts in this order: bias and bans, penalties, top_n_sigma, top_k, typical_p, top_p, min_p,
temperature. Then one uniform number u in [0, 1) draws from the weights e_j = exp((x_j - max x) / temperature):
the token at which their running total first exceeds u times their sum. So that float32 draws the same token on
every machine, the order of additions is a part of the definition (see `draw`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnfast.reference.sums import LANES, folded_sum

Logits = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Sampling:
    """Settings of a draw; the defaults are off. `filter_logits` says what each does."""

    temperature: float = 1.0
    greedy: bool = False
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_n_sigma: float | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    penalty_window: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    ban: Sequence[int] = ()

    def __post_init__(self) -> None:
        self._expect("temperature", "a finite number of at least 0 (0 is greedy)", lambda x: 0 <= x < np.inf)
        self._expect("top_k", "at least 1, or None to keep all", lambda x: x >= 1)
        for name in ("top_p", "typical_p"):
            self._expect(name, "more than 0 and at most 1, or None to keep all", lambda x: 0 < x <= 1)
        self._expect("min_p", "0 to 1", lambda x: 0 <= x <= 1)
        self._expect(
            "top_n_sigma", "a finite number of more than 0, or None to keep all", lambda x: 0 < x < np.inf
        )
        self._expect("repetition_penalty", "a finite number of more than 0", lambda x: 0 < x < np.inf)
        self._expect("penalty_window", "at least 1, or None for all tokens", lambda x: x >= 1)

    def _expect(self, name: str, expected: str, holds: Callable[[float], bool]) -> None:
        value = getattr(self, name)
        if value is not None and not holds(value):
            raise ValueError(f"{name} is {value}, expected {expected}")

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is taken; a subnormal temperature is zero to the engine's arithmetic."""
        return self.greedy or bool(self.temperature < np.finfo(np.float64).tiny)


def draw(
    logits: ArrayLike,
    u: float,
    temperature: float = 1.0,
    greedy: bool = False,
    top_k: int | None = None,
    top_p: float | None = None,
    *,
    history: Sequence[int] = (),
    **more: Any,
) -> int:
    """Draw the token that `u` selects.

    The sum is folded in 16 partial sums (`sums.folded_sum`). The running total goes over blocks of 16, each
    folded alike; the first block at which it exceeds u * sum is walked in index order from the running total
    before it. Where rounding leaves none in that block, it is the block's last token of positive weight;
    where it leaves no block, the last of all.

    Parameters
    ----------
    logits : float array [V]
        float32 is computed in float32, all else in float64. +inf is certain (several share equally); -inf is
        never drawn.
    u : float
        In [0, 1).
    temperature : float
        At least 0; 0 is greedy, and so is a subnormal number.
    greedy : bool
        Take the largest logit that bias, bans and penalties leave, ties to the lowest id.
    top_k, top_p, history, more
        See `filter_logits`; `more` are other fields of `Sampling`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where an option is outside its range, or the logits hold a nan, only -inf, or nothing.

    Examples
    --------
    >>> x = np.log([0.5, 0.25, 0.25])
    >>> [draw(x, u) for u in (0.0, 0.49, 0.51, 0.76, 0.99)]
    [0, 0, 1, 2, 2]
    >>> draw(x, 0.99, top_k=2), draw(x, 0.99, top_p=0.5), draw(x, 0.99, greedy=True)
    (1, 0, 0)
    """
    if not 0 <= u < 1:
        raise ValueError(f"u is {u}, expected at least 0 and less than 1")
    settings = Sampling(temperature, greedy, top_k, top_p, **more)
    if settings.is_greedy:
        return int(_edit(_as_logits(logits), settings, history).argmax())
    x = filter_logits(logits, settings, history)
    return _walk(_weights(x, temperature), x.dtype.type(u))


def filter_logits(logits: ArrayLike, settings: Sampling, history: Sequence[int] = ()) -> Logits:
    """Give the logits before temperature and draw, -inf for tokens that are never drawn.

    Parameters
    ----------
    logits : float array [V]
    settings : Sampling
        `logit_bias` is added and `ban` never drawn; then `penalise` with the last `penalty_window` tokens of
        `history`; then the filters `keep_top_n_sigma`, `keep_top_k`, `keep_typical`, `keep_top_p`, `keep_min_p`.
    history : sequence of int
        The tokens before.

    Returns
    -------
    array [V]

    Examples
    --------
    >>> filter_logits(np.array([1.0, 3.0, 2.0]), Sampling(ban=[1], logit_bias={0: 0.5}, top_k=1)).tolist()
    [-inf, -inf, 2.0]
    """
    x = _edit(_as_logits(logits), settings, history)
    if x.max() == np.inf:
        x = np.where(x == np.inf, x.dtype.type(0), x.dtype.type(-np.inf))
    if settings.is_greedy:
        return x
    if settings.top_n_sigma is not None:
        x = keep_top_n_sigma(x, settings.top_n_sigma)
    if settings.top_k is not None:
        x = keep_top_k(x, settings.top_k)
    if settings.typical_p is not None:
        x = keep_typical(x, settings.typical_p)
    if settings.top_p is not None:
        x = keep_top_p(x, settings.top_p)
    if settings.min_p is not None:
        x = keep_min_p(x, settings.min_p)
    return x


def penalise(
    x: Logits, history: Sequence[int], repetition: float = 1.0, presence: float = 0.0, frequency: float = 0.0
) -> Logits:
    """Lower the logits [V] of tokens that occur in `history`, each n times.

    x / repetition where x > 0, else x * repetition (Keskar et al. 2019); less n * frequency + presence.

    >>> penalise(np.array([2.0, -2.0, 1.0]), [0, 1, 1], repetition=2.0, frequency=0.5).tolist()
    [0.5, -5.0, 1.0]
    """
    n = np.bincount(np.asarray(history, dtype=np.int64), minlength=x.size)
    scalar = x.dtype.type
    lowered = np.where(x > 0, x / scalar(repetition), x * scalar(repetition))
    lowered = lowered - (n * frequency + presence).astype(x.dtype)
    return np.where(n > 0, lowered, x)


def keep_top_n_sigma(x: Logits, n: float) -> Logits:
    """Copy `x` [V] with -inf for what is more than n standard deviations below the largest (Tang et al. 2024).

    Of the logits that are not -inf, their squared deviations divided by their number.

    >>> keep_top_n_sigma(np.array([4.0, 3.0, 1.0, 0.0]), 1.0).tolist()
    [4.0, 3.0, -inf, -inf]
    """
    distance = (x - x.max()).astype(np.float64)
    finite = np.isfinite(x)
    mean = folded_sum(np.where(finite, distance, 0)) / finite.sum()
    variance = folded_sum(np.where(finite, distance - mean, 0) ** 2) / finite.sum()
    return _keep(x, np.flatnonzero(distance >= -n * np.sqrt(variance)))


def keep_top_k(x: Logits, k: int) -> Logits:
    """Copy `x` [V] with -inf for all but the k largest, of equals those with the lowest ids.

    >>> keep_top_k(np.array([1.0, 3.0, 1.0, 2.0]), 3)
    array([  1.,   3., -inf,   2.])
    """
    return _keep(x, _smallest_first(-x)[:k])


def keep_typical(x: Logits, p: float) -> Logits:
    """Copy `x` [V] with -inf for all but the most typical, until their probability reaches `p`.

    Typical is a token whose -log p_j is near the entropy (Meister et al. 2023). The logarithm of the sum is in
    both and cancels: with d = x - max x, they differ by E[d] - d_j.

    >>> keep_typical(np.log([0.5, 0.25, 0.125, 0.125]), 0.4).round(2)
    array([-0.69, -1.39,  -inf,  -inf])
    """
    if p == 1:
        return x.copy()
    probabilities = _probabilities(x)
    distance = x - x.max()
    terms = probabilities.astype(np.float64) * np.where(probabilities > 0, distance, 0)
    expected = x.dtype.type(folded_sum(terms))
    return _keep_first(x, np.abs(expected - distance), probabilities, p)


def keep_top_p(x: Logits, p: float) -> Logits:
    """Copy `x` [V] with -inf for all but the likeliest, until their probability reaches `p`.

    >>> keep_top_p(np.log([0.125, 0.5, 0.375]), 0.75).round(2)
    array([ -inf, -0.69, -0.98])
    """
    if p == 1:
        return x.copy()
    return _keep_first(x, -x, _probabilities(x), p)


def keep_min_p(x: Logits, p: float) -> Logits:
    """Copy `x` [V] with -inf for all that are less than `p` times as likely as the likeliest (Nguyen et al. 2024).

    >>> keep_min_p(np.log([0.5, 0.3, 0.2]), 0.5).round(2)
    array([-0.69, -1.2 ,  -inf])
    """
    with np.errstate(divide="ignore"):
        return _keep(x, np.flatnonzero(x - x.max() >= np.log(x.dtype.type(p))))


def _edit(x: Logits, settings: Sampling, history: Sequence[int]) -> Logits:
    x = x.copy()
    for token, bias in settings.logit_bias.items():
        x[token] += x.dtype.type(bias)
    x[list(settings.ban)] = -np.inf
    window = settings.penalty_window
    x = penalise(
        x,
        history if window is None else history[-window:],
        settings.repetition_penalty,
        settings.presence_penalty,
        settings.frequency_penalty,
    )
    if x.max() == -np.inf:
        raise ValueError("bans leave only -inf, expected at least one token that can be drawn")
    return x


def _smallest_first(keys: Logits) -> NDArray[np.int64]:
    return np.argsort(keys, kind="stable")


def _keep(x: Logits, kept: NDArray[np.int64]) -> Logits:
    filtered = np.full_like(x, -np.inf)
    filtered[kept] = x[kept]
    return filtered


def _keep_first(x: Logits, keys: Logits, probabilities: Logits, p: float) -> Logits:
    """Keep tokens, those of the smallest keys first, until their probability reaches `p`."""
    order = _smallest_first(keys)
    reached = np.cumsum(probabilities[order], dtype=np.float64)
    return _keep(x, order[: 1 + np.count_nonzero(reached[:-1] < p)])


def _probabilities(x: Logits) -> Logits:
    weights = _weights(x, 1.0)
    return np.asarray(weights * (x.dtype.type(1) / folded_sum(weights)))


def _weights(x: Logits, temperature: float) -> Logits:
    """Give exp((x - max x) / temperature), subnormal ones flushed to zero as the engine's arithmetic does."""
    limits = np.finfo(x.dtype)
    # Neither infinite nor zero, however small or large the temperature: 0 * inf would be nan.
    inverse = x.dtype.type(min(max(1 / temperature, float(limits.tiny)), float(limits.max)))
    with np.errstate(over="ignore"):
        weights = np.exp((x - x.max()) * inverse)
    return np.where(weights < limits.tiny, x.dtype.type(0), weights)


def _walk(weights: Logits, u: np.floating[Any]) -> int:
    threshold = u * folded_sum(weights)
    running: Any = weights.dtype.type(0)
    for start in range(0, weights.size, LANES):
        block = weights[start : start + LANES]
        after = running + folded_sum(block)
        if after > threshold:
            for j, weight in enumerate(block):
                running += weight
                if running > threshold:
                    return start + j
            return start + int(np.flatnonzero(block)[-1])
        running = after
    return int(np.flatnonzero(weights)[-1])


def _as_logits(logits: ArrayLike) -> Logits:
    x = np.asarray(logits)
    if x.dtype != np.float32:
        x = x.astype(np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"logits has shape {x.shape}, expected (V,) with V at least 1")
    if np.isnan(x).any() or x.max() == -np.inf:
        raise ValueError("logits hold a nan or only -inf, expected at least one token that can be drawn")
    return x
