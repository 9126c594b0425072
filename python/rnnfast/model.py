"""The next-token language model: train it on tokens, ask it for probabilities, let it generate."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from rnnfast import _core, fitting, generation, scoring, streaming, text
from rnnfast._arguments import cell_name, integer, real, thread_count
from rnnfast._arguments import seed as checked_seed
from rnnfast._parameters import checked_parameters, dtype_name
from rnnfast._pickled import attributes, complete, entry, unpickling, without
from rnnfast.optimizer_state import OptimizerState
from rnnfast.session import Session
from rnnfast.state import Floats, State, checked_state, native_c, zero_state
from rnnfast.train import History, token_array

if TYPE_CHECKING:
    from rnnfast.checkpoint import Checkpoint

_NATIVE = {"float32": _core.LanguageModelF32, "float64": _core.LanguageModelF64}
_MADE = ("_native", "_config", "_vocabulary")
"""What a checkpoint makes."""


class LanguageModel:
    """Tokens in, a distribution over the next token out: stacked recurrent layers and a dense softmax layer.

    Parameters
    ----------
    vocab_size : int
        V, the number of different tokens; tokens are 0 to V - 1, and -1 stands for "none" (a zero input vector).
    hidden_size : int
        H, units a layer.
    cell : {"lstm", "gru", "rnn"}
    num_layers : int
    dtype : {"float32", "float64"}
    seed : int
        0 to 2^64 - 1. Decides the initial weights, the order of samples in every epoch and dropout's masks.
    vocabulary : sequence of str, optional
        What each token means; lets prompts be text.
    embedding_size : int, optional
        E of an embedding (V, E) before the layers; None: none, a token is a one-hot vector, which is a row of W.
    tie_weights : bool
        The dense layer's weights are the embedding's, transposed (Press & Wolf 2017): needs ``embedding_size =
        hidden_size``.
    dropout : float
        0 to below 1, in training only: of the inputs of all layers and of the dense layer, but not of one-hot tokens
        nor from step to step (Zaremba et al. 2014).
    nonlinearity : {"tanh", "relu"}
        Of the cell "rnn".
    reset_after : bool
        Of the cell "gru": the reset gate acts after the recurrent product (as in PyTorch and cuDNN), or before it (Cho
        et al. 2014).

    Notes
    -----
    Initial weights: W Glorot-uniform (Glorot & Bengio 2010), R with orthonormal rows (Saxe et al. 2014), biases 0 but 1
    for the LSTM's forget gate.

    With ``a = x W + h R + b``:

    - lstm, gate order i, f, g, o: ``c = sigmoid(f) c + sigmoid(i) tanh(g)``; ``h = sigmoid(o) tanh(c)`` (Hochreiter &
      Schmidhuber 1997; Gers et al. 2000).
    - gru, gate order r, z, n: ``h = (1 - sigmoid(z)) tanh(n) + sigmoid(z) h``, where the part of n that comes from h is
      ``sigmoid(r) (h R_n + b_Rn)``, or ``(sigmoid(r) h) R_n`` with reset before (Cho et al. 2014).
    - rnn: ``h = tanh(a)`` or ``max(0, a)`` (Elman 1990).

    Two threads may generate from one model at the same time; one `fit` runs at a time.

    Pickling and copying make a model of its own, with the optimiser's state and the history.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnfast import Adam, LanguageModel
    >>> model = LanguageModel(90, 64)
    >>> model.num_parameters
    45530
    >>> X = np.tile(np.arange(5, dtype=np.int32), (4, 3))
    >>> history = model.fit(X, epochs=60, optimizer=Adam(0.01))
    >>> model.generate(6, prompt=[0, 1], greedy=True)
    array([[2, 3, 4, 0, 1, 2]], dtype=int32)
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        *,
        cell: str = "lstm",
        num_layers: int = 1,
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        vocabulary: Sequence[str] | None = None,
        embedding_size: int | None = None,
        tie_weights: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        reset_after: bool = True,
    ) -> None:
        native_cell = cell_name(cell, nonlinearity, reset_after)
        name = dtype_name(dtype)
        self._vocabulary = None if vocabulary is None else text.check_vocabulary(vocabulary, vocab_size)
        sizes: dict[str, Any] = {
            "vocab_size": integer("vocab_size", vocab_size),
            "hidden_size": integer("hidden_size", hidden_size),
            "num_layers": integer("num_layers", num_layers),
            "seed": checked_seed(seed),
        }
        embedding = 0 if embedding_size is None else integer("embedding_size", embedding_size)
        if embedding_size is not None and embedding < 1:
            raise ValueError(f"embedding_size is {embedding_size}, expected at least 1, or None for one-hot")
        extras: dict[str, Any] = {"tie_weights": bool(tie_weights), "dropout": real("dropout", dropout)}
        self._native = _NATIVE[name](**sizes, **extras, cell=native_cell, embedding_size=embedding)
        self._config: dict[str, Any] = {"cell": cell, **sizes, "dtype": name, **extras}
        self._config["embedding_size"] = embedding or None
        self._config |= {"nonlinearity": nonlinearity, "reset_after": bool(reset_after)}
        self.history = History()
        """Of the last `fit`, also where that ended with an exception."""

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self._config.items())
        return f"LanguageModel({settings}, vocabulary={'None' if self._vocabulary is None else '...'})"

    @property
    def config(self) -> Mapping[str, Any]:
        """The constructor's settings but the vocabulary, read-only."""
        return MappingProxyType(self._config)

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self._config["vocab_size"])

    @property
    def hidden_size(self) -> int:
        """H."""
        return int(self._config["hidden_size"])

    @property
    def num_layers(self) -> int:
        """L."""
        return int(self._config["num_layers"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of parameters, states and probabilities."""
        name: str = self._config["dtype"]
        return np.dtype(name)

    @property
    def vocabulary(self) -> tuple[str, ...] | None:
        """What each token means, None where the model was not told."""
        return self._vocabulary

    @property
    def num_parameters(self) -> int:
        """How many numbers training changes."""
        return self._native.num_parameters

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """Name -> read-only live view; training shows in it, so copy what is to stay.

        ``layers.0.W`` (V, 4H), ``layers.0.R`` (H, 4H), ``layers.0.b`` (4H,), ``layers.1.W`` (H, 4H), ..., ``dense.W``
        (H, V), ``dense.b`` (V,), in gate order i, f, g, o. A GRU has 3H, in gate order r, z, n, and ``layers.0.b_Rn``
        (H,) unless it resets before; a basic RNN has H. With an embedding ``embedding.W`` (V, E) comes first and
        ``layers.0.W`` has E rows; tied, there is no ``dense.W``.
        """
        return MappingProxyType(self._native.parameters)

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
        self._native.set_parameters(checked_parameters(mapping, self._native.parameters))

    # Here and below: what has many arguments is a function, with its documentation, in the file of that name.
    fit = fitting.fit
    evaluate = fitting.evaluate

    def initial_state(self, num_streams: int = 1) -> State:
        """The state before anything was read: zeros."""
        streams = integer("num_streams", num_streams)
        if streams < 0:
            raise ValueError(f"num_streams is {streams}, expected at least 0")
        shape = (self.num_layers, streams, self.hidden_size)
        return zero_state(shape, self.dtype, has_c=self._has_c)

    def predict(
        self, X: Any, state: State | None = None, *, num_threads: int | None = None
    ) -> tuple[Floats, State]:
        """Probabilities of the next token after each token of X.

        Parameters
        ----------
        X : (N, T) integers or (N, T, V) one-hot
        state : State of N streams, optional
            None: zeros. It is not changed.
        num_threads : int, optional
            As in `fit`.

        Returns
        -------
        probabilities : (N, T, V) array
        state : State
            After the last token: a long sequence may be given in pieces, with the same bits.
        """
        inputs = token_array("X", X, self.vocab_size)
        before = self._state(state, len(inputs))
        probabilities, h, c = self._native.predict(
            inputs, before.h, native_c(before), before.position, thread_count(num_threads)
        )
        return probabilities, State(h, c if self._has_c else None, before.position)

    def step(self, tokens: Any, state: State | None = None) -> tuple[Floats, State]:
        """One time step: `predict` for tokens (N,), with probabilities (N, V)."""
        inputs = token_array("tokens", tokens, self.vocab_size, dimensions=1)
        probabilities, after = self.predict(inputs[:, np.newaxis], state)
        return probabilities[:, 0], after

    generate = generation.generate
    stream = streaming.stream

    def session(self, capacity: int) -> Session:
        """Streams that join and leave at any time, at most `capacity` of them: see `Session`."""
        return Session(self, capacity)

    score = scoring.score
    beam_search = scoring.beam_search

    def decode(self, tokens: npt.ArrayLike) -> str:
        """Tokens (T,) as text, by the model's vocabulary."""
        if self._vocabulary is None:
            raise ValueError("decode: the model has no vocabulary; pass vocabulary= when making it")
        return text.decode(tokens, self._vocabulary)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that is needed to go on: weights, optimiser, random position, settings, vocabulary.

        A safetensors file, written atomically.
        """
        from rnnfast import checkpoint  # here, so that importing rnnfast stays quick

        checkpoint.save(self._checkpoint(), path)

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
        from rnnfast import checkpoint

        state = checkpoint.load(path)
        try:
            model = cls(**state.config, vocabulary=state.vocabulary)
            model._restore(state)
        except (TypeError, ValueError, OverflowError) as error:
            raise checkpoint.damaged(path, error) from error
        return model

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: what `save` writes, and what else there is."""
        made = {"checkpoint": self._checkpoint(), "history": copy.deepcopy(self.history)}
        return without(vars(self), _MADE) | made

    def __setstate__(self, state: Any) -> None:
        from rnnfast import checkpoint

        with unpickling(self):
            history = complete(entry(state, "history", History))
            saved = checkpoint.checked(entry(state, "checkpoint", checkpoint.Checkpoint))
            twin = object.__new__(type(self))  # a subclass need not know the settings in its constructor
            LanguageModel.__init__(twin, **saved.config, vocabulary=saved.vocabulary)
            if twin._config != saved.config:
                raise ValueError(f"config is {saved.config}, expected all of {twin._config}")
            twin._restore(saved)
            others = attributes(self, state, ("checkpoint", "history", *_MADE))
        vars(self).update(vars(twin) | others | {"history": history})

    def _checkpoint(self) -> Checkpoint:
        from rnnfast.checkpoint import Checkpoint

        parameters, optimizer, epochs_begun = self._native.snapshot()
        return Checkpoint(
            config=dict(self._config),
            vocabulary=self._vocabulary,
            parameters=parameters,
            optimizer=OptimizerState(*optimizer),
            epochs_begun=epochs_begun,
        )

    def _restore(self, saved: Checkpoint) -> None:
        self.set_parameters(saved.parameters)
        optimizer = saved.optimizer
        self._native.restore(
            parameters=saved.parameters,
            kind=optimizer.kind,
            steps=optimizer.steps,
            beta1_power=optimizer.beta1_power,
            beta2_power=optimizer.beta2_power,
            slots=optimizer.slots,
            epochs_begun=saved.epochs_begun,
        )

    def _state(self, state: State | None, streams: int) -> State:
        if state is None:
            return self.initial_state(streams)
        shape = (self.num_layers, streams, self.hidden_size)
        return checked_state(state, shape, self.dtype, has_c=self._has_c)

    @property
    def _has_c(self) -> bool:
        return bool(self._config["cell"] == "lstm")
