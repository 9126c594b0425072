"""The LSTM layer: against the specification, within derived bounds, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .cases import GRADIENTS, SIZES, assert_near, assert_same_bits, make_lstm, one_hot
from .conftest import FMA_ISAS

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
    """Both passes on numbers that know their errors, written as the engine's kernels are."""
    T, H = len(case.x), case.R.shape[0]
    x = case.x if case.x.ndim == 3 else one_hot(case.x, len(case.W), np.float64)
    h, c, gates = [bounds.exact(case.h0)], [bounds.exact(case.c0)], []
    for t in range(T):
        a = bounds.product(h[t], case.R, bounds.product(x[t], case.W, case.b))
        i, f, g, o = (a[:, k * H : (k + 1) * H] for k in range(4))
        i, f, g, o = bounds.sigmoid(i), bounds.sigmoid(f), bounds.tanh(g), bounds.sigmoid(o)
        c.append(f * c[t] + i * g)
        h.append(o * bounds.tanh(c[t + 1]))
        gates.append((i, f, g, o))
    dh, dc, das = bounds.exact(case.dh_last), bounds.exact(case.dc_last), []
    for t in reversed(range(T)):
        i, f, g, o = gates[t]
        tanh_c = bounds.tanh(c[t + 1])
        dh = dh + case.dh_out[t]
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        da_i, da_f = dc * g * (i * (1 - i)), dc * c[t] * (f * (1 - f))
        da_g, da_o = dc * i * (1 - g * g), dh * tanh_c * (o * (1 - o))
        das.insert(0, bounds.concatenate([da_i, da_f, da_g, da_o]))
        dc = dc * f
        dh = bounds.product(das[0], case.R.T)
    rows = bounds.stack(das).reshape(-1, 4 * H)
    gradients = {
        "dx": bounds.product(rows, case.W.T).reshape(*x.shape),
        "dW": bounds.product(x.reshape(-1, x.shape[-1]).T, rows),
        "dR": bounds.product(bounds.stack(h[:-1]).reshape(-1, H).T, rows),
        "db": bounds.total(rows.T),
        "dh0": dh,
        "dc0": dc,
    }
    activations = bounds.stack(h), bounds.stack(c), bounds.stack([bounds.concatenate(list(g)) for g in gates])
    return activations, gradients


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


@INPUTS
@pytest.mark.parametrize("shape", [(3, 7, 5, H) for H in (1, 8, 17, 33)], ids=str)
def test_a_sample_does_not_depend_on_its_batch(isa, dtype, shape, tokens):
    case = make_lstm(*shape, dtype, tokens=tokens)
    whole = case.forward()
    back = case.backward(*whole)
    for n in (slice(0, 1), slice(3, 4), slice(6, 7), slice(2, 6)):
        part = case.sample(n)
        alone = part.forward()
        for have, want in zip(alone, whole, strict=True):
            assert_same_bits(have, want[:, n])
        own = part.backward(*alone)
        if not tokens:
            assert_same_bits(own["dx"], back["dx"][:, n])
        assert_same_bits(own["dh0"], back["dh0"][n])
        assert_same_bits(own["dc0"], back["dc0"][n])


@INPUTS
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_time_may_be_cut_anywhere(isa, dtype, tokens, cut):
    case = make_lstm(5, 3, 6, 17, dtype, tokens=tokens)
    h, c, gates = case.forward()
    back = case.backward(h, c, gates)

    first = _core.lstm_forward(case.x[:cut], *case.weights, case.h0, case.c0)
    second = _core.lstm_forward(case.x[cut:], *case.weights, first[0][-1], first[1][-1])
    for k, whole in enumerate((h[1:], c[1:], gates)):
        skip = 1 if k < 2 else 0
        assert_same_bits(np.concatenate([first[k][skip:], second[k][skip:]]), whole)

    late = _core.lstm_backward(
        case.dh_out[cut:], case.x[cut:], *second, *case.weights, case.dh_last, case.dc_last
    )
    early = _core.lstm_backward(
        case.dh_out[:cut], case.x[:cut], *first, *case.weights, late["dh0"], late["dc0"]
    )
    assert_same_bits(early["dh0"], back["dh0"])
    assert_same_bits(early["dc0"], back["dc0"])
    if not tokens:
        assert_same_bits(np.concatenate([early["dx"], late["dx"]]), back["dx"])
    for name in ("dW", "dR", "db"):  # sums: of two parts, so not the same bits
        assert_near(early[name] + late[name], back[name], 1e-5 if dtype is np.float32 else 1e-13)


def test_a_token_is_its_one_hot_vector_bit_for_bit(isa, dtype):
    case = make_lstm(4, 5, 6, 9, dtype, tokens=True)
    dense = make_lstm(4, 5, 6, 9, dtype, tokens=True)
    dense.x = one_hot(case.x, 6, dtype)
    assert (case.x == -1).any()
    by_token, by_vector = case.forward(), dense.forward()
    for have, want in zip(by_token, by_vector, strict=True):
        assert_same_bits(have, want)
    token_gradients, vector_gradients = case.backward(*by_token), dense.backward(*by_vector)
    for name in GRADIENTS[1:]:
        assert_same_bits(token_gradients[name], vector_gradients[name])


@INPUTS
@pytest.mark.parametrize("H", [1, 7, 16, 33])
def test_bits_are_equal_across_instruction_sets(run_on, dtype, tokens, H):
    case = make_lstm(3, 7, 5, H, dtype, tokens=tokens)

    def both():
        forward = case.forward()
        return [*forward, *(v for v in case.backward(*forward).values() if v is not None)]

    results = [run_on(name, both) for name in FMA_ISAS]
    for other in results[1:]:
        for have, want in zip(other, results[0], strict=True):
            assert_same_bits(have, want)


@pytest.mark.parametrize(("T", "N"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_do(isa, dtype, T, N):
    case = make_lstm(T, N, 3, 4, dtype)
    h, c, gates = case.forward()
    assert (h.shape, gates.shape) == ((T + 1, N, 4), (T, N, 16))
    back = case.backward(h, c, gates)
    assert not back["dW"].any()
    assert not back["dR"].any()
    assert_same_bits(back["dh0"], case.dh_last)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_sample(isa, dtype, bad):
    case = make_lstm(3, 4, 5, 9, dtype)
    fine = case.forward()
    case.x[1, 2, 0] = bad
    h, _, gates = case.forward()
    others = [0, 1, 3]
    assert_same_bits(h[:, others], fine[0][:, others])
    assert_same_bits(h[:2], fine[0][:2])
    if np.isnan(bad):
        assert np.isnan(h[2, 2]).all()
    else:
        assert not np.isnan(gates[1]).any()
        assert np.isin(gates[1, 2, :9], [0, 1]).all()


def test_subnormal_numbers_are_zero(isa, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    case, zero = (make_lstm(2, 2, 3, 9, dtype) for _ in range(2))
    for array in (case.x, case.h0, case.c0):
        array[:] = tiny
    for array in (zero.x, zero.h0, zero.c0):
        array[:] = 0
    for have, want in zip(case.forward(), zero.forward(), strict=True):
        np.testing.assert_array_equal(have[1 if len(have) == 3 else 0 :], want[1 if len(want) == 3 else 0 :])
