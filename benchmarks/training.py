"""What the training scenarios share: show that a peer learns as rnnfast does, then time both as they go on learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Goal, Row, Work, compare
from benchmarks.peers import Training
from rnnfast import Adam, LanguageModel

Tokens = npt.NDArray[np.int32]
CHECKED_EPOCHS = 10


def model_of(task: Training) -> LanguageModel:
    """The model before training."""
    return LanguageModel(task.vocab_size, task.hidden_size, num_layers=task.num_layers)


def ours(
    task: Training, X: Tokens, Y: Tokens, *, model: LanguageModel | None = None, **settings: Any
) -> Callable[[], list[float]]:
    """A function that trains for `task.epochs` more epochs and returns the loss of each, summed over time."""
    model = model or model_of(task)
    optimizer = Adam(task.rate, decay=task.decay)

    def train() -> list[float]:
        history = model.fit(
            X,
            Y,
            epochs=task.epochs,
            batch_size=task.batch,
            optimizer=optimizer,
            reduction="sequence",
            shuffle=False,
            **settings,
        )
        return history.sequence_loss

    return train


def verify(task: Training, X: Tokens, Y: Tokens, module: ModuleType) -> None:
    """The loss curves must agree within 1 %."""
    task = replace(task, epochs=min(task.epochs, CHECKED_EPOCHS))
    calls = 1 if task.epochs > 1 else 3  # the first loss says nothing about the gradient
    own, theirs = ours(task, X, Y), module.trainer(dict(model_of(task).parameters), task, X, Y)
    for _ in range(calls):
        np.testing.assert_allclose(theirs(), own(), rtol=0.01, err_msg=f"{module.NAME} learns otherwise")


def compare_with(
    work: Work,
    task: Training,
    data: tuple[Tokens, Tokens],
    peer: str,
    module: ModuleType,
    goals: Mapping[str, Goal],
    isas: Sequence[str],
    **settings: Any,
) -> Iterator[Row]:
    """Verify, then time; `settings` are for our `fit`."""
    if not hasattr(module, "trainer"):
        return
    verify(task, *data, module)
    theirs = module.trainer(dict(model_of(task).parameters), task, *data)
    own = ours(task, *data, **settings)
    yield from compare(work, own, module.NAME, theirs, goal=goals.get(peer), isas=isas)
