"""Rows 1 and 2: generate 10,000 tokens from an LSTM of 64 units over 90 tokens, by one stream and by 64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Goal, Row, Work, compare
from rnnfast import LanguageModel
from rnnfast.reference import random

V, H = 90, 64
TOKENS = 10_000
TEMPERATURE = 0.9

# By streams, then by peer and its way to generate.
GOALS = {
    1: {
        "jax one jit": Goal(faster=5),
        "onnxruntime Loop": Goal(faster=15),
        "torch nn.LSTM loop": Goal(faster=100),
    },
    64: {"jax one jit": Goal(faster=5), "onnxruntime Loop": Goal(faster=5)},
}

Generate = Callable[[npt.NDArray[Any]], npt.NDArray[np.int32]]


def uniform(streams: int, length: int, seed: int) -> npt.NDArray[np.float32]:
    """The numbers that `generate` draws with: (length, streams)."""
    positions = np.arange(length, dtype=np.uint64)
    columns = [
        random.uniform(seed, stream, positions, random.SAMPLING, np.float32) for stream in range(streams)
    ]
    return np.stack(columns, axis=1)


def verify(model: LanguageModel, generate: Generate, streams: int, length: int) -> None:
    """Both must draw the same tokens, but where rounding decides: then a stream goes its own way from there.

    Of all tokens, 95 % must come before any such parting, and no stream may part at its first token.
    """
    ours = model.generate(length, num_streams=streams, temperature=TEMPERATURE, seed=1)
    same = ours == generate(uniform(streams, length, 1))
    before = np.logical_and.accumulate(same, axis=1)
    if before.mean() < 0.95 or not before[:, 0].all():
        raise AssertionError(
            f"{before.mean():.1%} of the tokens come before the streams part: nothing to time"
        )


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with each of the peer's ways to generate."""
    if not hasattr(module, "generators"):
        return
    model = LanguageModel(V, H, seed=3)
    parameters = dict(model.parameters)
    for streams, length in ((1, TOKENS), (64, TOKENS // 64)):
        checked = module.generators(parameters, 64, 40, TEMPERATURE)
        for way, generate in module.generators(parameters, streams, length, TEMPERATURE).items():
            verify(model, checked[way], 64, 40)
            draws = uniform(streams, length, 0)
            yield from compare(
                Work(1 if streams == 1 else 2, f"generate, {streams} stream(s)", "token", streams * length),
                lambda s=streams, n=length: model.generate(n, num_streams=s, temperature=TEMPERATURE),
                f"{module.NAME} {way}".strip(),
                lambda g=generate, u=draws: g(u),
                goal=GOALS[streams].get(f"{peer} {way}".strip()),
                isas=isas,
            )
