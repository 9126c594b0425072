"""One function that can be checked: how it is tried, and the variables that it gives."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from rnnfast.course.checking.compare import Pair, described, pairs

Arguments = tuple[Any, ...]

AFTER = " after the call"
"""Ends the place of an argument that is changed in place."""


class Sizes(NamedTuple):
    """Sizes of one case; `T` is how many of the T_x steps a gradient comes back from."""

    n_x: int
    m: int
    n_a: int
    n_y: int
    T_x: int
    T: int

    def __str__(self) -> str:
        names = [f"{name} = {size}" for name, size in zip(self._fields[:-1], self, strict=False)]
        return ", ".join(names) + (f", steps of da = {self.T}" if self.T_x != self.T else "")


CASES = (
    Sizes(3, 4, 5, 2, 1, 1),  # one step first: what is wrong in a cell shows alone
    Sizes(2, 3, 4, 5, 2, 2),
    Sizes(4, 1, 3, 2, 3, 3),
    Sizes(3, 2, 4, 5, 7, 4),
)

CHARACTERS = "\n" + string.ascii_lowercase
"""The dinosaurs' vocabulary. Its size is a default argument in the exercise, which its own functions leave out."""

LETTER_CASES = tuple(case._replace(n_x=len(CHARACTERS), m=1, n_y=len(CHARACTERS)) for case in CASES)
"""The same cases for a network of letters, which reads one name at a time."""


class Outcome(NamedTuple):
    """What a call did: what it returned, its arguments after it, and what it printed."""

    returned: Any
    arguments: Arguments
    printed: str


@dataclass(frozen=True)
class Exercise:
    """One function of the exercises.

    Attributes
    ----------
    right : callable
        The reference.
    draw : callable
        (random, sizes) -> arguments.
    returns : tuple of str
        Names of the returned values; none where a dictionary with names of its own is returned.
    order : tuple of str
        Variables as they are computed, so that a wrong one comes before those that depend on it.
    one_step_order : tuple of str
        The same where a gradient comes back over one step alone, if it differs: then nothing is carried, and the
        gradient of a parameter says more than that of the input, to which all gates add.
    parents : dict of tuples of str
        Variables that are not returned, and those that come from nothing else.
    changed : dict of int
        Positions of the arguments that are changed in place.
    prints : bool
        Whether what counts is what is printed.
    optional : dict of int
        Positions of the arguments that some versions of the function do not have.
    first_alone : bool
        Whether some versions give the first returned value alone.
    cases : tuple of Sizes
        What to draw arguments of.
    """

    right: Callable[..., Any]
    draw: Callable[[np.random.Generator, Sizes], Arguments]
    returns: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    one_step_order: tuple[str, ...] = ()
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    prints: bool = False
    optional: Mapping[str, int] = field(default_factory=dict)
    first_alone: bool = False
    cases: tuple[Sizes, ...] = CASES

    @property
    def name(self) -> str:
        """The function's name."""
        return self.right.__name__

    def described_case(self, number: int) -> str:
        """Say which of the cases it is."""
        before = f", after {number} that were right" if number else ""
        return f"on a random input with {self.cases[number]}{before}"

    def run(self, function: Callable[..., Any], arguments: Arguments) -> Outcome:
        """Call `function` on copies. NumPy's global generator, which a solution may seed, is put back."""
        arguments = copy.deepcopy(arguments)
        state = np.random.get_state()  # noqa: NPY002
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                returned = function(*self._accepted(function, arguments))
        finally:
            np.random.set_state(state)  # noqa: NPY002
        return Outcome(returned, arguments, printed.getvalue())

    def pairs(self, right: Outcome, got: Outcome, T: int) -> list[Pair]:
        """Set two results of `run` over T steps beside each other, the first computed first."""
        order = self.one_step_order if self.one_step_order and T == 1 else self.order
        return sorted(self._pairs(right, got), key=lambda pair: _rank(pair, order))

    def _pairs(self, right: Outcome, got: Outcome) -> Iterator[Pair]:
        expected, came = right.returned, got.returned
        if self.prints:
            expected, came = right.printed, got.printed
        returns = self.returns
        if self.first_alone and not isinstance(came, tuple):
            expected, returns = expected[0], returns[:1]
        if len(returns) > 1:
            if not isinstance(came, tuple | list) or len(came) != len(returns):
                structure = f"is {described(came)}, expected {len(returns)} values: {', '.join(returns)}"
                yield Pair("returned value", "", None, expected, None, structure)
                return
            for name, value, other in zip(returns, expected, came, strict=True):
                yield from pairs(value, other, name, name)
        else:
            name = returns[0] if returns else ""
            yield from pairs(expected, came, name or "returned value", name)
        for name, k in self.changed.items():
            for pair in pairs(right.arguments[k], got.arguments[k], name, name):
                yield pair._replace(place=pair.place + AFTER)

    def _accepted(self, function: Callable[..., Any], arguments: Arguments) -> Arguments:
        """Leave out what the function's version does not take."""
        if not self.optional:
            return arguments
        parameters = inspect.signature(function).parameters
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
            return arguments
        absent = {k for name, k in self.optional.items() if name not in parameters}
        return tuple(argument for k, argument in enumerate(arguments) if k not in absent)


def _rank(pair: Pair, order: tuple[str, ...]) -> tuple[bool, float, int]:
    """Values before structures; caches by time, before the arrays that are filled from them."""
    position = order.index(pair.name) if pair.name in order else len(order)
    structure = bool(pair.structure) and pair.structure != "is missing"
    return structure, np.inf if pair.time is None else pair.time, position
