"""Learning rates that change as training goes on: settings that stand wherever an optimiser takes a learning rate.

Step t counts the updates done so far (the first is step 0), not the epochs: it is what the optimiser remembers, so that
training 50 epochs twice equals 100 once. The native training loop computes the rates by itself, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnfast import _core
from rnnfast._arguments import integer, real
from rnnfast._pickled import become, settings_of, unpickling

_Decay = _core.InverseTimeDecay | _core.ExponentialDecay | _core.StepDecay | _core.CosineDecay


class Schedule:
    """What all of them can do."""

    learning_rate: float

    def __post_init__(self) -> None:
        self.native()

    def native(self) -> _core.LearningRate:
        """The same settings, checked, for the native training loop."""
        return _core.LearningRate(real("learning_rate", self.learning_rate), self._decay())

    def rate(self, step: int) -> float:
        """Learning rate at step t = `step`, at least 0.

        Examples
        --------
        >>> [InverseTimeDecay(0.1, decay=1.0).rate(step) for step in (0, 1, 3)]
        [0.1, 0.05, 0.025]
        """
        if integer("step", step) < 0:
            raise ValueError(f"step is {step}, expected at least 0")
        return self.native().at(step)

    def __setstate__(self, state: Any) -> None:
        with unpickling(self):
            twin = settings_of(self, state)
        become(self, twin)

    def _decay(self) -> _Decay:
        raise NotImplementedError


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """``learning_rate / (1 + decay * t)``: the same as the optimisers' own ``decay=``.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    decay : float
        At least 0.

    Examples
    --------
    >>> from rnnfast import Adam
    >>> optimizer = Adam(InverseTimeDecay(0.01, decay=0.5))
    >>> optimizer.learning_rate.rate(2)
    0.005
    """

    learning_rate: float
    decay: float

    def _decay(self) -> _Decay:
        return _core.InverseTimeDecay(real("decay", self.decay))


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """``learning_rate * factor^t``, as PyTorch's ``ExponentialLR`` that is asked after each update.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    factor : float
        More than 0, at most 1.

    Examples
    --------
    >>> [ExponentialDecay(0.1, factor=0.5).rate(step) for step in range(3)]
    [0.1, 0.05, 0.025]
    """

    learning_rate: float
    factor: float

    def _decay(self) -> _Decay:
        return _core.ExponentialDecay(real("factor", self.factor))


@dataclass(frozen=True)
class StepDecay(Schedule):
    """``learning_rate * factor^floor(t / every)``, as PyTorch's ``StepLR`` that is asked after each update.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    every : int
        Updates between two changes, at least 1.
    factor : float
        More than 0, at most 1.

    Examples
    --------
    >>> [StepDecay(0.1, every=2, factor=0.5).rate(step) for step in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def _decay(self) -> _Decay:
        return _core.StepDecay(integer("every", self.every), real("factor", self.factor))


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """``final_rate + (learning_rate - final_rate) * (1 + cos(pi t / steps)) / 2``, then ``final_rate`` for good.

    Loshchilov & Hutter 2017, equation 5, without restarts; to step `steps` as PyTorch's ``CosineAnnealingLR``. For a
    warmup before it see `LinearWarmup`.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    steps : int
        Updates from the first rate to the last, at least 1.
    final_rate : float
        At least 0, at most `learning_rate`.

    Examples
    --------
    >>> schedule = CosineDecay(0.1, steps=100)
    >>> schedule.rate(0), round(schedule.rate(50), 12), schedule.rate(100), schedule.rate(1000)
    (0.1, 0.05, 0.0, 0.0)
    """

    learning_rate: float
    steps: int
    final_rate: float = 0.0

    def _decay(self) -> _Decay:
        return _core.CosineDecay(integer("steps", self.steps), real("final_rate", self.final_rate))


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """From `start`, at step 0, in a straight line to what `then` begins with, at step `steps`; from there on `then`.

    As PyTorch's ``LinearLR`` and then another one in a ``SequentialLR``, and as the warmup of Keras' ``CosineDecay``.

    Parameters
    ----------
    then : float or schedule
        What follows, its own steps counted from the end of the warmup. Not another warmup.
    steps : int
        Updates that the warmup takes, at least 0.
    start : float
        At least 0, at most what `then` begins with. With 0 the first update leaves the parameters as they are.

    Examples
    --------
    >>> from rnnfast import CosineDecay, LinearWarmup
    >>> schedule = LinearWarmup(CosineDecay(0.4, steps=90), steps=10)
    >>> [round(schedule.rate(step), 12) for step in (0, 1, 5, 10, 55, 100)]
    [0.0, 0.04, 0.2, 0.4, 0.2, 0.0]
    """

    then: float | Schedule
    steps: int
    start: float = 0.0

    def native(self) -> _core.LearningRate:
        """The same settings, checked, for the native training loop."""
        if isinstance(self.then, LinearWarmup):
            raise TypeError(
                f"then is {self.then!r}, expected a number or a schedule without a warmup of its own"
            )
        after = native_rate("then", self.then)
        steps, start = integer("steps", self.steps), real("start", self.start)
        return _core.LearningRate(after.rate, after.decay, steps, start)


def native_rate(name: str, value: float | Schedule, decay: float = 0.0) -> _core.LearningRate:
    """Take `value`, the argument `name`, as a learning rate; a number falls by `decay`."""
    if isinstance(value, Schedule):
        if decay != 0:
            raise ValueError(f"decay is {decay!r}, expected 0 where {name} is a schedule: {value!r}")
        return value.native()
    try:
        rate = real(name, value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, expected a number or a schedule") from None
    return _core.LearningRate(rate, _core.InverseTimeDecay(real("decay", decay)))
