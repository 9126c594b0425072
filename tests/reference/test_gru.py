from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import gru

from .differences import assert_gradient

SHAPES = [(1, 1, 1, 1), (4, 1, 3, 2), (3, 2, 5, 4), (6, 3, 2, 3)]  # T, N, D, H
RESETS = pytest.mark.parametrize("reset_after", [True, False], ids=["after", "before"])


def make(
    T: int, N: int, D: int, H: int, reset_after: bool, tokens: bool = False, seed: int = 0
) -> dict[str, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.integers(-1, D, (T, N)) if tokens else r.normal(size=(T, N, D))
    if tokens:
        x.flat[0] = 0  # a single step must not be all zeros
    shapes = {"W": (D, 3 * H), "R": (H, 3 * H), "b": (3 * H,), "b_Rn": (H,), "h0": (N, H)}
    arguments = {"x": x} | {name: r.normal(size=shape) for name, shape in shapes.items()}
    return arguments if reset_after else arguments | {"b_Rn": None}


def scalar_forward(x, W, R, b, b_Rn, h0):
    """The equations, one number at a time."""
    (T, N, D), H = x.shape, len(R)
    h = np.zeros((T + 1, N, H))
    h[0] = h0

    def from_input(t, n, column):
        return float(b[column]) + sum(float(x[t, n, d] * W[d, column]) for d in range(D))

    def from_state(state, column):
        return sum(float(state[k] * R[k, column]) for k in range(H))

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    for t in range(T):
        for n in range(N):
            before = h[t, n]
            r, z = (
                [sigmoid(from_input(t, n, gate * H + j) + from_state(before, gate * H + j)) for j in range(H)]
                for gate in (0, 1)
            )
            for j in range(H):
                column = 2 * H + j
                if b_Rn is not None:
                    recurrent = r[j] * (from_state(before, column) + b_Rn[j])
                else:
                    recurrent = from_state([r[k] * before[k] for k in range(H)], column)
                new = math.tanh(from_input(t, n, column) + recurrent)
                h[t + 1, n, j] = (1 - z[j]) * new + z[j] * before[j]
    return h


@RESETS
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_the_equations_one_number_at_a_time(shape, reset_after):
    p = make(*shape, reset_after)
    np.testing.assert_allclose(gru.forward(**p).h, scalar_forward(**p), rtol=1e-12, atol=1e-15)


@RESETS
def test_a_token_is_its_one_hot_vector_and_no_token_is_zeros(reset_after):
    p = make(5, 3, 4, 2, reset_after, tokens=True)
    assert (p["x"] == -1).any()
    one_hot = (p["x"][..., None] == np.arange(4)).astype(float)
    for a, b in zip(gru.forward(**p), gru.forward(**p | {"x": one_hot}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
@RESETS
@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_the_gradient_on_every_input(shape, reset_after, tokens):
    T, N, _, H = shape
    p = make(*shape, reset_after, tokens=tokens)
    r = np.random.default_rng(1)
    on_h, on_h_last = r.normal(size=(T, N, H)), r.normal(size=(N, H))

    def loss(**changed):
        h = gru.forward(**p | changed).h
        return float((h[1:] * on_h).sum() + (h[-1] * on_h_last).sum())

    out = gru.forward(**p)
    gradients = gru.backward(on_h, p["x"], *out, p["W"], p["R"], on_h_last, reset_after=reset_after)
    for name in ("W", "R", "b", "h0") + (("b_Rn",) if reset_after else ()):
        assert_gradient(lambda v, name=name: loss(**{name: v}), p[name], getattr(gradients, "d" + name))
    if tokens:
        assert gradients.dx is None
    else:
        assert_gradient(lambda v: loss(x=v), p["x"], gradients.dx)
    assert (gradients.db_Rn is None) == (not reset_after)


@RESETS
def test_two_pieces_of_time_equal_the_whole(reset_after):
    p = make(7, 2, 3, 4, reset_after)
    x, W, R = p["x"], p["W"], p["R"]
    dh_out = np.random.default_rng(1).normal(size=(7, 2, 4))
    whole = gru.forward(**p)
    first = gru.forward(**p | {"x": x[:3]})
    second = gru.forward(**p | {"x": x[3:], "h0": first.h[-1]})
    np.testing.assert_allclose(second.h[-1], whole.h[-1], rtol=1e-13)

    expected = gru.backward(dh_out, x, *whole, W, R, reset_after=reset_after)
    later = gru.backward(dh_out[3:], x[3:], *second, W, R, reset_after=reset_after)
    sooner = gru.backward(dh_out[:3], x[:3], *first, W, R, later.dh0, reset_after=reset_after)
    np.testing.assert_allclose(sooner.dW + later.dW, expected.dW, rtol=1e-11)
    np.testing.assert_allclose(sooner.dR + later.dR, expected.dR, rtol=1e-11)
    np.testing.assert_allclose(sooner.dh0, expected.dh0, rtol=1e-11)


def test_the_two_resets_agree_where_nothing_is_reset():
    p = make(4, 2, 3, 5, reset_after=True)
    p["b"][:5] = 1e3  # r = 1
    p["b_Rn"][:] = 0
    after, before = gru.forward(**p), gru.forward(**p | {"b_Rn": None})
    np.testing.assert_allclose(after.h, before.h, rtol=1e-13)


@RESETS
def test_the_update_gate_keeps_the_state(reset_after):
    p = make(4, 2, 3, 5, reset_after)
    p["b"][5:10] = 1e3  # z = 1
    np.testing.assert_array_equal(gru.forward(**p).h, np.broadcast_to(p["h0"], (5, 2, 5)))


@RESETS
def test_inputs_are_not_changed(reset_after):
    p = make(3, 2, 4, 3, reset_after)
    before = {name: v.copy() for name, v in p.items() if v is not None}
    out = gru.forward(**p)
    kept = [v.copy() for v in out]
    gru.backward(np.ones((3, 2, 3)), p["x"], *out, p["W"], p["R"], reset_after=reset_after)
    for name, v in before.items():
        np.testing.assert_array_equal(p[name], v)
    for a, b in zip(out, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"R": np.zeros((3, 8))}, r"R has shape \(3, 8\), expected \(3, 9\)"),
        ({"W": np.zeros((5, 9))}, r"x has shape \(2, 1, 4\), expected \(any, any, 5\)"),
        ({"b": np.zeros(3)}, r"b has shape \(3,\), expected \(9\)"),
        ({"b_Rn": np.zeros(9)}, r"b_Rn has shape \(9,\), expected \(3\)"),
        ({"h0": np.zeros((2, 3))}, r"h0 has shape \(2, 3\), expected \(1, 3\)"),
        ({"x": np.array([[4], [0]])}, r"x holds 4, expected tokens from -1 \(none\) to 3"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        gru.forward(**make(2, 1, 4, 3, reset_after=True) | changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"u": np.zeros((2, 1, 2))}, r"u has shape \(2, 1, 2\), expected \(2, 1, 3\)"),
        ({"gates": np.zeros((2, 1, 3))}, r"gates has shape \(2, 1, 3\), expected \(2, 1, 9\)"),
        ({"x": np.zeros((2, 2, 4))}, r"x has shape \(2, 2, 4\), expected it to begin with \(T, N\)"),
    ],
)
def test_what_does_not_fit_is_refused_by_backward(changed, message):
    p = make(2, 1, 4, 3, reset_after=True)
    arguments = {"x": p["x"], **gru.forward(**p)._asdict(), "W": p["W"], "R": p["R"]}
    with pytest.raises(ValueError, match=message):
        gru.backward(np.ones((2, 1, 3)), **arguments | changed, reset_after=True)
