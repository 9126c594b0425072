"""Adam, SGD, decay and clipping over flat arrays."""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import _core, reference

from . import bounds
from .cases import SIZES, assert_near, assert_same_bits
from .conftest import FMA_ISAS

STEPS = 6
STATE = {np.float32: _core.OptimizerStateF32, np.float64: _core.OptimizerStateF64}
SETTINGS = [
    {"name": "Adam"},
    {"name": "Adam", "learning_rate": 0.05, "beta1": 0.5, "beta2": 0.75, "epsilon": 1e-3, "decay": 0.1},
    {"name": "Adam", "learning_rate": 0.05, "epsilon": 1e-3, "keras_epsilon": True, "decay": 0.1},
    {"name": "Adam", "beta1": 0.0, "beta2": 0.0, "epsilon": 1e-7, "keras_epsilon": True},
    {"name": "SGD", "learning_rate": 0.1},
    {"name": "SGD", "learning_rate": 0.1, "decay": 0.5},
]


def both(settings):
    """The engine's optimiser and the specification's."""
    options = {key: value for key, value in settings.items() if key != "name"}
    engine = getattr(rnnfast, settings["name"])(**options)
    return engine, getattr(reference.optimizer, settings["name"])(**{"learning_rate": 0.001} | options)


def make(n, dtype):
    r = np.random.default_rng(n)
    p = r.normal(size=n).astype(dtype)
    return p, (10.0 ** r.uniform(-4, 2, (STEPS, n)) * r.choice([-1, 1], (STEPS, n))).astype(dtype)


def run(optimizer, p, gradients):
    state, p = STATE[p.dtype.type](), p.copy()
    for g in gradients:
        _core.optimizer_step(optimizer.native(), g, p, state)
    assert state.steps == len(gradients)
    return p


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("n", SIZES)
def test_float64_equals_the_specification(isa, settings, n):
    p, gradients = make(n, np.float64)
    optimizer, specification = both(settings)
    expected, state = {"p": p}, None
    for g in gradients:
        expected, state = specification.update(expected, {"p": g}, state)
    assert_near(run(optimizer, p, gradients), expected["p"], 1e-12)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("n", [1, 9, 31])
def test_float32_is_within_its_derived_bound(isa, settings, n):
    p, gradients = make(n, np.float32)
    optimizer, _ = both(settings)
    bound, m, v = bounds.exact(p), bounds.exact(np.zeros(n)), bounds.exact(np.zeros(n))
    for step, g in enumerate(gradients):
        rate = optimizer.learning_rate / (1 + optimizer.decay * step)
        if settings["name"] == "SGD":
            bound = bound - bounds.exact(g) * constant(rate)
            continue
        power1, power2 = optimizer.beta1 ** (step + 1), optimizer.beta2 ** (step + 1)
        root, g = np.sqrt(1 - power2), bounds.exact(g)
        m = m * constant(optimizer.beta1) + g * constant(1 - optimizer.beta1)
        v = v * constant(optimizer.beta2) + g * g * constant(1 - optimizer.beta2)
        keras = optimizer.keras_epsilon
        denominator = bounds.sqrt(v) / constant(1 if keras else root) + constant(optimizer.epsilon)
        bound = bound - m * constant(rate / (1 - power1) * (root if keras else 1)) / denominator
    bounds.assert_within(run(optimizer, p, gradients), bound)


def constant(value):
    """A float64 setting rounded to float32."""
    return bounds.rounded(np.float64(value), np.float64(0))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_bits_are_equal_across_instruction_sets(run_on, dtype, settings):
    p, gradients = make(37, dtype)
    optimizer, _ = both(settings)
    first, *others = (run_on(isa, lambda: run(optimizer, p, gradients)) for isa in FMA_ISAS)
    for other in others:
        assert_same_bits(other, first)


def test_a_state_of_another_kind_starts_afresh(isa, dtype):
    p, gradients = make(9, dtype)
    state, mixed = STATE[dtype](), p.copy()
    _core.optimizer_step(rnnfast.SGD(0.1).native(), gradients[0], mixed, state)
    after_sgd = mixed.copy()
    _core.optimizer_step(rnnfast.Adam().native(), gradients[1], mixed, state)
    assert state.steps == 1
    assert_same_bits(mixed, run(rnnfast.Adam(), after_sgd, gradients[1:2]))


@pytest.mark.parametrize("n", SIZES)
def test_clipping(isa, dtype, n):
    g = make(n, dtype)[1][0]
    expected = {"g": g.astype(np.float64)}
    tolerance = 1e-12 if dtype is np.float64 else 1e-6

    by_value = g.copy()
    before = reference.optimizer.global_norm(expected)
    assert _core.clip_gradient(0.5, None, by_value) == pytest.approx(before, rel=1e-12)
    assert_same_bits(by_value, np.clip(g, dtype(-0.5), dtype(0.5)))

    by_norm = g.copy()
    clipped, norm = reference.optimizer.clip_by_norm(expected, 0.25)
    assert _core.clip_gradient(None, 0.25, by_norm) == pytest.approx(norm, rel=1e-12)
    assert_near(by_norm, clipped["g"], tolerance)

    in_turn = g.copy()
    _core.clip_gradient(0.5, 0.25, in_turn)
    clipped, _ = reference.optimizer.clip_by_norm(reference.optimizer.clip_by_value(expected, 0.5), 0.25)
    assert_near(in_turn, clipped["g"], tolerance)

    untouched = g.copy()
    _core.clip_gradient(None, 1e9, untouched)
    assert_same_bits(untouched, g)


def test_clipping_by_value_keeps_nan_and_bounds_infinity(isa, dtype):
    g = np.array([np.nan, np.inf, -np.inf, 0.25, -0.0], dtype)
    assert np.isnan(_core.clip_gradient(1.0, None, g))
    np.testing.assert_array_equal(g, np.array([np.nan, 1, -1, 0.25, -0.0], dtype))


def test_the_norm_does_not_overflow_in_float32(isa):
    g = np.full(100, 1e30, np.float32)
    assert _core.clip_gradient(None, 1.0, g) == pytest.approx(1e31, rel=1e-6)
    assert np.linalg.norm(g.astype(np.float64)) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("keras", [False, True])
@pytest.mark.parametrize("epsilon", [1e-30, 1e-50, 1e-310])
def test_an_epsilon_too_small_for_the_dtype_makes_no_nan(isa, dtype, keras, epsilon):
    """A parameter whose gradient has always been zero stays as it is."""
    p = np.ones(9, dtype)
    g = np.zeros_like(p)
    g[4] = 1
    moved = run(rnnfast.Adam(epsilon=epsilon, keras_epsilon=keras), p, [g, g])
    assert np.isfinite(moved).all()
    assert_same_bits(np.delete(moved, 4), np.delete(p, 4))
    assert moved[4] == pytest.approx(1 - 0.002, rel=1e-5)
