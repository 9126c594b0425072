"""Row 3: train the jazz exercise's model: 60 windows of 30 tokens, 64 units, 90 values, Adam; full batch and 32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks import training
from benchmarks.harness import Goal, Row, Work
from benchmarks.peers import Training
from benchmarks.products import training_rows

JAZZ = Training(vocab_size=90, hidden_size=64, num_layers=1, samples=60, steps=30, batch=60, epochs=100)
GOALS = {
    "jax": Goal(faster=2.5),
    "torch": Goal(faster=4),
    "keras": Goal(faster=25),
    "numpy": Goal(faster=4.5),
}


def data() -> tuple[training.Tokens, training.Tokens]:
    """Windows of a random tune of 275 tokens, in the exercise's form: no first input, no last target."""
    generator = np.random.default_rng(0)
    tune = generator.integers(0, JAZZ.vocab_size, 275)
    starts = generator.integers(0, len(tune) - JAZZ.steps, JAZZ.samples)
    X = np.stack([tune[start : start + JAZZ.steps] for start in starts]).astype(np.int32)
    Y = np.roll(X, -1, axis=1)
    X[:, 0] = -1
    Y[:, -1] = -1
    return X, Y


def tasks() -> Iterator[tuple[Work, Training]]:
    """Full batches, and batches of 32 (the second one is of 28)."""
    for batch in (60, 32):
        yield Work(3, f"train jazz, batch {batch}", "epoch", JAZZ.epochs), replace(JAZZ, batch=batch)


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with a peer that trains."""
    for work, task in tasks():
        yield from training.compare_with(work, task, data(), peer, module, GOALS, isas)


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Compare with the products alone."""
    for work, task in tasks():
        yield from training_rows(work, task, training.ours(task, *data()), isas, Goal(within=1.5))
