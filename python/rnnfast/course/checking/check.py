"""Check a student's function against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfast.course.checking.compare import Pair
from rnnfast.course.checking.diagnosis import likely_mistake
from rnnfast.course.checking.exercise import CASES, Exercise, Sizes
from rnnfast.course.checking.exercises import find
from rnnfast.course.checking.report import Report, describe


def check(function: Callable[..., Any], *, like: str | None = None) -> Report:
    """Say whether your function is right; if not, which variable is wrong first, by how much, and why.

    Your function and the reference get the same random inputs, of several shapes, and every value that comes
    back is compared, those in a cache included. The first wrong one in the order of computing is named, with the
    mistake that gives this very value, if it is a known one. What your function prints is not shown, and the
    state of NumPy's global generator, which it may seed, is put back.

    Parameters
    ----------
    function : callable
        One of the functions of `rnnfast.reference.steps` or `rnnfast.reference.dinosaur`, written by you.
    like : str, optional
        Which one it is; by default its own name says so. Where both have the same name, the number of
        arguments decides, or like="dinosaur.rnn_forward".

    Returns
    -------
    Report
        True where the function is right; `print` it, or ask its `variable` and `mistake`.

    Raises
    ------
    TypeError
        Where `function` cannot be called.
    ValueError
        Where the name is none of the exercises'; the message lists them.

    Examples
    --------
    >>> def smooth(loss, cur_loss):
    ...     return 0.999 * cur_loss + 0.001 * loss
    >>> report = check(smooth)
    >>> bool(report), report.mistake
    (False, 'the two losses are swapped: 0.999 loss + 0.001 cur_loss')
    >>> check(lambda loss, cur_loss: loss + 0.001 * (cur_loss - loss), like="smooth")
    smooth is right: 4 values on 4 random inputs
    """
    if not callable(function):
        raise TypeError(f"function is {function!r}, expected a function, such as your lstm_cell_backward")
    exercise = find(function, like)
    values = 0
    for number, size in enumerate(CASES):
        arguments = exercise.draw(np.random.default_rng(number), size)
        right = exercise.run(exercise.right, arguments)
        try:
            got = exercise.run(function, arguments)
        except Exception as error:  # whatever the student's code may raise
            return _raised(exercise, number, size, error)
        pairs = exercise.pairs(right, got)
        wrong = [pair for pair in pairs if pair.differs]
        if wrong:
            mistake = likely_mistake(exercise, arguments, right, got, pairs, size.m)
            return _wrong(exercise, number, size, values, wrong, pairs, mistake)
        values += len(pairs)
    return Report(exercise.name, len(CASES), values)


def _raised(exercise: Exercise, number: int, size: Sizes, error: Exception) -> Report:
    details = (f"{type(error).__name__}: {error}", f"on a random input with {size}")
    return Report(exercise.name, number, 0, details=details, raised=True)


def _wrong(
    exercise: Exercise,
    number: int,
    size: Sizes,
    values: int,
    wrong: list[Pair],
    pairs: list[Pair],
    mistake: str | None,
) -> Report:
    names = tuple(dict.fromkeys(pair.name for pair in wrong))
    right = [name for name in dict.fromkeys(pair.name for pair in pairs) if name not in names]
    details = describe(wrong[0])
    if not wrong[0].structure:
        details.append(f"likely mistake: {mistake}" if mistake else "no known mistake gives this value")
    parent = _parent(exercise, names)
    if parent:
        details.append(parent)
    if names[1:]:
        details.append(f"also wrong: {', '.join(names[1:])}")
    if right:
        details.append(f"right: {', '.join(right)}")
    details.append(f"on a random input with {size}" + (f", after {number} that were right" if number else ""))
    return Report(exercise.name, number, values, names, mistake, tuple(details))


def _parent(exercise: Exercise, wrong: tuple[str, ...]) -> str | None:
    """Point to a variable that is not returned, if all that comes from it alone is wrong."""
    for parent, children in exercise.parents.items():
        if wrong[0] in children and set(children) <= set(wrong):
            return f"{', '.join(children)} all come from {parent}: look there first"
    return None
