"""The basic RNN's layer: against the specification, within derived bounds, and on numbers at the edge."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .bounded_cells import bounded
from .cases import SIZES, assert_near, make_rnn

SHAPES = [(2, 3, 5, H) for H in SIZES] + [(T, N, 7, 9) for T in (1, 2, 5) for N in (1, 2, 3, 6, 7)]
SHAPES += [(2, 3, D, 6) for D in SIZES if D != 5]
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
NONLINEARITIES = pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])


def specification(case):
    h = reference.rnn.forward(case.x, *case.weights, case.h0, case.nonlinearity)
    gradients = reference.rnn.backward(
        case.dh_out, case.x, h, case.W, case.R, case.dh_last, case.nonlinearity
    )
    return h, gradients


def approximate(case):
    activations, gradients = bounded(case)
    return activations["h"], gradients


@INPUTS
@NONLINEARITIES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape, nonlinearity, tokens):
    case = make_rnn(*shape, np.float64, nonlinearity=nonlinearity, tokens=tokens)
    h, gradients = specification(case)
    got = case.forward()
    assert_near(got[0], h, 1e-12)
    back = case.backward(*got)
    for name in case.gradients:
        if tokens and name == "dx":
            assert back[name] is None
        else:
            assert_near(back[name], getattr(gradients, name), 1e-12)


@INPUTS
@NONLINEARITIES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_is_within_its_derived_bound(isa, shape, nonlinearity, tokens):
    case = make_rnn(*shape, np.float32, nonlinearity=nonlinearity, tokens=tokens)
    h, gradients = approximate(case)
    got = case.forward()
    bounds.assert_within(got[0], h)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        bounds.assert_within(back[name], gradients[name])


@NONLINEARITIES
def test_the_bound_follows_the_specification(nonlinearity):
    case = make_rnn(3, 2, 5, 4, np.float32, nonlinearity=nonlinearity)
    h, gradients = approximate(case)
    expected, back = specification(case)
    assert_near(h.value, expected, 1e-14)
    for name in case.gradients:
        assert_near(gradients[name].value, getattr(back, name), 1e-13)


def test_huge_numbers_saturate_tanh(isa, dtype):
    case = make_rnn(2, 2, 3, 9, dtype)
    case.x[:] = np.finfo(dtype).max / 8
    case.W[:] = 1
    case.W[:, 4:] = -1
    (h,) = case.forward()
    assert (h[1:, :, :4] == 1).all()
    assert (h[1:, :, 4:] == -1).all()
    back = case.backward(h)
    assert not back["dW"].any()
    assert not back["dh0"].any()


def relu_of(a, dtype):
    """h(1) of numbers that reach relu as they are, and the gradient on them from dh."""
    n = len(a)
    zeros, one = np.zeros((1, n), dtype), np.ones((1, 1, 1), dtype)
    R, b = np.zeros((n, n), dtype), np.zeros(n, dtype)
    W = np.array([a], dtype)

    def gradient(dh):
        dh_out = np.full((1, 1, n), dh, dtype)
        return _core.rnn_backward(dh_out, one, h, W, R, b, zeros, "relu")["db"]

    h = _core.rnn_forward(one, W, R, b, zeros, "relu")
    return h[1, 0], gradient


def test_relu_selects(isa, dtype):
    huge, tiny = np.finfo(dtype).max, np.finfo(dtype).smallest_normal
    a = [1.5, -1.5, 0.0, np.nan, np.inf, -np.inf, huge, -huge, tiny, -tiny]
    h, gradient = relu_of(a * 2, dtype)  # more than one vector
    np.testing.assert_array_equal(h, [1.5, 0, 0, np.nan, np.inf, 0, huge, 0, tiny, 0] * 2)
    for dh in (3.0, np.inf):  # chosen, not multiplied: 0 where h is 0, whatever comes
        np.testing.assert_array_equal(gradient(dh), [dh, 0, 0, np.nan, dh, 0, dh, 0, dh, 0] * 2)


def test_relu_keeps_the_sign_of_zero(isa, dtype):
    # the bias, and every product added to it, must be -0
    minus = [np.full(shape, -0.0, dtype) for shape in [(1, 20), (20, 20), (20,)]]
    h = _core.rnn_forward(np.ones((1, 1, 1), dtype), *minus, np.ones((1, 20), dtype), "relu")
    assert np.signbit(h[1]).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"W": (7, 4)}, r"W has shape \(7, 4\), expected \(7, 3\) = \(D, H\)"),
        ({"W": (7,)}, r"W has shape \(7,\), expected \(D, H\)"),
        ({"R": (3, 4)}, r"R has shape \(3, 4\), expected \(3, 3\) = \(H, H\)"),
        ({"b": (4,)}, r"b has shape \(4,\), expected \(3,\) = \(H,\)"),
        ({"x": (4, 2, 6)}, r"x has shape \(4, 2, 6\), expected \(4, 2, 7\) = \(T, N, D\)"),
        ({"h": (4, 2, 3)}, r"h has shape \(4, 2, 3\), expected \(5, 2, 3\) = \(T \+ 1, N, H\)"),
        ({"dh_out": (4, 2, 4)}, r"dh_out has shape \(4, 2, 4\), expected \(4, 2, 3\) = \(T, N, H\)"),
        ({"dh_last": (3, 2)}, r"dh_last has shape \(3, 2\), expected \(2, 3\) = \(N, H\)"),
    ],
)
def test_bad_shapes_are_refused(dtype, changed, message):
    case = make_rnn(4, 2, 7, 3, dtype)
    arguments = {name: getattr(case, name) for name in ("dh_out", "x", "W", "R", "b", "dh_last")}
    arguments |= {"h": case.forward()[0], "nonlinearity": "tanh"}
    arguments |= {name: np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        _core.rnn_backward(**arguments)


def test_a_state_of_another_shape_is_refused(dtype):
    case = make_rnn(4, 2, 7, 3, dtype)
    case.h0 = np.zeros((2, 2), dtype)
    with pytest.raises(ValueError, match=r"h0 has shape \(2, 2\), expected \(2, 3\) = \(N, H\)"):
        case.forward()


def test_bad_values_are_refused(dtype):
    case = make_rnn(4, 2, 7, 3, dtype, nonlinearity="sin")
    with pytest.raises(ValueError, match="nonlinearity is 'sin', expected 'tanh' or 'relu'"):
        case.forward()
    case = make_rnn(4, 2, 7, 3, dtype, tokens=True)
    case.x[1, 1] = 7
    with pytest.raises(ValueError, match="x has the token 7, expected -1 to 6"):
        case.forward()
    case.x = case.x.astype(np.int64)
    with pytest.raises(TypeError, match="x has dtype int64, expected C-contiguous int32 tokens"):
        case.forward()
