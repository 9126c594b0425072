"""What penalties and filters do to logits, to the bit, on every instruction set: lanes, words of masks, borders."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Sampler, SamplingError, _core
from rnnfast.reference.sampling import Sampling, filter_logits

inf = np.inf
SIZES = [
    1,
    2,
    3,
    4,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    33,
    63,
    64,
    65,
    90,
    127,
    129,
    200,
]  # of vectors, blocks and words

EXACT = [
    {"top_n_sigma": 0.5},
    {"top_n_sigma": 1.5},
    {"top_n_sigma": 1e-30},
    {"top_n_sigma": 1e30},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.7, "penalty_window": 5},
    {"presence_penalty": 1 / 3, "frequency_penalty": 0.1},
    {"presence_penalty": -0.2, "frequency_penalty": 1e-3, "penalty_window": 40},
    {"repetition_penalty": 1.1, "presence_penalty": 0.2, "frequency_penalty": -0.05, "top_n_sigma": 1.0},
]


def vectors(dtype, equal=False):
    """Logits of every size, some of them impossible, with a history each; `equal`: rounded, so that many are ties."""
    for V in SIZES:
        r = np.random.default_rng([V, equal])
        for spread in (0.1, 3.0, 1e4):
            logits = (spread * r.normal(size=V)).astype(dtype)
            if equal:
                logits = (logits / dtype(spread)).round(0)
            logits[r.random(V) < 0.2] = -inf
            logits[r.integers(V)] = 0
            yield logits, r.integers(-1, V, 3 * V // 2).astype(np.int32)


def kept(settings, logits, history=()):
    return _core.filter_logits(logits, Sampler(**settings).native(), np.asarray(history, np.int32))


@pytest.mark.parametrize("equal", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("settings", EXACT, ids=str)
def test_penalties_and_top_n_sigma_have_the_specifications_bits(isa, dtype, settings, equal):
    changed = 0
    for logits, history in vectors(dtype, equal):
        got = kept(settings, logits, history)
        # with a window, -1 (no token) does not count as one of its tokens
        expected = filter_logits(logits, Sampling(**settings), history[history >= 0])
        np.testing.assert_array_equal(got, expected, strict=True)
        changed += not np.array_equal(got, logits)
    assert changed > 0 or settings == {"top_n_sigma": 1e30}


def test_top_n_sigma_keeps_what_lies_on_its_border(isa, dtype):
    """Mean and deviation of 0 and -2 are -1 and 1; the border lies nearer to -2 than any float32 does."""
    for V in (2, 16, 34, 128):
        logits = np.array([0, -2] * (V // 2), dtype)
        for n, all_stay in ((2, True), (2 + 1e-12, True), (2 - 1e-12, False), (1, False)):
            assert np.isfinite(kept({"top_n_sigma": n}, logits)).all() == all_stay
            assert np.isfinite(kept({"top_n_sigma": n}, logits)[::2]).all()


def test_top_n_sigma_keeps_all_where_the_deviation_overflows(isa, dtype):
    most = np.finfo(dtype).max
    for V in SIZES[1:]:
        logits = np.zeros(V, dtype)
        logits[0], logits[-1] = most, -most
        np.testing.assert_array_equal(kept({"top_n_sigma": 0.1}, logits), logits)


def test_certain_tokens_share_whatever_the_filter(isa, dtype):
    for V in SIZES:
        logits = np.linspace(-3, 3, V).astype(dtype)
        logits[[0, -1]] = inf
        for settings in ({"top_n_sigma": 1.0}, {"min_p": 0.5}, {"frequency_penalty": 2.0}):
            expected = np.full(V, -inf, dtype)
            expected[[0, -1]] = 0
            np.testing.assert_array_equal(kept(settings, logits, [0] * 3), expected)


def test_a_nan_is_seen_in_every_place(isa, dtype):
    for settings in ({"top_n_sigma": 1.0}, {"min_p": 0.1}, {"repetition_penalty": 1.2}):
        for V in SIZES:
            for j in {0, 1 % V, V // 2, V - 1}:
                logits = np.zeros(V, dtype)
                logits[j] = np.nan
                assert kept(settings, logits, [j]) is None
                with pytest.raises(SamplingError, match="nan or only -inf"):
                    Sampler(**settings).draw(logits, 0.5, history=[j])


def test_the_largest_is_found_in_every_place(isa, dtype):
    for V in SIZES:
        for j in range(V):
            logits = np.linspace(-1, 1, V).astype(dtype)
            logits[j] = 60
            assert Sampler(greedy=True).draw(logits, 0.5) == j
            assert Sampler().draw(logits, 0.5) == j
            assert np.flatnonzero(np.isfinite(kept({"min_p": 0.5}, logits))).tolist() == [j]


def test_min_p_measures_from_the_likeliest_that_typical_p_has_left(isa, dtype):
    """0.4 is far from the entropy of 3.1: what typical_p keeps are 0.01 each."""
    logits = np.log(np.array([0.4] + [0.01] * 60)).astype(dtype)
    got = kept({"typical_p": 0.295, "min_p": 0.5}, logits)
    assert np.flatnonzero(np.isfinite(got)).tolist() == list(range(1, 31))


def test_penalties_forget_what_leaves_their_window(isa, dtype):
    """A token in each word of the mask, added and leaving one after the other."""
    V, window = 200, 4
    tokens = np.random.default_rng(3).permutation(np.repeat(np.arange(0, V, 9), 3)).astype(np.int32)
    settings = {"frequency_penalty": 0.5, "presence_penalty": 1.0, "penalty_window": window}
    for end in range(tokens.size + 1):
        counts = np.bincount(tokens[max(end - window, 0) : end], minlength=V)
        expected = -np.where(counts > 0, 1 + counts / 2, 0).astype(dtype)
        np.testing.assert_array_equal(kept(settings, np.zeros(V, dtype), tokens[:end]), expected)
