"""From logits to a token: every branch of the sampler, its probabilities, and equal tokens everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Sampler, _core, reference

from .cases import SIZES
from .conftest import FMA_ISAS

OPTIONS = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 3, "temperature": 1.5},
    {"top_p": 0.7},
    {"top_p": 1e-6},
    {"top_k": 5, "top_p": 0.5, "temperature": 0.8},
    {"greedy": True},
    {"temperature": 0.0},
]
UNIFORMS = [0.0, 1e-9, 0.1, 0.37, 0.5, 0.9, 0.999, 1 - 2**-24]


def draw(logits, u, **options):
    return draws(logits, [u], **options)[0]


def draws(logits, u, *, history=(), **options):
    """The token of each u, -1 where there is none."""
    u, history = np.asarray(u, logits.dtype), np.asarray(history, np.int32)
    return _core.draw(logits, u, Sampler(**options).native(), history).tolist()


def make(V, dtype, seed=0):
    return (2 * np.random.default_rng([V, seed]).normal(size=V)).astype(dtype)


@pytest.mark.parametrize("V", [*SIZES, 90])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_float64_draws_the_specifications_token(isa, V, options):
    for seed in range(3):
        logits = make(V, np.float64, seed)
        for u in UNIFORMS:
            assert draw(logits, u, **options) == reference.sampling.draw(logits, u, **options)


@pytest.mark.parametrize("V", [1, 15, 17, 90])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_token_on_every_instruction_set(run_on, dtype, V, options):
    words = np.random.default_rng(0).random(300).astype(dtype)

    def tokens():
        return [draw(make(V, dtype, k), float(u), **options) for k, u in enumerate(words)]

    first, *others = (run_on(isa, tokens) for isa in FMA_ISAS)
    assert all(other == first for other in others)


def test_ties_go_to_the_lowest_id(isa, dtype):
    for V in SIZES:
        logits = np.ones(V, dtype)
        assert draw(logits, 0.99, greedy=True) == 0
        assert draw(logits, 0.99, temperature=0.0) == 0
        assert draw(logits, 0.99, top_k=1) == 0
        logits[V // 2 :] = 2
        assert draw(logits, 0.0, greedy=True) == V // 2
        assert draw(logits, 0.999, top_k=1) == V // 2


def test_infinities(isa, dtype):
    inf = np.inf
    assert [draw(np.array([0, inf, 1, inf], dtype), u) for u in (0.0, 0.49, 0.51, 0.99)] == [1, 1, 3, 3]
    assert draw(np.array([-inf, -5, -inf], dtype), 0.99) == 1
    assert draw(np.array([-inf, -5, -inf], dtype), 0.0) == 1
    assert draw(np.array([0, inf], dtype), 0.0, greedy=True) == 1


@pytest.mark.parametrize("options", [o for o in OPTIONS if o], ids=str)
@pytest.mark.parametrize("V", [1, 5, 20])
def test_nothing_to_draw_is_minus_one(isa, dtype, V, options):
    assert draw(np.full(V, -np.inf, dtype), 0.5, **options) == -1
    for at in range(V):
        logits = np.zeros(V, dtype)
        logits[at] = np.nan
        assert draw(logits, 0.5, **options) == -1


@pytest.mark.parametrize("temperature", [1e-300, 1e-40, 1e-10, 1e10, 1e38, 1e39, 1e300, 1.7e308])
@pytest.mark.parametrize("filters", [{}, {"top_k": 2}, {"top_p": 0.9}], ids=str)
def test_any_temperature_draws(isa, dtype, temperature, filters):
    logits = np.array([3, 1, -np.inf, 2.5, -2], dtype)
    drawn = {draw(logits, u, temperature=temperature, **filters) for u in UNIFORMS}
    assert -1 not in drawn
    assert 2 not in drawn
    if temperature < 1e-9:
        assert drawn == {0}
    else:
        assert {0, 3} <= {draw(logits, u, temperature=temperature, **filters) for u in (0.0, 0.6)} | drawn


def test_the_largest_uniform_number_draws_the_last_possible_token(isa, dtype):
    u = float(1 - np.finfo(dtype).epsneg)
    for V in (3, 16, 40):
        logits = make(V, dtype)
        logits[V - 1] = -np.inf
        token = draw(logits, u)
        assert 0 <= token < V - 1
        assert draw(np.zeros(V, dtype), u) == V - 1
