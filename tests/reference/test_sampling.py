from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import random
from rnnfast.reference.sampling import draw, keep_top_k, keep_top_p

INF = math.inf


def plain_distribution(x, temperature=1.0, top_k=None, top_p=None):
    """Probabilities as a textbook has them: sets of tokens, then a softmax over what is kept."""
    by_size = sorted(range(len(x)), key=lambda j: (-x[j], j))
    kept = by_size if top_k is None else by_size[:top_k]
    if top_p is not None:
        weight = {j: math.exp(x[j] - x[by_size[0]]) for j in kept}
        nucleus, reached = [], 0.0
        for j in kept:
            if reached >= top_p * math.fsum(weight.values()):
                break
            nucleus.append(j)
            reached += weight[j]
        kept = nucleus
    e = np.array(
        [math.exp((x[j] - x[by_size[0]]) / temperature) if j in kept else 0.0 for j in range(len(x))]
    )
    return e / e.sum()


def check(x, u, got, **options):
    """`got` is the token whose share of the cumulative distribution holds u, up to the rounding of a sum."""
    cumulative = np.concatenate([[0], np.cumsum(plain_distribution(x.astype(float).tolist(), **options))])
    slack = 64 * np.finfo(x.dtype).eps
    assert cumulative[got] - slack <= u <= cumulative[got + 1] + slack
    assert cumulative[got + 1] > cumulative[got]


OPTIONS = [
    {},
    {"temperature": 0.3},
    {"temperature": 5.0},
    {"top_k": 3},
    {"top_p": 0.6},
    {"top_k": 12, "top_p": 0.9, "temperature": 1.7},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_draws_follow_the_textbook_distribution(options, dtype):
    r = np.random.default_rng(1)
    for _ in range(400):
        x = (r.normal(size=r.integers(1, 100)) * r.choice([0.1, 1, 5])).astype(dtype)
        u = float(dtype(r.random() * 0.999))
        check(x, u, draw(x, u, **options), **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_frequencies_pass_chi_square(options):
    x = np.random.default_rng(3).normal(size=20)
    draws = 4000
    us = random.uniform(11, 0, np.arange(draws), random.SAMPLING)
    counts = np.bincount([draw(x, float(u), **options) for u in us], minlength=20)
    expected = draws * plain_distribution(x.tolist(), **options)
    assert not counts[expected == 0].any()
    likely = expected >= 5
    observed = np.append(counts[likely], counts[~likely].sum())
    wanted = np.append(expected[likely], expected[~likely].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    freedom = len(wanted) - 1
    chi_square = ((observed - wanted) ** 2 / wanted).sum()
    assert chi_square < freedom + 4 * math.sqrt(2 * freedom) + 6


def scalar_draw(x, u):
    """The order of additions, spelled out in float32, without filters and at temperature 1."""
    f = np.float32
    e = [np.exp(v - max(x)) for v in x]

    def folded(values):
        partial = [f(0)] * 16
        for j, v in enumerate(values):
            partial[j % 16] = partial[j % 16] + v
        for half in (8, 4, 2, 1):
            partial = [partial[k] + partial[k + half] for k in range(half)]
        return partial[0]

    threshold, running = f(u) * folded(e), f(0)
    for j in range(0, len(e), 16):
        block = e[j : j + 16]
        after = running + folded(block)
        if after > threshold:
            for k, v in enumerate(block):
                running = running + v
                if running > threshold:
                    return j + k
            return j + max(k for k, v in enumerate(block) if v > 0)
        running = after
    return max(k for k, v in enumerate(e) if v > 0)


def test_float32_adds_in_the_order_of_the_definition():
    r = np.random.default_rng(5)
    top = float(np.float32(1) - np.float32(2**-24))
    for _ in range(300):
        x = r.normal(size=r.integers(1, 120)).astype(np.float32)
        e = np.exp(x - x.max())
        at_a_border = np.float32(e[: r.integers(1, len(x) + 1)].sum() / e.sum())
        for u in (0.0, min(top, float(at_a_border)), float(np.float32(r.random() * 0.99)), top):
            assert draw(x, u) == scalar_draw(x, u)


def test_rounding_that_leaves_no_token_takes_the_last_of_positive_weight():
    nearly_one = float(np.nextafter(np.float32(1), np.float32(0)))
    equal = np.zeros(49, np.float32)
    equal[-3:] = -INF
    assert draw(equal, nearly_one) == 45
    assert draw(np.array([0.0, -INF]), np.nextafter(1.0, 0.0)) == 0


def test_greedy_and_temperature_zero_take_the_first_of_the_largest():
    x = [0.0, 2.0, 2.0, -INF]
    assert draw(x, 0.99, greedy=True) == 1
    assert draw(x, 0.99, temperature=0.0) == 1
    assert draw(x, 0.99, temperature=5e-324) == 1
    assert draw([1.0, INF, INF], 0.0, greedy=True) == 1


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-40, 1e-6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tiny_temperature_is_greedy_and_a_huge_one_uniform(temperature, dtype):
    x = np.array([0.0, 5.0, 4.0], dtype)
    assert draw(x, 0.999, temperature=temperature) == 1
    hot = np.array([0.0, 5.0, -INF, 4.0], dtype)
    assert [draw(hot, u, temperature=1.7e308) for u in (0.1, 0.5, 0.9)] == [0, 1, 3]


def test_infinite_logits_are_certain_and_minus_infinity_impossible():
    assert [draw([INF, 3.0, INF, -INF], u) for u in (0.0, 0.49, 0.51, 0.99)] == [0, 0, 2, 2]
    assert draw([INF, 3.0, INF], 0.99, top_k=1) == 0
    assert draw([INF, 3.0, INF], 0.99, top_p=0.5) == 0
    assert [draw([-INF, 0.0, -INF, 0.0], u) for u in (0.0, 0.99)] == [1, 3]
    assert draw([-INF, 0.0, -INF], 0.99, top_k=3, top_p=0.999) == 1


def test_subnormal_weights_are_never_drawn():
    assert draw(np.array([-100.0, 0.0], np.float32), 0.0) == 1  # exp(-100) is 3.8e-44
    assert draw(np.array([-80.0, 0.0], np.float32), 0.0) == 0  # exp(-80) is 1.8e-35, a normal number


def test_filters():
    x = np.array([1.0, 3.0, 3.0, 2.0])
    assert np.isfinite(keep_top_k(x, 1)).tolist() == [False, True, False, False]
    assert np.isfinite(keep_top_k(x, 9)).all()
    assert np.isfinite(keep_top_p(x, 1e-9)).tolist() == [False, True, False, False]
    assert np.isfinite(keep_top_p(x, 1.0)).all()
    pairs = np.arange(100) // 2 % 2  # 50 that tie
    assert (
        np.flatnonzero(np.isfinite(keep_top_k(pairs * 1.0, 20))).tolist()
        == np.flatnonzero(pairs)[:20].tolist()
    )
    quarters = np.zeros(4)
    assert np.isfinite(keep_top_p(quarters, 0.5)).sum() == 2
    assert np.isfinite(keep_top_p(quarters, 0.5 + 1e-12)).sum() == 3


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("x", [[0.0, math.nan], [-INF, -INF], [math.nan, INF], [INF, math.nan]], ids=str)
def test_logits_that_allow_no_draw_are_refused(x, greedy):
    with pytest.raises(ValueError, match="logits hold a nan or only -inf"):
        draw(x, 0.5, greedy=greedy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"u": 1.0}, "u is 1.0, expected at least 0 and less than 1"),
        ({"u": math.nan}, "u is nan"),
        ({"temperature": -1.0}, "temperature is -1.0, expected a finite number of at least 0"),
        ({"temperature": INF}, "temperature is inf"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0, expected at least 1"),
        ({"top_p": 0.0}, "top_p is 0.0, expected more than 0 and at most 1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"logits": []}, r"logits has shape \(0,\)"),
        ({"logits": [[1.0]]}, r"logits has shape \(1, 1\)"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**{"logits": [1.0, 2.0], "u": 0.5} | options)
