"""The likely mistake behind a wrong value."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from rnnfast.course.checking.compare import Pair, equal
from rnnfast.course.checking.exercise import AFTER, Arguments, Exercise
from rnnfast.course.checking.mistakes import Mistake
from rnnfast.course.checking.relations import related
from rnnfast.course.checking.variants import mistakes_in, variant

Outcome = tuple[Any, Arguments, str]


def likely_mistake(
    exercise: Exercise, arguments: Arguments, right: Outcome, got: Outcome, pairs: Sequence[Pair], m: int
) -> str | None:
    """Say which known mistake gives the first wrong variable this value, or how it is related to the right one.

    Of several mistakes that give it, the one that gives the most of the other variables too.
    """
    first = next(pair for pair in pairs if pair.differs)
    unchanged = _left_unchanged(exercise, arguments, first)
    if unchanged or first.structure:
        return unchanged
    best, text = 0, None
    for mistake in mistakes_in(exercise.right):
        agreeing = _agreement(exercise, mistake, arguments, got, first)
        if agreeing > best:
            best, text = agreeing, mistake.text
    relation = related(first, pairs, m)
    if text is None or (relation is not None and best < sum(not p.structure for p in pairs)):
        return relation or text
    return text


def _agreement(exercise: Exercise, mistake: Mistake, arguments: Arguments, got: Outcome, first: Pair) -> int:
    """Count the variables to which the mistake gives the student's values; 0 unless the first wrong one is there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the variant is wrong on purpose
            wrong = exercise.run(variant(exercise.right, mistake), arguments)
    except (ValueError, IndexError, TypeError):  # shapes that no longer fit
        return 0
    found = exercise.pairs(wrong, got)
    if not any(p.place == first.place and not p.differs for p in found):
        return 0
    return sum(not p.differs for p in found)


def _left_unchanged(exercise: Exercise, arguments: Arguments, first: Pair) -> str | None:
    """Say so if a value that should change is what it was before the call."""
    for k in exercise.changed.values():
        before = arguments[k].get(first.name)
        if before is not None and equal(before, first.got):
            in_place = " in place, as `out=` and `-=` do" if first.place.endswith(AFTER) else ""
            return f"{first.name} is what it was before the call: it should be changed{in_place}"
    return None
