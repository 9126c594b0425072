"""`LanguageModel.fit` and `evaluate`: what their arguments mean, and the one native call that trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnfast import _core
from rnnfast._arguments import integer, real, thread_count
from rnnfast._methods import method_of
from rnnfast.endless import EndlessPairs
from rnnfast.optim import Adam, Optimizer
from rnnfast.train import (
    Callback,
    History,
    Tokens,
    checked_callbacks,
    told_to_stop,
    training_pair,
    validation_split,
)

if TYPE_CHECKING:
    from rnnfast.model import LanguageModel
    from rnnfast.progress import ProgressBar

_WITHOUT_END = 2**62


@method_of("rnnfast.model", "LanguageModel")
def fit(
    self: LanguageModel,
    X: Any,
    Y: Any = None,
    *,
    epochs: int | None,
    batch_size: int | None = None,
    optimizer: Optimizer = Adam(),  # noqa: B008 (frozen)
    reduction: str = "token",
    clip_value: float | None = None,
    clip_norm: float | None = None,
    keras_clip_norm: bool = False,
    shuffle: bool = True,
    validation: Any = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    num_threads: int | None = None,
    truncate: int | None = None,
    stateful: bool = False,
) -> History:
    """Train. The whole loop is native; Ctrl-C works.

    Parameters
    ----------
    X : (N, T) integers or (N, T, V) one-hot; or an iterator of these, or of pairs (x, y)
        Inputs; -1, or a zero vector, is the zero input. An iterator is an endless stream: N texts or signals side
        by side, each array the next T steps of all (T may differ), no more than one of which is held. Then Y is
        None, `stateful` True, `truncate` given and the batch always all N. Each call begins with zeros.
    Y : None, (N, T) integers, (N, T, V) or (T, N, V) one-hot, or T arrays (N, V)
        Targets; -1, or a zero vector, does not count. None: the next token of X. Where N = T, a three-dimensional
        array is taken as (N, T, V).
    epochs : int, or None with an iterator
        How often all samples are gone over. Of an iterator's arrays each is an epoch; None: until it ends, a
        callback stops it, or Ctrl-C.
    batch_size : int, optional
        Samples a step; None is all of them.
    optimizer : SGD, RMSprop, Adam or AdamW
        What it remembers stays in the model: fitting 50 epochs twice equals 100 once. One that remembers other
        things starts afresh.
    reduction : {"token", "sequence"}
        The loss that is differentiated: its mean over the batch's targets that count, or its sum over time averaged
        over the batch.
    clip_value, clip_norm : float, optional
        Each element of the gradient into [-clip_value, clip_value]; then the whole gradient scaled to a global norm
        of at most clip_norm: by ``min(1, clip_norm / (norm + 1e-6))``, as PyTorch's clip_grad_norm_.
    keras_clip_norm : bool
        By ``min(1, clip_norm / norm)`` instead, as Keras' global_clipnorm.
    shuffle : bool
        A new order of samples each epoch, decided by the model's seed and its epochs so far.
    validation : (X, Y) or float, optional
        Evaluated after each epoch; a fraction holds back the last samples.
    callbacks : sequence of f(epoch, history)
        Called after each epoch (counted from 0); True stops.
    progress : bool
        Show a progress bar with loss, tokens a second and time left on a terminal.
    num_threads : int, optional
        None: as many as pay, which is 1 for small models, or what ``RNNFAST_NUM_THREADS`` in the environment says.
        No bit of any result depends on it.
    truncate : int, optional
        Truncated backpropagation through time (Williams & Peng 1990): each sample is cut into pieces of so many
        steps, and each piece is an update. Activations grow with the piece, not with T. None: no cut.
    stateful : bool
        With `truncate`: a piece begins with the state that the piece before it ended with; else with zeros. So does
        an iterator's next array, of which each is cut into pieces of its own.

    Returns
    -------
    history : History
        Of this call, also in `history`.

    Raises
    ------
    NonFiniteError
        (a FloatingPointError) Where the loss or gradient is not finite; names epoch and step.
    ValueError, TypeError
        For bad arguments.

    Notes
    -----
    However it ends (Ctrl-C, a callback's exception, NonFiniteError), it ends at a whole step: parameters, optimiser
    and `history` are those of the last complete one.

    The memory that training takes is kept for the next call, until one of another shape or the model's end.

    Examples
    --------
    A stream without end; in memory are one array, and a line of history for each that was read:

    >>> from itertools import count
    >>> from rnnfast import Adam, LanguageModel
    >>> model = LanguageModel(10, 16)
    >>> digits = (np.arange(8 * k, 8 * (k + 1)).reshape(1, 8) % 10 for k in count())
    >>> options = {"truncate": 4, "stateful": True, "optimizer": Adam(0.02)}
    >>> learnt = lambda epoch, history: history.loss[-1] < 0.05
    >>> history = model.fit(digits, epochs=None, callbacks=[learnt], **options)
    >>> model.generate(5, prompt=np.arange(9), greedy=True)
    array([[9, 0, 1, 2, 3]], dtype=int32)
    """
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
    functions = checked_callbacks(callbacks)
    inputs, targets, held_out, more = _data(self, X, Y, validation, settings)

    history, account = History(), _core.FitProgress()

    def epoch_end() -> bool:
        history.update(account, len(inputs))
        return told_to_stop(functions, account.epoch - 1, history)

    display = _display(epochs, inputs, account, settings["reduction"]) if progress else None
    try:
        self._native.fit(
            inputs,
            targets,
            **settings,
            validation=held_out,
            progress=account,
            epoch_end=epoch_end if functions else None,
            on_progress=None if display is None else display.update,
            next=None if more is None else more.next,
        )
    finally:
        if account.steps_per_epoch:  # it has begun: a call that was refused leaves the last one's history
            history.update(account, len(inputs))
            self.history = history
        if display is not None:
            display.close()
    return history


@method_of("rnnfast.model", "LanguageModel")
def evaluate(
    self: LanguageModel, X: Any, Y: Any = None, *, num_threads: int | None = None
) -> dict[str, float]:
    """How well the model predicts; nothing changes.

    Parameters
    ----------
    X, Y
        As in `fit`.
    num_threads : int, optional
        As in `fit`.

    Returns
    -------
    measures : dict
        ``loss`` (mean nats a target that counts), ``accuracy``, ``perplexity`` (exp of the loss) and
        ``bits_per_token`` (the loss / ln 2).
    """
    inputs, targets = training_pair(X, Y, self.vocab_size)
    total, count, correct = self._native.evaluate(inputs, targets, thread_count(num_threads))
    if count == 0:
        raise ValueError("evaluate: Y has no target that counts: all are -1")
    loss = total / count
    with np.errstate(over="ignore"):
        perplexity = float(np.exp(loss))
    return {
        "loss": loss,
        "accuracy": correct / count,
        "perplexity": perplexity,
        "bits_per_token": loss / float(np.log(2)),
    }


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
