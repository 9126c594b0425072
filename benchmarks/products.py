"""The matrix products within a workload, to be timed alone: the least that it can take."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import native
from benchmarks.harness import REPEATS, Goal, Row, Work, compare, seconds
from benchmarks.native import Product
from benchmarks.peers import Reading, Training

COPIED = 256
"""From so many inputs on, the layers multiply a transposed copy of them for the gradients of the weights."""
PEAK_PART = 10**9


def of_generation(V: int, H: int, streams: int) -> list[Product]:
    """Of one step of all streams; a token's row of W is gathered, not multiplied."""
    return [Product(streams, 4 * H, H), Product(streams, V, H)]


def of_training(task: Training) -> list[Product]:
    """Of one epoch, forward and backward."""
    products = []
    for batch in task.batches():
        products += _of_step(task, batch.stop - batch.start, task.steps)
    return products


def of_reading(task: Reading) -> list[Product]:
    """Of one epoch, forward and backward."""
    products = []
    for X, _, _ in task.pieces():
        products += _of_step(task, *X.shape)
    return products


def _of_step(task: Training | Reading, N: int, T: int) -> list[Product]:
    V, H = task.vocab_size, task.hidden_size
    G, rows = 4 * H, T * N
    weights = Product(H, G, rows, transposed=H < COPIED)
    products = [Product(rows, V, H), Product(rows, H, V), replace(weights, columns=V)]  # dense
    for layer in range(task.num_layers):
        products += [
            Product(N, G, H, times=T),  # h R
            Product(N, H, G, times=T),  # dh
            weights,  # dR
        ]
        if layer > 0:
            products += [Product(rows, G, H), Product(rows, H, G), weights]
    return products


def seconds_at_peak(isa: str, products: Sequence[Product]) -> float:
    """What they would take at the processor's peak, from a part of a second of it."""
    library, multiply_adds = native.load(), sum(product.multiply_adds for product in products)
    library.use(isa)
    part = min(multiply_adds, PEAK_PART)
    run = library.multiply_add(part)
    run()
    return statistics.median(seconds(run) for _ in range(REPEATS)) * multiply_adds / part


def compare_with_limit(
    work: Work,
    ours: Callable[[], Any],
    name: str,
    limit: Callable[[], Any],
    isas: Sequence[str],
    goal: Goal | None = None,
) -> Iterator[Row]:
    """Like `compare`, where the other side uses the same instruction set."""
    for isa in isas:
        native.load().use(isa)
        yield from compare(work, ours, name, limit, goal=goal, isas=[isa])


def training_rows(
    work: Work, task: Training, ours: Callable[[], Any], isas: Sequence[str], goal: Goal | None = None
) -> Iterator[Row]:
    """Training against its products alone."""
    alone = native.load().products(of_training(task), task.epochs)
    yield from compare_with_limit(work, ours, "its GEMMs alone", alone, isas, goal)


def peak_rows(work: Work, task: Training, isas: Sequence[str], goal: Goal | None) -> Iterator[Row]:
    """The products alone against as many multiply-adds at the processor's peak."""
    library, products = native.load(), of_training(task)
    for isa in isas:
        library.use(isa)
        peak = library.multiply_add(task.epochs * sum(product.multiply_adds for product in products))
        alone = library.products(products, task.epochs)
        yield from compare(work, alone, "FMA peak", peak, goal=goal, isas=[isa])
