"""Check a student's function against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfast.course.checking.diagnosis import likely_mistake, mistake_that_raises
from rnnfast.course.checking.exercises import find
from rnnfast.course.checking.report import Report
from rnnfast.course.checking.trial import Trial


def check(function: Callable[..., Any], *, like: str | None = None) -> Report:
    """Say whether your function is right; if not, which variable is wrong first, by how much, and why.

    Your function and the reference get the same random inputs, of several shapes, and every value that comes
    back is compared, those in a cache included. The dinosaurs' functions get the exercise's 27 characters, which
    are its default `vocab_size`. The first wrong one in the order of computing is named, with the mistake that
    gives this very value, if it is a known one. What your function prints is not shown, and the state of NumPy's
    global generator, which it may seed, is put back.

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
    (False, 'the two losses are swapped; it should be 0.999 loss + 0.001 cur_loss')
    >>> check(lambda loss, cur_loss: loss + 0.001 * (cur_loss - loss), like="smooth")
    smooth is right: 4 values on 4 random inputs
    """
    if not callable(function):
        raise TypeError(f"function is {function!r}, expected a function, such as your lstm_cell_backward")
    exercise = find(function, like)
    values = 0
    for number, size in enumerate(exercise.cases):
        arguments = exercise.draw(np.random.default_rng(number), size)
        right = exercise.run(exercise.right, arguments)
        try:
            got = exercise.run(function, arguments)
        except Exception as error:  # whatever the student's code may raise
            return Report.of_error(exercise, number, error, mistake_that_raises(exercise, arguments, error))
        trial = Trial(exercise, number, arguments, got, exercise.pairs(right, got, size.T))
        if trial.wrong:
            return Report.of_wrong(trial, likely_mistake(trial))
        values += len(trial.pairs)
    return Report(exercise.name, len(exercise.cases), values)
