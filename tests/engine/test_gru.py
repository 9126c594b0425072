"""The GRU's layer: against the specification, within derived bounds, and on numbers at the edge."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .bounded_cells import bounded
from .cases import SIZES, assert_near, make_gru

SHAPES = [(2, 3, 5, H) for H in SIZES] + [(T, N, 7, 9) for T in (1, 2, 5) for N in (1, 2, 3, 6, 7)]
SHAPES += [(2, 3, D, 6) for D in SIZES if D != 5]
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
RESETS = pytest.mark.parametrize("reset_after", [True, False], ids=["after", "before"])


def specification(case):
    activations = reference.gru.forward(case.x, *case.weights, case.h0)
    gradients = reference.gru.backward(
        case.dh_out,
        case.x,
        *activations,
        case.W,
        case.R,
        case.dh_last,
        reset_after=case.b_Rn is not None,
    )
    return activations, gradients


def approximate(case):
    run, gradients = bounded(case)
    return (run["h"], bounds.concatenate([run[name] for name in "rzn"]), run["u"]), gradients


@INPUTS
@RESETS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape, reset_after, tokens):
    case = make_gru(*shape, np.float64, reset_after=reset_after, tokens=tokens)
    activations, gradients = specification(case)
    got = case.forward()
    for have, want in zip(got, activations, strict=True):
        assert_near(have, want, 1e-12)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        assert_near(back[name], getattr(gradients, name), 1e-12)
    assert (back["dx"] is None) == tokens
    assert (back["db_Rn"] is None) == (not reset_after)


@INPUTS
@RESETS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_is_within_its_derived_bound(isa, shape, reset_after, tokens):
    case = make_gru(*shape, np.float32, reset_after=reset_after, tokens=tokens)
    activations, gradients = approximate(case)
    got = case.forward()
    for have, bound in zip(got, activations, strict=True):
        bounds.assert_within(have, bound)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        bounds.assert_within(back[name], gradients[name])


@RESETS
def test_the_bound_follows_the_specification(reset_after):
    case = make_gru(3, 2, 5, 4, np.float32, reset_after=reset_after)
    activations, gradients = approximate(case)
    expected, back = specification(case)
    for bound, want in zip(activations, expected, strict=True):
        assert_near(bound.value, want, 1e-14)
    for name in case.gradients:
        assert_near(gradients[name].value, getattr(back, name), 1e-13)


@RESETS
def test_huge_numbers_saturate_the_gates(isa, dtype, reset_after):
    case = make_gru(2, 2, 3, 9, dtype, reset_after=reset_after)
    case.x[:] = np.finfo(dtype).max / 8
    case.W[:] = 1
    case.W[:, 9:18] = -1  # z
    h, gates, u = case.forward()
    assert (gates[..., :9] == 1).all()
    assert not gates[..., 9:18].any()
    assert (gates[..., 18:] == 1).all()
    assert (h[1:] == 1).all()
    back = case.backward(h, gates, u)
    assert all(np.isfinite(v).all() for v in back.values() if v is not None)


@RESETS
def test_the_update_gate_keeps_the_state_bit_for_bit(isa, dtype, reset_after):
    case = make_gru(3, 2, 3, 9, dtype, reset_after=reset_after)
    case.b[9:18] = 1e4  # z = 1
    h, *workspace = case.forward()
    for t in range(4):
        np.testing.assert_array_equal(h[t], case.h0)
    case.dh_out[:] = 0
    np.testing.assert_array_equal(case.backward(h, *workspace)["dh0"], case.dh_last)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"W": (7, 8)}, r"W has shape \(7, 8\), expected \(7, 9\) = \(D, 3\*H\)"),
        ({"R": (9, 3)}, r"W has shape \(7, 9\), expected \(7, 27\) = \(D, 3\*H\)"),
        ({"R": (3, 12)}, r"R has shape \(3, 12\), expected \(3, 9\) = \(H, 3\*H\)"),
        ({"b": (3,)}, r"b has shape \(3,\), expected \(9,\) = \(3\*H,\)"),
        ({"b_Rn": (9,)}, r"b_Rn has shape \(9,\), expected \(3,\) = \(H,\)"),
        ({"x": (4, 2, 6)}, r"x has shape \(4, 2, 6\), expected \(4, 2, 7\) = \(T, N, D\)"),
        ({"h": (4, 2, 3)}, r"h has shape \(4, 2, 3\), expected \(5, 2, 3\) = \(T \+ 1, N, H\)"),
        ({"gates": (4, 2, 3)}, r"gates has shape \(4, 2, 3\), expected \(4, 2, 9\) = \(T, N, 3\*H\)"),
        ({"u": (4, 2, 9)}, r"u has shape \(4, 2, 9\), expected \(4, 2, 3\) = \(T, N, H\)"),
        ({"dh_out": (4, 2, 4)}, r"dh_out has shape \(4, 2, 4\), expected \(4, 2, 3\) = \(T, N, H\)"),
        ({"dh_last": (3, 2)}, r"dh_last has shape \(3, 2\), expected \(2, 3\) = \(N, H\)"),
    ],
)
def test_bad_shapes_are_refused(dtype, changed, message):
    case = make_gru(4, 2, 7, 3, dtype)
    arguments = {name: getattr(case, name) for name in ("dh_out", "x", "W", "R", "b", "b_Rn", "dh_last")}
    arguments |= dict(zip(("h", "gates", "u"), case.forward(), strict=True))
    arguments |= {name: np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        _core.gru_backward(**arguments)


@RESETS
def test_bad_arguments_of_forward_are_refused(dtype, reset_after):
    case = make_gru(4, 2, 7, 3, dtype, reset_after=reset_after, tokens=True)
    with pytest.raises(ValueError, match=r"h0 has shape \(2, 2\), expected \(2, 3\) = \(N, H\)"):
        _core.gru_forward(case.x, *case.weights, np.zeros((2, 2), dtype))
    case.x[1, 1] = 7
    with pytest.raises(ValueError, match="x has the token 7, expected -1 to 6"):
        case.forward()


def test_a_recurrent_bias_of_another_dtype_is_refused():
    case = make_gru(4, 2, 7, 3, np.float32)
    case.b_Rn = case.b_Rn.astype(np.float64)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        case.forward()
