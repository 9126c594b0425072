"""Numbers for each sequence, or for each step of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import as_array, floats, thread_count
from rnnfast.sequence.batches import Sequences
from rnnfast.sequence.model import Floats, SequenceModel
from rnnfast.train import Sums


class SequenceRegressor(SequenceModel):
    """Sequences in, numbers out: stacked recurrent layers and a dense layer, trained on the mean squared error.

    Numbers of about the size of 1 are learnt best: scale large or small targets, and inputs.

    Parameters
    ----------
    output_size : int
        K, numbers a sequence, or a step.
    hidden_size : int
        H, units a layer and direction.
    input_size : int, optional
        D, where X is (N, T, D) numbers, or a list of N arrays (T, D).
    vocab_size, embedding_size : int, optional
        Where X is tokens, as of `SequenceClassifier`.
    output : {"last", "all"}
        Targets are (N, K), or (N, T, K), a list of arrays (T, K) where X is one.
    cell, num_layers, bidirectional, dropout, dtype, seed, nonlinearity, reset_after
        As of `SequenceClassifier`.

    Examples
    --------
    The next value of a wave, at each step:

    >>> import numpy as np
    >>> from rnnfast import Adam, SequenceRegressor
    >>> wave = np.sin(0.3 * np.arange(31) + np.arange(40)[:, np.newaxis])[..., np.newaxis]
    >>> model = SequenceRegressor(1, 16, input_size=1, output="all")
    >>> history = model.fit(wave[:, :-1], wave[:, 1:], epochs=60, batch_size=10, optimizer=Adam(0.02))
    >>> history.loss[-1] < 0.02
    True
    >>> model.predict(wave).shape
    (40, 31, 1)
    """

    _outputs_name = "output_size"
    _loss_unit = "squared"
    _nothing: Sums = (0.0, 0, None)

    def __init__(
        self,
        output_size: int,
        hidden_size: int,
        *,
        input_size: int | None = None,
        vocab_size: int | None = None,
        embedding_size: int | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        output: str = "last",
        dropout: float = 0.0,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        nonlinearity: str = "tanh",
        reset_after: bool = True,
    ) -> None:
        super().__init__(
            output_size,
            hidden_size,
            input_size=input_size,
            vocab_size=vocab_size,
            embedding_size=embedding_size,
            cell=cell,
            num_layers=num_layers,
            bidirectional=bidirectional,
            output=output,
            dropout=dropout,
            dtype=dtype,
            seed=seed,
            nonlinearity=nonlinearity,
            reset_after=reset_after,
        )

    def predict(
        self, X: Any, *, lengths: npt.ArrayLike | None = None, num_threads: int | None = None
    ) -> Floats:
        """Compute the numbers.

        Parameters
        ----------
        X, lengths
            As in `fit`.
        num_threads : int, optional
            None: as many as pay. No bit of any result depends on it.

        Returns
        -------
        predictions : (N, K) array, or (N, T, K) with ``output="all"``
            0 behind a sequence's end. A sequence's do not depend on the others.
        """
        return self._outputs(self._sequences(X, lengths), thread_count(num_threads) or None)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> dict[str, float]:
        """How well the model predicts; nothing changes.

        Parameters
        ----------
        X, y, lengths, num_threads
            As in `fit`.

        Returns
        -------
        measures : dict
            ``loss`` (the mean squared error) and ``rmse`` (its square root).
        """
        data, targets = self._pair(X, y, lengths)
        total, count, _ = self._measure(data, targets, thread_count(num_threads) or None)
        return {"loss": total / count, "rmse": math.sqrt(total / count)}

    def _targets(self, name: str, y: Any, data: Sequences) -> Floats:
        if self._is_each_step:
            return data.padded(name, y, 0, self.dtype, self._num_outputs)
        given, expected = as_array(name, y), (len(data), self._num_outputs)
        if given.shape != expected:
            raise ValueError(f"{name} has shape {given.shape}, expected {expected}")
        with np.errstate(over="ignore"):
            values = floats(name, given, self.dtype)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has numbers that are not finite in {self.dtype}")
        return values

    def _some_count(self, targets: Floats, data: Sequences) -> bool:
        return not self._is_each_step or bool(data.lengths.any())

    def _loss(self, outputs: Floats, targets: Floats, lengths: Any) -> tuple[Sums, Floats]:
        counts = np.ones(len(outputs), np.bool_)
        if self._is_each_step:
            counts = np.arange(len(outputs))[:, np.newaxis] < lengths
        own = outputs[counts]
        total, gradient = _core.squared_error(own, targets[counts], 2 / max(own.size, 1))
        doutputs = np.zeros_like(outputs)
        doutputs[counts] = gradient
        return (total, own.size, None), doutputs
