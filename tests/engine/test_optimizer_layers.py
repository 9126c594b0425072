"""Training layers: `optimizer.step(layers, gradients, state)`."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from rnnfast import SGD, Adam, LanguageModel, NonFiniteError, RMSprop

from .cases import assert_same_bits, assert_same_parameters, snapshot
from .optimizers import OPTIMIZERS


class Affine:
    """y = x W + b, as somebody might write it: parameters are seen but not touched."""

    def __init__(self, rows, columns, seed, dtype=np.float64):
        r = np.random.default_rng(seed)
        self._own = {"W": r.normal(size=(rows, columns)).astype(dtype), "b": np.zeros(columns, dtype)}

    @property
    def parameters(self):
        views = {name: array.view() for name, array in self._own.items()}
        for view in views.values():
            view.setflags(write=False)
        return views

    def set_parameters(self, mapping):
        for name, value in mapping.items():
            assert np.isfinite(value).all()
            self._own[name][...] = value

    def forward(self, x):
        return x @ self._own["W"] + self._own["b"]

    def backward(self, x, dy):
        return {"W": x.T @ dy, "b": dy.sum(axis=0)}, dy @ self._own["W"].T


def make(dtype=np.float64):
    return {"hidden": Affine(3, 5, 0, dtype), "head": Affine(5, 2, 1, dtype)}


def draw(layers, seed, scale=1.0):
    r = np.random.default_rng(seed)
    return {
        name: {key: (scale * r.normal(size=p.shape)).astype(p.dtype) for key, p in layer.parameters.items()}
        for name, layer in layers.items()
    }


def flat(mappings):
    return {f"{name}.{key}": array for name, own in mappings.items() for key, array in own.items()}


def values(layers):
    return {
        f"{name}.{key}": p.copy() for name, layer in layers.items() for key, p in layer.parameters.items()
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_layers_are_updated_as_their_arrays(dtype, optimizer):
    layers = make(dtype)
    state, arrays = optimizer.initial_state(layers), values(layers)
    own = optimizer.initial_state(arrays)
    for seed in range(4):
        gradients = draw(layers, seed)
        norm = optimizer.step(layers, gradients, state, clip_norm=2.0)
        assert norm == optimizer.step(arrays, flat(gradients), own, clip_norm=2.0)
        assert_same_parameters(values(layers), arrays)
    assert state.steps == own.steps == 4
    for slot, remembered in own.slots.items():
        assert_same_parameters(state.slots[slot], remembered)


def test_a_sequence_of_layers_and_what_backward_gives(dtype):
    by_name, in_turn = make(dtype), list(make(dtype).values())
    gradients = draw(by_name, 1)
    Adam().step(by_name, gradients, Adam().initial_state(by_name))
    state = Adam().initial_state(in_turn)
    Adam().step(in_turn, [SimpleNamespace(parameters=own) for own in gradients.values()], state)
    assert list(state.slots["m"]) == ["0.W", "0.b", "1.W", "1.b"]
    for one, other in zip(by_name.values(), in_turn, strict=True):
        assert_same_parameters(one, other)


def test_a_net_learns(dtype):
    """Two affine layers with a ReLU between them: the sum of absolute values."""
    r = np.random.default_rng(3)
    layers = {"hidden": Affine(2, 16, 0, dtype), "head": Affine(16, 1, 1, dtype)}
    optimizer = Adam(0.02)
    state, losses = optimizer.initial_state(layers), []
    for _ in range(300):
        x = r.normal(size=(64, 2)).astype(dtype)
        a = layers["hidden"].forward(x)
        error = layers["head"].forward(np.maximum(a, 0)) - np.abs(x).sum(axis=1, keepdims=True)
        head, dh = layers["head"].backward(np.maximum(a, 0), error / len(x))
        hidden, _ = layers["hidden"].backward(x, dh * (a > 0))
        optimizer.step(layers, {"hidden": hidden, "head": head}, state, clip_norm=5.0)
        losses.append(float((error**2).mean()))
    assert np.mean(losses[-20:]) < 0.01 < 1 < losses[0]


def test_a_language_model_is_a_layer():
    model = LanguageModel(5, 4)
    before, gradients = snapshot(model), {name: np.ones_like(p) for name, p in model.parameters.items()}
    SGD(0.5).step([model], [gradients], SGD().initial_state([model]))
    for name, p in model.parameters.items():
        assert_same_bits(p, before[name] - np.float32(0.5))


def wrong(layers, **changes):
    return draw(layers, 1) | changes


W, B = np.zeros((5, 2)), np.zeros(2)
WRONG = {
    "no mapping": (3, ValueError, r"gradients is for 3, expected one for each of the layers \['hidden', 'he"),
    "too few": ([{"W": W, "b": B}], ValueError, r"gradients is for \['0'\], expected one for each of the la"),
    "none": (wrong(make(), head=None), TypeError, r"gradients\['head'\] is None, expected a mapping"),
    "a name": (wrong(make(), head={"W": W}), ValueError, "gradients has names .*expected .*'head.b'"),
    "a shape": (wrong(make(), head={"W": W, "b": W}), ValueError, r"\['head.b'\] has shape \(5, 2\), expec"),
    "nan": (wrong(make(), head={"W": W, "b": B + np.nan}), NonFiniteError, r"is nan.*gradients\['head.b'\]"),
    "huge": (
        wrong(make(), head={"W": W, "b": B + 1e150}),
        NonFiniteError,
        "head.b would not be finite; noth",
    ),
}


@pytest.mark.parametrize(("gradients", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_gradients_are_refused_and_nothing_changes(gradients, error, message):
    layers, optimizer = make(), SGD(1e160, momentum=0.5)
    state = optimizer.initial_state(layers)
    before, kept = values(layers), copy.deepcopy(state)
    with pytest.raises(error, match=message):
        optimizer.step(layers, gradients, state)
    assert_same_parameters(values(layers), before)
    assert state.steps == kept.steps == 0
    assert_same_parameters(state.slots["momentum"], kept.slots["momentum"])


def test_wrong_layers_are_refused():
    layers = make()
    with pytest.raises(TypeError, match=r"parameters\['b'\] is .*expected a layer as the others"):
        RMSprop().initial_state(layers | {"b": np.zeros(3)})
    with pytest.raises(ValueError, match="parameters has one layer twice, as 'head' and 'tail'"):
        RMSprop().initial_state(layers | {"tail": layers["head"]})
    inner = SimpleNamespace(parameters={"b.W": np.zeros(2)}, set_parameters=None)
    outer = SimpleNamespace(parameters={"W": np.zeros(2)}, set_parameters=None)
    with pytest.raises(ValueError, match="two of their arrays would have one name"):
        RMSprop().initial_state({"a": inner, "a.b": outer})
    with pytest.raises(TypeError, match=r"parameters is .*expected a mapping of names to arrays, or layers"):
        RMSprop().initial_state([np.zeros(3)])
