"""A batch of sequences of different lengths, uniform in 1 to 1,000, against a dense batch with as many tokens.

The dense batch has the same number of sequences: the products of its steps are as large as they can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Goal, Row, Work, compare
from rnnfast import LSTM

LONGEST, D = 1000, 64
GOAL = Goal(within=1.25)


@dataclass(frozen=True)
class Task:
    """Which layer, whether it goes back, too, and over how many sequences."""

    hidden_size: int
    backward: bool
    bidirectional: bool = False
    batch: int = 64

    @property
    def work(self) -> Work:
        """A token is a step of a sequence that counts."""
        what = "forward and backward" if self.backward else "forward"
        both = ", both directions" if self.bidirectional else ""
        name = f"{what}, H={self.hidden_size}{both}, {self.batch} sequences"
        return Work(0, name, "token", int(lengths(self.batch).sum()))

    def layer(self) -> LSTM:
        """With its initial weights."""
        return LSTM(D, self.hidden_size, bidirectional=self.bidirectional)


TASKS = [
    Task(64, backward=False),
    Task(64, backward=True),
    Task(256, backward=True),
    Task(64, backward=True, bidirectional=True),
    Task(64, backward=True, batch=16),
    Task(64, backward=True, batch=8),
]


def lengths(batch: int) -> npt.NDArray[np.int64]:
    """Uniform in 1 to LONGEST; their sum is a multiple of `batch`, so that a dense one can have as many tokens."""
    drawn = np.random.default_rng(0).integers(1, LONGEST + 1, batch)
    drawn[np.argmin(drawn)] += -drawn.sum() % batch
    return drawn


def sequences(steps: int, batch: int) -> npt.NDArray[np.float32]:
    """Numbers [steps, batch, D]."""
    return np.random.default_rng(1).standard_normal((steps, batch, D)).astype(np.float32)


def run(task: Task, layer: LSTM, steps: int, own_lengths: npt.NDArray[np.int64] | None) -> Callable[[], Any]:
    """One pass over a batch: outputs, or the gradients too."""
    x, dy = sequences(steps, task.batch), np.ones((steps, task.batch, layer.output_size), np.float32)

    def forward() -> Any:
        return layer(x, lengths=own_lengths)[0]

    def both() -> Any:
        y, _, workspace = layer.forward(x, lengths=own_lengths)
        return y, layer.backward(dy, None, workspace)

    return both if task.backward else forward


def verify(layer: LSTM, steps: int, own_lengths: npt.NDArray[np.int64]) -> None:
    """Each of some sequences must come out, bit for bit, as if it were alone."""
    x = sequences(steps, len(own_lengths))
    y, _ = layer(x, lengths=own_lengths)
    for n in (0, int(own_lengths.argmin()), int(own_lengths.argmax())):
        end = own_lengths[n]
        alone, _ = layer(x[:end, n : n + 1])
        np.testing.assert_array_equal(y[:end, n : n + 1], alone)
        if y[end:, n].any():
            raise AssertionError("outputs behind a sequence's end are not zeros")


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Ragged is ours, and the limit is dense."""
    for task in TASKS:
        layer, own = task.layer(), lengths(task.batch)
        verify(layer, int(own.max()), own)
        ragged = run(task, layer, int(own.max()), own)
        dense = run(task, layer, int(own.sum()) // task.batch, None)
        for isa in isas:  # one after the other: both sides are ours
            yield from compare(task.work, ragged, "a dense batch", dense, goal=GOAL, isas=[isa])
