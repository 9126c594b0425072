"""SGD, RMSprop, Adam and AdamW over one array, and clipping."""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import SGD, Adam, RMSprop, _core, reference

from . import bounds
from .cases import SIZES, assert_near, assert_same_bits
from .conftest import FMA_ISAS
from .optimizers import OPTIMIZERS, gradients_of_all_sizes, rate_at, run, to_reference

STEPS = 6
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def make(n, dtype):
    return gradients_of_all_sizes(n, STEPS, dtype)


@every_optimizer
@pytest.mark.parametrize("n", SIZES)
def test_float64_equals_the_specification(isa, optimizer, n):
    p, gradients = make(n, np.float64)
    expected, state, specification = {"p": p}, None, to_reference(optimizer)
    for g in gradients:
        expected, state = specification.update(expected, {"p": g}, state)
    assert_near(run(optimizer, p, gradients), expected["p"], 1e-12)


class Bound:
    """The engine's own operations, with what float32 may add to each."""

    def __init__(self, optimizer, n):
        self.optimizer, self.step = optimizer, 0
        self.m = self.v = self.b = bounds.exact(np.zeros(n))

    def update(self, p, g):
        rate = rate_at(self.optimizer, self.step)
        self.step += 1
        is_decoupled = isinstance(self.optimizer, rnnfast.AdamW)
        if self.optimizer.weight_decay and not is_decoupled:
            g = g + p * constant(self.optimizer.weight_decay)
        if isinstance(self.optimizer, Adam):
            keep = constant(1 - rate * self.optimizer.weight_decay) if is_decoupled else bounds.exact(1)
            return p * keep - self.adam(g, rate)
        if isinstance(self.optimizer, RMSprop):
            g = self.rmsprop(g)
        if self.optimizer.momentum:
            self.b = self.b * constant(self.optimizer.momentum) + g
            nesterov = isinstance(self.optimizer, SGD) and self.optimizer.nesterov
            g = self.b * constant(self.optimizer.momentum) + g if nesterov else self.b
        return p - g * constant(rate)

    def adam(self, g, rate):
        o = self.optimizer
        power1, root = o.beta1**self.step, np.sqrt(1 - o.beta2**self.step)
        self.m = self.m * constant(o.beta1) + g * constant(1 - o.beta1)
        self.v = self.v * constant(o.beta2) + g * g * constant(1 - o.beta2)
        denominator = bounds.sqrt(self.v) / constant(1 if o.keras_epsilon else root) + constant(o.epsilon)
        return self.m * constant(rate / (1 - power1) * (root if o.keras_epsilon else 1)) / denominator

    def rmsprop(self, g):
        o = self.optimizer
        self.v = self.v * constant(o.alpha) + g * g * constant(1 - o.alpha)
        spread = self.v
        if o.centered:
            self.m = self.m * constant(o.alpha) + g * constant(1 - o.alpha)
            spread = spread - self.m * self.m
        if o.keras_epsilon:
            return g / bounds.sqrt(spread + constant(o.epsilon))
        return g / (bounds.sqrt(spread) + constant(o.epsilon))


def constant(value):
    """A float64 setting rounded to float32."""
    return bounds.rounded(np.float64(value), np.float64(0))


@every_optimizer
@pytest.mark.parametrize("n", [1, 9, 31])
def test_float32_is_within_its_derived_bound(isa, optimizer, n):
    p, gradients = make(n, np.float32)
    bound, expected = Bound(optimizer, n), bounds.exact(p)
    for g in gradients:
        expected = bound.update(expected, bounds.exact(g))
    bounds.assert_within(run(optimizer, p, gradients), expected)


@every_optimizer
def test_bits_are_equal_across_instruction_sets_and_threads(run_on, dtype, optimizer):
    p, gradients = make(4099, dtype)

    def both():
        return [run(optimizer, p, gradients, clip_norm=500.0, num_threads=threads) for threads in (1, 2)]

    first, *others = (result for isa in FMA_ISAS for result in run_on(isa, both))
    for other in others:
        assert_same_bits(other, first)


@pytest.mark.parametrize("n", SIZES)
def test_clipping(isa, dtype, n):
    g = make(n, dtype)[1][0]
    expected = {"g": g.astype(np.float64)}
    tolerance = 1e-12 if dtype is np.float64 else 1e-6

    by_value = g.copy()
    before = reference.optimizer.global_norm(expected)
    assert _core.clip_gradient(0.5, None, by_value) == pytest.approx(before, rel=1e-12)
    assert_same_bits(by_value, np.clip(g, dtype(-0.5), dtype(0.5)))

    for keras in (False, True):
        by_norm = g.copy()
        clipped, norm = reference.optimizer.clip_by_norm(expected, 0.25, keras)
        assert _core.clip_gradient(None, 0.25, by_norm, keras) == pytest.approx(norm, rel=1e-12)
        assert_near(by_norm, clipped["g"], tolerance)

    in_turn = g.copy()
    _core.clip_gradient(0.5, 0.25, in_turn)
    clipped, _ = reference.optimizer.clip_by_norm(reference.optimizer.clip_by_value(expected, 0.5), 0.25)
    assert_near(in_turn, clipped["g"], tolerance)

    untouched = g.copy()
    _core.clip_gradient(None, 1e9, untouched)
    assert_same_bits(untouched, g)


def test_keras_clips_to_the_very_norm(isa):
    for keras, expected in ((False, 1e-3 * 5 / (5 + 1e-6)), (True, 1e-3)):
        g = np.array([3.0, 4.0])
        _core.clip_gradient(None, 1e-3, g, keras)
        assert np.linalg.norm(g) == pytest.approx(expected, rel=1e-14)
    nothing = np.zeros(3)
    assert _core.clip_gradient(None, 1.0, nothing, True) == 0
    assert not nothing.any()


def test_clipping_by_value_keeps_nan_and_bounds_infinity(isa, dtype):
    g = np.array([np.nan, np.inf, -np.inf, 0.25, -0.0], dtype)
    assert np.isnan(_core.clip_gradient(1.0, None, g))
    np.testing.assert_array_equal(g, np.array([np.nan, 1, -1, 0.25, -0.0], dtype))


def test_the_norm_does_not_overflow_in_float32(isa):
    g = np.full(100, 1e30, np.float32)
    assert _core.clip_gradient(None, 1.0, g) == pytest.approx(1e31, rel=1e-6)
    assert np.linalg.norm(g.astype(np.float64)) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("kind", [Adam, RMSprop])
@pytest.mark.parametrize("keras", [False, True])
@pytest.mark.parametrize("epsilon", [1e-30, 1e-50, 1e-310])
def test_an_epsilon_too_small_for_the_dtype_makes_no_nan(isa, dtype, kind, keras, epsilon):
    """A parameter whose gradient has always been zero stays as it is."""
    p = np.ones(9, dtype)
    g = np.zeros_like(p)
    g[4] = 1
    moved = run(kind(0.001, epsilon=epsilon, keras_epsilon=keras), p, [g, g])
    assert np.isfinite(moved).all()
    assert_same_bits(np.delete(moved, 4), np.delete(p, 4))
    assert moved[4] < 0.999


def test_a_variance_that_rounds_below_zero_is_zero(isa, dtype):
    """Of a constant gradient nothing but rounding is left of it."""
    g = np.linspace(0.05, 1, 97).astype(dtype)
    assert np.isfinite(run(RMSprop(0.01, 0.5, centered=True), np.zeros_like(g), [g] * 60)).all()


def test_no_option_left_at_zero_changes_a_bit(isa, dtype):
    """A weight decay of zero neither adds nor multiplies."""
    p, gradients = make(37, dtype)
    assert_same_bits(run(rnnfast.AdamW(weight_decay=0), p, gradients), run(Adam(), p, gradients))
    still = np.zeros((1, 37), dtype)
    for optimizer in (SGD(0.1, weight_decay=0), Adam(0.1), RMSprop(0.1), SGD(0.1, momentum=0.9)):
        assert_same_bits(run(optimizer, p, still), p)
