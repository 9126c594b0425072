"""The likely mistake behind a wrong value."""

from __future__ import annotations

import warnings

from rnnfast.course.checking.compare import Pair, equal
from rnnfast.course.checking.exercise import AFTER, Arguments, Exercise, Outcome
from rnnfast.course.checking.mistakes import Mistake
from rnnfast.course.checking.relations import related
from rnnfast.course.checking.trial import Trial
from rnnfast.course.checking.variants import mistakes_in, variant

WRONG_SHAPES = (ValueError, IndexError, TypeError)
"""What a mistake may raise where shapes no longer fit."""


def likely_mistake(trial: Trial) -> str | None:
    """Say which known mistake gives the first wrong variable this value, or how it is related to the right one.

    Of several mistakes that give it, the one that gives the most of the other variables too; one that does not
    give all of them is said only where no relation holds.
    """
    first = trial.wrong[0]
    unchanged = _left_unchanged(trial, first)
    if unchanged or first.structure:
        return unchanged
    most, text = 0, None
    for mistake in mistakes_in(trial.exercise.right):
        agreeing = _agreement(trial, mistake, first)
        if agreeing > most:
            most, text = agreeing, mistake.text
    if most == len(trial.pairs):
        return text
    return related(first, trial.pairs, trial.size.m) or text


def mistake_that_raises(exercise: Exercise, arguments: Arguments, error: Exception) -> str | None:
    """Say which known mistake raises this very error."""
    for mistake in mistakes_in(exercise.right):
        try:
            _run_variant(exercise, mistake, arguments)
        except WRONG_SHAPES as raised:
            if type(raised) is type(error) and str(raised) == str(error):
                return mistake.text
    return None


def _run_variant(exercise: Exercise, mistake: Mistake, arguments: Arguments) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is wrong on purpose
        return exercise.run(variant(exercise.right, mistake), arguments)


def _agreement(trial: Trial, mistake: Mistake, first: Pair) -> int:
    """Count the variables to which the mistake gives the student's values; 0 unless the first wrong one is there."""
    try:
        wrong = _run_variant(trial.exercise, mistake, trial.arguments)
    except WRONG_SHAPES:
        return 0
    found = trial.exercise.pairs(wrong, trial.got, trial.size.T)
    if not any(p.place == first.place and not p.differs for p in found):
        return 0
    return sum(not p.differs for p in found)


def _left_unchanged(trial: Trial, first: Pair) -> str | None:
    """Say so if a value that should change is what it was before the call."""
    for k in trial.exercise.changed.values():
        before = trial.arguments[k].get(first.name)
        if before is not None and equal(before, first.got):
            in_place = " in place, as `out=` and `-=` do" if first.place.endswith(AFTER) else ""
            return f"{first.name} is what it was before the call: it should be changed{in_place}"
    return None
