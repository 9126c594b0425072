"""Row 4: train the dinosaur exercise's model: one name an update, basic RNN of 50 units, clipped SGD, state carried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

import numpy as np

from benchmarks.harness import Goal, Row, Work, compare
from benchmarks.peers import Floats, Naming, Tokens
from rnnfast import _core
from rnnfast.names import dinosaur_names

GOALS = {"jax": Goal(faster=1)}
CHECKED_NAMES = 300


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


def parameters(task: Naming) -> dict[str, Floats]:
    """Initial weights as the exercise draws them."""
    V, H = task.vocab_size, task.hidden_size
    random = np.random.default_rng(1)
    shapes = {"W": (V, H), "R": (H, H), "b": (H,), "dense.W": (H, V), "dense.b": (V,)}
    return {
        name: (random.normal(size=shape) * (0.01 if len(shape) > 1 else 0)).astype(np.float32)
        for name, shape in shapes.items()
    }


def ours(task: Naming) -> Callable[[], Floats]:
    """A function that learns every name once more, and returns the loss of each."""
    arrays = [*parameters(task).values(), np.zeros(task.hidden_size, np.float32)]
    inputs, targets = np.concatenate(task.inputs), np.concatenate(task.targets)
    lengths = np.array([len(name) for name in task.inputs])
    data: tuple[Tokens, Tokens] = (inputs, targets)
    return lambda: _core.learn_online(*arrays, *data, lengths, task.rate, task.limit)


def verify(task: Naming, module: ModuleType) -> None:
    """The losses must agree within 1 %, name by name."""
    first = task.first(CHECKED_NAMES)
    own, theirs = ours(first), module.name_learner(parameters(first), first)
    for _ in range(2):
        np.testing.assert_allclose(theirs(), own(), rtol=0.01, err_msg=f"{module.NAME} learns otherwise")


def rows(peer: str, module: ModuleType, isas: Sequence[str]) -> Iterator[Row]:
    """Compare with a peer that learns names."""
    if not hasattr(module, "name_learner"):
        return
    task = naming()
    verify(task, module)
    work = Work(4, "train dinosaur names", "name", len(task.inputs))
    theirs = module.name_learner(parameters(task), task)
    yield from compare(work, ours(task), module.NAME, theirs, goal=GOALS.get(peer), isas=isas)
