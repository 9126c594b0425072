"""Keras' files, in: golden files with Keras' own answers, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnfast import LSTM, Dense, LanguageModel
from rnnfast.convert import from_keras
from rnnfast.convert.keras_files import Layer, read_layers
from rnnfast.convert.keras_layers import Choices, network_of

from .networks import mutants, run

h5py = pytest.importorskip("h5py")

GOLDEN = Path(__file__).parent / "golden" / "keras"
FILES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix != ".npz")
UNSAID = {
    "relu.weights.h5": Choices("relu", assume_defaults=True),
    "reset_before.weights.h5": Choices(reset_after=False, assume_defaults=True),
    "language_model.weights.h5": Choices(assume_defaults=True),
    "language_model_weights_of_old.h5": Choices(assume_defaults=True),
    "both_directions.weights.h5": Choices(assume_defaults=True),
    "both_directions_weights_of_old.h5": Choices(assume_defaults=True),
}
"""What these files of weights alone do not say."""


def network(name):
    return network_of(read_layers(GOLDEN / name), UNSAID.get(name, Choices()))


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


@pytest.mark.parametrize("name", UNSAID)
def test_weights_alone_do_not_say_the_settings(name):
    with pytest.raises(ValueError, match=r"a file of weights alone .*: pass assume_defaults=True where they"):
        from_keras(GOLDEN / name, nonlinearity="relu", reset_after=False)


def test_weights_alone_leave_questions():
    with pytest.raises(
        ValueError, match="does not say the nonlinearity of layer 'bidirectional': pass nonlinearity="
    ):
        from_keras(GOLDEN / "relu.weights.h5", assume_defaults=True)
    with pytest.raises(
        ValueError, match=r"does not say whether the GRU of layer 'gru' resets after.*reset_after=True"
    ):
        from_keras(GOLDEN / "reset_before.weights.h5", assume_defaults=True)
    with pytest.raises(ValueError, match=r"bias of \(12,\), but reset_after is True"):
        from_keras(GOLDEN / "reset_before.weights.h5", reset_after=True, assume_defaults=True)


def weights_file(tmp_path, **shapes):
    """A .weights.h5 of layers with zeros of these shapes, each in its group of variables."""
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for name, (inside, *own) in shapes.items():
            for index, shape in enumerate(own):
                file[f"layers/{name}/{inside}/{index}"] = np.zeros(shape)
    return path


CELL = "cell/vars"


def test_the_order_of_classes_is_not_guessed(tmp_path):
    """A Dense as wide as what is before the LSTM fits there, too."""
    lstm, dense = (CELL, (3, 16), (4, 16), 16), ("vars", (4, 3), 3)
    path = weights_file(tmp_path, lstm=lstm, dense=dense)
    message = r"pass layers=\('lstm', 'dense'\) or layers=\('dense', 'lstm'\) or language_model=True"
    with pytest.raises(ValueError, match=message):
        from_keras(path, assume_defaults=True)
    kinds = [layer.kind for layer in read_layers(path, ("dense", "lstm"))]
    assert kinds == ["Dense", "LSTM"]
    assert type(from_keras(path, assume_defaults=True, language_model=True)) is LanguageModel
    layers = from_keras(path, layers=("lstm", "dense"), assume_defaults=True, language_model=False)
    assert [type(layer) for layer in layers] == [LSTM, Dense]
    with pytest.raises(ValueError, match=r"layers names 'gru'; there are 'lstm', 'dense'"):
        read_layers(path, ("gru", "dense"))
    with pytest.raises(ValueError, match="layers: the file says their order itself"):
        read_layers(GOLDEN / "relu.keras", ("bidirectional",))


def test_where_shapes_leave_one_order_it_is_taken(tmp_path):
    """A Dense before the LSTM, and between two."""
    shapes = {"lstm": (CELL, (3, 16), (4, 16)), "dense": ("vars", (9, 3))}
    assert [layer.name for layer in read_layers(weights_file(tmp_path, **shapes))] == ["dense", "lstm"]
    shapes |= {"dense": ("vars", (4, 5)), "lstm_1": (CELL, (5, 8), (2, 8))}
    order = [layer.name for layer in read_layers(weights_file(tmp_path, **shapes))]
    assert order == ["lstm", "dense", "lstm_1"]


def test_classes_of_one_role_and_many_layers_are_asked_for(tmp_path):
    path = weights_file(tmp_path, lstm=(CELL, (3, 16), (4, 16)), gru=(CELL, (4, 6), (2, 6)))
    with pytest.raises(
        ValueError, match=r"the order of LSTM and GRU: pass layers=, such as layers=\('lstm', 'gru'"
    ):
        read_layers(path)
    assert len(network_of(read_layers(path, ("lstm", "gru")), Choices(None, True, True)).parts) == 2
    deep = {f"lstm_{index}": (CELL, (4, 16), (4, 16)) for index in range(13)}
    with pytest.raises(ValueError, match="the order of its 13 layers: pass layers=, such as layers="):
        read_layers(weights_file(tmp_path, **deep))


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
        network_of(read_layers(change(tmp_path, name, edit)), Choices())
    assert not isinstance(caught.value, UnicodeError)


def test_settings_without_effect_are_passed_over(answers, tmp_path):
    def edit(config, layers):
        for index in (2, "second"):
            layers[index]["config"].update(dropout=0.5, stateful=True, activation={"config": "tanh"})

    described = network_of(read_layers(change(tmp_path, LM, edit)), Choices())
    assert error(answers, LM, described) < 1e-6


def test_a_backward_layer_that_keras_2_does_not_write_has_the_forward_settings(answers, tmp_path):
    path = tmp_path / "both_directions.h5"
    path.write_bytes((GOLDEN / path.name).read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        wrappers = [layer for layer in config["config"]["layers"] if layer["class_name"] == "Bidirectional"]
        assert [wrapper["config"].pop("backward_layer")["class_name"] for wrapper in wrappers] == ["GRU"] * 2
        file.attrs["model_config"] = json.dumps(config)
    assert error(answers, path.name, network_of(read_layers(path), Choices())) < 1e-6
    wrappers[1]["config"]["layer"]["config"]["go_backwards"] = True
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match="layer 'upper' has go_backwards=True, which rnnfast does not do"):
        from_keras(path)


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
        network_of([Layer(kind, "a", None, weights)], Choices(assume_defaults=True))
