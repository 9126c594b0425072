"""Softmax, cross-entropy and its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .cases import SIZES, assert_near, assert_same_bits, one_hot
from .conftest import FMA_ISAS

ROWS = 5


def make(V, dtype, scale=3.0):
    r = np.random.default_rng(V)
    logits = (scale * r.normal(size=(ROWS, V))).astype(dtype)
    targets = r.integers(-1, V, ROWS).astype(np.int32)
    targets[:2] = -1, V - 1
    return logits, targets


@pytest.mark.parametrize("V", [*SIZES, 90])
def test_float64_equals_the_specification(isa, V):
    logits, targets = make(V, np.float64)
    assert_near(_core.softmax(logits), reference.loss.softmax(logits), 1e-12)
    loss, count, correct, gradient = _core.cross_entropy(logits, targets, 0.25)
    assert loss == pytest.approx(reference.loss.row_losses(logits, targets).sum(), rel=1e-12, abs=1e-14)
    assert count == (targets >= 0).sum()
    assert correct == round(reference.loss.accuracy(logits, targets) * count)
    _, mean_gradient = reference.loss.cross_entropy(logits[:, np.newaxis], targets[:, np.newaxis])
    assert_near(gradient, mean_gradient[:, 0] * count * 0.25, 1e-12)


@pytest.mark.parametrize("V", [*SIZES[1:], 90])  # with V = 1 all is exact: a bound would be of nothing
def test_float32_is_within_its_derived_bound(isa, V):
    logits, targets = make(V, np.float32)
    x = bounds.exact(logits)
    weights = bounds.exp(x - logits.max(axis=1, keepdims=True).astype(float))
    sums = bounds.total(weights)
    probabilities = weights * _reciprocal(sums).reshape(-1, 1)
    bounds.assert_within(_core.softmax(logits), probabilities)

    counted = targets >= 0
    loss, _, _, gradient = _core.cross_entropy(logits, targets, 0.3)
    scale = bounds.rounded(np.array(0.3), np.array(0.0))
    expected = (probabilities - one_hot(targets, V, np.float64)) * scale
    bounds.assert_within(gradient[counted], expected[counted])
    assert not gradient[~counted].any()

    at_target = bounds.exact(logits[np.arange(ROWS), targets])
    rows = bounds.log(sums) - (at_target - logits.max(axis=1).astype(float))
    bounds.assert_within(np.array([loss]), bounds.total(rows[counted]).reshape(1))


def _reciprocal(x):
    return bounds.exact(np.ones_like(x.value)) / x


def test_a_row_does_not_depend_on_the_others(isa, dtype):
    logits, targets = make(33, dtype)
    whole = _core.softmax(logits)
    gradient = _core.cross_entropy(logits, targets, 1.0)[3]
    for n in range(ROWS):
        assert_same_bits(_core.softmax(logits[n : n + 1])[0], whole[n])
        own = _core.cross_entropy(logits[n : n + 1].copy(), targets[n : n + 1].copy(), 1.0)
        assert_same_bits(own[3][0], gradient[n])


@pytest.mark.parametrize("V", [1, 7, 16, 17, 90, 1000])
def test_bits_are_equal_across_instruction_sets(run_on, dtype, V):
    logits, targets = make(V, dtype)

    def both():
        return _core.softmax(logits), *_core.cross_entropy(logits, targets, 0.5)

    first, *others = (run_on(isa, both) for isa in FMA_ISAS)
    for other in others:
        for got, want in zip(other, first, strict=True):
            assert_same_bits(got, want)


def test_the_target_must_be_the_first_of_the_largest(isa, dtype):
    logits = np.array([[1, 3, 3, 0], [1, 3, 3, 0], [5, 5, 5, 5], [5, 5, 5, 5]], dtype)
    _, count, correct, _ = _core.cross_entropy(logits, np.array([1, 2, 0, 3], np.int32), 1.0)
    assert (count, correct) == (4, 2)


def test_extreme_logits(isa, dtype):
    large = np.finfo(dtype).max
    logits = np.array([[large, -large, 0], [-large, -large, -large], [-np.inf, 0, -np.inf]], dtype)
    np.testing.assert_array_equal(_core.softmax(logits)[[0, 2]], [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(_core.softmax(logits)[1], 1 / 3, rtol=1e-6)
    loss, _, correct, gradient = _core.cross_entropy(logits, np.array([0, 1, 1], np.int32), 1.0)
    assert loss == pytest.approx(math.log(3), rel=1e-6)
    assert correct == 2
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("V", [1, 4, 17])
def test_nan_and_infinity_make_the_loss_not_finite(isa, dtype, V):
    for bad in (np.nan, np.inf):
        for at in range(V):
            logits = np.zeros((1, V), dtype)
            logits[0, at] = bad
            assert not math.isfinite(_core.cross_entropy(logits, np.array([0], np.int32), 1.0)[0])


def test_the_loss_of_an_impossible_target_is_infinite(isa, dtype):
    logits = np.array([[0, -np.inf]], dtype)
    assert _core.cross_entropy(logits, np.array([1], np.int32), 1.0)[0] == math.inf


def test_no_rows(dtype):
    logits = np.zeros((0, 5), dtype)
    assert _core.softmax(logits).shape == (0, 5)
    assert _core.cross_entropy(logits, np.zeros(0, np.int32), 1.0)[:3] == (0, 0, 0)


def test_a_row_with_a_nan_counts_as_wrong_wherever_the_nan_stands(isa, dtype):
    for at in range(40):
        logits = np.zeros((1, 40), dtype)
        logits[0, 35], logits[0, at] = 9, np.nan
        for target in (35, 36, at):
            assert _core.cross_entropy(logits, np.array([target], np.int32), 1.0)[2] == 0
