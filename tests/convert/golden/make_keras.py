"""Write golden/keras: models with random weights in every kind of file, and what they compute. Needs keras and jax."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

FOLDER = Path(__file__).parent / "keras"
T, N, D, H, V, E = 5, 2, 3, 4, 7, 3


def language_model() -> keras.Model:
    steps = {"return_sequences": True}
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(V, E),
            layers.LSTM(H, **steps),
            layers.Dropout(0.5),
            layers.LSTM(H, **steps, name="second"),
            layers.TimeDistributed(layers.Dense(V)),
            layers.Activation("softmax"),
        ]
    )


def both_directions() -> keras.Model:
    x = keras.Input((None, D))
    y = layers.Bidirectional(layers.GRU(H, return_sequences=True))(x)
    y = layers.Bidirectional(layers.GRU(H, return_sequences=True), name="upper")(y)
    return keras.Model(x, layers.Dense(V)(layers.Dropout(0.2)(y)))


def reset_before() -> keras.Model:
    return keras.Sequential([keras.Input((None, D)), layers.GRU(H, return_sequences=True, reset_after=False)])


def relu() -> keras.Model:
    cell = layers.SimpleRNN(H, return_sequences=True, activation="relu", use_bias=False)
    return keras.Sequential([keras.Input((None, D)), layers.Bidirectional(cell)])


def main() -> None:
    draw = np.random.default_rng(1)
    answers = {}
    for make in (language_model, both_directions, reset_before, relu):
        name = make.__name__
        keras.backend.clear_session()
        model = make()
        model.set_weights([draw.uniform(-1, 1, weight.shape).astype("f4") for weight in model.get_weights()])
        tokens = name == "language_model"
        x = draw.integers(V, size=(N, T)) if tokens else draw.normal(size=(N, T, D)).astype("f4")
        answers |= {f"{name}.x": np.swapaxes(x, 0, 1), f"{name}.y": np.swapaxes(np.asarray(model(x)), 0, 1)}
        model.save(FOLDER / f"{name}.keras")
        model.save_weights(FOLDER / f"{name}.weights.h5")
        if name in ("relu", "reset_before"):
            continue
        model.save(FOLDER / f"{name}.h5")
        with h5py.File(FOLDER / f"{name}_weights_of_old.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    np.savez_compressed(FOLDER / "answers.npz", **answers)


if __name__ == "__main__":
    main()
