"""Row 4: train the dinosaur exercise's model: one name an update, basic RNN of 50 units, clipped SGD, state carried.

The names once, in float32; and the exercise's own `model` with its 35,000 iterations and 126 names printed, in float64.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.harness import Goal, Row, Work, compare
from benchmarks.peers import Floats, Naming, Tokens
from rnnfast import _core, course, reference
from rnnfast.names import dinosaur_names

GOALS = {"jax": Goal(faster=1)}
CHECKED_NAMES = 300
EXERCISE_PEERS = ("numpy", "torch", "keras")
EXERCISE_REPEATS = 3
ROUNDS = 39
"""So often the exercise goes through our 907 names: 35,373 iterations, and 18 reports of 7 names."""


def naming() -> Naming:
    """The names that come with the package, shuffled; a newline is 0."""
    shuffled = np.random.default_rng(0).permutation(dinosaur_names())
    letters = [np.frombuffer(str(name).encode("ascii"), np.uint8).astype(np.int32) - 96 for name in shuffled]
    return Naming(
        inputs=[np.concatenate([[-1], name]).astype(np.int32) for name in letters],
        targets=[np.concatenate([name, [0]]).astype(np.int32) for name in letters],
        vocab_size=27,
        hidden_size=50,
    )


def parameters(task: Naming, dtype: type[np.floating[Any]] = np.float32) -> dict[str, Floats]:
    """Initial weights as the exercise draws them."""
    V, H = task.vocab_size, task.hidden_size
    random = np.random.default_rng(1)
    shapes = {"W": (V, H), "R": (H, H), "b": (H,), "dense.W": (H, V), "dense.b": (V,)}
    return {
        name: (random.normal(size=shape) * (0.01 if len(shape) > 1 else 0)).astype(dtype)
        for name, shape in shapes.items()
    }


def ours(task: Naming, dtype: type[np.floating[Any]] = np.float32) -> Callable[[], Floats]:
    """A function that learns every name once more, and returns the loss of each."""
    arrays = [*parameters(task, dtype).values(), np.zeros(task.hidden_size, dtype)]
    inputs, targets = np.concatenate(task.inputs), np.concatenate(task.targets)
    lengths = np.array([len(name) for name in task.inputs])
    data: tuple[Tokens, Tokens] = (inputs, targets)
    return lambda: _core.learn_online(*arrays, *data, lengths, task.rate, task.limit)


def verify(task: Naming, module: ModuleType, dtype: type[np.floating[Any]] = np.float32) -> None:
    """The losses must agree name by name: within 1 %, or within 1e-9 in float64, so that none rounds to float32."""
    first = task.first(CHECKED_NAMES)
    own, theirs = ours(first, dtype), module.name_learner(parameters(first, dtype), first)
    rtol = 1e-9 if dtype is np.float64 else 0.01
    for _ in range(2):
        np.testing.assert_allclose(theirs(), own(), rtol=rtol, err_msg=f"{module.NAME} learns otherwise")


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with a peer that learns names."""
    if not hasattr(module, "name_learner"):
        return
    task = naming()
    verify(task, module)
    work = Work(4, "train dinosaur names", "name", len(task.inputs))
    theirs = module.name_learner(parameters(task), task)
    yield from compare(work, ours(task), module.NAME, theirs, goal=GOALS.get(peer), isas=isas)
    if peer in EXERCISE_PEERS:
        yield from exercise_rows(peer, module, task, isas)


def exercise_rows(peer: str, module: ModuleType, task: Naming, isas: Sequence[str]) -> Iterator[Row]:
    """The exercise from its first iteration to its last; peers but its NumPy twin are spared the printing."""
    names = dinosaur_names()
    data, letters = "\n".join(names), dict(enumerate(sorted({"\n", *"".join(names)})))
    iterations = ROUNDS * len(names)

    def model(exercise: ModuleType) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            exercise.model(data, letters, num_iterations=iterations)

    if peer == "numpy":
        name, theirs = f"{module.NAME}, rnnfast.reference", partial(model, reference.dinosaur)
    else:
        verify(task, module, np.float64)
        learn = module.name_learner(parameters(task, np.float64), task)

        def theirs() -> None:
            for _ in range(ROUNDS):
                learn()

        name = module.NAME
    work = Work(4, "the dinosaur exercise", "iteration", iterations)
    yield from compare(
        work, partial(model, course.dinosaur), name, theirs, isas=isas, repeats=EXERCISE_REPEATS
    )
