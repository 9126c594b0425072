"""What the public functions return: layers and language models that compute what the file's framework computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnfast
from rnnfast import GRU, LSTM, RNN, LanguageModel
from rnnfast.convert import from_course, from_keras, from_onnx, from_torch, to_course, to_onnx, to_torch
from rnnfast.convert.assemble import build, describe
from rnnfast.convert.description import Dense, Embedding, Network

from .networks import distance, make_stack, run, same

GOLDEN = Path(__file__).parent / "golden"

LAYERS = {
    "torch/rnn_tanh.safetensors": (lambda path: from_torch(path, nonlinearity="tanh"), RNN),
    "torch/rnn_relu.safetensors": (lambda path: from_torch(path, nonlinearity="relu", batch_first=True), RNN),
    "torch/gru.safetensors": (from_torch, GRU),
    "torch/gru_without_bias.safetensors": (from_torch, GRU),
    "torch/lstm.safetensors": (lambda path: from_torch(path, batch_first=True), LSTM),
    "torch/lstm_cell.safetensors": (from_torch, LSTM),
    "torch/lstm_projected.safetensors": (from_torch, LSTM),
    "keras/relu.keras": (from_keras, RNN),
    "keras/reset_before.keras": (from_keras, GRU),
    "keras/reset_before.weights.h5": (
        lambda path: from_keras(path, reset_after=False, assume_defaults=True),
        GRU,
    ),
    "onnx/torch_gru.onnx": (from_onnx, GRU),
    "onnx/gru_reset_before.onnx": (lambda path: from_onnx(path, batch_first=True), GRU),
    "onnx/gru_both_directions.onnx": (from_onnx, GRU),
    "onnx/lstm_peephole.onnx": (from_onnx, LSTM),
    "onnx/lstm_coupled.onnx": (from_onnx, LSTM),
    "onnx/torch_rnn.onnx": (lambda path: from_onnx(path, batch_first=True), RNN),
}


def answer(answers, file):
    framework, name = file.split("/")
    name = name.split(".")[0]
    return answers[framework][f"{name}.x"], answers[framework][f"{name}.y"]


@pytest.mark.parametrize("file", LAYERS)
def test_a_layer_computes_what_its_framework_computed(answers, file):
    make, kind = LAYERS[file]
    layer = make(GOLDEN / file)
    assert type(layer) is kind
    x, y = answer(answers, file)
    turned = layer.config["batch_first"] and file != "onnx/torch_rnn.onnx"
    got, _ = layer(x.swapaxes(0, 1) if turned else x)
    tolerance = 1e-12 if layer.dtype == np.float64 else 2e-6
    assert distance(got.swapaxes(0, 1) if turned else got, y) < tolerance


MODELS = {
    "torch/model_gru.safetensors": from_torch,
    "torch/model_lstm.safetensors": lambda path: from_torch(path, language_model=True),
    "keras/language_model.keras": from_keras,
    "keras/language_model.weights.h5": lambda path: from_keras(path, assume_defaults=True),
    "keras/language_model.h5": from_keras,
    "onnx/torch_model.onnx": from_onnx,
}


@pytest.mark.parametrize("file", MODELS)
def test_a_language_model_predicts_what_its_framework_predicted_and_is_ready_to_work(answers, file):
    model = MODELS[file](GOLDEN / file)
    assert type(model) is LanguageModel
    x, y = answer(answers, file)
    if not file.startswith("keras"):  # the others' answers are logits
        y = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
    probabilities, _ = model.predict(x.T)
    assert distance(probabilities.swapaxes(0, 1), y) < (1e-12 if model.dtype == np.float64 else 1e-6)
    before = model.evaluate(x.T)["loss"]
    model.fit(x.T, epochs=20)
    assert model.evaluate(x.T)["loss"] < before
    assert model.generate(5).shape == (1, 5)


STACKS = {
    "rnn relu": {"cell": "rnn", "nonlinearity": "relu", "layers": 2, "batch_first": True},
    "gru": {"cell": "gru", "layers": 2, "directions": 2},
    "gru reset before": {"cell": "gru", "reset_after": False, "dtype": "f4"},
    "lstm": {"cell": "lstm", "layers": 3, "directions": 2},
}
OPTIONS = {
    "lstm projected": {"cell": "lstm", "layers": 2, "directions": 2, "proj_size": 2},
    "lstm peephole": {"cell": "lstm", "peephole": True, "batch_first": True},
    "lstm coupled, all options": {"cell": "lstm", "peephole": True, "coupled": True, "proj_size": 4},
}


@pytest.mark.parametrize("name", STACKS | OPTIONS)
def test_a_layer_is_built_and_described_again_to_the_bit(name):
    network = Network((make_stack(**(STACKS | OPTIONS)[name]),))
    layer = build(network)
    again = describe(layer)
    assert same(again, network)
    assert again.parts[0].batch_first == network.parts[0].batch_first
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    y, _ = layer(x.swapaxes(0, 1) if network.parts[0].batch_first else x)
    expected, _, _ = run(network, x)
    assert distance(y.swapaxes(0, 1) if network.parts[0].batch_first else y, expected) < 2e-6


def language_network(name, *, embedded, tied=False, V=7):
    draw = np.random.default_rng(1)
    settings = STACKS[name] | {"directions": 1, "batch_first": False, "dtype": "f8"}
    stack = make_stack(D=4 if embedded else V, **settings)
    table = draw.normal(size=(V, 4))
    dense = Dense(table.T.copy() if tied else draw.normal(size=(4, V)), draw.normal(size=V), softmax=True)
    return Network((*([Embedding(table)] if embedded else []), stack, dense))


@pytest.mark.parametrize(("embedded", "tied"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("name", STACKS)
def test_a_language_model_is_built_and_described_again_to_the_bit(name, embedded, tied):
    network = language_network(name, embedded=embedded, tied=tied)
    model = build(network, language_model=None if embedded else True)
    assert same(describe(model), network)
    assert model.config["tie_weights"] == tied
    x = np.array([[0, 3], [6, 2], [1, 1]])
    expected, _, _ = run(network, x if embedded else np.eye(7)[x])
    probabilities, _ = model.predict(x.T)
    assert distance(probabilities.swapaxes(0, 1), expected) < 1e-12


def test_wider_numbers_win():
    stack = make_stack("gru", dtype="f4")
    network = Network((stack, Dense(np.ones((4, 3)), np.ones(3))))
    model = build(network, language_model=True)
    assert model.dtype == np.float64
    assert np.array_equal(model.parameters["layers.0.W"], stack.layers[0][0].W)


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_language_model_is_made_of_vectors_only_where_they_are_known_to_be_tokens(one_hot):
    network = Network((make_stack("gru"), Dense(np.ones((4, 3)), np.ones(3))), one_hot=one_hot)
    if one_hot:
        assert type(build(network)) is LanguageModel
    else:
        with pytest.raises(ValueError, match=r"pass language_model=True for a Lang.*=False for its layers"):
            build(network)
    assert [type(layer) for layer in build(network, language_model=False)] == [GRU, rnnfast.Dense]
    assert type(build(network, language_model=True)) is LanguageModel
    assert describe(build(network, language_model=True)).one_hot


def test_what_is_no_language_model_does_not_become_one():
    for stack in (make_stack("gru", directions=2), make_stack("lstm", coupled=True), make_stack("rnn")):
        outputs = 3 if stack.cell != "rnn" else 2
        network = Network((stack, Dense(np.ones((stack.output_size, outputs)), np.ones(outputs))))
        assert isinstance(build(network), tuple)
        with pytest.raises(
            ValueError, match="language_model is True, expected one stack of RNN, GRU or plain"
        ):
            build(network, language_model=True)
    with pytest.raises(TypeError, match="language_model is 1, expected True, False or None"):
        build(network, language_model=1)


def chain(*parts):
    return Network(parts)


def ones(*shape):
    return np.full(shape, 0.5)


@pytest.mark.parametrize(
    "network",
    [
        chain(make_stack("gru"), make_stack("lstm", D=4)),
        chain(make_stack("gru"), Dense(ones(4, 2), ones(2))),
        chain(make_stack("gru", directions=2), Dense(ones(8, 3), ones(3))),
        chain(make_stack("lstm", peephole=True), Dense(ones(4, 3), ones(3))),
        chain(Embedding(ones(5, 3)), make_stack("gru")),
        chain(Embedding(ones(5, 3)), make_stack("rnn"), Dense(ones(4, 3), ones(3)), Dense(ones(3, 5), ones(5))),
        chain(Dense(ones(2, 3), ones(3)), make_stack("gru"), Dense(ones(4, 2), ones(2))),
    ],
    ids=range(7),
)  # fmt: skip
def test_any_other_network_is_its_layers_in_order(network):
    layers = build(network)
    assert isinstance(layers, tuple)
    assert same(describe(layers), network)
    draw = np.random.default_rng(1)
    tokens = isinstance(network.parts[0], Embedding)
    D = network.parts[0].W.shape[0] if not hasattr(network.parts[0], "layers") else 3
    x = draw.integers(5, size=(4, 2)) if tokens else draw.normal(size=(4, 2, D))
    y = x
    for layer in layers:
        y = layer(y)
        y = y[0] if isinstance(y, tuple) else y
    assert distance(y, run(network, x)[0]) < 1e-12


def test_a_sequence_model_goes_out_to_pytorch(tmp_path):
    model = rnnfast.SequenceClassifier(
        3, 6, vocab_size=5, embedding_size=4, cell="gru", bidirectional=True, output="all"
    )
    layers = from_torch(to_torch(model))
    embedding, gru, dense = layers
    x = np.array([[0, 4, -1, 2], [1, 1, 3, 0]])
    logits = dense(gru(embedding(x.T))[0]).swapaxes(0, 1)
    expected = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    assert distance(model.predict(x), expected) < 1e-6
    to_onnx(layers, tmp_path / "a.onnx")
    assert np.array_equal(from_onnx(tmp_path / "a.onnx")[2].parameters["W"], dense.parameters["W"])


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("rnn", {"output": "last"}),
        ("rnn", {"output": "all", "nonlinearity": "relu", "bidirectional": True}),
        ("gru", {"output": "last", "reset_after": False, "num_layers": 2}),
        ("lstm", {"output": "all", "bidirectional": True}),
    ],
)
def test_a_sequence_model_of_any_cell_goes_out_to_onnx(tmp_path, cell, settings):
    model = rnnfast.SequenceRegressor(3, 6, input_size=3, cell=cell, seed=1, **settings)
    to_onnx(model, tmp_path / "a.onnx")
    recurrent, dense = from_onnx(tmp_path / "a.onnx", language_model=False)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    y = dense(recurrent(x.swapaxes(0, 1))[0]).swapaxes(0, 1)
    assert distance(model.predict(x), y[:, -1] if settings["output"] == "last" else y) < 1e-6


def test_the_last_steps_of_two_directions_are_no_step_of_a_graph(tmp_path):
    model = rnnfast.SequenceClassifier(3, 6, input_size=3, bidirectional=True)
    with pytest.raises(
        ValueError, match=r"model is a SequenceClassifier .* expected output='all', or one dir"
    ):
        to_onnx(model, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_layer_alone_goes_out(tmp_path):
    dense, table = rnnfast.Dense(3, 2), rnnfast.Embedding(5, 4)
    assert np.array_equal(to_torch(dense)["weight"], dense.parameters["W"].T)
    assert to_torch(table).keys() == {"weight"}
    lower, upper = LSTM(4, 6, bidirectional=True), LSTM(12, 5)
    names = set(to_torch([table, lower, upper, rnnfast.Dense(5, 2)]))
    assert {"embedding.weight", "lstm.weight_ih_l0_reverse", "lstm_2.weight_ih_l0", "linear.bias"} < names
    to_onnx((lower, upper), tmp_path / "a.onnx")
    assert [layer.config["hidden_size"] for layer in from_onnx(tmp_path / "a.onnx")] == [6, 5]
    with pytest.raises(ValueError, match="a layer takes 4 numbers, but the one before it gives 5"):
        to_torch([upper, lower])


@pytest.mark.parametrize("write", [to_torch, to_course, lambda model: to_onnx(model, "a.onnx")])
def test_other_things_are_not_converted(write):
    with pytest.raises(TypeError, match="model is a str, expected a model, a layer or a sequence"):
        write("model")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: from_torch(LSTM(3, 4)),
            "source is a LSTM, expected a path or a mapping .* module.state_dict",
        ),
        (lambda: from_torch(5), "source is a int, expected a path or a mapping of names to arrays"),
        (lambda: from_torch(None), "source is a NoneType, expected a path or a mapping"),
        (lambda: from_keras(5), "path is a int, expected the name of a file"),
        (lambda: from_onnx(5), "path is a int, expected the name of a file"),
        (lambda: to_torch(LSTM(3, 4), 5), "path is a int, expected the name of a file"),
        (lambda: to_onnx(LSTM(3, 4), 5), "path is a int, expected the name of a file"),
        (lambda: to_onnx(LSTM(3, 4), b"a.onnx"), "path is a bytes, expected the name of a file"),
    ],
    ids=range(8),
)
def test_what_is_no_path_is_named(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


def test_every_way_out_leads_back(tmp_path):
    """From the exercises' dictionary through every format and back: the same numbers."""
    draw = np.random.default_rng(2)
    parameters = {"Wax": (6, 5), "Waa": (6, 6), "b": (6, 1), "Wya": (5, 6), "by": (5, 1)}
    parameters = {name: draw.normal(size=shape) for name, shape in parameters.items()}
    model = from_course(parameters)
    to_torch(model, tmp_path / "a.safetensors")
    model = from_torch(tmp_path / "a.safetensors", nonlinearity="tanh", language_model=True)
    to_onnx(model, tmp_path / "a.onnx", dtype="float64")
    again = to_course(from_onnx(tmp_path / "a.onnx"), bias="b")
    assert again.keys() == parameters.keys()
    assert all(np.array_equal(again[name], parameters[name]) for name in parameters)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    before_product = GRU(3, 4, reset_after=False)
    with pytest.raises(ValueError, match="no GRU with a reset before"):
        to_torch(before_product, path)
    with pytest.raises(TypeError):
        to_onnx(object(), path)
    assert path.read_bytes() == b"before"
    with pytest.raises(FileNotFoundError):
        to_onnx(before_product, tmp_path / "missing" / "a.onnx")


def test_it_is_found_from_the_package():
    assert rnnfast.convert.from_torch is from_torch
