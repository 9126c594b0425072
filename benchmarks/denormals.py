"""Time must not depend on values: an LSTM layer whose states are subnormal numbers against one whose states are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import rnnfast
from benchmarks.harness import Goal, Row, Work, compare
from rnnfast import _core

H, N, STEPS, CALLS = 64, 16, 20, 20
GOAL = Goal(within=1.2)


def layer(dtype: type[np.floating[Any]], c0: float) -> Callable[[], Any]:
    """All cells start at c0 and halve with each step: the forget gate is 1/2, the input gate 0, the input nothing."""
    generator = np.random.default_rng(0)
    R = (generator.uniform(-1, 1, (H, 4 * H)) / H).astype(dtype)
    b = np.zeros(4 * H, dtype)
    b[:H] = -1000
    x = np.full((STEPS, N), -1, np.int32)
    h, c = np.zeros((N, H), dtype), np.full((N, H), c0, dtype)
    W = np.zeros((1, 4 * H), dtype)

    def run() -> npt.NDArray[Any]:
        for _ in range(CALLS):
            cells = _core.lstm_forward(x, W, R, b, h, c)[1]
        return cells

    return run


def verify(cells: npt.NDArray[Any], smallest: float) -> None:
    """From the smallest normal number on, every later half must have been flushed to zero."""
    if not (cells[0] == smallest).all() or cells[1:].any():
        raise AssertionError("subnormal states are not flushed: nothing to time")


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """On every instruction set, also those that nobody times otherwise."""
    for dtype in (np.float32, np.float64):
        smallest = float(np.finfo(dtype).smallest_normal)
        work = Work(0, f"subnormal states, {np.dtype(dtype)}", "step", STEPS * CALLS)
        verify(layer(dtype, smallest)(), smallest)
        for isa in [*isas, *(other for other in rnnfast.available_isas() if other not in isas)]:
            yield from compare(
                work, layer(dtype, smallest), "normal states", layer(dtype, 1.0), goal=GOAL, isas=[isa]
            )
