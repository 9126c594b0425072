"""What the sequence models share: settings, parameters, training, files."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from rnnfast._interrupts import whole
from rnnfast._parameters import checked_parameters
from rnnfast._pickled import attributes, complete, entry, unpickling, without
from rnnfast.layers.net import parameters_of
from rnnfast.optimizer_state import OptimizerState
from rnnfast.sequence import fitting
from rnnfast.sequence.batches import Sequences, sequences
from rnnfast.sequence.net import SequenceNet
from rnnfast.sequence.settings import checked_settings
from rnnfast.sequence.training import added, over_batches
from rnnfast.train import History, Sums

if TYPE_CHECKING:
    from rnnfast.sequence.checkpoint import Checkpoint

Floats = npt.NDArray[Any]

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

    fit = fitting.fit  # whose documentation and arguments fill that file

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
            model = cls(**state.config)
            model._restore(state)
        except (TypeError, ValueError) as error:
            raise checkpoint.damaged(path, error) from error
        return model

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: what `save` writes, and what else there is."""
        made = {"checkpoint": self._checkpoint(), "history": copy.deepcopy(self.history)}
        return without(vars(self), _MADE) | made

    def __setstate__(self, state: Any) -> None:
        from rnnfast.sequence import checkpoint

        with unpickling(self):
            history = complete(entry(state, "history", History))
            saved = entry(state, "checkpoint", checkpoint.Checkpoint)
            saved = checkpoint.checked(saved, self._outputs_name)
            settings = dict(saved.config)
            sizes = settings.pop(self._outputs_name), settings.pop("hidden_size")
            twin = object.__new__(type(self))  # a subclass need not know the settings in its constructor
            SequenceModel.__init__(twin, *sizes, **settings)
            twin._restore(saved)
            others = attributes(self, state, ("checkpoint", "history", *_MADE))
        vars(self).update(vars(twin) | others | {"history": history})

    def _checkpoint(self) -> Checkpoint:
        from rnnfast.sequence.checkpoint import Checkpoint

        return Checkpoint(
            config=dict(self._config),
            parameters={name: p.copy() for name, p in self.parameters.items()},
            optimizer=copy.deepcopy(self._optimizer_state),
            epochs_begun=self._epochs_begun,
            steps=self._steps,
        )

    def _restore(self, saved: Checkpoint) -> None:
        if self._config != saved.config:
            raise ValueError(f"config is {saved.config}, expected all of {self._config}")
        self.set_parameters(saved.parameters)
        self._optimizer_state = copy.deepcopy(saved.optimizer)
        self._epochs_begun, self._steps = saved.epochs_begun, saved.steps

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
