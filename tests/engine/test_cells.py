"""What no recurrent layer's results may depend on, whatever its cell: the batch, the cuts of time, the instruction set,
the way a token comes; and where numbers that are not finite may go.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from .cases import assert_near, assert_same_bits, make_gru, make_rnn, one_hot
from .conftest import FMA_ISAS

CELLS = {
    "rnn-tanh": partial(make_rnn, nonlinearity="tanh"),
    "rnn-relu": partial(make_rnn, nonlinearity="relu"),
    "gru-after": partial(make_gru, reset_after=True),
    "gru-before": partial(make_gru, reset_after=False),
}
INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])


@pytest.fixture(params=CELLS)
def make(request):
    return CELLS[request.param]


def part(case, *, t=slice(None), n=slice(None), **state):
    """The same problem for some of its steps and samples."""
    x, dh_out = (np.ascontiguousarray(a[t, n]) for a in (case.x, case.dh_out))
    changed = {"x": x, "dh_out": dh_out, "h0": case.h0[n], "dh_last": case.dh_last[n]}
    return dataclasses.replace(case, **changed | state)


@INPUTS
@pytest.mark.parametrize("shape", [(3, 7, 5, H) for H in (1, 8, 17, 33)], ids=str)
def test_a_sample_does_not_depend_on_its_batch(make, isa, dtype, shape, tokens):
    case = make(*shape, dtype, tokens=tokens)
    whole = case.forward()
    back = case.backward(*whole)
    for n in (slice(0, 1), slice(3, 4), slice(6, 7), slice(2, 6)):
        some = part(case, n=n)
        alone = some.forward()
        for have, want in zip(alone, whole, strict=True):
            assert_same_bits(have, want[:, n])
        own = some.backward(*alone)
        if not tokens:
            assert_same_bits(own["dx"], back["dx"][:, n])
        assert_same_bits(own["dh0"], back["dh0"][n])


@INPUTS
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_time_may_be_cut_anywhere(make, isa, dtype, tokens, cut):
    case = make(5, 3, 6, 17, dtype, tokens=tokens)
    whole = case.forward()
    back = case.backward(*whole)

    early = part(case, t=slice(None, cut))
    first = early.forward()
    late = part(case, t=slice(cut, None), h0=first[0][-1])
    second = late.forward()
    assert_same_bits(np.concatenate([first[0], second[0][1:]]), whole[0])
    for have, more, want in zip(first[1:], second[1:], whole[1:], strict=True):
        assert_same_bits(np.concatenate([have, more]), want)

    after = late.backward(*second)
    before = dataclasses.replace(early, dh_last=after["dh0"]).backward(*first)
    assert_same_bits(before["dh0"], back["dh0"])
    if not tokens:
        assert_same_bits(np.concatenate([before["dx"], after["dx"]]), back["dx"])
    for name in case.gradients[1:-1]:  # sums: of two parts, so not the same bits
        assert_near(before[name] + after[name], back[name], 1e-5 if dtype is np.float32 else 1e-13)


@INPUTS
def test_steps_one_by_one_are_forward(make, isa, dtype, tokens):
    case = make(6, 2, 3, 9, dtype, tokens=tokens)
    h = case.h0
    for t, want in enumerate(case.forward()[0][1:]):
        h = part(case, t=slice(t, t + 1), h0=h).forward()[0][1]
        assert_same_bits(h, want)


def test_a_token_is_its_one_hot_vector_bit_for_bit(make, isa, dtype):
    case = make(4, 5, 6, 9, dtype, tokens=True)
    assert (case.x == -1).any()
    dense = dataclasses.replace(case, x=one_hot(case.x, 6, dtype))
    by_token, by_vector = case.forward(), dense.forward()
    for have, want in zip(by_token, by_vector, strict=True):
        assert_same_bits(have, want)
    token_gradients, vector_gradients = case.backward(*by_token), dense.backward(*by_vector)
    for name in case.gradients[1:]:
        assert_same_bits(token_gradients[name], vector_gradients[name])


@INPUTS
@pytest.mark.parametrize("H", [1, 7, 16, 33])
def test_bits_are_equal_across_instruction_sets(make, run_on, dtype, tokens, H):
    case = make(3, 7, 5, H, dtype, tokens=tokens)

    def both():
        forward = case.forward()
        return [*forward, *(v for v in case.backward(*forward).values() if v is not None)]

    results = [run_on(name, both) for name in FMA_ISAS]
    for other in results[1:]:
        for have, want in zip(other, results[0], strict=True):
            assert_same_bits(have, want)


@pytest.mark.parametrize(("T", "N"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_do(make, isa, dtype, T, N):
    case = make(T, N, 3, 4, dtype)
    forward = case.forward()
    assert forward[0].shape == (T + 1, N, 4)
    back = case.backward(*forward)
    for name in case.gradients[1:-1]:
        assert not back[name].any()
    assert_same_bits(back["dh0"], case.dh_last)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_sample(make, isa, dtype, bad):
    case = make(3, 4, 5, 9, dtype)
    fine = case.forward()
    expected = case.backward(*fine)
    case.x[1, 2, 0] = bad
    got = case.forward()
    others = [0, 1, 3]
    for have, want in zip(got, fine, strict=True):
        assert_same_bits(have[:, others], want[:, others])
    assert_same_bits(got[0][:2], fine[0][:2])
    if np.isnan(bad):
        assert np.isnan(got[0][2, 2]).all()
    back = case.backward(*got)
    for name in ("dx", "dh0"):
        assert_same_bits(back[name][..., others, :], expected[name][..., others, :])


def test_subnormal_numbers_are_zero(make, isa, dtype):
    case = make(2, 2, 3, 9, dtype)
    tiny, zero = (
        dataclasses.replace(case, x=np.full_like(case.x, value), h0=np.full_like(case.h0, value))
        for value in (np.finfo(dtype).smallest_subnormal, 0)
    )
    for have, want in zip(tiny.forward(), zero.forward(), strict=True):
        first = len(have) - len(case.x)  # not the state that came in
        assert_same_bits(have[first:], want[first:])
