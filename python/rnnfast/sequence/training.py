"""The training loop of the sequence models: Python over native calls, a few a step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._interrupts import whole
from rnnfast.sequence.batches import Sequences
from rnnfast.train import Sums


def added(a: Sums, b: Sums) -> Sums:
    """Sums over the targets of both."""
    return a[0] + b[0], a[1] + b[1], None if a[2] is None or b[2] is None else a[2] + b[2]


@dataclass
class Account:
    """What has been done so far, as `History` and the progress bar read it."""

    steps_per_epoch: int
    nothing: Sums
    epoch: int = 0
    step: int = 0
    steps: int = 0
    tokens: int = 0
    current: Sums = field(init=False)
    _ended: list[tuple[Sums, Sums | None, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.current = self.nothing

    def add(self, sums: Sums) -> None:
        """One step is done."""
        self.step += 1
        self.steps += 1
        self.tokens += sums[1]
        self.current = added(self.current, sums)

    def end_epoch(self, validation: Sums | None, seconds: float) -> None:
        """One epoch is done."""
        self._ended.append((self.current, validation, seconds))
        self.epoch, self.step, self.current = self.epoch + 1, 0, self.nothing

    def stats(self, epoch: int) -> tuple[Sums, Sums | None, float]:
        """Of a whole epoch: its sums, those of the validation, seconds."""
        return self._ended[epoch]


class Loop(NamedTuple):
    """What a training run is made of.

    Attributes
    ----------
    epochs, batch_size : int
    order : function giving the samples' order in the next epoch
    compute : function of some samples' places giving sums and what `apply` takes; changes nothing
    apply : function that updates the model
    validate : function giving sums after an epoch, or None
    epoch_end : function saying whether to stop
    on_progress : function, called after each step
    """

    epochs: int
    batch_size: int
    order: Callable[[], npt.NDArray[np.int64]]
    compute: Callable[[npt.NDArray[np.int64]], tuple[Sums, Any]]
    apply: Callable[[Any], object]
    validate: Callable[[], Sums | None]
    epoch_end: Callable[[], bool]
    on_progress: Callable[[], object]

    def run(self, account: Account) -> None:
        """Train. However it ends, it ends at a whole step.

        Raises
        ------
        NonFiniteError
            Where the loss or the gradient is not finite; nothing of that step was done.
        """
        for _ in range(self.epochs):
            begin = time.perf_counter()
            order = self.order()
            for start in range(0, len(order), self.batch_size):
                self._step(account, order[start : start + self.batch_size])
                self.on_progress()
            validation = self.validate()
            with whole():
                account.end_epoch(validation, time.perf_counter() - begin)
            if self.epoch_end():
                return

    def _step(self, account: Account, chosen: npt.NDArray[np.int64]) -> None:
        where = f"in epoch {account.epoch}, step {account.step}"
        sums, change = self.compute(chosen)
        if not math.isfinite(sums[0]):
            raise _core.NonFiniteError(
                f"fit: the loss is {sums[0]} {where}; no parameter has changed since the step before. "
                "A smaller learning rate or clip_norm may help"
            )
        with whole():
            try:
                self.apply(change)
            except _core.NonFiniteError as error:
                raise _core.NonFiniteError(f"fit: {error} ({where})") from None
            account.add(sums)


def epoch_order(count: int, seed: int, epoch: int, *, shuffle: bool) -> npt.NDArray[np.int64]:
    """The samples' places in the order of an epoch: by seed and epoch, as `LanguageModel.fit` shuffles."""
    return _core.random_permutation(count, seed, epoch) if shuffle else np.arange(count)


def over_batches(data: Sequences, function: Callable[[slice], Any], size: int = 64) -> list[Any]:
    """Call function for `size` sequences after the other, so that memory does not grow with their number."""
    return [function(slice(start, start + size)) for start in range(0, len(data), size)]
