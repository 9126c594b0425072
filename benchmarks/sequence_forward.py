"""Rows 7 and 8: one LSTM layer over a given sequence of 1,000 vectors of 64 numbers, batch 1; 64 to 1,024 units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.environment import threads
from benchmarks.harness import Goal, Row, Work, compare
from rnnfast import _core

Floats = npt.NDArray[Any]
T, D = 1000, 64
TOLERANCE = 1e-5  # of hidden states in (-1, 1), after 1,000 steps
FASTER = {64: 1.8, 256: 1.3, 512: 1.0, 1024: 1.0}
CALLS = {64: 20, 256: 2, 512: 1, 1024: 1}  # a run: long enough for caches to forget who ran before


def layer(H: int) -> tuple[Floats, Floats, Floats]:
    """W, R, b of a layer that neither dies nor explodes: uniform within 1 / sqrt(H), as PyTorch's."""
    generator = np.random.default_rng(0)
    shapes = (D, 4 * H), (H, 4 * H), (4 * H,)
    W, R, b = ((generator.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32) for shape in shapes)
    return W, R, b


def ours(W: Floats, R: Floats, b: Floats) -> Callable[[Floats], Floats]:
    """The layer of rnnfast. It packs the weights anew in each call, and the time contains that."""
    zeros = np.zeros((1, len(R)), np.float32)
    return lambda x: _core.lstm_forward(x, W, R, b, zeros, zeros, threads())[0][1:]


def verify(H: int, steps: int, module: ModuleType) -> None:
    """All hidden states must agree within TOLERANCE."""
    x = np.random.default_rng(1).standard_normal((steps, 1, D)).astype(np.float32)
    weights = layer(H)
    theirs = module.sequence(*weights, steps)(x)
    np.testing.assert_allclose(theirs, ours(*weights)(x), rtol=0, atol=TOLERANCE, err_msg=module.NAME)


def repeated(calls: int, run: Callable[[Floats], Floats], x: Floats) -> Callable[[], None]:
    """One timed run."""

    def all_calls() -> None:
        for _ in range(calls):
            run(x)

    return all_calls


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """With two threads only the large layers."""
    if not hasattr(module, "sequence"):
        return
    x = np.random.default_rng(1).standard_normal((T, 1, D)).astype(np.float32)
    for H, faster in FASTER.items():
        if threads() > 1 and H < 512:
            continue
        verify(H, T, module)
        weights = layer(H)
        goal = Goal(faster=faster) if H >= 512 or peer in ("onnxruntime", "torch") else None
        own, theirs = ours(*weights), module.sequence(*weights, T)
        yield from compare(
            Work(7 if H < 512 else 8, f"forward, H={H}", "step", T * CALLS[H]),
            repeated(CALLS[H], own, x),
            module.NAME,
            repeated(CALLS[H], theirs, x),
            goal=goal,
            isas=isas,
        )
