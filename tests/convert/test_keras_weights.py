"""Keras' files, in: golden files with Keras' own answers, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnfast.convert import from_keras
from rnnfast.convert.keras_files import Layer, read_layers
from rnnfast.convert.keras_layers import Choices, network_of

from .networks import mutants, run

pytest.importorskip("h5py")

GOLDEN = Path(__file__).parent / "golden" / "keras"
FILES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix != ".npz")
UNSAID = {
    "relu.weights.h5": Choices("relu", None),
    "reset_before.weights.h5": Choices(None, False),
}
"""What these files of weights alone do not say."""


def network(name, choices=None):
    return network_of(read_layers(GOLDEN / name), choices or UNSAID.get(name, Choices(None, None)))


def error(answers, name, described):
    model = name.split(".")[0].removesuffix("_weights_of_old")
    x, y = answers["keras"][f"{model}.x"], answers["keras"][f"{model}.y"]
    got, _, _ = run(described, x)
    if model == "language_model" and not described.parts[-1].softmax:  # weights alone do not say the softmax
        got = np.exp(got) / np.exp(got).sum(axis=-1, keepdims=True)
    return np.abs(got - y).max()


@pytest.mark.parametrize("name", FILES)
def test_a_golden_file_computes_what_keras_computed(answers, name):
    assert error(answers, name, network(name)) < 1e-6


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_in_reading_would_show(answers, name):
    for mistake, mutant in mutants(network(name)).items():
        assert error(answers, name, mutant) > 1e-3, mistake


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".keras")])
def test_layers_take_batches_first(name):
    assert all(part.batch_first for part in network(name).parts if hasattr(part, "batch_first"))


def test_weights_alone_leave_questions():
    with pytest.raises(
        ValueError, match="does not say the nonlinearity of layer 'bidirectional': pass nonlinearity="
    ):
        from_keras(GOLDEN / "relu.weights.h5")
    with pytest.raises(
        ValueError, match=r"does not say whether the GRU of layer 'gru' resets after.*reset_after=True"
    ):
        from_keras(GOLDEN / "reset_before.weights.h5")
    with pytest.raises(ValueError, match=r"bias of \(12,\), but reset_after is True"):
        from_keras(GOLDEN / "reset_before.weights.h5", reset_after=True)


def change(tmp_path, name, edit):
    """A copy of a .keras file with another configuration."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(GOLDEN / name) as source, zipfile.ZipFile(path, "w") as target:
        config = json.loads(source.read("config.json"))
        layers = config["config"]["layers"]
        edit(config, {layer["config"]["name"]: layer for layer in layers} | dict(enumerate(layers)))
        target.writestr("config.json", json.dumps(config))
        target.writestr("model.weights.h5", source.read("model.weights.h5"))
    return path


def setting(index, **settings):
    return lambda config, layers: layers[index]["config"].update(settings)


def inner(index, key, **settings):
    return lambda config, layers: layers[index]["config"][key]["config"].update(settings)


LM, BOTH, BEFORE, RELU = (
    f"{name}.keras" for name in ("language_model", "both_directions", "reset_before", "relu")
)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        (LM, setting(2, activation="relu"), "layer 'lstm' has the activation 'relu', expected 'tanh'"),
        (LM, setting(2, activation="swish"), "layer 'lstm' has the activation 'swish', expected 'tanh'"),
        (LM, setting(2, activation={"class_name": "f", "config": "g"}), "has the activation 'g'"),
        (LM, setting("second", recurrent_activation="hard_sigmoid"), "'second' has the recurrent_activation"),
        (LM, setting(2, go_backwards=True), "layer 'lstm' has go_backwards=True, which rnnfast does not do"),
        (LM, setting(2, return_sequences=False), "'second' comes after one that returns its last output only"),
        (LM, setting(1, mask_zero=True), "layer 'embedding' has mask_zero=True"),
        (LM, inner("time_distributed", "layer", activation="relu"), "has the activation 'relu', expected 'softmax'"),
        (LM, lambda config, layers: layers[2].update(class_name="GRU"), r"has no group layers/gru/cell/vars"),
        (LM, lambda config, layers: layers[2].update(class_name="ConvLSTM1D"), "is a ConvLSTM1D, expected LSTM"),
        (LM, lambda config, layers: layers[3].update(class_name="Masking"), "is a Masking, expected LSTM"),
        (LM, lambda config, layers: config.update(class_name="MyModel"), "it is a 'MyModel' model, expected"),
        (LM, lambda config, layers: config.update(config=[1]), "its configuration makes no sense"),
        (LM, lambda config, layers: layers[2].update(config={"name": 3}), "a layer's class or name is no text"),
        (BOTH, setting("upper", merge_mode="sum"), "layer 'upper' has merge_mode='sum'"),
        (BOTH, inner("upper", "backward_layer", go_backwards=False), "a backward layer that does not go backwards"),
        (BOTH, inner(1, "layer", return_sequences=False), "'upper' comes after one that returns its last output only"),
        (BOTH, inner("upper", "layer", reset_after=False), r"has a bias of \(2, 12\), but reset_after is False"),
        (BOTH, lambda config, layers: layers[2].update(inbound_nodes=layers[1]["inbound_nodes"]), "'upper' reads from"),
        (BOTH, lambda config, layers: layers[2].update(inbound_nodes=[]), r"reads from \[\], expected \['bidir"),
        (BEFORE, setting("gru", reset_after=True), r"has a bias of \(12,\), but reset_after is True"),
        (RELU, inner(1, "layer", activation="elu"), "has the activation 'elu', expected 'tanh' or 'relu'"),
        (RELU, inner(1, "layer", activation="tanh"), "different activations in its two directions"),
    ],
)  # fmt: skip
def test_what_rnnfast_does_not_do_is_refused(tmp_path, name, edit, message):
    with pytest.raises(ValueError, match=message) as caught:
        network_of(read_layers(change(tmp_path, name, edit)), Choices(None, None))
    assert not isinstance(caught.value, UnicodeError)


def test_settings_without_effect_are_passed_over(answers, tmp_path):
    def edit(config, layers):
        for index in (2, "second"):
            layers[index]["config"].update(dropout=0.5, stateful=True, activation={"config": "tanh"})

    described = network_of(read_layers(change(tmp_path, LM, edit)), Choices(None, None))
    assert error(answers, LM, described) < 1e-6


W, R = np.zeros((3, 12)), np.zeros((4, 12))


@pytest.mark.parametrize(
    ("kind", "weights", "message"),
    [
        ("GRU", [W, R, np.zeros((3, 12))], r"has a bias of \(3, 12\), expected"),
        ("GRU", [W, R, np.zeros(12), R], "are not those of a GRU"),
        ("GRU", [np.zeros((3, 11)), np.zeros((4, 11)), np.zeros((2, 11))], r"has a bias of \(2, 11\)"),
        ("LSTM", [W, R, np.zeros(12)], r"layers.0.W has shape \(3, 12\), expected \(3, 16\)"),
        ("LSTM", [W], "are not those of a LSTM"),
        ("LSTM", [W, np.zeros(12)], r"R or its projection is no matrix"),
        ("Bidirectional", [W, R, np.zeros(12)] * 2, "resets after the recurrent product: pass"),
        ("Bidirectional", [W, R, np.zeros(12)], "are not those of a Recurrent"),
        ("Recurrent", [np.zeros((3, 8)), np.zeros((4, 8)), np.zeros(8)], r"holds a Recurrent of \(4, 8\)"),
        ("Dense", [W, R, W], "are not those of a Dense"),
        ("Dense", [W, np.zeros(12)], "there is no recurrent layer"),
        ("Embedding", [W, W], "are not those of a Embedding"),
    ],
)
def test_arrays_that_make_no_layer_are_refused(kind, weights, message):
    with pytest.raises(ValueError, match=message):
        network_of([Layer(kind, "a", None, weights)], Choices(None, None))
