"""The GRU's layer: against the specification, within derived bounds, and on numbers at the edge."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .cases import SIZES, assert_near, make_gru, one_hot

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
    """Both passes on numbers that know their errors, written as the engine's kernels are."""
    T, H = len(case.x), case.R.shape[0]
    x = case.x if case.x.ndim == 3 else one_hot(case.x, len(case.W), np.float64)
    W_rz, W_n = case.W[:, : 2 * H], case.W[:, 2 * H :]
    R_rz, R_n = case.R[:, : 2 * H], case.R[:, 2 * H :]
    h, gates, u = [bounds.exact(case.h0)], [], []
    for t in range(T):
        a_rz = bounds.product(h[t], R_rz, bounds.product(x[t], W_rz, case.b[: 2 * H]))
        a_n = bounds.product(x[t], W_n, case.b[2 * H :])
        r, z = bounds.sigmoid(a_rz[:, :H]), bounds.sigmoid(a_rz[:, H:])
        if case.b_Rn is not None:
            u.append(bounds.product(h[t], R_n, case.b_Rn))
            n = bounds.tanh(a_n + r * u[t])
        else:
            u.append(r * h[t])
            n = bounds.tanh(bounds.product(u[t], R_n, a_n))
        h.append(z * h[t] + (1 - z) * n)
        gates.append((r, z, n))
    dh, das, dus = bounds.exact(case.dh_last), [], []
    for t in reversed(range(T)):
        r, z, n = gates[t]
        dh = dh + case.dh_out[t]
        da_n = dh * (1 - z) * (1 - n * n)
        da_z = dh * (h[t] - n) * (z * (1 - z))
        dh = dh * z
        if case.b_Rn is not None:
            du = da_n * r
            da_r = da_n * u[t] * (r * (1 - r))
            dh = bounds.product(du, R_n.T, dh)
        else:
            du = bounds.product(da_n, R_n.T)
            da_r = du * h[t] * (r * (1 - r))
            dh = dh + du * r
        das.insert(0, bounds.concatenate([da_r, da_z, da_n]))
        dus.insert(0, du)
        dh = bounds.product(das[0][:, : 2 * H], R_rz.T, dh)
    rows, du_rows = bounds.stack(das).reshape(-1, 3 * H), bounds.stack(dus).reshape(-1, H)
    h_rows, u_rows = bounds.stack(h[:-1]).reshape(-1, H), bounds.stack(u).reshape(-1, H)
    n_gradient = (h_rows, du_rows) if case.b_Rn is not None else (u_rows, rows[:, 2 * H :])
    gradients = {
        "dx": bounds.product(rows, case.W.T).reshape(*x.shape),
        "dW": bounds.product(x.reshape(-1, x.shape[-1]).T, rows),
        "dR": bounds.concatenate(
            [bounds.product(h_rows.T, rows[:, : 2 * H]), bounds.product(n_gradient[0].T, n_gradient[1])]
        ),
        "db": bounds.total(rows.T),
        "db_Rn": bounds.total(du_rows.T),
        "dh0": dh,
    }
    activations = (
        bounds.stack(h),
        bounds.stack([bounds.concatenate(list(g)) for g in gates]),
        bounds.stack(u),
    )
    return activations, gradients


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
