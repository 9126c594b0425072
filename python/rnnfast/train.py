"""Training data as the native loop wants it, and what a training run reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]


Sums = tuple[float, int, int | None]
"""A loss, the targets that count, and how many of them were ranked first; None where nothing is ranked."""


class Progress(Protocol):
    """How far a training loop is, native or not."""

    @property
    def epoch(self) -> int:
        """Whole ones done."""

    @property
    def step(self) -> int:
        """Of the epoch that is under way."""

    @property
    def steps_per_epoch(self) -> int:
        """0 before it is known."""

    @property
    def steps(self) -> int:
        """Of all epochs so far."""

    @property
    def tokens(self) -> int:
        """Targets so far."""

    @property
    def current(self) -> Sums:
        """Of the epoch that is under way."""

    def stats(self, epoch: int) -> tuple[Sums, Sums | None, float]:
        """Sums of a whole epoch, those of its validation, and seconds."""


@dataclass
class History:
    """What each whole epoch came to. Lists have one entry an epoch.

    Attributes
    ----------
    loss : list of float
        Mean nats a target that counts, over the epoch (each batch before its own update); NaN where none counts.
    sequence_loss : list of float
        The loss summed over time, averaged over the samples.
    accuracy : list of float
        Share of the targets that the model ranked first; empty where it ranks none.
    seconds : list of float
    validation_loss, validation_accuracy : list of float
        After the epoch; empty where `fit` had no validation data.
    steps, tokens : int
        Optimiser steps and targets so far, those of an epoch that was broken off included.
    """

    loss: list[float] = field(default_factory=list)
    sequence_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    steps: int = 0
    tokens: int = 0

    def update(self, progress: Progress, samples: int) -> None:
        """Take over what the training loop has done since the last call."""
        for epoch in range(len(self.loss), progress.epoch):
            training, validation, seconds = progress.stats(epoch)
            self.sequence_loss.append(training[0] / samples)
            self.seconds.append(seconds)
            for sums, losses, accuracies in (
                (training, self.loss, self.accuracy),
                (validation, self.validation_loss, self.validation_accuracy),
            ):
                if sums is not None:
                    losses.append(_mean(sums[0], sums[1]))
                    if sums[2] is not None:
                        accuracies.append(_mean(sums[2], sums[1]))
        self.steps = progress.steps
        self.tokens = progress.tokens


def _mean(total: float, count: int) -> float:
    return total / count if count else float("nan")


def token_array(name: str, values: Any, vocab_size: int, *, dimensions: int = 2) -> Tokens:
    """Integer tokens, or one-hot vectors turned into tokens (a zero vector is -1), as contiguous int32.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    values : array_like
        Integers of `dimensions` dimensions, or one-hot vectors of one more, the last of size `vocab_size`.
    """
    letters = {1: "(N,)", 2: "(N, T)"}[dimensions]
    expected = f"tokens {letters} or one-hot vectors {letters[:-1].rstrip(',')}, {vocab_size})"
    array = _as_array(name, values, expected)
    if array.ndim == dimensions + 1:
        if array.shape[-1] != vocab_size:
            raise ValueError(f"{name} has shape {array.shape}, expected {expected}")
        return _from_one_hot(name, array)
    if array.ndim != dimensions:
        raise ValueError(f"{name} has shape {array.shape}, expected {expected}")
    if array.size == 0 and array.dtype == np.float64:  # what an empty list becomes
        array = array.astype(np.int32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers: {expected}")
    limits = np.iinfo(np.int32)
    if array.size and (array.max() > limits.max or array.min() < limits.min):
        raise ValueError(f"{name} has {array.min()} to {array.max()}, expected -1 to {vocab_size - 1}")
    return np.ascontiguousarray(array, dtype=np.int32)


def training_pair(
    X: Any, Y: Any, vocab_size: int, *, names: tuple[str, str] = ("X", "Y")
) -> tuple[Tokens, Tokens]:
    """Inputs and targets (N, T) from any of the forms that `LanguageModel.fit` takes."""
    inputs = token_array(names[0], X, vocab_size)
    samples, steps = inputs.shape
    if samples == 0 or steps == 0:
        raise ValueError(f"{names[0]} has shape {inputs.shape}, expected at least one sample and one step")
    if Y is None:
        if steps < 2:
            raise ValueError(f"{names[0]} has shape {inputs.shape}: without Y it needs at least 2 steps")
        return np.ascontiguousarray(inputs[:, :-1]), np.ascontiguousarray(inputs[:, 1:])
    expected = (
        f"({samples}, {steps}) tokens, or one-hot ({samples}, {steps}, {vocab_size}), "
        f"({steps}, {samples}, {vocab_size}) or {steps} arrays ({samples}, {vocab_size})"
    )
    targets = _as_array(names[1], Y, expected)
    time_major = isinstance(Y, Sequence) and targets.ndim == 3
    if targets.shape == (steps, samples, vocab_size) and (time_major or samples != steps):
        return inputs, np.ascontiguousarray(_from_one_hot(names[1], targets).T)
    if targets.shape not in ((samples, steps), (samples, steps, vocab_size)):
        raise ValueError(f"{names[1]} has shape {targets.shape}, expected {expected}")
    return inputs, token_array(names[1], targets, vocab_size)


def validation_split(
    inputs: Tokens, targets: Tokens, validation: Any, vocab_size: int
) -> tuple[Tokens, Tokens, tuple[Tokens, Tokens] | None]:
    """Training inputs and targets, and the validation pair: given, or the last samples where it is a fraction."""
    if validation is None:
        return inputs, targets, None
    if isinstance(validation, tuple | list):
        if len(validation) != 2:
            raise ValueError(f"validation has {len(validation)} entries, expected (X, Y) or a fraction")
        names = ("validation X", "validation Y")
        return inputs, targets, training_pair(validation[0], validation[1], vocab_size, names=names)
    if isinstance(validation, bool) or not isinstance(validation, float) or not 0 < validation < 1:
        raise ValueError(f"validation is {validation!r}, expected (X, Y) or a fraction between 0 and 1")
    kept = len(inputs) - max(1, round(validation * len(inputs)))
    if kept < 1:
        raise ValueError(
            f"validation is {validation}, which leaves none of {len(inputs)} samples to train on"
        )
    return inputs[:kept], targets[:kept], (inputs[kept:], targets[kept:])


def _as_array(name: str, values: Any, expected: str) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is ragged, expected {expected}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected {expected}")
    return array


def _from_one_hot(name: str, array: npt.NDArray[Any]) -> Tokens:
    ones = array == 1
    counts = ones.sum(axis=-1)
    if not (ones | (array == 0)).all() or counts.max(initial=0) > 1:
        raise ValueError(
            f"{name} has shape {array.shape} but is not one-hot: expected one 1 (or none), else 0"
        )
    tokens = np.where(counts == 0, -1, ones.argmax(axis=-1))
    return np.ascontiguousarray(tokens, dtype=np.int32)


Callback = Callable[[int, History], Any]
"""f(epoch, history), called after each epoch (counted from 0); True ends the training."""


def checked_callbacks(callbacks: Any) -> list[Callback]:
    """Take the argument `callbacks` of a `fit`."""
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks is {callbacks!r}, expected a sequence of functions f(epoch, history)")
    return list(callbacks)


def told_to_stop(callbacks: Sequence[Callback], epoch: int, history: History) -> bool:
    """Call all of them; whether one answers True."""
    answers = [callback(epoch, history) for callback in callbacks]
    return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)
