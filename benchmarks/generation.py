"""Rows 1 and 2: generate 10,000 tokens from an LSTM of 64 units over 90 tokens, by one stream, 64 or 1,000."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import native
from benchmarks.harness import Goal, Row, Work, compare
from benchmarks.products import compare_with_limit, of_generation
from rnnfast import LanguageModel, Sampler
from rnnfast.reference import random

V, H = 90, 64
TOKENS = 10_000
PLAIN = Sampler(temperature=0.9)

# By streams, then by peer and its way to generate.
GOALS = {
    1: {
        "jax one jit": Goal(faster=5),
        "onnxruntime Loop": Goal(faster=15),
        "torch nn.LSTM loop": Goal(faster=100),
    },
    64: {"jax one jit": Goal(faster=5), "onnxruntime Loop": Goal(faster=5)},
    1000: {},
}

PANEL = 16  # columns; weights are read in whole panels
WEIGHT_BYTES = 4 * H * (4 * H + -(-V // PANEL) * PANEL)
READING = f"reading its {WEIGHT_BYTES // 1024} KiB of weights"
SHAPES = (1, TOKENS), (64, TOKENS // 64), (1000, TOKENS // 1000)  # streams, length

Generate = Callable[[npt.NDArray[Any]], npt.NDArray[np.int32]]


def uniform(streams: int, length: int, seed: int) -> npt.NDArray[np.float32]:
    """The numbers that `generate` draws with: (length, streams)."""
    positions = np.arange(length, dtype=np.uint64)
    columns = [
        random.uniform(seed, stream, positions, random.SAMPLING, np.float32) for stream in range(streams)
    ]
    return np.stack(columns, axis=1)


def work(streams: int, length: int) -> Work:
    """Row 1 is one stream."""
    return Work(1 if streams == 1 else 2, f"generate, {streams} stream(s)", "token", streams * length)


def ours(model: LanguageModel, streams: int, length: int, sampler: Sampler = PLAIN) -> Callable[[], Any]:
    """The whole generation, one call."""
    return lambda: model.generate(length, num_streams=streams, sampler=sampler)


def verify(
    model: LanguageModel,
    generate: Generate,
    streams: int,
    length: int,
    checked: int | None = None,
    sampler: Sampler = PLAIN,
) -> None:
    """Both must draw the same tokens, but where rounding decides: then a stream goes its own way from there.

    Of the first `checked` tokens (default: all), 95 % must come before any such parting.
    """
    tokens = model.generate(length, num_streams=streams, sampler=sampler, seed=1)
    same = (tokens == generate(uniform(streams, length, 1)))[:, :checked]
    before = np.logical_and.accumulate(same, axis=1).mean()
    if before < 0.95:
        raise AssertionError(f"{before:.1%} of the tokens come before the streams part: nothing to time")


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with each of the peer's ways to generate."""
    if not hasattr(module, "generators"):
        return
    model = LanguageModel(V, H, seed=3)
    parameters = dict(model.parameters)
    for streams, length in SHAPES:
        checked = module.generators(parameters, 64, 40, PLAIN)
        for way, generate in module.generators(parameters, streams, length, PLAIN).items():
            verify(model, checked[way], 64, 40)
            draws = uniform(streams, length, 0)
            yield from compare(
                work(streams, length),
                ours(model, streams, length),
                f"{module.NAME} {way}".strip(),
                partial(generate, draws),
                goal=GOALS[streams].get(f"{peer} {way}".strip()),
                isas=isas,
            )


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Compare with reading the weights, and with the kernels alone."""
    model, library = LanguageModel(V, H), native.load()
    for streams, length in SHAPES[:2]:  # more at once would leave the caches: no limit
        run, steps = ours(model, streams, length), work(streams, length)
        gemms = library.products(of_generation(V, H, streams), length)
        gates, draws = library.gates(streams, H, length), library.draws(streams, V, length)

        def kernels(parts: Sequence[Callable[[], None]] = (gemms, gates, draws)) -> None:
            for part in parts:
                part()

        if streams == 1:
            weights = library.read(WEIGHT_BYTES, length)
            yield from compare_with_limit(steps, run, READING, weights, isas, Goal(within=1.33))
        goal = Goal(within=1.25) if streams == 64 else None
        yield from compare_with_limit(steps, run, "its GEMMs, gates, draws alone", kernels, isas, goal)
