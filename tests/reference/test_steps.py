"""The step-by-step exercises' functions; each implementation in IMPLEMENTATIONS passes the same tests."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from rnnfast import course, reference

from .differences import assert_gradient

IMPLEMENTATIONS = [pytest.param(reference.steps, id="reference"), pytest.param(course.steps, id="course")]
SHAPES = [(1, 1, 1, 1, 1), (3, 1, 2, 4, 5), (2, 4, 5, 3, 1), (4, 3, 2, 5, 3)]  # n_x, m, n_a, n_y, T_x
GATES = {"rnn": "", "lstm": "fico", "gru": "ruc"}
CACHES = {
    "rnn": ["a_next", "a_prev", "xt", "parameters"],
    "lstm": ["a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt", "parameters"],
    "gru": ["a_next", "a_prev", "rt", "ut", "cct", "xt", "parameters"],
}
KINDS = list(GATES)


@pytest.fixture(params=IMPLEMENTATIONS)
def steps(request: pytest.FixtureRequest) -> Any:
    return request.param


def draw_parameters(kind, n_x, n_a, n_y, r):
    if kind == "rnn":
        shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "Wya": (n_y, n_a), "ba": (n_a, 1), "by": (n_y, 1)}
    else:
        shapes = {f"W{gate}": (n_a, n_a + n_x) for gate in GATES[kind]} | {"Wy": (n_y, n_a)}
        shapes |= {f"b{gate}": (n_a, 1) for gate in GATES[kind]} | {"by": (n_y, 1)}
    return {name: r.normal(size=shape) for name, shape in shapes.items()}


def draw_step(kind, shape, seed=0):
    """Arguments of KIND_cell_forward by name."""
    n_x, m, n_a, n_y, _ = shape
    r = np.random.default_rng(seed)
    states = ["a_prev", "c_prev"] if kind == "lstm" else ["a_prev"]
    inputs = {"xt": r.normal(size=(n_x, m))} | {name: r.normal(size=(n_a, m)) for name in states}
    return inputs | {"parameters": draw_parameters(kind, n_x, n_a, n_y, r)}


def draw_sequence(kind, shape, seed=0):
    """Arguments of KIND_forward by name."""
    n_x, m, n_a, n_y, T_x = shape
    r = np.random.default_rng(seed)
    inputs = {"x": r.normal(size=(n_x, m, T_x)), "a0": r.normal(size=(n_a, m))}
    return inputs | {"parameters": draw_parameters(kind, n_x, n_a, n_y, r)}


def cell_forward(steps, kind, arguments):
    return getattr(steps, f"{kind}_cell_forward")(**arguments)


def forward(steps, kind, arguments):
    return getattr(steps, f"{kind}_forward")(**arguments)


def backward(steps, kind, da, caches):
    return getattr(steps, f"{kind}_backward")(da, caches)


def recurrent(kind, parameters):
    """Names of the parameters that the hidden state depends on."""
    return [name for name in parameters if name not in ("Wya", "Wy", "by")]


def with_parameter(arguments, name, value):
    return arguments | {"parameters": arguments["parameters"] | {name: value}}


# --- forward


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def scalar_step(kind, xt, a_prev, parameters, c_prev=None):
    """A step of one example, one number at a time: a_next, and c_next of an LSTM."""

    def product(name, j, state):
        W, b = parameters[f"W{name}"], parameters[f"b{name}"]
        return sum(float(w * v) for w, v in zip(W[j], [*state, *xt], strict=True)) + float(b[j, 0])

    a_next, c_next = [], []
    for j in range(len(a_prev)):
        if kind == "rnn":
            z = sum(float(w * v) for w, v in zip(parameters["Wax"][j], xt, strict=True))
            z += sum(float(w * v) for w, v in zip(parameters["Waa"][j], a_prev, strict=True))
            a_next.append(math.tanh(z + float(parameters["ba"][j, 0])))
        elif kind == "lstm":
            f, i, o = (sigmoid(product(gate, j, a_prev)) for gate in "fio")
            c_next.append(f * c_prev[j] + i * math.tanh(product("c", j, a_prev)))
            a_next.append(o * math.tanh(c_next[j]))
        else:
            reset = [sigmoid(product("r", k, a_prev)) * a for k, a in enumerate(a_prev)]
            u = sigmoid(product("u", j, a_prev))
            a_next.append(u * math.tanh(product("c", j, reset)) + (1 - u) * a_prev[j])
    return a_next, c_next


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_the_equations_one_number_at_a_time(steps, kind, shape):
    given = draw_step(kind, shape)
    a_next, *c_next, yt_pred, cache = cell_forward(steps, kind, given)
    for n in range(shape[1]):
        states = [given[name][:, n] for name in given if name not in ("xt", "parameters")]
        a, c = scalar_step(kind, given["xt"][:, n], states[0], given["parameters"], *states[1:])
        np.testing.assert_allclose(a_next[:, n], a, rtol=1e-13, atol=1e-15)
        for array in c_next:
            np.testing.assert_allclose(array[:, n], c, rtol=1e-13, atol=1e-15)
    output = "Wya" if kind == "rnn" else "Wy"
    weights = np.exp(given["parameters"][output] @ a_next + given["parameters"]["by"])
    np.testing.assert_allclose(yt_pred, weights / weights.sum(axis=0), rtol=1e-12)
    assert list(cache._fields) == CACHES[kind]
    assert isinstance(cache, tuple)
    assert cache[-1] is given["parameters"]
    for name in ("xt", "a_prev", *(["c_prev"] if kind == "lstm" else [])):
        np.testing.assert_array_equal(cache[CACHES[kind].index(name)], given[name])
    np.testing.assert_array_equal(cache[0], a_next)
    if kind == "lstm":
        np.testing.assert_array_equal(cache[1], c_next[0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_is_its_steps(steps, kind, shape):
    _, m, n_a, n_y, T_x = shape
    given = draw_sequence(kind, shape)
    a, y, *c, caches = forward(steps, kind, given)
    assert (a.shape, y.shape, len(caches[0])) == ((n_a, m, T_x), (n_y, m, T_x), T_x)
    np.testing.assert_array_equal(caches[1], given["x"])
    states = [given["a0"], np.zeros((n_a, m))] if kind == "lstm" else [given["a0"]]
    for t in range(T_x):
        *states, yt_pred, cache = getattr(steps, f"{kind}_cell_forward")(
            given["x"][:, :, t], *states, given["parameters"]
        )
        for array, state in zip([a, *c], states, strict=True):
            np.testing.assert_allclose(array[:, :, t], state, rtol=1e-12)
        np.testing.assert_allclose(y[:, :, t], yt_pred, rtol=1e-12)
        for ours, theirs in zip(caches[0][t][:-1], cache[:-1], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_an_lstm_gives_back_both_its_states(steps):
    """A circulating solution fills one array with both."""
    a, _, c, (cells, _) = steps.lstm_forward(**draw_sequence("lstm", (3, 2, 4, 2, 5)))
    assert not np.shares_memory(a, c)
    np.testing.assert_array_equal(a[:, :, -1], cells[-1][0])
    np.testing.assert_array_equal(c[:, :, -1], cells[-1][1])
    assert np.abs(a - c).max() > 0.1


def test_the_lstm_is_the_engines(steps):
    n_x, m, n_a, T_x = 3, 2, 4, 5
    given = draw_sequence("lstm", (n_x, m, n_a, 2, T_x))
    da = np.random.default_rng(1).normal(size=(n_a, m, T_x))
    p = given["parameters"]
    W = np.concatenate([p[f"W{gate}"][:, n_a:] for gate in "ifco"]).T
    R = np.concatenate([p[f"W{gate}"][:, :n_a] for gate in "ifco"]).T
    b = np.concatenate([p[f"b{gate}"][:, 0] for gate in "ifco"])
    x = given["x"].transpose(2, 1, 0)
    engine = reference.lstm.forward(x, W, R, b, given["a0"].T, np.zeros((m, n_a)))
    a, _, c, caches = steps.lstm_forward(**given)
    np.testing.assert_allclose(a.transpose(2, 1, 0), engine.h[1:], rtol=1e-12)
    np.testing.assert_allclose(c.transpose(2, 1, 0), engine.c[1:], rtol=1e-12)

    gradients = steps.lstm_backward(da, caches)
    expected = reference.lstm.backward(da.transpose(2, 1, 0), x, *engine, W, R)
    dW = np.concatenate([gradients[f"dW{gate}"] for gate in "ifco"]).T
    np.testing.assert_allclose(dW, np.concatenate([expected.dR, expected.dW]), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(gradients["dx"].transpose(2, 1, 0), expected.dx, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(gradients["da0"].T, expected.dh0, rtol=1e-11, atol=1e-13)


# --- backward


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_steps_gradient_on_every_input(steps, kind, shape):
    given = draw_step(kind, shape)
    r = np.random.default_rng(1)
    states = ["a", "c"] if kind == "lstm" else ["a"]
    on = [r.normal(size=given["a_prev"].shape) for _ in states]
    gradients = getattr(steps, f"{kind}_cell_backward")(*on, cell_forward(steps, kind, given)[-1])

    def loss(arguments):
        outputs = cell_forward(steps, kind, arguments)
        return float(sum((state * d).sum() for state, d in zip(outputs, on, strict=False)))

    names = recurrent(kind, given["parameters"])
    inputs = ["xt", *(f"{state}_prev" for state in states)]
    assert set(gradients) == {f"d{name}" for name in inputs + names}
    for name in inputs:
        assert_gradient(lambda v, name=name: loss(given | {name: v}), given[name], gradients[f"d{name}"])
    for name in names:
        value = given["parameters"][name]
        assert_gradient(
            lambda v, name=name: loss(with_parameter(given, name, v)), value, gradients[f"d{name}"]
        )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[-1] > 1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequences_gradient_on_every_input(steps, kind, shape):
    given = draw_sequence(kind, shape)
    n_a, m = given["a0"].shape
    da = np.random.default_rng(1).normal(size=(n_a, m, shape[-1]))
    gradients = backward(steps, kind, da, forward(steps, kind, given)[-1])

    def loss(arguments):
        return float((forward(steps, kind, arguments)[0] * da).sum())

    names = recurrent(kind, given["parameters"])
    assert set(gradients) == {f"d{name}" for name in ["x", "a0", *names]}
    for name in ("x", "a0"):
        assert_gradient(lambda v, name=name: loss(given | {name: v}), given[name], gradients[f"d{name}"])
    for name in names:
        value = given["parameters"][name]
        assert_gradient(
            lambda v, name=name: loss(with_parameter(given, name, v)), value, gradients[f"d{name}"]
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_steps_back_is_das(steps, kind):
    given = draw_sequence(kind, (3, 2, 4, 2, 7))
    da = np.random.default_rng(1).normal(size=(4, 2, 4))
    gradients = backward(steps, kind, da, forward(steps, kind, given)[-1])
    first = given | {"x": given["x"][:, :, :4]}
    expected = backward(steps, kind, da, forward(steps, kind, first)[-1])
    assert gradients["dx"].shape == (3, 2, 4)
    for name in expected:
        np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_no_steps_back_give_gradients_of_zero(steps, kind):
    given = draw_sequence(kind, (3, 2, 4, 2, 3))
    gradients = backward(steps, kind, np.zeros((4, 2, 0)), forward(steps, kind, given)[-1])
    assert gradients["dx"].shape == (3, 2, 0)
    assert all(not gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("kind", KINDS)
def test_plain_tuples_do_as_caches(steps, kind):
    given = draw_sequence(kind, (3, 2, 4, 2, 3))
    cells, x = forward(steps, kind, given)[-1]
    da = np.ones((4, 2, 3))
    plain = backward(steps, kind, da, ([tuple(cell) for cell in cells], x))
    named = backward(steps, kind, da, (cells, x))
    for name in named:
        np.testing.assert_array_equal(plain[name], named[name])


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_not_changed(steps, kind):
    shape = (3, 2, 4, 2, 3)
    given, kept = draw_sequence(kind, shape), draw_sequence(kind, shape)
    cells, x = forward(steps, kind, given)[-1]
    cells_kept = copy.deepcopy(cells)
    da = np.ones((4, 2, 3))
    backward(steps, kind, da, (cells, x))
    assert (da == 1).all()
    np.testing.assert_equal(given, kept)
    np.testing.assert_equal([tuple(cell) for cell in cells], [tuple(cell) for cell in cells_kept])


# --- the activations


def test_softmax_and_sigmoid(steps):
    x = np.random.default_rng(0).normal(size=(5, 3)) * 10
    np.testing.assert_allclose(steps.softmax(x), np.exp(x) / np.exp(x).sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(steps.softmax(x[:, 0]), steps.softmax(x)[:, 0], rtol=1e-13)
    np.testing.assert_allclose(steps.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-13)
    np.testing.assert_array_equal(steps.softmax([[1000.0, -1e4], [0.0, 0.0]]), [[1, 0], [0, 1]])
    np.testing.assert_array_equal(steps.sigmoid([-1e4, 1e4]), [0, 1])


# --- errors


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"xt": np.zeros((3, 5))}, r"a_prev has shape \(4, 2\), expected \(any, 5\)"),
        ({"xt": np.zeros(3)}, r"xt has shape \(3,\), expected \(any, any\)"),
        ({"c_prev": np.zeros((4, 1))}, r"c_prev has shape \(4, 1\), expected \(4, 2\)"),
        ({"Wf": np.zeros((4, 3))}, r"parameters\['Wf'\] has shape \(4, 3\), expected \(4, 7\)"),
        ({"bo": np.zeros(4)}, r"parameters\['bo'\] has shape \(4,\), expected \(4, 1\)"),
        ({"by": np.zeros((3, 1))}, r"parameters\['by'\] has shape \(3, 1\), expected \(2, 1\)"),
        ({"bi": None}, "parameters has no bi, expected Wf, bf, Wi, bi"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(steps, changed, message):
    given = draw_step("lstm", (3, 2, 4, 2, 1))
    for name, value in changed.items():
        if name in given:
            given[name] = value
        elif value is None:
            del given["parameters"][name]
        else:
            given["parameters"][name] = value
    with pytest.raises(ValueError, match=message):
        steps.lstm_cell_forward(**given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_that_does_not_fit_is_refused(steps, kind):
    given = draw_sequence(kind, (3, 2, 4, 2, 3))
    *_, caches = forward(steps, kind, given)
    with pytest.raises(ValueError, match=r"a0 has shape \(4, 3\), expected \(any, 2\)"):
        forward(steps, kind, given | {"a0": np.zeros((4, 3))})
    with pytest.raises(ValueError, match=r"x has shape \(3, 2\), expected \(any, any, any\)"):
        forward(steps, kind, given | {"x": np.zeros((3, 2))})
    with pytest.raises(ValueError, match="da has 4 steps, expected at most 3 as caches has"):
        backward(steps, kind, np.zeros((4, 2, 4)), caches)
    with pytest.raises(ValueError, match=r"da_next has shape \(5, 2\), expected \(4, 2\)"):
        backward(steps, kind, np.zeros((5, 2, 3)), caches)
    with pytest.raises(ValueError, match="caches has 3 values, expected 2"):
        backward(steps, kind, np.zeros((4, 2, 3)), (*caches, 0))
    short = ([cell[:-1] for cell in caches[0]], caches[1])
    with pytest.raises(ValueError, match=f"cache has {len(CACHES[kind]) - 1} values, expected"):
        backward(steps, kind, np.zeros((4, 2, 3)), short)
