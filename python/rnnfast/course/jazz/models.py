"""The two models of the exercise: one that learns, and one that plays with the same layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import optim
from rnnfast.course.jazz.layers import LSTM, Dense, Layer
from rnnfast.model import LanguageModel
from rnnfast.state import State

Floats = npt.NDArray[Any]

_OF_LSTM = ("layers.0.W", "layers.0.R", "layers.0.b")
_OF_DENSE = ("dense.W", "dense.b")


@dataclass
class History:
    """What `fit` returns.

    Attributes
    ----------
    history : dict of list of float
        One number an epoch. loss: summed over the outputs, averaged over the examples; accuracy, where `compile`
        was asked for it.
    epoch : list of int
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)


class _Model:
    """An LSTM and a softmax layer, which own the weights, and the language model that computes with them."""

    name = "model"

    def __init__(self, LSTM_cell: LSTM, densor: Dense, steps: int, seed: int) -> None:
        for argument, given, kind in (("LSTM_cell", LSTM_cell, LSTM), ("densor", densor, Dense)):
            if not isinstance(given, kind):
                raise TypeError(f"{argument} is {given!r}, expected a layer {kind.__name__}(...)")
        if not LSTM_cell.return_state:
            raise ValueError(
                "LSTM_cell has return_state=False, expected True: each step begins with the last's"
            )
        self.LSTM_cell = LSTM_cell
        self.densor = densor
        self._steps = steps
        self._network = LanguageModel(densor.units, LSTM_cell.units, seed=seed)
        for layer, names in self._layers():
            shapes = [self._network.parameters[name].shape for name in names]
            if layer.weights and [array.shape for array in layer.weights] != shapes:
                raise ValueError(
                    f"{type(layer).__name__} is part of a model of other sizes, expected weights of {shapes}"
                )
        self._store((layer, names) for layer, names in self._layers() if not layer.weights)

    def _layers(self) -> tuple[tuple[Layer, tuple[str, ...]], ...]:
        return (self.LSTM_cell, _OF_LSTM), (self.densor, _OF_DENSE)

    def _load(self) -> LanguageModel:
        """Give the language model the layers' weights."""
        for layer, names in self._layers():
            self._network.set_parameters(dict(zip(names, layer.weights, strict=True)))
        return self._network

    def _store(self, layers: Iterable[tuple[Layer, tuple[str, ...]]]) -> None:
        """Give layers the language model's weights."""
        for layer, names in layers:
            layer.weights = tuple(np.array(self._network.parameters[name]) for name in names)

    def _inputs(self, inputs: Sequence[npt.ArrayLike], steps: int) -> tuple[Floats, State]:
        """Take [X, a0, c0] as one-hot X [m, steps, n_values] and the state that they begin with."""
        if len(inputs) != 3:
            raise ValueError(f"inputs has {len(inputs)} arrays, expected 3: X, a0, c0")
        X, a0, c0 = (np.asarray(array) for array in inputs)
        m, (n_a, n_values) = len(X) if X.ndim else 0, (self.LSTM_cell.units, self.densor.units)
        for name, array, shape in (
            ("X", X, (m, steps, n_values)),
            ("a0", a0, (m, n_a)),
            ("c0", c0, (m, n_a)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
        return X, State(a0[np.newaxis], c0[np.newaxis], np.zeros(m, dtype=np.uint64))

    def count_params(self) -> int:
        """How many numbers training changes."""
        return self.LSTM_cell.count_params() + self.densor.count_params()

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers with their output shapes and how many parameters each has."""
        n_a, n_values = self.LSTM_cell.units, self.densor.units
        rows = (
            ("lstm (LSTM)", f"[(None, {n_a}), (None, {n_a}), (None, {n_a})]", self.LSTM_cell),
            ("dense (Dense)", f"(None, {n_values})", self.densor),
        )
        line = "{:<20}{:<42}{:>10}".format
        print_fn(f'Model: "{self.name}" of {self._steps} steps')
        print_fn(line("Layer (type)", "Output Shape", "Param #"))
        print_fn("=" * 72)
        for title, shape, layer in rows:
            print_fn(line(title, shape, f"{layer.count_params():,}"))
        print_fn("=" * 72)
        print_fn(f"Total params: {self.count_params():,}")
        print_fn(f"Trainable params: {self.count_params():,}")
        print_fn("Non-trainable params: 0")


class TrainingModel(_Model):
    """What `djmodel` returns: Tx steps, each with an output of its own."""

    name = "djmodel"
    _optimizer: optim.Optimizer | None = None
    _metrics: tuple[str, ...] = ()

    def compile(
        self,
        optimizer: optim.Optimizer,
        loss: str = "categorical_crossentropy",
        metrics: Sequence[str] = (),
    ) -> None:
        """Say how to train.

        Parameters
        ----------
        optimizer : Adam
        loss : {"categorical_crossentropy"}
        metrics : sequence of {"accuracy"}
        """
        if not isinstance(optimizer, optim.Optimizer):
            raise TypeError(f"optimizer is {optimizer!r}, expected Adam(...)")
        if loss != "categorical_crossentropy":
            raise ValueError(f"loss is {loss!r}, expected 'categorical_crossentropy'")
        metrics = tuple(metrics or ())
        if not set(metrics) <= {"accuracy"}:
            raise ValueError(f"metrics is {list(metrics)}, expected ['accuracy'] or none")
        self._optimizer, self._metrics = optimizer, metrics

    def fit(
        self,
        x: Sequence[npt.ArrayLike],
        y: Sequence[npt.ArrayLike],
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        shuffle: bool = True,
    ) -> History:
        """Train. Ctrl-C works, and leaves the weights of the last whole step.

        Parameters
        ----------
        x : [X, a0, c0]
            One-hot inputs (m, Tx, n_values), of which a zero vector is no input, and initial states (m, n_a), zeros.
        y : Tx arrays (m, n_values)
            One-hot targets of each step; a zero vector costs nothing.
        batch_size : int, optional
            32.
        epochs : int
            A second call goes on where the first ended.
        verbose : int or str
            0: show nothing; else a progress bar, where there is a terminal.
        shuffle : bool
            A new order of the examples each epoch.

        Returns
        -------
        History

        Raises
        ------
        RuntimeError
            Where `compile` was not called.
        ValueError, TypeError
            Where arrays do not fit.
        """
        if self._optimizer is None:
            raise RuntimeError("fit: compile the model first")
        X, state = self._inputs(x, self._steps)
        if np.any(state.h) or np.any(state.c):
            raise ValueError("a0 and c0 have other numbers than 0: training begins with states of zeros")
        network = self._load()
        try:
            learned = network.fit(
                X,
                list(y),
                epochs=epochs,
                batch_size=32 if batch_size is None else batch_size,
                optimizer=self._optimizer,
                reduction="sequence",
                shuffle=shuffle,
                progress=bool(verbose),
            )
        finally:
            self._store(self._layers())
        history = {"loss": learned.sequence_loss}
        if "accuracy" in self._metrics:
            history["accuracy"] = learned.accuracy
        return History(history, list(range(len(learned.loss))))

    def predict(self, x: Sequence[npt.ArrayLike], verbose: int | str = 0) -> list[Floats]:
        """Give the probabilities after each step of [X, a0, c0]: Tx float32 arrays (m, n_values)."""
        X, state = self._inputs(x, self._steps)
        probabilities, _ = self._load().predict(X, state)
        return list(probabilities.swapaxes(0, 1))


class InferenceModel(_Model):
    """What `music_inference_model` returns: Ty steps, each fed with the likeliest value of the one before."""

    name = "music_inference_model"

    def predict(self, x: Sequence[npt.ArrayLike], verbose: int | str = 0) -> list[Floats]:
        """Play on from [x0, a0, c0].

        Parameters
        ----------
        x : [x0, a0, c0]
            One-hot first input (m, 1, n_values), zeros for none, and initial states (m, n_a).
        verbose : int or str
            Not used.

        Returns
        -------
        list of Ty float32 arrays (m, n_values)
            Probabilities. The likeliest value of each is the next one's input, so there is no chance in it.
        """
        x0, state = self._inputs(x, 1)
        network, values = self._load(), x0[:, 0]
        outputs = []
        for _ in range(self._steps):
            probabilities, state = network.step(values, state)
            values = probabilities.argmax(axis=1)
            outputs.append(probabilities)
        return outputs
