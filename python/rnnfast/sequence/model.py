"""What the sequence models share: settings, parameters, training, files."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from rnnfast._arguments import real, thread_count
from rnnfast._interrupts import whole
from rnnfast._parameters import checked_parameters
from rnnfast._pickled import entry, unpickling, without
from rnnfast.layers.net import parameters_of
from rnnfast.optim import Adam, Optimizer
from rnnfast.optimizer_state import OptimizerState
from rnnfast.sequence.batches import Sequences, sequences
from rnnfast.sequence.net import SequenceNet
from rnnfast.sequence.settings import at_least, checked_settings
from rnnfast.sequence.training import Account, Loop, added, epoch_order, over_batches
from rnnfast.train import History, Sums

if TYPE_CHECKING:
    from rnnfast.sequence.checkpoint import Checkpoint

Floats = npt.NDArray[Any]
Callback = Callable[[int, History], Any]


_MADE = ("_config", "_net", "_optimizer_state", "_epochs_begun", "_steps", "_fitting")
"""What a checkpoint makes."""


class SequenceModel:
    """A net with targets of some kind, which a subclass names."""

    _outputs_name: str
    _loss_unit: str
    _nothing: Sums

    def __init__(self, num_outputs: int, hidden_size: int, **settings: Any) -> None:
        self._config = checked_settings(self._outputs_name, num_outputs, hidden_size, settings)
        self._net = SequenceNet(self._config, self._num_outputs)
        self._optimizer_state: OptimizerState | None = None
        self._epochs_begun = self._steps = 0
        self._fitting = threading.Lock()
        self.history = History()
        """Of the last `fit`, also where that ended with an exception."""

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._config.items())})"
        )

    @property
    def config(self) -> Mapping[str, Any]:
        """The constructor's settings, read-only."""
        return MappingProxyType(self._config)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of parameters and predictions."""
        name: str = self._config["dtype"]
        return np.dtype(name)

    @property
    def num_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(layer.num_parameters for layer in self._net.layers.values())

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """Name -> read-only live view; training shows in it, so copy what is to stay.

        ``embedding.W`` where there is one, ``recurrent.layers.0.W``, ... as the recurrent layer has them, ``dense.W``
        and ``dense.b``.
        """
        return MappingProxyType(parameters_of(self._net.layers))

    def set_parameters(self, mapping: Mapping[str, npt.ArrayLike]) -> None:
        """Change parameters. All names, shapes and numbers are checked before anything changes.

        Parameters
        ----------
        mapping : name -> array_like
            Any of the names of `parameters`, each of that shape and finite; those not named keep their values.

        Raises
        ------
        ValueError
            For a name that the model does not have, another shape, or a number that is not finite.
        TypeError
            For anything but real numbers.
        """
        own = parameters_of(self._net.layers)
        new = dict(zip(own, checked_parameters(mapping, own), strict=True))
        with whole():
            for name, layer in self._net.layers.items():
                layer._native.set_parameters([new[f"{name}.{key}"] for key in layer.parameters])

    def fit(
        self,
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
        data, targets, held_out = self._split(X, y, lengths, validation)
        threads = thread_count(num_threads) or None
        functions = _functions(callbacks)
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
        display = None
        try:
            state = self._state_for(optimizer)
            if progress:
                from rnnfast.progress import ProgressBar

                display = ProgressBar(runs, data.values.shape, account, f"{self._loss_unit} a sequence")
            Loop(
                epochs=runs,
                batch_size=size,
                order=lambda: self._next_order(len(data), bool(shuffle)),
                compute=lambda chosen: self._compute(data, targets, chosen, threads),
                apply=lambda gradients: self._apply(
                    optimizer, gradients, state, clipping, threads, begins_epoch=account.step == 0
                ),
                validate=lambda: None if held_out is None else self._measure(*held_out, threads),
                epoch_end=lambda: _told_to_stop(functions, account, history, len(data)),
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that is needed to go on: weights, optimiser, random position, settings.

        A safetensors file, written atomically.
        """
        from rnnfast.sequence import checkpoint  # here, so that importing rnnfast stays quick

        checkpoint.save(f"rnnfast.{type(self).__name__}", self._checkpoint(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            For a file that is damaged, of another kind, or of a newer format; the message says which.
        OSError
            Where there is no such file, or it cannot be read.
        """
        from rnnfast.sequence import checkpoint

        state = checkpoint.load(f"rnnfast.{cls.__name__}", cls._outputs_name, path)
        try:
            return cls._from(state)
        except (TypeError, ValueError) as error:
            raise checkpoint.damaged(path, error) from error

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: what `save` writes, and what else there is."""
        return {"checkpoint": self._checkpoint()} | without(vars(self), _MADE)

    def __setstate__(self, state: Any) -> None:
        from rnnfast.sequence import checkpoint

        with unpickling(self):
            entry(state, "history", History)
            saved = entry(state, "checkpoint", checkpoint.Checkpoint)
            twin = self._from(checkpoint.checked(saved, self._outputs_name))
        vars(self).update(vars(twin) | without(state, ("checkpoint", *_MADE)))

    def _checkpoint(self) -> Checkpoint:
        from rnnfast.sequence.checkpoint import Checkpoint

        return Checkpoint(
            config=dict(self._config),
            parameters={name: p.copy() for name, p in self.parameters.items()},
            optimizer=copy.deepcopy(self._optimizer_state),
            epochs_begun=self._epochs_begun,
            steps=self._steps,
        )

    @classmethod
    def _from(cls, saved: Checkpoint) -> Self:
        model = cls.__new__(cls)
        settings = dict(saved.config)
        SequenceModel.__init__(
            model, settings.pop(cls._outputs_name), settings.pop("hidden_size"), **settings
        )
        if model._config != saved.config:
            raise ValueError(f"config is {saved.config}, expected all of {model._config}")
        model.set_parameters(saved.parameters)
        model._optimizer_state = saved.optimizer
        model._epochs_begun, model._steps = saved.epochs_begun, saved.steps
        return model

    # What a subclass says: its targets as an array, (N, ...) for "last", (N, T, ...) for "all"; whether one of them
    # counts; and of outputs, which come as (N, K) or (T, N, K), the loss and its gradient.

    def _targets(self, name: str, y: Any, data: Sequences) -> Floats:
        raise NotImplementedError

    def _some_count(self, targets: Floats, data: Sequences) -> bool:
        raise NotImplementedError

    def _loss(self, outputs: Floats, targets: Floats, lengths: Any) -> tuple[Sums, Floats]:
        raise NotImplementedError

    @property
    def _num_outputs(self) -> int:
        return int(self._config[self._outputs_name])

    @property
    def _is_each_step(self) -> bool:
        return bool(self._config["output"] == "all")

    def _sequences(self, X: Any, lengths: Any) -> Sequences:
        sizes = {key: self._config[key] for key in ("vocab_size", "input_size")}
        return sequences(X, lengths, **sizes, dtype=self.dtype)

    def _pair(self, X: Any, y: Any, lengths: Any, name: str = "y") -> tuple[Sequences, Floats]:
        data = self._sequences(X, lengths)
        if len(data) == 0:
            raise ValueError(f"X has shape {data.values.shape}, expected at least one sequence")
        targets = self._targets(name, y, data)
        if not self._some_count(targets, data):
            raise ValueError(f"{name} has no target that counts: all are -1, or behind their sequences' ends")
        return data, targets

    def _split(
        self, X: Any, y: Any, lengths: Any, validation: Any
    ) -> tuple[Sequences, Floats, tuple[Sequences, Floats] | None]:
        data, targets = self._pair(X, y, lengths)
        if validation is None:
            return data, targets, None
        if isinstance(validation, tuple | list):
            if len(validation) not in (2, 3):
                raise ValueError(
                    f"validation has {len(validation)} entries, expected (X, y), (X, y, lengths) or a fraction"
                )
            X_held, y_held, *its = validation
            return data, targets, self._pair(X_held, y_held, its[0] if its else None, "validation y")
        if isinstance(validation, bool) or not isinstance(validation, float) or not 0 < validation < 1:
            raise ValueError(f"validation is {validation!r}, expected (X, y) or a fraction between 0 and 1")
        kept = len(data) - max(1, round(validation * len(data)))
        if kept < 1:
            raise ValueError(
                f"validation is {validation}, which leaves none of {len(data)} sequences to train on"
            )
        parts = (data[:kept], targets[:kept]), (data[kept:], targets[kept:])
        for (its_data, its_targets), what in zip(parts, ("train on", "hold back"), strict=True):
            if not self._some_count(its_targets, its_data):
                raise ValueError(f"validation is {validation}, which leaves no target that counts to {what}")
        return *parts[0], parts[1]

    def _state_for(self, optimizer: Optimizer) -> OptimizerState:
        """What is remembered for an optimiser of the same kind; else a fresh state."""
        fresh, old = optimizer.initial_state(self._net.layers), self._optimizer_state
        if old is None or (old.kind, old.slots.keys()) != (fresh.kind, fresh.slots.keys()):
            return fresh
        return old

    def _next_order(self, count: int, shuffle: bool) -> npt.NDArray[np.int64]:
        return epoch_order(count, self._config["seed"], self._epochs_begun, shuffle=shuffle)

    def _compute(
        self, data: Sequences, targets: Floats, chosen: Any, num_threads: int | None
    ) -> tuple[Sums, Any]:
        batch = data.batch(chosen)
        outputs, tape = self._net.forward(batch, self._steps, num_threads)
        sums, doutputs = self._loss(
            outputs, self._batch_targets(targets, chosen, len(batch.x)), batch.lengths
        )
        return sums, self._net.backward(doutputs, tape, num_threads)

    def _apply(
        self,
        optimizer: Optimizer,
        gradients: Any,
        state: OptimizerState,
        clipping: dict[str, Any],
        num_threads: int | None,
        *,
        begins_epoch: bool,
    ) -> None:
        """One whole step: until it succeeds nothing moves, the optimiser and the random positions neither."""
        optimizer.step(self._net.layers, gradients, state, **clipping, num_threads=num_threads)
        self._optimizer_state = state
        self._steps += 1
        self._epochs_begun += begins_epoch

    def _batch_targets(self, targets: Floats, chosen: Any, steps: int) -> Floats:
        """Those of some sequences, time-major where each step has its own."""
        own = targets[chosen]
        return np.ascontiguousarray(own[:, :steps].swapaxes(0, 1)) if self._is_each_step else own

    def _outputs(self, data: Sequences, num_threads: int | None) -> Floats:
        """(N, K), or (N, T, K) with zeros behind the ends."""
        steps = data.values.shape[1:2] if self._is_each_step else ()
        outputs = np.zeros((len(data), *steps, self._num_outputs), self.dtype)

        def compute(chosen: slice) -> None:
            batch = data.batch(chosen)
            own = self._net(batch, num_threads)
            if not self._is_each_step:
                outputs[chosen] = own
                return
            counts = np.arange(len(own))[:, np.newaxis] < batch.lengths
            outputs[chosen, : len(own)] = np.where(counts[..., np.newaxis], own, 0).swapaxes(0, 1)

        over_batches(data, compute)
        return outputs

    def _measure(self, data: Sequences, targets: Floats, num_threads: int | None) -> Sums:
        def compute(chosen: slice) -> Sums:
            batch = data.batch(chosen)
            own = self._batch_targets(targets, chosen, len(batch.x))
            return self._loss(self._net(batch, num_threads), own, batch.lengths)[0]

        total = self._nothing
        for sums in over_batches(data, compute):
            total = added(total, sums)
        return total


def _functions(callbacks: Any) -> list[Callback]:
    if not isinstance(callbacks, Sequence) or not all(callable(callback) for callback in callbacks):
        raise TypeError(f"callbacks is {callbacks!r}, expected a sequence of functions")
    return list(callbacks)


def _told_to_stop(callbacks: list[Callback], account: Account, history: History, samples: int) -> bool:
    history.update(account, samples)
    answers = [callback(account.epoch - 1, history) for callback in callbacks]
    return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)
