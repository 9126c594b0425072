"""What a peer is: a module `peer_NAME.py` with NAME (name and version) and any of four functions.

``generators(parameters, streams, length, sampler)``
    Ways to generate, by name, the quickest first: each a function of uniform numbers (length, streams) to tokens
    (streams, length). Of a `rnnfast.Sampler` the temperature, whole penalties, and what `filters_NAME.py` has.
``trainer(parameters, training, X, Y)``
    A function that trains for `training.epochs` more epochs and returns the loss of each.
``name_learner(parameters, naming)``
    A function that learns every name once more, one an update, and returns the loss of each.
``sequence(W, R, b, steps)``
    A function of x (T, 1, D) to all hidden states (T, 1, H) of one LSTM layer.

Parameters are named as rnnfast names them, gates in order i, f, g, o; everything is float32. A function that is missing
is work that the library does not do.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]

# The packages that each needs, and how to get them.
PEERS = {
    "numpy": ("numpy",),
    "torch": ("torch",),
    "jax": ("jax",),
    "onnxruntime": ("onnxruntime", "onnx"),
    "keras": ("keras", "jax"),
}
NO_PEER = "alone"  # rnnfast against the machine's limits and against itself


@dataclass(frozen=True)
class Training:
    """A training run. The batches are taken in order, the last one may be smaller; Adam with rate / (1 + decay * step).

    The loss that is differentiated is the cross-entropy summed over time, averaged over the batch.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    samples: int
    steps: int
    batch: int
    epochs: int
    rate: float = 0.01
    decay: float = 0.01

    def batches(self) -> list[slice]:
        """The samples of each step of an epoch."""
        return [
            slice(first, min(first + self.batch, self.samples))
            for first in range(0, self.samples, self.batch)
        ]


@dataclass(frozen=True)
class Naming:
    """A run over names with a basic RNN of tanh units: W, R, b, dense.W, dense.b.

    Each name is one update by SGD, of the cross-entropy summed over its letters, with each element of the gradient
    clipped to [-limit, limit]. The hidden state that a name leaves is the next one's first (zeros at the very first);
    no gradient goes back through it. An input of -1 is the zero vector.
    """

    inputs: list[Tokens]
    targets: list[Tokens]
    vocab_size: int
    hidden_size: int
    rate: float = 0.01
    limit: float = 5.0

    def first(self, count: int) -> Naming:
        """The same with the first names alone."""
        return replace(self, inputs=self.inputs[:count], targets=self.targets[:count])


def missing(peer: str) -> list[str]:
    """The packages that this peer needs and that are not installed."""
    return [name for name in PEERS[peer] if importlib.util.find_spec(name) is None]


def load(peer: str) -> ModuleType:
    """Import the peer."""
    return importlib.import_module(f"benchmarks.peer_{peer}")
