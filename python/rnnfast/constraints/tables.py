"""Constraints from tables, sets and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import text
from rnnfast._arguments import as_array, integer, iterator
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
    table = as_array("next_state", next_state)
    ends = np.ones(table.shape[:1], bool) if accepting is None else as_array("accepting", accepting)
    return Constraint(table, ends, start)


def sequence_of(
    allowed_sets: Iterable[Iterable[int] | Iterable[str]], vocab_size: int | Sequence[str]
) -> Constraint:
    """As many tokens as there are sets, each of its own set.

    Parameters
    ----------
    allowed_sets : iterable of iterables of int or str
        Of at least one token each; tokens are named by their text where there is a vocabulary.
    vocab_size : int or sequence of str
        V, or the vocabulary: the text of each token.

    Examples
    --------
    >>> from rnnfast import constraints
    >>> constraints.sequence_of([[0, 1], [2]], vocab_size=3).accepts([1, 2])
    True
    >>> constraints.sequence_of([["a", "b"], "."], "ab.").accepts([1, 2])
    True
    """
    V, vocabulary = _vocabulary(vocab_size)
    sets = list(iterator("allowed_sets", allowed_sets, "a sequence of sets of tokens"))
    table = np.full((len(sets) + 1, V), -1, np.int32)
    for place, allowed in enumerate(sets):
        table[place, _tokens(f"allowed_sets[{place}]", allowed, V, vocabulary)] = place + 1
    return Constraint(table, np.arange(len(table)) == len(sets))


def without(
    sequences: Iterable[Sequence[int] | Sequence[str]], vocab_size: int | Sequence[str]
) -> Constraint:
    """Any tokens, but none of these sequences of tokens in a row anywhere (Aho and Corasick 1975).

    Parameters
    ----------
    sequences : iterable of sequences of int or str
        Of at least one token each; tokens are named by their text where there is a vocabulary.
    vocab_size : int or sequence of str
        V, or the vocabulary: the text of each token.

    Examples
    --------
    >>> from rnnfast import constraints
    >>> calm = constraints.without([[0, 0, 0], [1]], vocab_size=3)
    >>> calm.accepts([0, 0, 2, 0, 0]), calm.accepts([2, 0, 0, 0]), calm.accepts([0, 1])
    (True, False, False)
    """
    V, vocabulary = _vocabulary(vocab_size)
    children: list[dict[int, int]] = [{}]  # of each node of a trie
    whole: list[bool] = [False]  # whether a sequence ends there
    for place, sequence in enumerate(iterator("sequences", sequences, "sequences of tokens")):
        node = 0
        for token in _tokens(f"sequences[{place}]", sequence, V, vocabulary):
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


def _vocabulary(vocab_size: int | Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """V, and the text of each token where that is told."""
    if isinstance(vocab_size, Sequence):
        entries = text.check_vocabulary(vocab_size)
        return len(entries), entries
    if vocab_size is None:
        raise TypeError("vocab_size is None, expected an integer or a vocabulary")
    V = integer("vocab_size", vocab_size)
    if V < 1:
        raise ValueError(f"vocab_size is {V}, expected at least 1")
    return V, ()


def _tokens(name: str, given: Any, V: int, vocabulary: tuple[str, ...]) -> list[int]:
    pieces = given if isinstance(given, str) else list(iterator(name, given, "tokens"))
    if vocabulary and all(isinstance(piece, str) for piece in pieces):
        tokens: list[int] = text.encode(pieces, vocabulary, name).tolist()
    else:
        tokens = [integer(f"{name}: a token", piece) for piece in pieces]
    if not tokens:
        raise ValueError(f"{name} is empty, expected at least one token")
    if min(tokens) < 0 or max(tokens) >= V:
        raise ValueError(f"{name} has {min(tokens)} to {max(tokens)}, expected 0 to {V - 1}")
    return tokens
