"""optimizer.step of layers: what it does to named arrays, in one native call, all or nothing."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

from rnnfast import GRU, LSTM, SGD, Adam, Dense, Embedding, NonFiniteError, RMSprop, mse
from rnnfast.layers import LayerGradients

from .cases import assert_same_bits

OPTIMIZERS = pytest.mark.parametrize(
    "optimizer", [SGD(0.1, momentum=0.9), RMSprop(0.01), Adam(0.01, weight_decay=0.1)], ids=repr
)


def make(dtype="float32"):
    layers = [Embedding(5, 3, dtype=dtype), LSTM(3, 4, 2, dtype=dtype), Dense(4, 2, dtype=dtype)]
    return dict(zip(("table", "lstm", "out"), layers, strict=True))


def some_gradients(layers, seed=0):
    r = np.random.default_rng(seed)
    return {
        name: {key: r.normal(size=p.shape).astype(p.dtype) for key, p in layer.parameters.items()}
        for name, layer in layers.items()
    }


def flat(nested):
    return {
        f"{name}.{key}": np.array(p)
        for name, own in nested.items()
        for key, p in (own if isinstance(own, dict) else own.parameters).items()
    }


def assert_unchanged(layers, before):
    for name, p in flat(layers).items():
        assert_same_bits(p, before[name])


@OPTIMIZERS
def test_a_step_of_layers_is_that_of_their_arrays(isa, dtype, optimizer):
    layers = make(np.dtype(dtype).name)
    arrays = flat(layers)
    state, of_arrays = optimizer.initial_state(layers), optimizer.initial_state(arrays)
    for seed in range(3):
        gradients = some_gradients(layers, seed)
        settings = {"clip_norm": 2.0, "clip_value": 0.5}
        norm = optimizer.step(layers, gradients, state, **settings)
        assert norm == optimizer.step(arrays, flat(gradients), of_arrays, **settings)
    assert_unchanged(layers, arrays)
    assert (state.steps, state.slots.keys()) == (3, of_arrays.slots.keys())


def test_sequences_mappings_and_single_layers():
    optimizer, gradients = Adam(0.1), some_gradients(make())
    results = []
    for form in ("mapping", "list", "tuple", "LayerGradients"):
        layers = make()
        own, grads = layers, gradients
        if form != "mapping":
            own, grads = list(layers.values()), list(gradients.values())
        if form == "tuple":
            own, grads = tuple(own), tuple(grads)
        if form == "LayerGradients":
            grads = [LayerGradients(None, None, g) for g in grads]
        optimizer.step(own, grads, optimizer.initial_state(own))
        results.append(flat(layers))
    single = make()["out"]
    optimizer.step(single, gradients["out"], optimizer.initial_state(single))
    assert_same_bits(single.parameters["W"], results[0]["out.W"])
    for other in results[1:]:
        for name, p in results[0].items():
            assert_same_bits(other[name], p)


def test_layers_compute_with_the_new_weights_in_both_directions():
    layer, twin, x, dy = GRU(3, 4), GRU(3, 4), np.ones((2, 5, 3)), np.ones((2, 5, 4))
    *_, workspace = layer.forward(x)
    gradients = layer.backward(dy, None, workspace)
    optimizer = SGD(0.1)
    optimizer.step(layer, gradients, optimizer.initial_state(layer))
    twin.set_parameters(layer.parameters)
    for one, other in zip(layer.forward(x)[:2], twin.forward(x)[:2], strict=True):
        assert_same_bits(one, other)
    grads = [one.backward(dy, None, one.forward(x)[2]).dx for one in (layer, twin)]
    assert_same_bits(*grads)
    assert not np.array_equal(grads[0], gradients.dx)


def test_a_workspace_of_before_the_step_is_refused():
    layer, x = GRU(3, 4), np.ones((2, 5, 3))
    y, _, workspace = layer.forward(x)
    _, _, other = layer.forward(x)
    gradients, optimizer = layer.backward(y, None, workspace), SGD(0.1)
    optimizer.step(layer, gradients, optimizer.initial_state(layer))
    with pytest.raises(RuntimeError, match="parameters have changed since forward"):
        layer.backward(y, None, other)


def test_a_gradient_that_is_not_finite_changes_no_layer():
    layers, optimizer = make(), Adam(0.1)
    before, gradients, state = flat(layers), some_gradients(layers), optimizer.initial_state(layers)
    gradients["out"]["b"][1] = np.nan
    with pytest.raises(NonFiniteError, match=r"gradients\['out.b'\]"):
        optimizer.step(layers, gradients, state)
    assert_unchanged(layers, before)
    assert state.steps == 0
    assert not any(array.any() for slot in state.slots.values() for array in slot.values())


BAD = {
    "one gradient too few": (
        lambda layers, g: (layers[:2], g),
        ValueError,
        r"gradients are of \['0', '1', '2'\], exp",
    ),
    "another order": (lambda layers, g: (layers, g[::-1]), ValueError, "gradients has names"),
    "not a layer": (
        lambda layers, g: ([*layers[:2], 3], g),
        TypeError,
        r"layers\[2\] is 3, expected a layer",
    ),
    "a layer twice": (lambda layers, g: ([layers[0]] * 3, g), ValueError, "layers has a layer twice"),
    "two dtypes": (
        lambda layers, g: ([*layers[:2], Dense(4, 2, dtype="float64")], g),
        TypeError,
        "layers are of float32 and float64, expected one dtype",
    ),
    "not a gradient": (
        lambda layers, g: (layers, [*g[:2], 3]),
        TypeError,
        r"gradients\[2\] is 3, expected what",
    ),
    "another shape": (
        lambda layers, g: (layers, [*g[:2], g[2] | {"b": np.zeros(3, np.float32)}]),
        ValueError,
        r"gradients\['2.b'\] has shape \(3,\), expected \(2,\)",
    ),
    "no gradients": (lambda layers, g: (layers, None), ValueError, r"gradients are of \[\], expected of"),
    "nothing": (lambda layers, g: ([], []), TypeError, r"parameters is \[\], expected a mapping of names"),
}


@pytest.mark.parametrize(("change", "error", "message"), BAD.values(), ids=BAD)
def test_what_does_not_fit_changes_nothing(change, error, message):
    named, optimizer = make(), Adam(0.1)
    before, layers = flat(named), list(named.values())
    state = optimizer.initial_state(layers)
    own, gradients = change(layers, list(some_gradients(named).values()))
    with pytest.raises(error, match=message):
        optimizer.step(own, gradients, state)
    assert_unchanged(named, before)
    assert state.steps == 0


def test_names_that_clash_are_refused():
    layers = {"a": LSTM(3, 4), "a.layers.0": Dense(4, 2)}
    with pytest.raises(ValueError, match="two of their parameters would have one name"):
        Adam().initial_state(layers)


def test_another_nets_state_is_refused():
    layers, optimizer = make(), Adam(0.1)
    with pytest.raises(ValueError, match=r"state.slots\['m'\] has names"):
        optimizer.step(layers, some_gradients(layers), optimizer.initial_state(list(layers.values())))


def test_two_threads_may_step_the_same_layers_in_different_orders():
    layers = [Dense(3, 4), Dense(3, 4)]
    before = [layer.parameters["b"].copy() for layer in layers]
    gradients, rounds = [{"W": np.zeros((3, 4), np.float32), "b": np.ones(4, np.float32)}] * 2, 300

    def work(own):
        optimizer = SGD(0.5)
        state = optimizer.initial_state(own)
        for _ in range(rounds):
            optimizer.step(own, gradients, state)

    workers = [threading.Thread(target=work, args=(order,)) for order in (layers, layers[::-1])]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for layer, b in zip(layers, before, strict=True):
        assert_same_bits(layer.parameters["b"], b - np.float32(0.5 * 2 * rounds))


def step_until_interrupted(optimizer, layer, gradients, state, delay):
    signal.setitimer(signal.ITIMER_REAL, delay)
    while True:
        optimizer.step(layer, gradients, state)


def test_ctrl_c_comes_before_a_step_or_after_it():
    """With a rate of 1 and gradients of 1, the parameters count the steps, as the state does."""
    optimizer = SGD(1.0)
    old = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        for delay in np.linspace(0.002, 0.02, 40):
            layer = Dense(1, 1)
            layer.set_parameters({"W": [[0]]})
            gradients = {name: np.ones_like(p) for name, p in layer.parameters.items()}
            state = optimizer.initial_state(layer)
            with pytest.raises(KeyboardInterrupt):
                step_until_interrupted(optimizer, layer, gradients, state, delay)
            assert layer.parameters["W"][0, 0] == layer.parameters["b"][0] == -state.steps
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_a_small_net_learns():
    r = np.random.default_rng(0)
    layers, optimizer = [GRU(1, 8), Dense(8, 1)], Adam(0.03)
    state, x = optimizer.initial_state(layers), r.normal(size=(6, 32, 1))
    losses = []
    for _ in range(100):
        h, _, of_gru = layers[0].forward(x)
        y, of_dense = layers[1].forward(h)
        loss, dy = mse(y, np.cumsum(x, axis=0))
        ddense = layers[1].backward(dy, of_dense)
        optimizer.step(layers, [layers[0].backward(ddense.dx, None, of_gru), ddense], state)
        losses.append(loss)
    assert losses[-1] < 0.02 * losses[0]
