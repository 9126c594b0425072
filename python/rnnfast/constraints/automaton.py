"""A constraint is a finite automaton over tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import as_array, integer, iterator

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
    TypeError
        For `accepting` of anything but booleans.
    """

    next_state: npt.NDArray[np.int32]
    accepting: npt.NDArray[np.bool_]
    start: int = 0
    _compiled: dict[int, _core.Constraint] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "next_state", _states(self.next_state))
        object.__setattr__(self, "start", integer("start", self.start))
        states = len(self.next_state)
        object.__setattr__(self, "accepting", _ends(self.accepting, states))
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

    @cached_property
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
        tokens = list(iterator("tokens", tokens, "tokens"))
        state = self._state_after(tokens)
        if state < 0:
            raise ValueError(f"tokens has {tokens}, which the constraint forbids")
        return self.at(state)

    def at(self, start: int) -> Constraint:
        """The same automaton from another state: what is compiled for one start serves all of them.

        Examples
        --------
        >>> from rnnfast import constraints
        >>> pairs = constraints.from_table([[1, 1], [0, 0]], accepting=[True, False])
        >>> pairs.at(1).accepts([0])
        True
        """
        start = integer("start", start)
        if not 0 <= start < len(self.next_state):
            raise ValueError(f"start is {start}, expected 0 to {len(self.next_state) - 1}")
        other = object.__new__(Constraint)
        for name, value in vars(self).items():
            if name != "shortest":  # which is of this start alone
                object.__setattr__(other, name, value)
        object.__setattr__(other, "start", start)
        return other

    def __and__(self, other: Constraint) -> Constraint:
        if not isinstance(other, Constraint):
            return NotImplemented
        if self.vocab_size != other.vocab_size:
            raise ValueError(f"the constraints are for {self.vocab_size} and {other.vocab_size} tokens")
        return product(self, other)

    def native(self, length: int) -> _core.Constraint:
        """Compiled for streams of `length` tokens.

        Raises
        ------
        ValueError
            Where no sequence fits; says how long the shortest is.
        """
        compiled = self._compiled.get(length)
        if compiled is not None:
            return compiled.at(self.start)
        compiled = _core.Constraint(self.next_state, self.accepting, self.start, length)
        self._compiled[length] = compiled
        return compiled

    def __getstate__(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], int]:
        return self.next_state, self.accepting, self.start

    def __setstate__(self, state: tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _state_after(self, tokens: Iterable[int]) -> int:
        state = self.start
        for given in iterator("tokens", tokens, "tokens"):
            token = integer("tokens: a token", given)
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"tokens has {token}, expected 0 to {self.vocab_size - 1}")
            state = int(self.next_state[state, token])
            if state < 0:
                break
        return state


def _states(next_state: npt.ArrayLike) -> npt.NDArray[np.int32]:
    table = as_array("next_state", next_state)
    if table.ndim != 2 or table.size == 0 or table.dtype.kind not in "iu":
        raise ValueError(f"next_state is {table.dtype} {table.shape}, expected integers (S, V)")
    if table.min() < -1 or table.max() >= len(table):
        raise ValueError(f"next_state has {table.min()} to {table.max()}, expected -1 to {len(table) - 1}")
    return _frozen(table, np.int32)


def _ends(accepting: npt.ArrayLike, states: int) -> npt.NDArray[np.bool_]:
    given = as_array("accepting", accepting)
    if given.shape != (states,):
        raise ValueError(f"accepting has shape {given.shape}, expected ({states},) as next_state")
    if given.dtype != np.bool_:  # numbers might be meant as those of states
        raise TypeError(f"accepting has dtype {given.dtype}, expected bool, one for each state")
    return _frozen(given, np.bool_)


def _frozen(given: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Copy the caller's array, C-contiguous and read-only: what is compiled from it must stay so."""
    own = np.array(given, dtype=dtype, order="C")
    own.flags.writeable = False
    return own


def product(a: Constraint, b: Constraint, *, most_states: int = _MOST_STATES) -> Constraint:
    """What satisfies both, as ``a & b``: a state for each pair that can be reached; ValueError for too many."""
    table, pairs = _core.constraint_product(a.next_state, a.start, b.next_state, b.start, most_states)
    accepting = a.accepting[pairs[:, 0]] & b.accepting[pairs[:, 1]]
    if not accepting.any():
        raise ValueError(
            f"no sequence satisfies both constraints, though each alone can be satisfied: {_why_none(table)}"
        )
    return Constraint(table, accepting)


def _why_none(table: npt.NDArray[np.int32]) -> str:
    """Say of a product that accepts nothing how far one gets in it."""
    reached = np.zeros(1, np.int32)
    for length in range(len(table)):
        then = np.unique(table[reached])
        reached = then[then >= 0]
        if not reached.size:
            return f"after {length} tokens at most there is none that both allow"
    return "what both allow goes on without an end"
