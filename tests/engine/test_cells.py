"""What no recurrent layer's results may depend on, whatever its cell: the batch, the cuts of time, the instruction set,
the way a token comes; and where numbers that are not finite may go.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from . import bounds
from .bounded_cells import bounded
from .cases import assert_near, assert_same_bits, of_states, of_weights, one_hot, part
from .conftest import FMA_ISAS

INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])


def starting_from(case, forward):
    """The same problem after another one's last step."""
    return dataclasses.replace(case, **{f"{s}0": a[-1] for s, a in zip(case.states, forward, strict=False)})


def ending_in(case, gradients):
    """The same problem before another one's first step."""
    return dataclasses.replace(case, **{f"d{s}_last": gradients[f"d{s}0"] for s in case.states})


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
        for name in of_states(case):
            assert_same_bits(own[name], back[name][n])


@INPUTS
@pytest.mark.parametrize("shape", [(4, 37, 5, 33), (3, 2, 6, 270)], ids=["rows shared", "units shared"])
def test_no_bit_depends_on_the_threads(make, isa, dtype, shape, tokens):
    case = make(*shape, dtype, tokens=tokens)
    alone = case.forward()
    back = case.backward(*alone)
    for num_threads in (2, 3):
        together = case.forward(num_threads)
        for have, want in zip(together, alone, strict=True):
            assert_same_bits(have, want)
        gradients = case.backward(*together, num_threads=num_threads)
        for name in case.gradients:
            if gradients[name] is not None:
                assert_same_bits(gradients[name], back[name])


@INPUTS
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_time_may_be_cut_anywhere(make, isa, dtype, tokens, cut):
    case = make(5, 3, 6, 17, dtype, tokens=tokens)
    whole = case.forward()
    back = case.backward(*whole)

    early = part(case, t=slice(None, cut))
    first = early.forward()
    late = starting_from(part(case, t=slice(cut, None)), first)
    second = late.forward()
    for have, more, want in zip(first, second, whole, strict=True):
        initial = len(have) - cut  # 1 where slot 0 is the state that came in
        assert_same_bits(np.concatenate([have, more[initial:]]), want)

    after = late.backward(*second)
    before = ending_in(early, after).backward(*first)
    for name in of_states(case):
        assert_same_bits(before[name], back[name])
    if not tokens:
        assert_same_bits(np.concatenate([before["dx"], after["dx"]]), back["dx"])
    bound = bounded(case)[1]
    for name in of_weights(case):  # sums of two parts, so not the same bits; the bounds hold for any order
        if dtype is np.float32:
            bounds.assert_within(before[name] + after[name], bound[name])
        else:
            assert_near(before[name] + after[name], back[name], 1e-13)


@INPUTS
def test_steps_one_by_one_are_forward(make, isa, dtype, tokens):
    case = make(6, 2, 3, 9, dtype, tokens=tokens)
    whole = case.forward()
    so_far = [a[:1] for a in whole]
    for t in range(6):
        so_far = starting_from(part(case, t=slice(t, t + 1)), so_far).forward()
        for have, want in zip(so_far, whole, strict=True):
            assert_same_bits(have[-1], want[t - 6])


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
    assert forward[0].shape == (T + 1, N, case.h0.shape[1])
    back = case.backward(*forward)
    for name in of_weights(case):
        assert not back[name].any()
    for s in case.states:
        assert_same_bits(back[f"d{s}0"], getattr(case, f"d{s}_last"))


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
    for name in ("dx", *of_states(case)):
        assert_same_bits(back[name][..., others, :], expected[name][..., others, :])


def test_subnormal_numbers_are_zero(make, isa, dtype):
    case = make(2, 2, 3, 9, dtype)
    inputs = ["x", *(f"{s}0" for s in case.states)]
    tiny, zero = (
        dataclasses.replace(case, **{name: np.full_like(getattr(case, name), value) for name in inputs})
        for value in (np.finfo(dtype).smallest_subnormal, 0)
    )
    for have, want in zip(tiny.forward(), zero.forward(), strict=True):
        first = len(have) - len(case.x)  # not the state that came in
        assert_same_bits(have[first:], want[first:])
