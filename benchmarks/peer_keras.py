"""The peer in Keras 3: `fit` of an LSTM layer and a dense layer, on the JAX backend.

On the jazz model that is five times as fast as the PyTorch backend (KERAS_BACKEND=torch shows it).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import Training

os.environ.setdefault("KERAS_BACKEND", "jax")  # its own default needs TensorFlow
import keras

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]
NAME = f"Keras {keras.__version__} ({keras.backend.backend()})"


def trainer(
    parameters: dict[str, Floats], training: Training, X: Tokens, Y: Tokens
) -> Callable[[], list[float]]:
    """Fit, on one-hot vectors made beforehand; no token is a zero vector."""
    model = _model(parameters, training)
    one_hot = np.vstack([np.eye(training.vocab_size, dtype=np.float32), np.zeros((1, training.vocab_size))])
    inputs, targets = one_hot[X], one_hot[Y]

    def train() -> list[float]:
        history = model.fit(
            inputs, targets, batch_size=training.batch, epochs=training.epochs, shuffle=False, verbose=0
        )
        return list(history.history["loss"])

    return train


def _model(parameters: dict[str, Floats], training: Training) -> Any:
    layers: list[Any] = [keras.Input((training.steps, training.vocab_size))]
    layers += [
        keras.layers.LSTM(training.hidden_size, return_sequences=True) for _ in range(training.num_layers)
    ]
    model = keras.Sequential([*layers, keras.layers.Dense(training.vocab_size)])
    model.set_weights(list(parameters.values()))
    rate = keras.optimizers.schedules.InverseTimeDecay(training.rate, 1, training.decay)
    model.compile(keras.optimizers.Adam(rate, epsilon=1e-8), loss=_loss)
    return model


def _loss(targets: Any, logits: Any) -> Any:
    """Cross-entropy summed over time; a zero target does not count."""
    return -keras.ops.sum(targets * keras.ops.log_softmax(logits), axis=(1, 2))
