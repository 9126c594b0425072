"""Parameters: live read-only views, and changes that are checked before anything changes."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from rnnfast import LanguageModel

from .cases import assert_same_bits, assert_same_parameters, samples, snapshot

V, H = 5, 6


def test_names_shapes_and_number():
    model = LanguageModel(V, H, num_layers=2)
    shapes = {name: p.shape for name, p in model.parameters.items()}
    assert shapes == {
        "layers.0.W": (V, 4 * H),
        "layers.0.R": (H, 4 * H),
        "layers.0.b": (4 * H,),
        "layers.1.W": (H, 4 * H),
        "layers.1.R": (H, 4 * H),
        "layers.1.b": (4 * H,),
        "dense.W": (H, V),
        "dense.b": (V,),
    }
    assert model.num_parameters == sum(np.prod(shape) for shape in shapes.values())
    assert LanguageModel(90, 64).num_parameters == 45_530


def test_views_are_read_only(dtype):
    model = LanguageModel(V, H, dtype=dtype)
    for view in model.parameters.values():
        assert view.dtype == dtype
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.setflags(write=True)
    with pytest.raises(TypeError):
        model.parameters["dense.b"] = np.zeros(V)


def test_views_are_live():
    X, Y = samples()
    model = LanguageModel(V, H)
    view = model.parameters["dense.W"]
    before = view.copy()
    model.fit(X, Y, epochs=1)
    assert (view != before).any()
    assert_same_bits(view, model.parameters["dense.W"])
    model.set_parameters({"dense.W": before})
    assert_same_bits(view, before)


def test_a_view_keeps_the_memory_alive():
    model = LanguageModel(64, 64)
    view, copy = model.parameters["layers.0.W"], model.parameters["layers.0.W"].copy()
    del model
    gc.collect()
    others = [LanguageModel(64, 64, seed=k) for k in range(1, 4)]
    assert_same_bits(view, copy)
    assert others


@pytest.mark.parametrize(
    "make", [np.asarray, np.asfortranarray, lambda a: a.tolist(), lambda a: a.astype("f8")]
)
def test_set_parameters_takes_any_array_of_numbers(make):
    model, other = LanguageModel(V, H), LanguageModel(V, H, seed=9)
    model.set_parameters({name: make(value) for name, value in other.parameters.items()})
    assert_same_parameters(model, other)
    X, Y = samples()
    assert model.evaluate(X, Y) == other.evaluate(X, Y)


def test_set_parameters_copies():
    model, value = LanguageModel(V, H), np.ones(V, np.float32)
    model.set_parameters({"dense.b": value})
    value[:] = 5
    assert (model.parameters["dense.b"] == 1).all()


def test_those_not_named_keep_their_values():
    model = LanguageModel(V, H)
    before = snapshot(model)
    model.set_parameters({"dense.b": np.arange(V)})
    assert_same_parameters(model, before | {"dense.b": np.arange(V, dtype=np.float32)})
    model.set_parameters({})
    assert (model.parameters["dense.b"] == np.arange(V)).all()


BAD = {
    "name": ({"dense.c": np.zeros(V)}, ValueError, "no parameter 'dense.c', expected of layers.0.W, "),
    "shape": ({"dense.W": np.zeros((V, H))}, ValueError, r"dense.W has shape \(5, 6\), expected \(6, 5\)"),
    "nan": ({"dense.W": np.full((H, V), np.nan)}, ValueError, "dense.W has numbers that are not finite"),
    "overflow": ({"dense.W": np.full((H, V), 1e300)}, ValueError, "dense.W .* not finite in float32"),
    "complex": ({"dense.W": np.zeros((H, V), complex)}, TypeError, "dense.W has dtype complex128, expected"),
    "text": ({"dense.W": np.full((H, V), "a")}, TypeError, "dense.W has dtype <U1, expected real numbers"),
    "ragged": ({"dense.W": [[1.0], [1.0, 2.0]]}, ValueError, "dense.W"),
}


@pytest.mark.parametrize(("bad", "error", "message"), BAD.values(), ids=BAD)
def test_all_is_checked_before_anything_changes(bad, error, message):
    model = LanguageModel(V, H)
    before = snapshot(model)
    with pytest.raises(error, match=f"set_parameters: .*{message}"):
        model.set_parameters({"dense.b": np.ones(V), "layers.0.W": np.ones((V, 4 * H))} | bad)
    assert_same_parameters(model, before)


@pytest.mark.parametrize("bad", [None, 5, [1, 2], "dense.b"])
def test_set_parameters_takes_a_mapping(bad):
    with pytest.raises(TypeError, match=r"set_parameters: mapping is .*, expected a mapping"):
        LanguageModel(V, H).set_parameters(bad)


def test_settings_are_read_only():
    model = LanguageModel(V, H, num_layers=2, dtype="float64", seed=7, vocabulary="abcde")
    assert dict(model.config) == {
        "cell": "lstm", "vocab_size": V, "hidden_size": H, "num_layers": 2, "dtype": "float64", "seed": 7,
        "embedding_size": None, "tie_weights": False, "dropout": 0.0, "nonlinearity": "tanh", "reset_after": True,
    }  # fmt: skip
    assert (model.vocab_size, model.hidden_size, model.num_layers) == (V, H, 2)
    assert model.dtype == np.float64
    assert model.vocabulary == tuple("abcde")
    assert repr(model).startswith("LanguageModel(cell='lstm', vocab_size=5")
    for name in ("vocab_size", "hidden_size", "num_layers", "dtype", "vocabulary", "num_parameters"):
        with pytest.raises(AttributeError):
            setattr(model, name, 1)
    with pytest.raises(TypeError):
        model.config["seed"] = 1
