from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import rnn

from .differences import assert_gradient

SHAPES = [(1, 1, 1, 1), (4, 1, 3, 2), (3, 2, 5, 4), (6, 3, 2, 3)]  # T, N, D, H
NONLINEARITIES = pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])


def make(T: int, N: int, D: int, H: int, tokens: bool = False, seed: int = 0) -> dict[str, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.integers(-1, D, (T, N)) if tokens else r.normal(size=(T, N, D))
    if tokens:
        x.flat[0] = 0  # a single step must not be all zeros
    shapes = {"W": (D, H), "R": (H, H), "b": (H,), "h0": (N, H)}
    return {"x": x} | {name: r.normal(size=shape) for name, shape in shapes.items()}


def scalar_forward(x, W, R, b, h0, f):
    """The equations, one number at a time."""
    (T, N, D), H = x.shape, len(R)
    h = np.zeros((T + 1, N, H))
    h[0] = h0
    for t in range(T):
        for n in range(N):
            for j in range(H):
                a = float(b[j]) + sum(float(x[t, n, d] * W[d, j]) for d in range(D))
                h[t + 1, n, j] = f(a + sum(float(h[t, n, k] * R[k, j]) for k in range(H)))
    return h


@pytest.mark.parametrize(("nonlinearity", "f"), [("tanh", math.tanh), ("relu", lambda a: max(a, 0.0))])
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_the_equations_one_number_at_a_time(shape, nonlinearity, f):
    p = make(*shape)
    got = rnn.forward(**p, nonlinearity=nonlinearity)
    np.testing.assert_allclose(got, scalar_forward(**p, f=f), rtol=1e-12, atol=1e-15)


@NONLINEARITIES
def test_a_token_is_its_one_hot_vector_and_no_token_is_zeros(nonlinearity):
    p = make(5, 3, 4, 2, tokens=True)
    assert (p["x"] == -1).any()
    one_hot = (p["x"][..., None] == np.arange(4)).astype(float)
    from_vectors = rnn.forward(**p | {"x": one_hot}, nonlinearity=nonlinearity)
    np.testing.assert_allclose(rnn.forward(**p, nonlinearity=nonlinearity), from_vectors, rtol=1e-14)


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
@NONLINEARITIES
@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_the_gradient_on_every_input(shape, nonlinearity, tokens):
    T, N, _, H = shape
    # relu is piecewise linear: short steps cost no accuracy, and do not cross its kink
    step = 1e-3 if nonlinearity == "tanh" else 1e-5
    p = make(*shape, tokens=tokens)
    p["b"] += 1  # so that with relu some units live in every shape
    r = np.random.default_rng(1)
    on_h, on_h_last = r.normal(size=(T, N, H)), r.normal(size=(N, H))

    def loss(**changed):
        h = rnn.forward(**p | changed, nonlinearity=nonlinearity)
        return float((h[1:] * on_h).sum() + (h[-1] * on_h_last).sum())

    h = rnn.forward(**p, nonlinearity=nonlinearity)
    gradients = rnn.backward(on_h, p["x"], h, p["W"], p["R"], on_h_last, nonlinearity)
    for name in ("W", "R", "b", "h0"):
        assert_gradient(
            lambda v, name=name: loss(**{name: v}), p[name], getattr(gradients, "d" + name), step=step
        )
    if tokens:
        assert gradients.dx is None
    else:
        assert_gradient(lambda v: loss(x=v), p["x"], gradients.dx, step=step)


@NONLINEARITIES
def test_two_pieces_of_time_equal_the_whole(nonlinearity):
    p = make(7, 2, 3, 4)
    weights = p["W"], p["R"], p["b"]
    dh_out = np.random.default_rng(1).normal(size=(7, 2, 4))
    whole = rnn.forward(**p, nonlinearity=nonlinearity)
    first = rnn.forward(p["x"][:3], *weights, p["h0"], nonlinearity)
    second = rnn.forward(p["x"][3:], *weights, first[-1], nonlinearity)
    np.testing.assert_allclose(second[-1], whole[-1], rtol=1e-13)

    expected = rnn.backward(dh_out, p["x"], whole, *weights[:2], nonlinearity=nonlinearity)
    later = rnn.backward(dh_out[3:], p["x"][3:], second, *weights[:2], nonlinearity=nonlinearity)
    sooner = rnn.backward(dh_out[:3], p["x"][:3], first, *weights[:2], later.dh0, nonlinearity)
    np.testing.assert_allclose(sooner.dW + later.dW, expected.dW, rtol=1e-11)
    np.testing.assert_allclose(sooner.dR + later.dR, expected.dR, rtol=1e-11)
    np.testing.assert_allclose(sooner.dh0, expected.dh0, rtol=1e-11)


def test_relu_keeps_nan_and_has_slope_zero_at_zero():
    zeros = np.zeros((1, 3))
    b = np.array([np.nan, -np.inf, 0.0])
    h = rnn.forward(np.zeros((1, 1, 1)), np.zeros((1, 3)), np.zeros((3, 3)), b, zeros, "relu")
    np.testing.assert_array_equal(h[1, 0], [np.nan, 0, 0])
    gradients = rnn.backward(np.ones((1, 1, 3)), np.zeros((1, 1, 1)), h, zeros, np.eye(3), None, "relu")
    np.testing.assert_array_equal(gradients.db, [np.nan, 0, 0])


@NONLINEARITIES
def test_inputs_are_not_changed(nonlinearity):
    p = make(3, 2, 4, 3)
    before = {name: v.copy() for name, v in p.items()}
    h = rnn.forward(**p, nonlinearity=nonlinearity)
    kept = h.copy()
    rnn.backward(np.ones((3, 2, 3)), p["x"], h, p["W"], p["R"], nonlinearity=nonlinearity)
    for name, v in p.items():
        np.testing.assert_array_equal(v, before[name])
    np.testing.assert_array_equal(h, kept)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"R": np.zeros((3, 4))}, r"R has shape \(3, 4\), expected \(3, 3\)"),
        ({"W": np.zeros((5, 3))}, r"x has shape \(2, 1, 4\), expected \(any, any, 5\)"),
        ({"b": np.zeros(2)}, r"b has shape \(2,\), expected \(3\)"),
        ({"h0": np.zeros((2, 3))}, r"h0 has shape \(2, 3\), expected \(1, 3\)"),
        ({"x": np.array([[4], [0]])}, r"x holds 4, expected tokens from -1 \(none\) to 3"),
        ({"nonlinearity": "sin"}, "nonlinearity is 'sin', expected 'tanh' or 'relu'"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        rnn.forward(**make(2, 1, 4, 3) | changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"h": np.zeros((2, 1, 3))}, r"h has shape \(2, 1, 3\), expected \(3, 1, 3\)"),
        ({"x": np.zeros((2, 2, 4))}, r"x has shape \(2, 2, 4\), expected it to begin with \(T, N\)"),
        ({"nonlinearity": "sin"}, "nonlinearity is 'sin', expected 'tanh' or 'relu'"),
    ],
)
def test_what_does_not_fit_is_refused_by_backward(changed, message):
    p = make(2, 1, 4, 3)
    arguments = {"x": p["x"], "h": rnn.forward(**p), "W": p["W"], "R": p["R"]}
    with pytest.raises(ValueError, match=message):
        rnn.backward(np.ones((2, 1, 3)), **arguments | changed)
