"""Constraints from tables, sets and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast._arguments import integer
from rnnfast.constraints.automaton import Constraint


def from_table(
    next_state: npt.ArrayLike, accepting: npt.ArrayLike | None = None, start: int = 0
) -> Constraint:
    """Any automaton.

    Parameters
    ----------
    next_state : (S, V) integers
        The state after a token, -1 where it is forbidden.
    accepting : (S,) bool, optional
        Whether a sequence may end there; None: anywhere.
    start : int

    Examples
    --------
    >>> from rnnfast import constraints
    >>> constraints.from_table([[1, -1], [-1, 0]])  # 0 and 1 alternate
    <Constraint: 2 states, 2 tokens, the shortest sequence has 0>
    """
    table = np.asarray(next_state)
    everywhere = np.ones(table.shape[:1], bool)
    return Constraint(
        table, everywhere if accepting is None else np.asarray(accepting), integer("start", start)
    )


def sequence_of(allowed_sets: Sequence[Iterable[int]], vocab_size: int) -> Constraint:
    """As many tokens as there are sets, each of its own set.

    Examples
    --------
    >>> from rnnfast import constraints
    >>> constraints.sequence_of([[0, 1], [2]], vocab_size=3).accepts([1, 2])
    True
    """
    V = integer("vocab_size", vocab_size)
    table = np.full((len(allowed_sets) + 1, V), -1, np.int32)
    for place, allowed in enumerate(allowed_sets):
        table[place, _tokens(f"allowed_sets[{place}]", allowed, V)] = place + 1
    return Constraint(table, np.arange(len(table)) == len(allowed_sets))


def without(sequences: Iterable[Sequence[int]], vocab_size: int) -> Constraint:
    """Any tokens, but none of these sequences of tokens in a row anywhere (Aho and Corasick 1975).

    Parameters
    ----------
    sequences : iterable of sequences of int
        Of at least one token each.
    vocab_size : int

    Examples
    --------
    >>> from rnnfast import constraints
    >>> calm = constraints.without([[0, 0, 0], [1]], vocab_size=3)
    >>> calm.accepts([0, 0, 2, 0, 0]), calm.accepts([2, 0, 0, 0]), calm.accepts([0, 1])
    (True, False, False)
    """
    V = integer("vocab_size", vocab_size)
    children: list[dict[int, int]] = [{}]  # of each node of a trie
    whole: list[bool] = [False]  # whether a sequence ends there
    for place, sequence in enumerate(sequences):
        node = 0
        for token in _tokens(f"sequences[{place}]", sequence, V):
            if token not in children[node]:
                children[node][token] = len(children)
                children.append({})
                whole.append(False)
            node = children[node][token]
        whole[node] = True
    table = np.zeros((len(children), V), np.int32)
    fallback = [0] * len(children)  # the longest other node that ends as this one does
    queue = [0]
    for node in queue:  # which grows as it goes
        if node:
            table[node] = table[fallback[node]]
            whole[node] |= whole[fallback[node]]
        for token, child in children[node].items():
            whole[child] |= whole[node]
            fallback[child] = int(table[node, token])
            table[node, token] = child
            queue.append(child)
    kept = ~np.array(whole)
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    return from_table(number[table[kept]])


def counter(weights: npt.ArrayLike, total: int, *, bar: int | None = None) -> Constraint:
    """Sequences of tokens whose weights add up to exactly `total`, and then end.

    Parameters
    ----------
    weights : (V,) integers
        Of each token, at least 0: a duration in ticks, say, or 1 for each.
    total : int
        At least 1.
    bar : int, optional
        Every multiple of it up to the total is hit, too: no token goes over a bar line.

    Raises
    ------
    ValueError
        For weights below 0, and where no sequence adds up.

    Examples
    --------
    >>> from rnnfast import constraints
    >>> three_in_a_bar = constraints.counter([1, 2], total=6, bar=3)
    >>> three_in_a_bar.accepts([1, 0, 0, 1]), three_in_a_bar.accepts([1, 1, 1])
    (True, False)
    """
    steps: npt.NDArray[Any] = np.asarray(weights)
    if steps.ndim != 1 or steps.size == 0 or steps.dtype.kind not in "iu":
        raise ValueError(f"weights is {steps.dtype} {steps.shape}, expected integers (V,)")
    if steps.min() < 0:
        raise ValueError(f"weights has {steps.min()}, expected at least 0")
    whole = integer("total", total)
    step = whole if bar is None else integer("bar", bar)
    if whole < 1 or step < 1:
        raise ValueError(f"total is {total} and bar {bar}, expected at least 1")
    now = np.arange(whole + 1)[:, np.newaxis]
    line = np.minimum((now // step + 1) * step, whole)
    then = now + np.minimum(steps.astype(np.int64), whole + 1)
    table = np.where((then <= line) & (now < whole), then, -1)
    try:
        return Constraint(table.astype(np.int32), np.arange(whole + 1) == whole)
    except ValueError as error:
        lines = "" if bar is None else f" without crossing a multiple of {bar}"
        raise ValueError(f"no tokens of these weights add up to {total}{lines}") from error


def _tokens(name: str, given: Iterable[int], V: int) -> list[int]:
    tokens = [integer(f"{name}: a token", token) for token in given]
    if not tokens:
        raise ValueError(f"{name} is empty, expected at least one token")
    if min(tokens) < 0 or max(tokens) >= V:
        raise ValueError(f"{name} has {min(tokens)} to {max(tokens)}, expected 0 to {V - 1}")
    return tokens
