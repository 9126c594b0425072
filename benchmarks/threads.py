"""Row 9: training with two threads, bit for bit as with one: against one thread, and against each peer with two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """Two threads against one: within a call, and as two of Python's that train a model each."""
    for work, task, data, faster in tasks():
        goal = Goal(faster=faster)
        verify(task, data)
        two = training.ours(task, *data, num_threads=TWO)
        one = training.ours(task, *data, num_threads=1)
        yield from compare(work, two, "rnnfast, 1 thread", one, goal=goal, isas=isas[:1])
        yield from compare_models(work, task, data, goal, isas[:1])


def compare_models(
    work: Work, task: Training, data: tuple[training.Tokens, training.Tokens], goal: Goal, isas: Sequence[str]
) -> Iterator[Row]:
    """Two models at the same time against the same two, one after the other."""
    models = [training.ours(task, *data, num_threads=1) for _ in range(TWO)]
    work = replace(work, name=f"two models: {work.name}", units=TWO * work.units)
    with ThreadPoolExecutor(TWO) as python_threads:

        def at_once() -> None:
            list(python_threads.map(lambda train: train(), models))

        def in_turn() -> None:
            for train in models:
                train()

        yield from compare(work, at_once, "rnnfast, in turn", in_turn, goal=goal, isas=isas)


def verify(task: Training, data: tuple[training.Tokens, training.Tokens]) -> None:
    """One thread, two of ours, and either of two models in two of Python's: the same parameters, bit for bit."""
    task = replace(task, epochs=min(task.epochs, 2))
    models = [training.model_of(task) for _ in range(4)]
    alone, shared, *pair = (
        training.ours(task, *data, model=model, num_threads=threads)
        for model, threads in zip(models, (1, TWO, 1, 1), strict=True)
    )
    alone()
    shared()
    with ThreadPoolExecutor(TWO) as python_threads:
        list(python_threads.map(lambda train: train(), pair))
    for name, value in models[0].parameters.items():
        for other in models[1:]:
            np.testing.assert_array_equal(value, other.parameters[name], err_msg=name)
