"""`fit` of the sequence models: what its arguments mean, and what a step is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from rnnfast._arguments import real, thread_count
from rnnfast._methods import method_of
from rnnfast.optim import Adam, Optimizer
from rnnfast.optimizer_state import OptimizerState
from rnnfast.sequence.batches import Sequences
from rnnfast.sequence.settings import at_least
from rnnfast.sequence.training import Account, Loop, epoch_order
from rnnfast.train import Callback, History, Sums, checked_callbacks, told_to_stop

if TYPE_CHECKING:
    from rnnfast.sequence.model import SequenceModel

Floats = npt.NDArray[Any]


@method_of("rnnfast.sequence.model", "SequenceModel")
def fit(
    self: SequenceModel,
    X: Any,
    y: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    epochs: int,
    batch_size: int | None = None,
    optimizer: Optimizer = Adam(),  # noqa: B008 (frozen)
    clip_value: float | None = None,
    clip_norm: float | None = None,
    keras_clip_norm: bool = False,
    shuffle: bool = True,
    validation: Any = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    num_threads: int | None = None,
) -> History:
    """Train. The loop is Python, its steps a few native calls each; Ctrl-C works.

    Parameters
    ----------
    X, y
        As the class says; targets for each sequence, or for each step of it.
    lengths : (N,) integers, optional
        How many steps of each sequence count, where X is one padded array; what is behind them is not read.
    epochs : int
    batch_size : int, optional
        Sequences a step; None is all of them.
    optimizer : Optimizer
        What it remembers stays in the model: fitting 50 epochs twice equals 100 once. One of another kind starts
        afresh.
    clip_value, clip_norm : float, optional
        Each element of the gradient into [-clip_value, clip_value]; then the whole gradient scaled to a global norm
        of at most clip_norm (as PyTorch's clip_grad_norm_).
    keras_clip_norm : bool
        Scale as Keras' global_clipnorm does, without the 1e-6.
    shuffle : bool
        A new order of sequences each epoch, decided by the model's seed and its epochs so far.
    validation : (X, y), (X, y, lengths) or float, optional
        Evaluated after each epoch; a fraction holds back the last sequences.
    callbacks : sequence of f(epoch, history)
        Called after each epoch (counted from 0); True stops.
    progress : bool
        Show a progress bar with loss, targets a second and time left on a terminal.
    num_threads : int, optional
        None: as many as pay. No bit of any result depends on it.

    Returns
    -------
    history : History
        Of this call, also in `history`. ``loss`` is the mean over an epoch's targets, ``sequence_loss`` their sum a
        sequence, ``tokens`` counts targets.

    Raises
    ------
    NonFiniteError
        (a FloatingPointError) Where the loss or gradient is not finite; names epoch and step.
    RuntimeError
        Where another `fit` of this model is at work.
    ValueError, TypeError
        For bad arguments.

    Notes
    -----
    However it ends (Ctrl-C, a callback's exception, NonFiniteError), it ends at a whole step: parameters, optimiser
    and `history` are those of the last complete one.
    """
    data, targets, held_out = _split(self, X, y, lengths, validation)
    threads = thread_count(num_threads) or None
    functions = checked_callbacks(callbacks)
    clipping = {
        "clip_value": None if clip_value is None else real("clip_value", clip_value),
        "clip_norm": None if clip_norm is None else real("clip_norm", clip_norm),
        "keras_clip_norm": bool(keras_clip_norm),
    }
    runs, size = at_least("epochs", epochs, 0), len(data)
    if batch_size is not None:
        size = min(at_least("batch_size", batch_size, 1), len(data))
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}, expected an optimiser such as Adam()")
    if not self._fitting.acquire(blocking=False):
        raise RuntimeError("fit: another fit of this model is at work")
    account, history = Account(-(-len(data) // size), self._nothing), History()

    def epoch_end() -> bool:
        history.update(account, len(data))
        return told_to_stop(functions, account.epoch - 1, history)

    display = None
    try:
        state = _state_for(self, optimizer)
        if progress:
            from rnnfast.progress import ProgressBar

            display = ProgressBar(runs, data.values.shape, account, f"{self._loss_unit} a sequence")
        Loop(
            epochs=runs,
            batch_size=size,
            order=lambda: epoch_order(
                len(data), self._config["seed"], self._epochs_begun, shuffle=bool(shuffle)
            ),
            compute=lambda chosen: compute(self, data, targets, chosen, threads),
            apply=lambda gradients: _apply(
                self, optimizer, gradients, state, clipping, threads, begins_epoch=account.step == 0
            ),
            validate=lambda: None if held_out is None else self._measure(*held_out, threads),
            epoch_end=epoch_end,
            on_progress=(lambda: None) if display is None else display.update,
        ).run(account)
    finally:
        self._fitting.release()
        if account.epoch or account.step:  # a call that was refused leaves the last one's history
            history.update(account, len(data))
            self.history = history
        if display is not None:
            display.close()
    return history


def _split(
    model: SequenceModel, X: Any, y: Any, lengths: Any, validation: Any
) -> tuple[Sequences, Floats, tuple[Sequences, Floats] | None]:
    data, targets = model._pair(X, y, lengths)
    if validation is None:
        return data, targets, None
    if isinstance(validation, tuple | list):
        if len(validation) not in (2, 3):
            raise ValueError(
                f"validation has {len(validation)} entries, expected (X, y), (X, y, lengths) or a fraction"
            )
        X_held, y_held, *its = validation
        return data, targets, model._pair(X_held, y_held, its[0] if its else None, "validation y")
    if isinstance(validation, bool) or not isinstance(validation, float) or not 0 < validation < 1:
        raise ValueError(f"validation is {validation!r}, expected (X, y) or a fraction between 0 and 1")
    kept = len(data) - max(1, round(validation * len(data)))
    if kept < 1:
        raise ValueError(
            f"validation is {validation}, which leaves none of {len(data)} sequences to train on"
        )
    parts = (data[:kept], targets[:kept]), (data[kept:], targets[kept:])
    for (its_data, its_targets), what in zip(parts, ("train on", "hold back"), strict=True):
        if not model._some_count(its_targets, its_data):
            raise ValueError(f"validation is {validation}, which leaves no target that counts to {what}")
    return *parts[0], parts[1]


def _state_for(model: SequenceModel, optimizer: Optimizer) -> OptimizerState:
    """What is remembered for an optimiser of the same kind; else a fresh state."""
    fresh, old = optimizer.initial_state(model._net.layers), model._optimizer_state
    if old is None or (old.kind, old.slots.keys()) != (fresh.kind, fresh.slots.keys()):
        return fresh
    return old


def compute(
    model: SequenceModel, data: Sequences, targets: Floats, chosen: Any, num_threads: int | None
) -> tuple[Sums, Any]:
    """Of the chosen sequences, as the next step of training sees them: sums and gradients. Nothing changes."""
    batch = data.batch(chosen)
    outputs, tape = model._net.forward(batch, model._steps, num_threads)
    sums, doutputs = model._loss(outputs, model._batch_targets(targets, chosen, len(batch.x)), batch.lengths)
    return sums, model._net.backward(doutputs, tape, num_threads)


def _apply(
    model: SequenceModel,
    optimizer: Optimizer,
    gradients: Any,
    state: OptimizerState,
    clipping: dict[str, Any],
    num_threads: int | None,
    *,
    begins_epoch: bool,
) -> None:
    """One whole step: until it succeeds nothing moves, the optimiser and the random positions neither."""
    optimizer.step(model._net.layers, gradients, state, **clipping, num_threads=num_threads)
    model._optimizer_state = state
    model._steps += 1
    model._epochs_begun += begins_epoch
