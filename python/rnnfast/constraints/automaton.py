"""A constraint is a finite automaton over tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rnnfast import _core

_MOST_STATES = 2**20


@dataclass(frozen=True, eq=False)
class Constraint:
    """A set of token sequences: those that lead from `start` to an accepting state.

    ``a & b`` is the set of those that satisfy both. The functions of `rnnfast.constraints` make the usual ones.

    Attributes
    ----------
    next_state : (S, V) int32
        The state after a token, -1 where it is forbidden.
    accepting : (S,) bool
        Whether a sequence may end there.
    start : int

    Raises
    ------
    ValueError
        For states out of range, and where there is no such sequence.
    """

    next_state: npt.NDArray[np.int32]
    accepting: npt.NDArray[np.bool_]
    start: int = 0
    _compiled: dict[int, _core.Constraint] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "next_state", _states(self.next_state))
        accepting = np.ascontiguousarray(self.accepting, dtype=np.bool_)
        object.__setattr__(self, "accepting", accepting)
        states = len(self.next_state)
        if accepting.shape != (states,):
            raise ValueError(f"accepting has shape {accepting.shape}, expected ({states},) as next_state")
        if not 0 <= self.start < states:
            raise ValueError(f"start is {self.start}, expected 0 to {states - 1}")
        if self.shortest is None:
            raise ValueError("no sequence satisfies the constraint: no accepting state can be reached")

    def __repr__(self) -> str:
        states, tokens = self.next_state.shape
        return f"<Constraint: {states} states, {tokens} tokens, the shortest sequence has {self.shortest}>"

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self.next_state.shape[1])

    @property
    def shortest(self) -> int | None:
        """How many tokens the shortest sequence has."""
        seen = np.zeros(len(self.next_state), bool)
        frontier, length = np.array([self.start]), 0
        while frontier.size:
            if self.accepting[frontier].any():
                return length
            seen[frontier] = True
            reached = np.unique(self.next_state[frontier])
            frontier = reached[reached >= 0]
            frontier = frontier[~seen[frontier]]
            length += 1
        return None

    def accepts(self, tokens: Iterable[int]) -> bool:
        """Whether a sequence satisfies it; one that may still come to do so does not.

        Examples
        --------
        >>> from rnnfast import constraints
        >>> pairs = constraints.from_table([[1, 1], [0, 0]], accepting=[True, False])
        >>> pairs.accepts([0, 1]), pairs.accepts([0, 1, 1])
        (True, False)
        """
        state = self._state_after(tokens)
        return state >= 0 and bool(self.accepting[state])

    def after(self, tokens: Iterable[int]) -> Constraint:
        """What may follow `tokens`: to go on in another call."""
        tokens = list(tokens)
        state = self._state_after(tokens)
        if state < 0:
            raise ValueError(f"tokens has {tokens}, which the constraint forbids")
        return Constraint(self.next_state, self.accepting, state)

    def __and__(self, other: Constraint) -> Constraint:
        if not isinstance(other, Constraint):
            return NotImplemented
        if self.vocab_size != other.vocab_size:
            raise ValueError(f"the constraints are for {self.vocab_size} and {other.vocab_size} tokens")
        return _product(self, other)

    def native(self, length: int) -> _core.Constraint:
        """Compiled for streams of `length` tokens.

        Raises
        ------
        ValueError
            Where no sequence fits; says how long the shortest is.
        """
        if length not in self._compiled:
            self._compiled[length] = _core.Constraint(self.next_state, self.accepting, self.start, length)
        return self._compiled[length]

    def __getstate__(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], int]:
        return self.next_state, self.accepting, self.start

    def __setstate__(self, state: tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _state_after(self, tokens: Iterable[int]) -> int:
        state = self.start
        for token in tokens:
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"tokens has {token}, expected 0 to {self.vocab_size - 1}")
            state = int(self.next_state[state, token])
            if state < 0:
                break
        return state


def _states(next_state: npt.ArrayLike) -> npt.NDArray[np.int32]:
    table = np.asarray(next_state)
    if table.ndim != 2 or table.size == 0 or table.dtype.kind not in "iu":
        raise ValueError(f"next_state is {table.dtype} {table.shape}, expected integers (S, V)")
    if table.min() < -1 or table.max() >= len(table):
        raise ValueError(f"next_state has {table.min()} to {table.max()}, expected -1 to {len(table) - 1}")
    own = np.array(table, dtype=np.int32)  # a copy: what is compiled from it must stay so
    own.flags.writeable = False
    return own


def _product(a: Constraint, b: Constraint) -> Constraint:
    """Pairs of states that the same tokens lead to; only those that can be reached."""
    number = {(a.start, b.start): 0}
    pairs, rows = [(a.start, b.start)], []
    for first, second in pairs:  # which grows as it goes
        row = np.full(a.vocab_size, -1, np.int32)
        both = (a.next_state[first] >= 0) & (b.next_state[second] >= 0)
        for token in np.flatnonzero(both):
            pair = int(a.next_state[first, token]), int(b.next_state[second, token])
            if pair not in number:
                number[pair] = len(pairs)
                pairs.append(pair)
            row[token] = number[pair]
        rows.append(row)
        if len(pairs) > _MOST_STATES:
            raise ValueError(f"the product of the constraints has more than {_MOST_STATES} states")
    accepting = np.array([a.accepting[first] and b.accepting[second] for first, second in pairs])
    if not accepting.any():
        raise ValueError("no sequence satisfies both constraints, though each alone can be satisfied")
    return Constraint(np.array(rows), accepting)
