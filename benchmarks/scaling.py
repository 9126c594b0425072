"""How the cost of a generated token grows with the size of the model and the number of streams.

Not among the scenarios that run by default. `plot.py` draws its rows, next to the roofline from the limits measured in
the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType

from benchmarks import generation, limits, native
from benchmarks.harness import Measure, Row, Work, compare
from rnnfast import LanguageModel

V = generation.V
HIDDEN_SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048)
STREAMS = (1, 4, 16, 64, 256)
PEERS = ("jax", "onnxruntime")  # the fastest at generation
MULTIPLY_ADDS = 2_000_000_000  # of one run, more or less
CHECKED_STEPS = 20


def multiply_adds(H: int) -> int:
    """Of one token, as many as weights: the recurrent product and the dense layer."""
    return 4 * H * H + H * V


def length(H: int, streams: int) -> int:
    """Steps of one run: enough to time, and no more."""
    return min(max(MULTIPLY_ADDS // (multiply_adds(H) * streams), 4), 2000)


def rows_alone(isas: Sequence[str]) -> Iterator[Measure]:
    """For the roofline: the peak, and reading as many bytes as each size has weights."""
    for isa in isas:
        native.load().use(isa)
        yield limits.peak(isa)
        for H in HIDDEN_SIZES:
            yield limits.reading(isa, 4 * multiply_adds(H), f"the weights of H={H}")


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Every size against the peer's first way to generate."""
    if peer not in PEERS:
        return
    for H in HIDDEN_SIZES:
        model = LanguageModel(V, H, seed=3)
        for streams in STREAMS:
            steps = length(H, streams)
            ways = module.generators(dict(model.parameters), streams, steps, generation.PLAIN)
            generate = next(iter(ways.values()))
            generation.verify(model, generate, streams, steps, CHECKED_STEPS)
            draws = generation.uniform(streams, steps, 0)
            sizes = {"H": H, "streams": streams, "multiply_adds": multiply_adds(H)}
            yield from compare(
                Work(0, f"generate, H={H}, {streams} stream(s)", "token", streams * steps, sizes),
                generation.ours(model, streams, steps),
                module.NAME,
                partial(generate, draws),
                isas=isas,
            )
