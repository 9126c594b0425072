"""Against the installed ONNX Runtime and Keras: weights cross and compute the same. Needs the extra `bench`."""

from __future__ import annotations

import os

import numpy as np
import pytest

from rnnfast import LanguageModel
from rnnfast.convert import to_onnx
from rnnfast.convert.description import Dense, Embedding, Network
from rnnfast.convert.keras_files import read_layers
from rnnfast.convert.keras_layers import Choices, network_of
from rnnfast.convert.onnx_writer import model_bytes

from .networks import distance, make_stack, run
from .test_onnx_weights import STACKS

pytestmark = pytest.mark.peers

T, N, D, H, V = 6, 3, 3, 4, 7


def session(data):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


def states(stack, draw):
    shape = len(stack.layers) * stack.num_directions, N, H
    letters = "hc" if stack.cell == "lstm" else "h"
    return {letter: draw.normal(size=shape).astype("f4") for letter in letters}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_runs_in_onnx_runtime(name):
    stack = make_stack(dtype="f4", **STACKS[name])
    draw = np.random.default_rng(1)
    x, state = draw.normal(size=(T, N, D)).astype("f4"), states(stack, draw)
    got = session(model_bytes(Network((stack,)), step=False)).run(
        None, state | {"x": x.swapaxes(0, 1) if stack.batch_first else x}
    )
    expected = run(Network((stack,)), x, state["h"], state.get("c"))
    y = got[0].swapaxes(0, 1) if stack.batch_first else got[0]
    for ours, theirs in zip(expected, (y, *got[1:]), strict=False):
        assert ours is None or distance(theirs, ours) < 2e-6


@pytest.mark.parametrize("batch_first", [False, True])
def test_layers_of_several_kinds_run_in_onnx_runtime(batch_first):
    draw = np.random.default_rng(1)
    table = Embedding(draw.normal(size=(V, D)).astype("f4"))
    lower = make_stack("lstm", D, H, directions=2, dtype="f4", batch_first=batch_first)
    upper = make_stack("gru", 2 * H, H, layers=2, dtype="f4", batch_first=batch_first)
    network = Network((table, lower, upper, Dense(draw.normal(size=(H, 2)).astype("f4"), np.ones(2, "f4"))))
    tokens = draw.integers(V, size=(T, N))
    state = {f"{letter}_0": np.zeros((2, N, H), "f4") for letter in "hc"} | {"h_1": np.zeros((2, N, H), "f4")}
    feed = state | {"tokens": tokens.T if batch_first else tokens}
    got, h_0, c_0, h_1 = session(model_bytes(network, step=False)).run(
        ["y", "h_0_out", "c_0_out", "h_1_out"], feed
    )
    expected, h, _ = run(network, tokens)
    assert distance(got.swapaxes(0, 1) if batch_first else got, expected) < 2e-6
    assert distance(h_1, h) < 2e-6
    assert h_0.shape == c_0.shape == (2, N, H)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("name", ["rnn", "gru, 3 layers", "lstm, coupled", "lstm, peephole"])
def test_a_step_of_a_language_model_runs_in_onnx_runtime(name, embedded):
    settings = STACKS[name] | {"directions": 1}
    stack = make_stack(D=5 if embedded else V, dtype="f4", **settings)
    draw = np.random.default_rng(1)
    dense = Dense(draw.normal(size=(H, V)).astype("f4"), draw.normal(size=V).astype("f4"), softmax=True)
    table = draw.normal(size=(V, 5)).astype("f4") if embedded else np.eye(V, dtype="f4")
    network = Network((*([Embedding(table)] if embedded else []), stack, dense))
    tokens, state = np.array([3, -1, 6]), states(stack, draw)
    logits, probabilities, *after = session(model_bytes(network, step=True)).run(
        None, state | {"tokens": tokens}
    )
    x = np.where(tokens[:, np.newaxis] >= 0, table[tokens], 0)
    y, *expected = run(Network((stack, dense)), x[np.newaxis], state["h"], state.get("c"))
    assert np.abs(probabilities - y[0]).max() < 1e-6
    assert np.abs(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True) - y[0]).max() < 1e-6
    for ours, theirs in zip(expected, after, strict=False):
        assert distance(theirs, ours) < 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm", "num_layers": 2},
        {"cell": "gru", "embedding_size": 8},
        {"cell": "gru", "reset_after": False},
        {"cell": "rnn", "embedding_size": 16, "tie_weights": True, "nonlinearity": "relu"},
    ],
    ids=str,
)
def test_a_written_model_predicts_in_onnx_runtime_what_it_predicts_here(tmp_path, settings):
    model = LanguageModel(V, 16, seed=4, **settings)
    draw = np.random.default_rng(3)
    model.set_parameters({name: draw.normal(size=p.shape) / 2 for name, p in model.parameters.items()})
    to_onnx(model, tmp_path / "a.onnx")
    step = session((tmp_path / "a.onnx").read_bytes())
    state = dict.fromkeys(
        "hc" if settings["cell"] == "lstm" else "h", np.zeros((model.num_layers, N, 16), "f4")
    )
    tokens = draw.integers(-1, V, size=(N, 20))
    expected, _ = model.predict(tokens)
    for t in range(20):
        _, probabilities, *after = step.run(None, state | {"tokens": tokens[:, t]})
        state = dict(zip(state, after, strict=True))
        assert distance(probabilities, expected[:, t]) < 1e-5


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


KERAS = {
    "lstm": (lambda layers: layers.LSTM(H, return_sequences=True), Choices(assume_defaults=True)),
    "gru": (lambda layers: layers.GRU(H, return_sequences=True), Choices(assume_defaults=True)),
    "gru, reset before": (
        lambda layers: layers.GRU(H, return_sequences=True, reset_after=False),
        Choices(None, False, True),
    ),
    "gru without bias": (
        lambda layers: layers.GRU(H, return_sequences=True, use_bias=False),
        Choices(None, True, True),
    ),
    "rnn relu": (
        lambda layers: layers.SimpleRNN(H, return_sequences=True, activation="relu"),
        Choices("relu", None, True),
    ),
}


@pytest.mark.parametrize("ending", ["keras", "weights.h5", "h5"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("name", KERAS)
@pytest.mark.filterwarnings("ignore")
def test_what_keras_saves_is_read(keras, tmp_path, name, directions, ending):
    make, choices = KERAS[name]
    wrap = keras.layers.Bidirectional if directions == 2 else lambda layer: layer
    model = keras.Sequential(
        [keras.Input((None, D)), wrap(make(keras.layers)), wrap(make(keras.layers)), keras.layers.Dense(V)]
    )
    draw = np.random.default_rng(5)
    model.set_weights([draw.uniform(-1, 1, weight.shape) for weight in model.get_weights()])
    path = tmp_path / f"a.{ending}"
    (model.save_weights if ending == "weights.h5" else model.save)(path)
    network = network_of(read_layers(path), choices)
    assert [type(part).__name__ for part in network.parts] == ["Recurrent", "Dense"]
    x = draw.normal(size=(N, T, D)).astype("f4")
    y, _, _ = run(network, x.swapaxes(0, 1))
    assert distance(np.asarray(model(x)).swapaxes(0, 1), y) < 5e-6
