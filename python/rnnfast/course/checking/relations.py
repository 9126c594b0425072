"""How a wrong value is related to the right one, whatever the function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnfast.course.checking.compare import Pair, as_numbers, equal

Numbers = NDArray[np.float64]

ONE_TO_ONE: tuple[tuple[str, Callable[[Numbers], Any]], ...] = (
    ("the sign of {name} is wrong", lambda right: -right),
    ("{name} is all zeros: it is never computed, or never stored", np.zeros_like),
    ("{name} is the transpose of what it should be", lambda right: right.T),
    ("{name} is twice what it should be: something is added twice", lambda right: 2 * right),
    ("{name} lacks its second dimension: .sum(axis=1, keepdims=True)", lambda right: right.squeeze(-1)),
    (
        "{name} is summed over everything; it should be over the batch alone: .sum(axis=1, keepdims=True)",
        np.sum,
    ),
)


def related(pair: Pair, pairs: Sequence[Pair], m: int) -> str | None:
    """Say how a wrong variable is related to its right value, to other variables, or to the batch of m examples."""
    right, got = as_numbers(pair.right), as_numbers(pair.got)
    if right is None or got is None or right.size == 0:
        return None
    if got.shape != right.shape and got.ndim == 2 and equal(right, got.sum(axis=1, keepdims=True)):
        return f"the sum over the batch is missing in {pair.name}: .sum(axis=1, keepdims=True)"
    if m > 1 and equal(right, got * m):
        return f"{pair.name} is divided by m = {m}; in these exercises it should be the sum over the batch"
    for text, relation in ONE_TO_ONE:
        if right.ndim > 0 and _holds(relation, right, got):
            return text.format(name=pair.name)
    same = next((p for p in pairs if p.name != pair.name and equal(p.right, pair.got)), None)
    if same is not None:
        return f"{pair.name} has the right value of {same.name}: are the two mixed up?"
    return _steps_mixed_up(pair.name, right, got)


def _holds(relation: Callable[[Numbers], Any], right: Numbers, got: Numbers) -> bool:
    try:
        expected = relation(right)
    except ValueError:
        return False
    return equal(expected, got)


def _steps_mixed_up(name: str, right: Numbers, got: Numbers) -> str | None:
    """Arrays over time [n, m, T] whose steps are all there, in the wrong places."""
    if right.ndim != 3 or right.shape != got.shape or right.shape[2] == 1:
        return None
    if equal(right[:, :, ::-1], got):
        return f"the time steps of {name} are in reverse order"
    if equal(np.repeat(right[:, :, -1:], right.shape[2], axis=2), got):
        return f"each time step of {name} is the last one"
    if equal(right[:, :, :-1], got[:, :, 1:]):
        return f"the time steps of {name} are one too late"
    if equal(right[:, :, 1:], got[:, :, :-1]):
        return f"the time steps of {name} are one too early"
    return None
