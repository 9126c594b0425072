"""The LSTM with options: against the specification, within derived bounds, and against the plain LSTM."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnnfast import _core
from rnnfast.reference import lstm_variants

from . import bounds
from .cases import SIZES, assert_near, assert_same_bits, make_lstm, one_hot

SHAPES = [(2, 3, 5, H) for H in SIZES] + [(T, N, 7, 9) for T in (1, 3) for N in (1, 2, 7)]
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
OPTIONS = [
    {"coupled": coupled, "peephole": peephole, "projection_size": projection_size}
    for coupled in (False, True)
    for peephole in (False, True)
    for projection_size in (None, 1, 6, 17)
][1:]  # the first is the plain LSTM


def name_of(options):
    return " ".join(f"{name}={value}" for name, value in options.items() if value)


ANY_OPTIONS = pytest.mark.parametrize("options", OPTIONS, ids=name_of)
FEW_OPTIONS = pytest.mark.parametrize(
    "options", [o for o in OPTIONS if o["projection_size"] in (None, 6)], ids=name_of
)


def specification(case):
    activations = lstm_variants.forward(case.x, *case.weights, case.h0, case.c0, **case.options)
    gradients = lstm_variants.backward(
        case.dh_out, case.x, *activations, case.W, case.R, case.dh_last, case.dc_last, **case.options
    )
    return activations, gradients


def approximate(case):
    """Both passes on numbers that know their errors, written as the engine's kernels are."""
    T, H = len(case.x), case.c0.shape[1]
    x = case.x if case.x.ndim == 3 else one_hot(case.x, len(case.W), np.float64)
    peepholes = np.zeros(len(case.b) - H) if case.peepholes is None else case.peepholes
    p_i, *p_f, p_o = (bounds.exact(p) for p in np.split(peepholes, len(peepholes) // H))

    def seen(a, p, cell):
        return a if case.peepholes is None else a + p * cell

    h, c, gates, m = [bounds.exact(case.h0)], [bounds.exact(case.c0)], [], []
    for t in range(T):
        a = bounds.product(h[t], case.R, bounds.product(x[t], case.W, case.b))
        a_i, *a_f, a_g, a_o = (a[:, k : k + H] for k in range(0, len(case.b), H))
        i, g = bounds.sigmoid(seen(a_i, p_i, c[t])), bounds.tanh(a_g)
        f = 1 - i if case.coupled else bounds.sigmoid(seen(a_f[0], p_f[0], c[t]))
        c.append(f * c[t] + i * g)
        o = bounds.sigmoid(seen(a_o, p_o, c[t + 1]))
        m.append(o * bounds.tanh(c[t + 1]))
        h.append(m[t] if case.projection is None else bounds.product(m[t], case.projection))
        gates.append((i, f, g, o))
    dh, dc, das, dhs = bounds.exact(case.dh_last), bounds.exact(case.dc_last), [], []
    for t in reversed(range(T)):
        i, f, g, o = gates[t]
        tanh_c = bounds.tanh(c[t + 1])
        dhs.insert(0, dh + case.dh_out[t])
        dm = dhs[0] if case.projection is None else bounds.product(dhs[0], case.projection.T)
        da_o = dm * tanh_c * (o * (1 - o))
        dc = seen(dc + dm * o * (1 - tanh_c * tanh_c), p_o, da_o)
        da_g = dc * i * (1 - g * g)
        if case.coupled:
            da_i = dc * (g - c[t]) * (i * (1 - i))
            dc = seen(dc * f, p_i, da_i)
            das.insert(0, bounds.concatenate([da_i, da_g, da_o]))
        else:
            da_i, da_f = dc * g * (i * (1 - i)), dc * c[t] * (f * (1 - f))
            dc = seen(seen(dc * f, p_i, da_i), p_f[0], da_f)
            das.insert(0, bounds.concatenate([da_i, da_f, da_g, da_o]))
        dh = bounds.product(das[0], case.R.T)
    rows = bounds.stack(das).reshape(-1, len(case.b))
    gradients = {
        "dx": bounds.product(rows, case.W.T).reshape(*x.shape),
        "dW": bounds.product(x.reshape(-1, x.shape[-1]).T, rows),
        "dR": bounds.product(bounds.stack(h[:-1]).reshape(-1, len(case.R)).T, rows),
        "db": bounds.total(rows.T),
        "dpeepholes": peephole_gradient(rows, c, H),
        "dprojection": bounds.product(
            bounds.stack(m).reshape(-1, H).T, bounds.stack(dhs).reshape(-1, len(case.R))
        ),
        "dh0": dh,
        "dc0": dc,
    }
    kept = [[i, g, o] if case.coupled else [i, f, g, o] for i, f, g, o in gates]
    stacked = [bounds.stack(h), bounds.stack(c), bounds.stack([bounds.concatenate(g) for g in kept])]
    return stacked, gradients


def peephole_gradient(da, c, H):
    """Of each peephole the sum of da times the cell that its gate saw, as the diagonal of a product."""
    before, after = (bounds.stack(cells).reshape(-1, H) for cells in (c[:-1], c[1:]))
    columns = [da[:, k : k + H] for k in range(0, da.value.shape[1], H)]
    del columns[-2]  # g sees nothing
    seen = [*([before] * (len(columns) - 1)), after]
    products = [bounds.product(a.T, cell) for a, cell in zip(columns, seen, strict=True)]
    diagonal = np.arange(H)
    return bounds.concatenate([p[diagonal, diagonal] for p in products])


@INPUTS
@ANY_OPTIONS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape, options, tokens):
    case = make_lstm(*shape, np.float64, tokens=tokens, **options)
    activations, gradients = specification(case)
    got = case.forward()
    for have, want in zip(got[:3], activations, strict=True):
        assert_near(have, want, 1e-12)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        assert_near(back[name], getattr(gradients, name), 1e-12)
    for name in {"dx", "dpeepholes", "dprojection"} - {*case.gradients[tokens:]}:
        assert back[name] is None


@INPUTS
@FEW_OPTIONS
@pytest.mark.parametrize("shape", SHAPES[::3], ids=str)
def test_float32_is_within_its_derived_bound(isa, shape, options, tokens):
    case = make_lstm(*shape, np.float32, tokens=tokens, **options)
    activations, gradients = approximate(case)
    got = case.forward()
    for have, bound in zip(got[:3], activations, strict=True):
        bounds.assert_within(have, bound)
    back = case.backward(*got)
    for name in case.gradients[tokens:]:
        bounds.assert_within(back[name], gradients[name])


@FEW_OPTIONS
def test_the_bound_follows_the_specification(options):
    case = make_lstm(3, 2, 5, 4, np.float32, **options)
    activations, gradients = approximate(case)
    expected, back = specification(case)
    for bound, want in zip(activations, expected, strict=True):
        assert_near(bound.value, want, 1e-14)
    for name in case.gradients:
        assert_near(gradients[name].value, getattr(back, name), 1e-13)


@INPUTS
@pytest.mark.parametrize("H", [7, 17])
def test_options_that_change_nothing_change_no_bit(isa, dtype, H, tokens):
    plain = make_lstm(4, 3, 5, H, dtype, tokens=tokens)
    expected = plain.forward()
    back = plain.backward(*expected)
    for nothing in ({"peepholes": np.zeros(3 * H, dtype)}, {"projection": np.eye(H, dtype=dtype)}):
        case = dataclasses.replace(plain, **nothing)
        got = case.forward()
        for have, want in zip(got, expected, strict=False):
            assert_same_bits(have, want)
        gradients = case.backward(*got)
        for name in plain.gradients[tokens:]:
            assert_same_bits(gradients[name], back[name])


@pytest.mark.parametrize(
    ("options", "changed", "message"),
    [
        ({"peephole": True}, {"peepholes": (6,)}, r"peepholes has shape \(6,\), expected \(9,\) = \(3\*H,\)"),
        (
            {"peephole": True, "coupled": True},
            {"peepholes": (9,)},
            r"peepholes has shape \(9,\), expected \(6,\) = \(2\*H,\)",
        ),
        ({"coupled": True}, {"W": (7, 12)}, r"W has shape \(7, 12\), expected \(7, 9\) = \(D, 3\*H\)"),
        ({}, {"projection": (3, 2)}, r"R has shape \(3, 12\), expected \(2, 12\) = \(P, 4\*H\)"),
        ({}, {"projection": (3,)}, r"projection has shape \(3,\), expected \(H, P\)"),
        ({}, {"projection": (3, 0)}, r"projection has no columns, expected \(H, P\) with P at least 1"),
        ({"projection_size": 2}, {"h0": (2, 3)}, r"h0 has shape \(2, 3\), expected \(2, 2\) = \(N, P\)"),
        ({"projection_size": 2}, {"c0": (2, 2)}, r"c0 has shape \(2, 2\), expected \(2, 3\) = \(N, H\)"),
    ],
)
def test_bad_shapes_are_refused(dtype, options, changed, message):
    case = make_lstm(4, 2, 7, 3, dtype, **options)
    changed = {name: np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(case, **changed).forward()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"h": (5, 2, 3)}, r"h has shape \(5, 2, 3\), expected \(5, 2, 2\) = \(T \+ 1, N, P\)"),
        ({"dh_out": (4, 2, 3)}, r"dh_out has shape \(4, 2, 3\), expected \(4, 2, 2\) = \(T, N, P\)"),
        ({"gates": (4, 2, 12)}, r"gates has shape \(4, 2, 12\), expected \(4, 2, 9\) = \(T, N, 3\*H\)"),
        ({"m": (4, 2, 2)}, r"m has shape \(4, 2, 2\), expected \(4, 2, 3\) = \(T, N, H\)"),
        ({"m": None}, "m is None and projection is given, expected both or neither"),
    ],
)
def test_bad_shapes_of_backward_are_refused(dtype, changed, message):
    case = make_lstm(4, 2, 7, 3, dtype, coupled=True, projection_size=2)
    names = ("dh_out", "x", "W", "R", "b", "dh_last", "dc_last")
    arguments = {name: getattr(case, name) for name in names} | case.options
    arguments |= dict(zip(("h", "c", "gates", "m"), case.forward(), strict=True))
    arguments |= {name: shape and np.zeros(shape, dtype) for name, shape in changed.items()}
    with pytest.raises(ValueError, match=message):
        _core.lstm_backward(**arguments)
