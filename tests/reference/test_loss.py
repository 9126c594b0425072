from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import loss

from .differences import assert_gradient


def make(T, N, V, seed=0):
    r = np.random.default_rng(seed)
    targets = r.integers(-1, V, (T, N))
    targets.flat[0] = 0
    return r.normal(size=(T, N, V)) * 3, targets


@pytest.mark.parametrize("reduction", ["token", "sequence"])
@pytest.mark.parametrize("shape", [(1, 1, 2), (4, 3, 5), (2, 5, 17), (3, 1, 33)], ids=str)
def test_dlogits_is_the_gradient(shape, reduction):
    logits, targets = make(*shape)
    _, dlogits = loss.cross_entropy(logits, targets, reduction)
    assert_gradient(lambda x: loss.cross_entropy(x, targets, reduction)[0], logits, dlogits)


@pytest.mark.parametrize(("reduction", "divisor"), [("token", 4), ("sequence", 3)])
def test_reductions(reduction, divisor):
    logits, _ = make(2, 3, 5)
    targets = np.array([[0, -1, 4], [2, -1, 3]])
    total = 0.0
    for t, n in [(0, 0), (0, 2), (1, 0), (1, 2)]:
        row = [math.exp(v) for v in logits[t, n]]
        total -= math.log(row[targets[t, n]] / sum(row))
    got, dlogits = loss.cross_entropy(logits, targets, reduction)
    assert got == pytest.approx(total / divisor, rel=1e-13)
    assert not dlogits[targets < 0].any()
    np.testing.assert_allclose(dlogits[0, 0].sum(), 0, atol=1e-15)


def test_a_batch_without_targets_has_no_loss_and_no_gradient():
    got, dlogits = loss.cross_entropy(np.ones((2, 1, 3)), np.full((2, 1), -1))
    assert got == 0
    assert not dlogits.any()


def test_softmax_is_the_exponentials_share():
    x = np.random.default_rng(0).normal(size=(3, 4, 21))
    np.testing.assert_allclose(loss.softmax(x), np.exp(x) / np.exp(x).sum(-1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(loss.log_softmax(x), np.log(loss.softmax(x)), rtol=1e-12)


def test_a_common_shift_changes_nothing_and_nothing_overflows():
    x = np.arange(5.0)
    np.testing.assert_allclose(loss.softmax(x + 1e6), loss.softmax(x), rtol=1e-9)
    np.testing.assert_allclose(loss.row_losses([[0.0, 1e4]], [0]), [1e4])


def test_a_nan_makes_the_loss_nan():
    assert math.isnan(loss.cross_entropy([[[0.0, np.nan]]], [[0]])[0])


def test_of_equal_logits_only_the_first_is_right():
    tied = np.zeros((3, 4))
    assert loss.accuracy(tied, [0, 1, 3]) == pytest.approx(1 / 3)
    assert loss.accuracy(tied, [0, -1, 3]) == 0.5
    assert math.isnan(loss.accuracy(tied, [-1, -1, -1]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="targets holds 5, expected tokens from -1"):
        loss.cross_entropy(np.zeros((1, 1, 5)), [[5]])
    with pytest.raises(ValueError, match=r"targets has shape \(1,\), expected \(2, 1\)"):
        loss.cross_entropy(np.zeros((2, 1, 5)), [1])
    with pytest.raises(TypeError, match="targets has dtype float64, expected integers"):
        loss.cross_entropy(np.zeros((1, 1, 5)), [[1.0]])
    with pytest.raises(ValueError, match="reduction is 'mean', expected 'token' or 'sequence'"):
        loss.cross_entropy(np.zeros((1, 1, 5)), [[1]], "mean")
    with pytest.raises(ValueError, match="V at least 1"):
        loss.row_losses(np.zeros((1, 0)), [0])


def test_the_squared_error_and_its_gradient():
    r = np.random.default_rng(0)
    x, y = r.normal(size=(3, 4)), r.normal(size=(3, 4))
    total, gradient = loss.squared_error(x, y)
    assert total == pytest.approx(np.mean((x - y) ** 2), rel=1e-14)
    assert_gradient(lambda moved: loss.squared_error(moved, y)[0], x, gradient)
    with pytest.raises(ValueError, match=r"targets has shape \(4,\), expected \(3, 4\)"):
        loss.squared_error(x, y[0])
