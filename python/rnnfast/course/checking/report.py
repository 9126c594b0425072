"""What `check` found, to be read or asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnfast.course.checking.compare import Pair, as_numbers
from rnnfast.course.checking.exercise import Exercise
from rnnfast.course.checking.trial import Trial


@dataclass(frozen=True, repr=False)
class Report:
    """What `check` found; true where the function is right.

    Attributes
    ----------
    function : str
        The exercise's name of the function.
    cases, values : int
        How many random inputs the function was right on; how many values were compared, if on all of them.
    wrong : tuple of str
        The wrong variables of the first case that failed, in the order in which they are computed.
    variable : str or None
        The one that is wrong first.
    mistake : str or None
        What gives it this value, if that is known.
    details : tuple of str
        The lines of the report after its first one.
    raised : bool
        Whether the function raised an error.
    """

    function: str
    cases: int
    values: int
    wrong: tuple[str, ...] = ()
    mistake: str | None = None
    details: tuple[str, ...] = ()
    raised: bool = False

    @classmethod
    def of_error(cls, exercise: Exercise, number: int, error: Exception, mistake: str | None) -> Report:
        """Report what a function raised, and the mistake behind it."""
        details = [f"{type(error).__name__}: {error}"]
        if mistake:
            details.append(f"likely mistake: {mistake}")
        details.append(exercise.described_case(number))
        return cls(exercise.name, number, 0, mistake=mistake, details=tuple(details), raised=True)

    @classmethod
    def of_wrong(cls, trial: Trial, mistake: str | None) -> Report:
        """Report what is wrong, and the mistake behind it."""
        wrong = tuple(dict.fromkeys(pair.name for pair in trial.wrong))
        present = {pair.name for pair in trial.pairs}
        right = [name for name in trial.exercise.order if name in present and name not in wrong]
        first = trial.wrong[0]
        details = describe(first)
        if not first.structure:
            details.append(f"likely mistake: {mistake}" if mistake else "no known mistake gives this value")
        details += _parent(trial.exercise, wrong)
        if wrong[1:]:
            details.append(f"also wrong: {', '.join(wrong[1:])}")
        if right:
            details.append(f"right: {', '.join(right)}")
        details.append(trial.exercise.described_case(trial.number))
        return cls(trial.exercise.name, trial.number, 0, wrong, mistake, tuple(details))

    @property
    def variable(self) -> str | None:
        """The variable that is wrong first, or None."""
        return self.wrong[0] if self.wrong else None

    def __bool__(self) -> bool:
        return not self.wrong and not self.raised

    def __str__(self) -> str:
        if self:
            return f"{self.function} is right: {self.values} values on {self.cases} random inputs"
        headline = (
            f"{self.function} raises an error"
            if self.raised
            else f"{self.function}: {self.variable} is wrong first"
        )
        return "\n  ".join([headline, *self.details])

    __repr__ = __str__


def describe(pair: Pair) -> list[str]:
    """Say where a variable is, and by how much it is wrong."""
    place = f"{pair.place}: " if pair.place not in ("", pair.name) else ""
    if pair.structure:
        return [f"{place}{pair.name} {pair.structure}"]
    right, got = as_numbers(pair.right), as_numbers(pair.got)
    if right is None or got is None:
        return [f"{place}it is {pair.got!r}, expected {pair.right!r}"]
    if right.shape != got.shape:
        return [f"{place}its shape is {got.shape}, expected {right.shape}"]
    error = np.where(np.isnan(got), np.inf, np.abs(got - right))
    at = np.unravel_index(int(error.argmax()), error.shape)
    index = f"at [{', '.join(map(str, at))}] " if at else ""
    lines = [
        f"{place}{index}it is {got[at]:.6g}, expected {right[at]:.6g}" + ", the largest difference" * bool(at)
    ]
    if right.ndim == 3 and right.shape[2] > 1:
        steps = np.flatnonzero(~np.isclose(got, right, rtol=1e-6, atol=1e-9).all(axis=(0, 1)))
        lines.append(f"wrong at t = {', '.join(map(str, steps))}, of 0 to {right.shape[2] - 1}")
    return lines


def _parent(exercise: Exercise, wrong: tuple[str, ...]) -> list[str]:
    """Point to a variable that is not returned, if all that comes from it alone is wrong."""
    for parent, children in exercise.parents.items():
        if wrong[0] in children and set(children) <= set(wrong):
            return [f"{', '.join(children)} come from {parent}, which may be what is wrong"]
    return []
