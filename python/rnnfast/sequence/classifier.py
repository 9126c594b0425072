"""One class for each sequence, or one for each step of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast._arguments import thread_count, tokens
from rnnfast.sequence.batches import Sequences
from rnnfast.sequence.model import Floats, SequenceModel
from rnnfast.train import Sums


class SequenceClassifier(SequenceModel):
    """Sequences in, classes out: stacked recurrent layers and a dense softmax layer.

    Many to one (``output="last"``): the class of a whole sequence, from the state after its last step; of the reverse
    direction, after the first. Many to many of equal length (``"all"``): a class for each step.

    Parameters
    ----------
    num_classes : int
        C; classes are 0 to C - 1, and -1 is "does not count".
    hidden_size : int
        H, units a layer and direction.
    input_size : int, optional
        D, where X is (N, T, D) numbers, or a list of N arrays (T, D).
    vocab_size : int, optional
        V, where X is (N, T) tokens from 0 to V - 1, and -1 for none, or a list of N arrays (T,).
    embedding_size : int, optional
        Of tokens: E of an embedding (V, E) before the layers; None: none, a token is a one-hot vector.
    cell : {"lstm", "gru", "rnn"}
    num_layers : int
    bidirectional : bool
    output : {"last", "all"}
        Targets are (N,) classes, or (N, T), a list of arrays where X is one.
    dropout : float
        0 to below 1, in training only: of the inputs of all layers and of the dense layer, but not of one-hot tokens
        nor from step to step (Zaremba et al. 2014).
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights, the order of sequences in every epoch and the dropout.
    nonlinearity : {"tanh", "relu"}
        Of the cell "rnn".
    reset_after : bool
        Of the cell "gru".

    Examples
    --------
    Which comes more often, 0 or 1?

    >>> import numpy as np
    >>> from rnnfast import Adam, SequenceClassifier
    >>> X = np.random.default_rng(0).integers(0, 2, (200, 9))
    >>> y = X.mean(axis=1) > 0.5
    >>> model = SequenceClassifier(2, 16, vocab_size=2, cell="gru")
    >>> history = model.fit(X[:150], y[:150].astype(int), epochs=30, batch_size=25, optimizer=Adam(0.02))
    >>> model.evaluate(X[150:], y[150:].astype(int))["accuracy"] > 0.9
    True
    >>> model.predict([[0, 0, 1], [1, 1, 0, 1]]).shape
    (2, 2)
    """

    _outputs_name = "num_classes"
    _loss_unit = "nats"
    _nothing: Sums = (0.0, 0, 0)

    def __init__(
        self,
        num_classes: int,
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
            num_classes,
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
        """Probabilities of the classes.

        Parameters
        ----------
        X, lengths
            As in `fit`.
        num_threads : int, optional
            None: as many as pay. No bit of any result depends on it.

        Returns
        -------
        probabilities : (N, C) array, or (N, T, C) with ``output="all"``
            0 behind a sequence's end. A sequence's do not depend on the others.
        """
        data, threads = self._sequences(X, lengths), thread_count(num_threads) or None
        logits = self._outputs(data, threads)
        rows = logits.reshape(-1, self._num_outputs)
        probabilities = _core.softmax(rows, _threads_for(rows, threads)).reshape(logits.shape)
        if self._is_each_step:
            probabilities[np.arange(logits.shape[1]) >= data.lengths[:, np.newaxis]] = 0
        return probabilities

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> dict[str, float]:
        """How well the model classifies; nothing changes.

        Parameters
        ----------
        X, y, lengths, num_threads
            As in `fit`.

        Returns
        -------
        measures : dict
            ``loss`` (mean nats a target that counts) and ``accuracy``.
        """
        data, targets = self._pair(X, y, lengths)
        total, count, correct = self._measure(data, targets, thread_count(num_threads) or None)
        return {"loss": total / count, "accuracy": (correct or 0) / count}

    def _targets(self, name: str, y: Any, data: Sequences) -> Floats:
        if self._is_each_step:
            classes = data.padded(name, y, -1, np.int32, None)
            classes = tokens(name, classes, self._num_outputs)
        else:
            classes = tokens(name, y, self._num_outputs)
            if classes.shape != (len(data),):
                raise ValueError(
                    f"{name} has shape {classes.shape}, expected {(len(data),)}: a class a sequence"
                )
        return classes

    def _some_count(self, targets: Floats, data: Sequences) -> bool:
        return bool((targets >= 0).any())

    def _loss(self, outputs: Floats, targets: Floats, lengths: Any) -> tuple[Sums, Floats]:
        rows = outputs.reshape(-1, self._num_outputs)
        scale = 1 / max(int(np.count_nonzero(targets >= 0)), 1)
        total, count, correct, gradient = _core.cross_entropy(
            rows, targets.reshape(-1), scale, _threads_for(rows, None)
        )
        return (total, count, correct), gradient.reshape(outputs.shape)


def _threads_for(rows: Floats, num_threads: int | None) -> int:
    return _core.choose_threads(num_threads or 0, 16.0 * rows.size)
