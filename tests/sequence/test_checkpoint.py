"""Saved sequence models: what comes back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import SGD, LanguageModel, SequenceClassifier, SequenceRegressor, _sealed_files

KIND = "rnnfast.SequenceClassifier"
X, Y = np.random.default_rng(0).integers(0, 4, (6, 5)), np.arange(6) % 3


def make():
    return SequenceClassifier(
        3, 4, vocab_size=4, embedding_size=2, cell="gru", num_layers=2, bidirectional=True
    )


@pytest.fixture
def saved(tmp_path):
    path, model = tmp_path / "model", make()
    model.fit(X, Y, epochs=2, batch_size=3)
    model.save(path)
    return path


@pytest.mark.parametrize(
    "model",
    [
        make(),
        SequenceClassifier(2, 3, input_size=1, output="all", dropout=0.25, seed=2**64 - 1),
        SequenceRegressor(2, 3, vocab_size=4, cell="gru", reset_after=False, dtype="float64"),
        SequenceRegressor(2, 3, input_size=2, cell="rnn", nonlinearity="relu"),
    ],
    ids=repr,
)
def test_all_settings_and_weights_come_back(tmp_path, model):
    model.save(tmp_path / "model")
    twin = type(model).load(tmp_path / "model")
    assert repr(twin) == repr(model)
    assert {k: p.tobytes() for k, p in twin.parameters.items()} == {
        k: p.tobytes() for k, p in model.parameters.items()
    }


def test_equal_models_make_equal_files(saved, tmp_path):
    twin = SequenceClassifier.load(saved)
    twin.save(tmp_path / "twin")
    assert (tmp_path / "twin").read_bytes() == saved.read_bytes()


def test_an_optimiser_without_memory_is_saved_too(tmp_path):
    model = make()
    model.fit(X, Y, epochs=1, optimizer=SGD(0.1))
    model.save(tmp_path / "model")
    assert SequenceClassifier.load(tmp_path / "model")._optimizer_state.steps == 1


@pytest.mark.parametrize(
    ("kind", "sizes"), [(SequenceClassifier, (3, 4)), (SequenceRegressor, (2, 4)), (LanguageModel, (4, 4))]
)
def test_a_subclass_is_made_by_its_own_constructor(tmp_path, kind, sizes):
    class Own(kind):
        def __init__(self, *sizes, **settings):
            super().__init__(*sizes, **settings)
            self.extra = [1]

    settings = {} if kind is LanguageModel else {"vocab_size": 4}
    model = Own(*sizes, seed=3, **settings)
    model.save(tmp_path / "model")
    loaded = Own.load(tmp_path / "model")
    assert (loaded.extra, loaded.config) == ([1], model.config)


def rewrite(path, facts=None, tensors=None):
    """Change a file as somebody would who knows the format."""
    old_facts, old_tensors = _sealed_files.read(path, KIND, 1)
    for key in ("kind", "format", "version"):
        old_facts.pop(key)
    for key, value in (facts or {}).items():
        *outer, last = key.split(".")
        target = old_facts
        for part in outer:
            target = target[part]
        target[last] = value
    changed = {k: v for k, v in (old_tensors | (tensors or {})).items() if v is not None}
    _sealed_files.write(path, KIND, 1, old_facts, changed)


REWRITTEN = {
    "huge sizes": ({"config.hidden_size": 2**30}, {}, r"recurrent.layers.0.W is float32 \(2, 12\), expected"),
    "many layers": ({"config.num_layers": 10**9}, {}, "num_layers is 1000000000, and there are"),
    "an unknown cell": ({"config.cell": "elman"}, {}, "damaged: KeyError"),
    "an unknown setting": (
        {"config.colour": "red"},
        {},
        "damaged: TypeError: .*unexpected keyword argument 'colour'",
    ),
    "no config": ({"config": None}, {}, "damaged"),
    "negative steps": ({"steps": -1}, {}, "steps is -1, expected at least 0"),
    "epochs of text": ({"epochs_begun": "2"}, {}, "epochs_begun is '2'"),
    "another optimiser": ({"optimizer.kind": "lion"}, {}, "kind is 'lion'"),
    "no optimiser": ({"optimizer": None}, {}, "damaged: .*optimizer is missing, and steps is 4"),
    "a missing weight": ({}, {"dense.W": None}, "dense.W is missing"),
    "a weight too many": ({}, {"dense.V": np.zeros(3)}, "dense.V is no part of such a model"),
    "another shape": (
        {},
        {"dense.b": np.zeros(4, np.float32)},
        r"dense.b is float32 \(4,\), expected float32 \(3,\)",
    ),
    "another dtype": ({}, {"dense.b": np.zeros(3)}, r"dense.b is float64 \(3,\), expected float32"),
    "nan": ({}, {"dense.b": np.full(3, np.nan, np.float32)}, "dense.b has numbers that are not finite"),
    "steps that are none": ({"steps": True}, {}, "steps is True, expected at least 0"),
    "no second moment": (
        {},
        {f"optimizer.v.{name}": None for name in make().parameters},
        "damaged: .*optimizer.v is missing, expected what adam remembers",
    ),
    "no moments": (
        {},
        {f"optimizer.{slot}.{name}": None for slot in "mv" for name in make().parameters},
        "damaged: .*optimizer.m is missing, expected what adam remembers",
    ),
    "negative squares": (
        {},
        {"optimizer.v.dense.b": np.full(3, -1, np.float32)},
        "damaged: .*optimizer.v.dense.b has negative numbers",
    ),
    "half a moment": ({}, {"optimizer.m.dense.b": None}, "optimizer.m.dense.b is missing"),
}


@pytest.mark.parametrize(("facts", "tensors", "message"), REWRITTEN.values(), ids=REWRITTEN)
def test_a_file_of_no_model_is_refused(saved, facts, tensors, message):
    rewrite(saved, facts, tensors)
    with pytest.raises(ValueError, match=message):
        SequenceClassifier.load(saved)


def test_a_flipped_bit_and_other_kinds_are_refused(saved, tmp_path):
    with pytest.raises(ValueError, match=r"of another kind: 'rnnfast.SequenceClassifier', expected"):
        SequenceRegressor.load(saved)
    with pytest.raises(ValueError, match="of another kind"):
        LanguageModel.load(saved)
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    with pytest.raises(ValueError, match="does not agree with its checksum"):
        SequenceClassifier.load(saved)
    with pytest.raises(FileNotFoundError):
        SequenceClassifier.load(tmp_path / "nothing")
