"""The net of the sequence models: an embedding where there is one, recurrent layers, a dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rnnfast import _core
from rnnfast.layers import (
    GRU,
    LSTM,
    RNN,
    Dense,
    DenseWorkspace,
    Embedding,
    EmbeddingWorkspace,
    Layer,
    LayerGradients,
    Workspace,
)
from rnnfast.sequence.batches import Batch

Floats = npt.NDArray[Any]

_INITIALISATION = 1  # a purpose of random numbers


@dataclass(frozen=True)
class Tape:
    """What forward leaves for backward."""

    embedding: EmbeddingWorkspace | None
    recurrent: Workspace
    dense: DenseWorkspace
    shape: tuple[int, ...]
    mask: Floats | None


class SequenceNet:
    """Layers by name, and the way through them and back.

    Parameters
    ----------
    config : mapping
        The model's settings.
    num_outputs : int
        K, of the dense layer.
    """

    def __init__(self, config: Mapping[str, Any], num_outputs: int) -> None:
        self._dropout, self._output = config["dropout"], config["output"]
        self._mask_seed = _part_seed(config, 3)
        dtype = config["dtype"]
        self.layers: dict[str, Layer] = {}
        self._embedding = None
        if config["embedding_size"] is not None:
            self._embedding = Embedding(
                config["vocab_size"], config["embedding_size"], dtype=dtype, seed=_part_seed(config, 0)
            )
            self.layers["embedding"] = self._embedding
        kind, settings = _recurrent(config)
        self._recurrent = kind(**settings, seed=_part_seed(config, 1))
        self._dense = Dense(self._recurrent.output_size, num_outputs, dtype=dtype, seed=_part_seed(config, 2))
        self.layers |= {"recurrent": self._recurrent, "dense": self._dense}

    def __call__(self, batch: Batch, num_threads: int | None) -> Floats:
        """Outputs (N, K) after the last step, or (T, N, K) at each."""
        x = batch.x if self._embedding is None else self._embedding(batch.x, num_threads=num_threads)
        y, state = self._recurrent(x, lengths=batch.lengths, num_threads=num_threads)
        return self._dense(self._top(y, state), num_threads=num_threads)

    def forward(self, batch: Batch, training_step: int, num_threads: int | None) -> tuple[Floats, Tape]:
        """The same with dropout, keeping what backward needs."""
        x, of_embedding = batch.x, None
        if self._embedding is not None:
            x, of_embedding = self._embedding.forward(x, num_threads=num_threads)
        y, state, of_recurrent = self._recurrent.forward(
            x, lengths=batch.lengths, training_step=training_step, num_threads=num_threads
        )
        top, mask = self._top(y, state), None
        if self._dropout:
            mask = self._mask(top, training_step)
            top = top * mask
        outputs, of_dense = self._dense.forward(top, num_threads=num_threads)
        return outputs, Tape(of_embedding, of_recurrent, of_dense, y.shape, mask)

    def backward(self, doutputs: Floats, tape: Tape, num_threads: int | None) -> dict[str, LayerGradients]:
        """Give the gradients of every layer, by its name."""
        gradients = {"dense": self._dense.backward(doutputs, tape.dense, num_threads=num_threads)}
        dtop = _dx(gradients["dense"])
        if tape.mask is not None:
            dtop = dtop * tape.mask
        dy, dstate = self._below(dtop, tape.shape)
        gradients["recurrent"] = self._recurrent.backward(dy, dstate, tape.recurrent, num_threads=num_threads)
        if self._embedding is not None and tape.embedding is not None:
            gradients["embedding"] = self._embedding.backward(
                _dx(gradients["recurrent"]), tape.embedding, num_threads=num_threads
            )
        return {name: gradients[name] for name in self.layers}

    @property
    def _directions(self) -> int:
        return self._recurrent.output_size // int(self._recurrent.config["hidden_size"])

    def _top(self, y: Floats, state: Any) -> Floats:
        """What the dense layer reads: y (T, N, H), or the last layer's final h, its directions side by side."""
        if self._output == "all":
            return y
        h = state[0] if isinstance(state, tuple) else state
        return np.concatenate(list(h[-self._directions :]), axis=-1)

    def _below(self, dtop: Floats, shape: tuple[int, ...]) -> tuple[Floats, Any]:
        """The way back from `_top`: dy and dstate."""
        if self._output == "all":
            return dtop, None
        state = self._recurrent.initial_state(shape[1])
        h = state[0] if isinstance(state, tuple) else state
        h[-self._directions :] = np.split(dtop, self._directions, axis=-1)
        return np.zeros(shape, dtop.dtype), state

    def _mask(self, top: Floats, training_step: int) -> Floats:
        """What dropout multiplies: 0, or 1 / (1 - rate); of one step of training, whatever the threads."""
        uniform = _core.uniform(top.size, 1.0, self._mask_seed, training_step)  # within -1 and 1
        kept = (uniform >= 2 * self._dropout - 1).reshape(top.shape)
        return np.where(kept, 1 / (1 - self._dropout), 0).astype(top.dtype)


def _dx(gradients: LayerGradients) -> Floats:
    """Of a layer whose input was numbers."""
    return cast(Floats, gradients.dx)


def parameter_shapes(config: Mapping[str, Any], num_outputs: int) -> dict[str, tuple[int, ...]]:
    """Shapes of all parameters of a net, without making it."""
    kind, settings = _recurrent(config)
    outputs = config["hidden_size"] * (2 if config["bidirectional"] else 1)
    parts = {
        "recurrent": kind._shapes(settings),
        "dense": Dense._shapes({"input_size": outputs, "output_size": num_outputs}),
    }
    if config["embedding_size"] is not None:
        parts["embedding"] = Embedding._shapes(config)
    return {f"{part}.{name}": shape for part, shapes in parts.items() for name, shape in shapes}


def _input_size(config: Mapping[str, Any]) -> int:
    """Of the recurrent layers: a token without an embedding is a one-hot vector."""
    sizes = (config["embedding_size"], config["vocab_size"], config["input_size"])
    return next(int(size) for size in sizes if size is not None)


def _recurrent(config: Mapping[str, Any]) -> tuple[type[RNN | GRU | LSTM], dict[str, Any]]:
    """The kind of the recurrent layers, and all its settings but the seed."""
    is_one_hot = config["vocab_size"] is not None and config["embedding_size"] is None
    kind, options = {
        "rnn": (RNN, {"nonlinearity": config["nonlinearity"]}),
        "gru": (GRU, {"reset_after": config["reset_after"]}),
        "lstm": (LSTM, {"proj_size": 0, "peephole": False, "coupled": False}),
    }[config["cell"]]
    settings: dict[str, Any] = {
        "input_size": _input_size(config),
        "hidden_size": config["hidden_size"],
        "num_layers": config["num_layers"],
        "bidirectional": config["bidirectional"],
        "dropout": config["dropout"],
        "input_dropout": 0.0 if is_one_hot else config["dropout"],
        "dtype": config["dtype"],
    }
    return kind, settings | options


def _part_seed(config: Mapping[str, Any], part: int) -> int:
    """Each part draws by a seed of its own, so that no two share numbers."""
    return _core.random_word(config["seed"], part, 0, _INITIALISATION)
