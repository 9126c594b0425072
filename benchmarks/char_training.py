"""Rows 5 and 6: train on windows of text, one Adam step a batch: 1 x 128, 2 x 512 and 1 x 1024 units, 65 values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks import training
from benchmarks.harness import Goal, Row, Work
from benchmarks.peers import PEERS, Training
from benchmarks.products import peak_rows, training_rows

V = 65


def task(hidden_size: int, num_layers: int, batch: int, steps: int, epochs: int) -> Training:
    """One batch, trained on again and again: what the tokens are costs nothing."""
    return Training(V, hidden_size, num_layers, batch, steps, batch, epochs, rate=0.002, decay=0)


SMALL = task(128, 1, batch=50, steps=50, epochs=20)
LARGE = task(512, 2, batch=50, steps=50, epochs=1), task(1024, 1, batch=64, steps=64, epochs=1)


def data(of: Training) -> tuple[training.Tokens, training.Tokens]:
    """Random tokens and their followers."""
    tokens = np.random.default_rng(0).integers(0, V, (of.samples, of.steps + 1)).astype(np.int32)
    return tokens[:, :-1].copy(), tokens[:, 1:].copy()


def work(of: Training) -> Work:
    """Row 5 is the small model."""
    name = f"train {of.num_layers} x {of.hidden_size}, B={of.batch}, T={of.steps}"
    return Work(5 if of == SMALL else 6, name, "step", of.epochs)


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Every peer is to be beaten by as much."""
    for of, faster in ((SMALL, 2.0), *((large, 1.4) for large in LARGE)):
        goals = dict.fromkeys(PEERS, Goal(faster=faster))
        yield from training.compare_with(work(of), of, data(of), peer, module, goals, isas)


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Compare with the products alone, and those with the processor's peak."""
    for of in (SMALL, *LARGE):
        large = of != SMALL
        goal = Goal(within=1.15) if large else None
        yield from training_rows(work(of), of, training.ours(of, *data(of)), isas, goal)
        gemms = replace(work(of), name=f"GEMMs of {work(of).name}")
        yield from peak_rows(gemms, of, isas, Goal(faster=0.8) if large else None)
