"""Initialisers: shapes, statistics, and the bits of the specification."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import GRU, LSTM, RNN, Dense, initialisers, reference

from .cases import assert_same_bits


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (5, 3), (17, 40)], ids=str)
def test_glorot_has_the_bits_of_the_specification(shape):
    W = initialisers.glorot_uniform(shape, seed=9, stream=3)
    assert_same_bits(W, reference.initialise.glorot_uniform(*shape, seed=9, stream=3))
    assert_same_bits(
        initialisers.glorot_uniform(shape, seed=9, stream=3, dtype="float32"), W.astype(np.float32)
    )


def test_glorot_and_orthogonal_are_how_layers_begin():
    layer = LSTM(5, 6, seed=8, dtype="float64")
    assert_same_bits(initialisers.glorot_uniform((5, 24), seed=8), layer.parameters["layers.0.W"])
    assert_same_bits(initialisers.orthogonal((6, 24), seed=8, stream=1), layer.parameters["layers.0.R"])
    assert_same_bits(initialisers.forget_gate_bias(6), layer.parameters["layers.0.b"])
    assert_same_bits(
        initialisers.glorot_uniform((3, 4), seed=2, dtype="float32"), Dense(3, 4, seed=2).parameters["W"]
    )


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 9), (9, 3), (64, 64)], ids=str)
def test_orthogonal_is(shape):
    Q = initialisers.orthogonal(shape, seed=5)
    rows, columns = shape
    product = Q @ Q.T if rows <= columns else Q.T @ Q
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)
    assert_same_bits(
        initialisers.orthogonal(shape[::-1], seed=5), np.ascontiguousarray(Q.T) if rows != columns else Q
    )
    np.testing.assert_allclose(initialisers.orthogonal(shape, gain=2, seed=5), 2 * Q)


def test_uniform_has_its_limits_mean_and_variance():
    numbers = initialisers.uniform(100_000, 0.25, seed=1)
    assert np.abs(numbers).max() <= 0.25
    assert abs(numbers.mean()) < 4 * 0.25 / (3 * numbers.size) ** 0.5
    assert numbers.var() == pytest.approx(0.25**2 / 3, rel=0.02)
    assert len(np.unique(numbers)) == numbers.size


def test_uniform_draws_by_element_seed_and_stream():
    whole = initialisers.uniform(50, 1.0, seed=3, stream=4)
    assert_same_bits(initialisers.uniform((5, 6), 1.0, seed=3, stream=4).reshape(-1), whole[:30])
    for other in ({"seed": 4, "stream": 4}, {"seed": 3, "stream": 5}):
        assert not np.isin(initialisers.uniform(50, 1.0, **other), whole).any()


def test_the_caller_may_write_to_what_was_drawn():
    for array in (
        initialisers.uniform(3, 1),
        initialisers.orthogonal((2, 3)),
        initialisers.forget_gate_bias(2),
    ):
        array += 1


@pytest.mark.parametrize(
    "layer", [RNN(3, 4, 2), GRU(3, 4, bidirectional=True), LSTM(3, 4, dtype="float64")], ids=repr
)
def test_they_fit_every_layer(layer):
    new = {
        name: initialisers.uniform(p.shape, 4**-0.5, seed=7, stream=k, dtype=layer.dtype)
        for k, (name, p) in enumerate(layer.parameters.items())
    }
    layer.set_parameters(new)
    for name, p in layer.parameters.items():
        assert_same_bits(p, new[name])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: initialisers.uniform(-1, 1), ValueError, "shape is -1, expected sizes of at least 0"),
        (lambda: initialisers.uniform((2, 2.5), 1), TypeError, "shape is 2.5, expected an integer"),
        (lambda: initialisers.uniform(2, -1), ValueError, "limit is -1, expected at least 0"),
        (lambda: initialisers.uniform(2, float("nan")), ValueError, "limit is nan, expected at least 0"),
        (lambda: initialisers.uniform(2, 1, seed=-1), ValueError, "seed is -1, expected 0 to"),
        (lambda: initialisers.uniform(2, 1, stream=2**64), ValueError, "stream is 18446744073709551616"),
        (lambda: initialisers.uniform(2, 1, dtype="int32"), ValueError, "dtype is int32, expected float32"),
        (
            lambda: initialisers.glorot_uniform((2, 2, 2)),
            ValueError,
            r"shape is \(2, 2, 2\), expected \(rows, col",
        ),
        (lambda: initialisers.orthogonal(3), ValueError, r"shape is 3, expected \(rows, columns\)"),
        (lambda: initialisers.forget_gate_bias(-1), ValueError, "expected sizes of at least 0"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
