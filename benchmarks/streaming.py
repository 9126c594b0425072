"""Row 13: tokens one at a time, as an iterator and by a callback, against `generate`, which draws the same ones."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

import rnnfast
from benchmarks.generation import PLAIN, H, V
from benchmarks.harness import REPEATS, Measure, Row, Work, compare, seconds
from rnnfast import LanguageModel

SHAPES = (1, 10_000), (64, 200)  # streams, length
FIRST_TOKENS = 200  # calls, each timed alone
MOST_BEFORE_THE_FIRST = 50  # microseconds
MOST_MORE = 2  # microseconds a token

Run = Callable[[], Any]


def ways(model: LanguageModel, streams: int, length: int) -> dict[str, Run]:
    """Ways to get the tokens of `generate` as they are drawn; each returns the last item."""

    def iterate() -> Any:
        for item in model.stream(length, num_streams=streams, sampler=PLAIN):
            last = item
        return last

    def call_back() -> Any:
        return model.generate(length, num_streams=streams, sampler=PLAIN, on_token=_nothing)[:, -1]

    return {"stream": iterate, "on_token": call_back}


def verify(model: LanguageModel, streams: int, length: int) -> None:
    """Iterator, callback and `generate` must give the same tokens."""
    tokens = model.generate(length, num_streams=streams, sampler=PLAIN)
    items: list[Any] = []
    model.generate(length, num_streams=streams, sampler=PLAIN, on_token=items.append)
    for given in (items, list(model.stream(length, num_streams=streams, sampler=PLAIN))):
        np.testing.assert_array_equal(np.reshape(given, (length, streams)).T, tokens)


def rows_alone(isas: Sequence[str]) -> Iterator[Row | Measure]:
    """The wait for the first token; then each way against `generate`: as a ratio, and in microseconds more."""
    model = LanguageModel(V, H, seed=3)
    for isa in isas:
        rnnfast.set_isa(isa)
        yield first_token(model, isa)
        for streams, length in SHAPES:
            verify(model, streams, 50)
            generate = partial(model.generate, length, num_streams=streams, sampler=PLAIN)
            for way, run in ways(model, streams, length).items():
                name = f"{way}, {streams} stream(s)"
                yield from compare(Work(13, name, "item", length), run, "generate", generate, isas=[isa])
                yield more(name, isa, run, generate, length)


def first_token(model: LanguageModel, isa: str) -> Measure:
    """From the call of `stream` to its first token; the median, and the nine tenths in the middle."""

    def first() -> Any:
        return next(model.stream(1000, sampler=PLAIN))

    first()
    gc.collect()
    times = sorted(1e6 * seconds(first) for _ in range(FIRST_TOKENS))
    low, high = (times[int(share * FIRST_TOKENS)] for share in (0.05, 0.95))
    values = statistics.median(times), low, high
    return Measure.of(13, f"stream, first token, H={H}", isa, "us", values, at_most=MOST_BEFORE_THE_FIRST)


def more(name: str, isa: str, run: Run, generate: Run, length: int) -> Measure:
    """Microseconds an item above `generate`, turn by turn."""
    differences = [1e6 * (seconds(run) - seconds(generate)) / length for _ in range(2 * REPEATS)]
    values = statistics.median(differences), min(differences), max(differences)
    return Measure.of(13, f"{name}, above generate", isa, "us/item", values, at_most=MOST_MORE)


def _nothing(item: Any) -> None:
    """What a caller does with a token is not ours to time."""
