"""One random input on which a function was tried."""

from __future__ import annotations

from typing import NamedTuple

from rnnfast.course.checking.compare import Pair
from rnnfast.course.checking.exercise import Arguments, Exercise, Outcome, Sizes


class Trial(NamedTuple):
    """What went into a function and what came, beside what is right.

    Attributes
    ----------
    number : int
        Which of the cases it is.
    """

    exercise: Exercise
    number: int
    arguments: Arguments
    got: Outcome
    pairs: list[Pair]

    @property
    def size(self) -> Sizes:
        """Sizes of the arrays."""
        return self.exercise.cases[self.number]

    @property
    def wrong(self) -> list[Pair]:
        """The pairs that differ, the first computed first."""
        return [pair for pair in self.pairs if pair.differs]
