"""`LanguageModel.fit`: what its arguments mean, and the one native call that trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnfast import _core
from rnnfast._arguments import integer, real, thread_count
from rnnfast.endless import EndlessPairs
from rnnfast.optim import Optimizer
from rnnfast.train import History, Tokens, training_pair, validation_split

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel
    from rnnfast.progress import ProgressBar

Callback = Callable[[int, History], Any]

_WITHOUT_END = 2**62


def fit(
    model: LanguageModel,
    X: Any,
    Y: Any,
    *,
    epochs: int | None,
    batch_size: int | None,
    optimizer: Optimizer,
    reduction: str,
    clip_value: float | None,
    clip_norm: float | None,
    keras_clip_norm: bool,
    shuffle: bool,
    validation: Any,
    callbacks: Sequence[Callback],
    progress: bool,
    num_threads: int | None,
    truncate: int | None,
    stateful: bool,
) -> History:
    """Train `model`, see `LanguageModel.fit`."""
    settings: dict[str, Any] = {
        "epochs": _epochs(epochs, X),
        "batch_size": _at_least_one("batch_size", batch_size, "all samples"),
        "optimizer": _optimizer(optimizer).native(),
        "reduction": _reduction(reduction),
        "clip_value": None if clip_value is None else real("clip_value", clip_value),
        "clip_norm": None if clip_norm is None else real("clip_norm", clip_norm),
        "keras_clip_norm": bool(keras_clip_norm),
        "shuffle": bool(shuffle),
        "num_threads": thread_count(num_threads),
        "truncate": _at_least_one("truncate", truncate, "no cut"),
        "stateful": bool(stateful),
    }
    if stateful and truncate is None:
        raise ValueError(
            "stateful is True, expected truncate= with it: a whole sample has no piece before it"
        )
    callbacks = _functions(callbacks)
    inputs, targets, held_out, more = _data(model, X, Y, validation, settings)

    history, account = History(), _core.FitProgress()

    def epoch_end() -> bool:
        history.update(account, len(inputs))
        answers = [callback(account.epoch - 1, history) for callback in callbacks]
        return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)

    display = _display(epochs, inputs, account, settings["reduction"]) if progress else None
    try:
        model._native.fit(
            inputs,
            targets,
            **settings,
            validation=held_out,
            progress=account,
            epoch_end=epoch_end if callbacks else None,
            on_progress=None if display is None else display.update,
            next=None if more is None else more.next,
        )
    finally:
        if account.steps_per_epoch:  # it has begun: a call that was refused leaves the last one's history
            history.update(account, len(inputs))
            model.history = history
        if display is not None:
            display.close()
    return history


def _data(
    model: LanguageModel, X: Any, Y: Any, validation: Any, settings: dict[str, Any]
) -> tuple[Tokens, Tokens, tuple[Tokens, Tokens] | None, EndlessPairs | None]:
    """Inputs, targets, the validation's pair, and what gives more of the first two."""
    if not isinstance(X, Iterator):
        inputs, targets = training_pair(X, Y, model.vocab_size)
        return *validation_split(inputs, targets, validation, model.vocab_size), None
    for name, value, fits, expected in (
        ("Y", "given", Y is None, "None: X is an iterator, which may give pairs (x, y)"),
        ("stateful", settings["stateful"], settings["stateful"], "True: X is an iterator"),
        ("batch_size", settings["batch_size"], not settings["batch_size"], "None: X is an iterator"),
        ("validation", validation, not isinstance(validation, float), "(X, Y): X is an iterator"),
    ):
        if not fits:
            raise ValueError(f"{name} is {value}, expected {expected}")
    more = EndlessPairs(X, model.vocab_size)
    inputs, targets = more.first()
    return *validation_split(inputs, targets, validation, model.vocab_size), more


def _display(epochs: int | None, inputs: Tokens, account: _core.FitProgress, reduction: str) -> ProgressBar:
    from rnnfast.progress import BITS, ProgressBar  # here, so that importing rnnfast stays quick

    return ProgressBar(epochs, inputs.shape, account, BITS if reduction == "token" else "nats a window")


def _epochs(value: Any, X: Any) -> int:
    if value is not None:
        return integer("epochs", value)
    if not isinstance(X, Iterator):
        raise TypeError("epochs is None, expected an int: only an iterator X says by itself where it ends")
    return _WITHOUT_END


def _at_least_one(name: str, value: Any, none: str) -> int:
    if value is None:
        return 0
    if integer(name, value) < 1:
        raise ValueError(f"{name} is {value}, expected at least 1, or None for {none}")
    return integer(name, value)


def _optimizer(value: Any) -> Optimizer:
    if not isinstance(value, Optimizer):
        raise TypeError(f"optimizer is {value!r}, expected an optimizer such as Adam(...)")
    return value


def _reduction(value: Any) -> str:
    if value not in ("token", "sequence"):
        raise ValueError(f"reduction is {value!r}, expected 'token' or 'sequence'")
    return str(value)


def _functions(callbacks: Any) -> list[Callback]:
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks is {callbacks!r}, expected a sequence of functions f(epoch, history)")
    return list(callbacks)
