"""Each matrix product of the training rows alone, in percent of the FMA peak measured beside it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks import char_training, jazz_training, native
from benchmarks.harness import REPEATS, Measure, seconds
from benchmarks.native import Product
from benchmarks.peers import Training
from benchmarks.products import of_training

MULTIPLY_ADDS = 300_000_000  # of one run, at least


def rows_alone(isas: Sequence[str]) -> Iterator[Measure]:
    """A product that a model makes twice is timed once."""
    for isa in isas:
        native.load().use(isa)
        for task in (jazz_training.JAZZ, char_training.SMALL, *char_training.LARGE):
            for product in dict.fromkeys(of_training(task)):
                name = f"{_model(task)}: {_shape(product)}"
                yield Measure.of(0, name, isa, "% of the peak", percent_of_peak(product))


def percent_of_peak(product: Product) -> tuple[float, float, float]:
    """Median, lowest and highest of turns of both."""
    rounds = -(-MULTIPLY_ADDS // product.multiply_adds)
    library = native.load()
    alone = library.products([product], rounds)
    peak = library.multiply_add(rounds * product.multiply_adds)
    alone()
    turns = [100 * seconds(peak) / seconds(alone) for _ in range(REPEATS)]
    return statistics.median(turns), min(turns), max(turns)


def _model(task: Training) -> str:
    return f"{task.num_layers} x {task.hidden_size}"


def _shape(product: Product) -> str:
    kind = ", A transposed" if product.transposed else ""
    return f"[{product.rows}, {product.depth}] [{product.depth}, {product.columns}]{kind}"
