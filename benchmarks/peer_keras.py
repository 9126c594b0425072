"""The peer in Keras 3, on the JAX backend: `fit`; names and step by step its layers as functions, in one `jit`.

On the jazz model that is five times as fast as the PyTorch backend (KERAS_BACKEND=torch shows it). There
`train_on_batch` cannot learn names: it loses a stateful layer's state. Keras' own activations round float64 to
float32, JAX's do not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peer_jax import scan_over_names
from benchmarks.peers import Naming, StepByStep, Training

os.environ.setdefault("KERAS_BACKEND", "jax")  # its own default needs TensorFlow
import jax
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


def name_learner(parameters: dict[str, Floats], naming: Naming) -> Callable[[], Floats]:
    """The layers' gradient and the optimiser's update in one compiled scan over all names."""
    V, H = naming.vocab_size, naming.hidden_size
    dtype = parameters["W"].dtype.name
    with jax.enable_x64(dtype == "float64"):
        rnn = keras.layers.SimpleRNN(H, activation=jax.numpy.tanh, return_sequences=True, dtype=dtype)
        dense = keras.layers.Dense(V, dtype=dtype)
        rnn.build((1, None, V))
        dense.build((1, None, H))
        # a rate that is a number would be kept in float32
        sgd = keras.optimizers.SGD(lambda: naming.rate, clipvalue=naming.limit)
        sgd.build([*rnn.trainable_variables, *dense.trainable_variables])
        one_hot = jax.numpy.vstack([jax.numpy.eye(V, dtype=dtype), jax.numpy.zeros((1, V), dtype)])
        fixed = [variable.value for variable in rnn.non_trainable_variables]  # of dropout

        def loss_of(weights: Any, h: Any, X: Any, Y: Any) -> Any:
            states, _ = rnn.stateless_call(weights[:3], fixed, one_hot[X][None], initial_state=[h])
            logits, _ = dense.stateless_call(weights[3:], [], states)
            return _loss(one_hot[Y][None], logits)[0], states[:, (Y >= 0).sum() - 1]

        def learn(state: Any, X: Any, Y: Any) -> Any:
            weights, variables, h = state
            (loss, h), g = jax.value_and_grad(loss_of, has_aux=True)(weights, h, X, Y)
            return (*sgd.stateless_apply(variables, g, weights), h), loss

        run = scan_over_names(learn, naming)
        weights = [jax.numpy.asarray(value) for value in parameters.values()]
        state = weights, [variable.value for variable in sgd.variables], jax.numpy.zeros((1, H), dtype)

    def train() -> Floats:
        nonlocal state
        with jax.enable_x64(dtype == "float64"):
            state, losses = run(state)
            return np.asarray(losses)

    return train


def step_by_step(exercise: StepByStep) -> Callable[[], dict[str, Floats]]:
    """The layers' gradient in one `jit`, the few steps unrolled; no function of Keras' own gives gradients."""
    e = exercise
    T, N, D = e.x.shape
    H, V = e.dense_W.shape
    with jax.enable_x64():
        lstm = keras.layers.LSTM(
            H,
            activation=jax.numpy.tanh,
            recurrent_activation=jax.nn.sigmoid,
            return_sequences=True,
            unroll=True,
            dtype="float64",
        )
        dense = keras.layers.Dense(V, activation=jax.nn.softmax, dtype="float64")
        lstm.build((N, T, D))
        dense.build((N, T, H))
        x, h0, dh, W, R, b, dense_W, dense_b = (
            jax.numpy.asarray(array)
            for array in (e.x.swapaxes(0, 1), e.h0, e.dh.swapaxes(0, 1), e.W, e.R, e.b, e.dense_W, e.dense_b)
        )

        fixed = [variable.value for variable in lstm.non_trainable_variables]  # of dropout

        def loss(weights: Any, x: Any, h0: Any) -> Any:
            h, _ = lstm.stateless_call(weights, fixed, x, initial_state=[h0, jax.numpy.zeros_like(h0)])
            y, _ = dense.stateless_call([dense_W, dense_b], [], h)
            return (h * dh).sum(), y

        step = jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))

    def run() -> dict[str, Floats]:
        with jax.enable_x64():
            (weights, *_), _ = jax.block_until_ready(step([W, R, b], x, h0))
        return dict(zip(("dW", "dR", "db"), map(np.asarray, weights), strict=True))

    return run


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
