"""The LSTM's layer: against the specification, within derived bounds, and on numbers at the edge."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import reference

from . import bounds
from .bounded_cells import bounded
from .cases import GRADIENTS, SIZES, assert_near, make_lstm

SHAPES = [(2, 3, 5, H) for H in SIZES] + [(T, N, 7, 9) for T in (1, 2, 5) for N in (1, 2, 3, 6, 7)]
SHAPES += [(2, 3, D, 6) for D in SIZES if D != 5]
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])


def specification(case):
    activations = reference.lstm.forward(case.x, *case.weights, case.h0, case.c0)
    gradients = reference.lstm.backward(
        case.dh_out, case.x, *activations, case.W, case.R, case.dh_last, case.dc_last
    )
    return activations, gradients


def approximate(case):
    run, gradients = bounded(case)
    return (run["h"], run["c"], bounds.concatenate([run[name] for name in "ifgo"])), gradients


@INPUTS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape, tokens):
    case = make_lstm(*shape, np.float64, tokens=tokens)
    activations, gradients = specification(case)
    got = case.forward()
    for have, want in zip(got, activations, strict=True):
        assert_near(have, want, 1e-12)
    back = case.backward(*got)
    for name in GRADIENTS:
        if tokens and name == "dx":
            assert back[name] is None
        else:
            assert_near(back[name], getattr(gradients, name), 1e-12)


@INPUTS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_is_within_its_derived_bound(isa, shape, tokens):
    case = make_lstm(*shape, np.float32, tokens=tokens)
    activations, gradients = approximate(case)
    got = case.forward()
    for have, bound in zip(got, activations, strict=True):
        bounds.assert_within(have, bound)
    back = case.backward(*got)
    for name in GRADIENTS[tokens:]:
        bounds.assert_within(back[name], gradients[name])


def test_the_bound_follows_the_specification():
    case = make_lstm(3, 2, 5, 4, np.float32)
    activations, gradients = approximate(case)
    expected, back = specification(case)
    for bound, want in zip(activations, expected, strict=True):
        assert_near(bound.value, want, 1e-14)
    for name in GRADIENTS:
        assert_near(gradients[name].value, getattr(back, name), 1e-13)


def test_huge_numbers_saturate_the_gates(isa, dtype):
    case = make_lstm(2, 2, 3, 9, dtype)
    case.x[:] = np.finfo(dtype).max / 8
    case.W[:] = 1
    case.W[:, 18:27] = -1  # g
    h, c, gates = case.forward()
    assert np.isfinite(h).all()
    assert (gates[..., :18] == 1).all()
    assert (gates[..., 18:27] == -1).all()
    np.testing.assert_array_equal(c[1], case.c0 - 1)
    assert all(np.isfinite(v).all() for v in case.backward(h, c, gates).values() if v is not None)


def test_infinity_saturates_the_gates(isa, dtype):
    case = make_lstm(3, 4, 5, 9, dtype)
    case.x[1, 2, 0] = np.inf
    _, _, gates = case.forward()
    assert not np.isnan(gates[1]).any()
    assert np.isin(gates[1, 2, :9], [0, 1]).all()
