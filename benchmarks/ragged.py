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

N, LONGEST, D = 64, 1000, 64
GOAL = Goal(within=1.25)


@dataclass(frozen=True)
class Task:
    """Which layer, and whether it goes back, too."""

    hidden_size: int
    backward: bool
    bidirectional: bool = False

    @property
    def work(self) -> Work:
        """A token is a step of a sequence that counts."""
        what = "forward and backward" if self.backward else "forward"
        both = ", both directions" if self.bidirectional else ""
        return Work(0, f"{what}, H={self.hidden_size}{both}", "token", int(lengths().sum()))

    def layer(self) -> LSTM:
        """With its initial weights."""
        return LSTM(D, self.hidden_size, bidirectional=self.bidirectional)


TASKS = [
    Task(64, backward=False),
    Task(64, backward=True),
    Task(256, backward=True),
    Task(64, backward=True, bidirectional=True),
]


def lengths() -> npt.NDArray[np.int64]:
    """Uniform in 1 to LONGEST; their sum is a multiple of N, so that a dense batch can have as many tokens."""
    drawn = np.random.default_rng(0).integers(1, LONGEST + 1, N)
    drawn[np.argmin(drawn)] += -drawn.sum() % N
    return drawn


def sequences(steps: int) -> npt.NDArray[np.float32]:
    """Numbers [steps, N, D]."""
    return np.random.default_rng(1).standard_normal((steps, N, D)).astype(np.float32)


def run(task: Task, layer: LSTM, steps: int, own_lengths: npt.NDArray[np.int64] | None) -> Callable[[], Any]:
    """One pass over a batch: outputs, or the gradients too."""
    x, dy = sequences(steps), np.ones((steps, N, layer.output_size), np.float32)

    def forward() -> Any:
        return layer(x, lengths=own_lengths)[0]

    def both() -> Any:
        y, _, workspace = layer.forward(x, lengths=own_lengths)
        return y, layer.backward(dy, None, workspace)

    return both if task.backward else forward


def verify(layer: LSTM, steps: int, own_lengths: npt.NDArray[np.int64]) -> None:
    """Each of some sequences must come out, bit for bit, as if it were alone."""
    x = sequences(steps)
    y, _ = layer(x, lengths=own_lengths)
    for n in (0, int(own_lengths.argmin()), int(own_lengths.argmax())):
        end = own_lengths[n]
        alone, _ = layer(x[:end, n : n + 1])
        np.testing.assert_array_equal(y[:end, n : n + 1], alone)
        if y[end:, n].any():
            raise AssertionError("outputs behind a sequence's end are not zeros")


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Ragged is ours, and the limit is dense."""
    own = lengths()
    for task in TASKS:
        layer = task.layer()
        verify(layer, int(own.max()), own)
        ragged, dense = run(task, layer, int(own.max()), own), run(task, layer, int(own.sum()) // N, None)
        for isa in isas:  # one after the other: both sides are ours
            yield from compare(task.work, ragged, "a dense batch", dense, goal=GOAL, isas=[isa])
