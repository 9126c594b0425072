"""Row 9: training with two threads: against one thread, bit for bit the same, and against each peer with two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks import char_training, jazz_training, training
from benchmarks.harness import Goal, Row, Work, compare
from benchmarks.peers import PEERS, Training

TWO = 2


def tasks() -> Iterator[tuple[Work, Training, tuple[training.Tokens, training.Tokens], float]]:
    """Work, what to train, its data, and how much two threads must gain."""
    for work, task in jazz_training.tasks():
        yield replace(work, row=9), task, jazz_training.data(), 1.5
    for task in (char_training.SMALL, *char_training.LARGE):
        yield replace(char_training.work(task), row=9), task, char_training.data(task), 1.8


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Every peer with two threads is to be beaten, by the best instruction set."""
    goals = dict.fromkeys(PEERS, Goal(faster=1))
    for work, task, data, _ in tasks():
        yield from training.compare_with(work, task, data, peer, module, goals, isas[:1], num_threads=TWO)


def rows_alone(isas: Sequence[str]) -> Iterator[Row]:
    """Two threads against one."""
    for work, task, data, faster in tasks():
        verify(task, data)
        two = training.ours(task, *data, num_threads=TWO)
        one = training.ours(task, *data, num_threads=1)
        goal = Goal(faster=faster)
        yield from compare(work, two, "rnnfast, 1 thread", one, goal=goal, isas=isas[:1])


def verify(task: Training, data: tuple[training.Tokens, training.Tokens]) -> None:
    """Both must learn the same parameters, bit for bit."""
    task = replace(task, epochs=min(task.epochs, 2))
    models = [training.model_of(task), training.model_of(task)]
    for model, threads in zip(models, (1, TWO), strict=True):
        training.ours(task, *data, model=model, num_threads=threads)()
    for name, value in models[0].parameters.items():
        np.testing.assert_array_equal(value, models[1].parameters[name], err_msg=name)
