"""The parts of nets of one's own: Dense, Embedding and the losses, against the specification and by differences."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from rnnfast import Dense, Embedding, _core, mse, reference, softmax_cross_entropy

from .cases import SIZES, assert_near, assert_same_bits
from .conftest import FMA_ISAS

LEADING = pytest.mark.parametrize("leading", [(), (3,), (4, 3), (0, 2), (2, 1, 3)], ids=str)


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def dense(D, V, dtype="float64"):
    layer = Dense(D, V, dtype=dtype, seed=3)
    layer.set_parameters({"b": normal(V)})
    return layer


@LEADING
def test_dense_equals_the_specification(isa, leading):
    layer = dense(5, 7)
    x, dy = normal(*leading, 5), normal(*leading, 7, seed=1)
    y, workspace = layer.forward(x)
    rows = math.prod(leading)
    W, b = layer.parameters["W"], layer.parameters["b"]
    assert_near(y, reference.dense.forward(x.reshape(rows, 5), W, b).reshape(*leading, 7), 1e-12)
    dx, dW, db = reference.dense.backward(dy.reshape(rows, 7), x.reshape(rows, 5), W)
    gradients = layer.backward(dy, workspace)
    assert_near(gradients.dx, dx.reshape(x.shape), 1e-12)
    assert_near(gradients.parameters["W"], dW, 1e-12)
    assert_near(gradients.parameters["b"], db, 1e-12)
    assert gradients.dstate is None


@pytest.mark.parametrize("size", SIZES)
def test_dense_computes_what_the_bare_function_does(isa, dtype, size):
    layer = dense(size, 18, dtype)
    x, dy = normal(6, size).astype(dtype), normal(6, 18).astype(dtype)
    W, b = (layer.parameters[name].copy() for name in "Wb")
    y, workspace = layer.forward(x)
    gradients = layer.backward(dy, workspace)
    assert_same_bits(y, _core.dense_forward(x, W, b))
    for got, want in zip(
        (gradients.dx, *gradients.parameters.values()), _core.dense_backward(dy, x, W), strict=True
    ):
        assert_same_bits(got, want)


def test_dense_takes_new_weights_in_both_directions(isa):
    layer = dense(4, 6)
    x, dy = normal(3, 4), normal(3, 6)
    y, workspace = layer.forward(x)
    layer.backward(dy, workspace)
    W = normal(4, 6, seed=9)
    layer.set_parameters({"W": W})
    y, workspace = layer.forward(x)
    assert_near(y, x @ W + layer.parameters["b"], 1e-12)
    assert_near(layer.backward(dy, workspace).dx, dy @ W.T, 1e-12)


def test_dense_refuses_a_backward_through_other_parameters():
    layer = dense(4, 6)
    _, workspace = layer.forward(normal(3, 4))
    layer.set_parameters({"b": np.ones(6)})
    with pytest.raises(RuntimeError, match="parameters have changed since forward"):
        layer.backward(normal(3, 6), workspace)


def test_a_workspace_keeps_its_own_input():
    layer, table = dense(4, 6), Embedding(5, 3, dtype="float64")
    x, tokens = normal(3, 4), np.array([0, 1, 1])
    _, of_x = layer.forward(x)
    _, of_tokens = table.forward(tokens)
    wanted = layer.backward(np.ones((3, 6)), of_x).parameters["W"], table.backward(np.ones((3, 3)), of_tokens)
    x[:], tokens[:] = 0, 4
    assert_same_bits(layer.backward(np.ones((3, 6)), of_x).parameters["W"], wanted[0])
    assert_same_bits(table.backward(np.ones((3, 3)), of_tokens).parameters["W"], wanted[1].parameters["W"])


@LEADING
def test_embedding_takes_rows_and_gives_them_their_gradients(isa, dtype, leading):
    table = Embedding(6, 5, dtype=dtype, seed=2)
    tokens = np.random.default_rng(1).integers(-1, 6, leading)
    W, dy = table.parameters["W"], normal(*leading, 5).astype(dtype)
    y, workspace = table.forward(tokens)
    assert_same_bits(y, np.where((tokens >= 0)[..., np.newaxis], W[tokens], dtype(0)).astype(dtype))
    expected = np.zeros_like(W)
    for token, row in zip(tokens.reshape(-1), dy.reshape(-1, 5), strict=True):
        if token >= 0:
            expected[token] += row
    assert_same_bits(table.backward(dy, workspace).parameters["W"], expected)


def test_no_bit_depends_on_the_threads(isa, dtype):
    layer, table = dense(33, 70, dtype), Embedding(9, 40, dtype=dtype)
    x, tokens = normal(50, 33), np.arange(60) % 9

    def results(num_threads):
        y, of_x = layer.forward(x, num_threads=num_threads)
        z, of_tokens = table.forward(tokens, num_threads=num_threads)
        back = layer.backward(y, of_x, num_threads=num_threads)
        dW = table.backward(z, of_tokens, num_threads=num_threads).parameters["W"]
        loss, dlogits = softmax_cross_entropy(y, np.arange(50) % 70, num_threads=num_threads)
        return [y, z, back.dx, *back.parameters.values(), dW, np.array(loss), dlogits]

    for got, want in zip(results(3), results(1), strict=True):
        assert_same_bits(got, want)


def test_bits_are_equal_across_instruction_sets(run_on, dtype):
    def results():
        layer, table = dense(5, 18, dtype), Embedding(9, 5, dtype=dtype)
        z, _ = table.forward(np.arange(40) % 9)
        y, workspace = layer.forward(z)
        loss, dy = softmax_cross_entropy(y, np.arange(40) % 18)
        error, de = mse(y, np.zeros_like(y))
        return [y, np.array([loss, error]), dy, de, layer.backward(dy, workspace).dx]

    first, *others = (run_on(name, results) for name in FMA_ISAS)
    for other in others:
        for got, want in zip(other, first, strict=True):
            assert_same_bits(got, want)


@LEADING
def test_softmax_cross_entropy_equals_the_specification(isa, leading):
    logits = 3 * normal(*leading, 7)
    targets = np.random.default_rng(0).integers(-1, 7, leading)
    loss, dlogits = softmax_cross_entropy(logits, targets)
    rows = math.prod(leading)
    wanted, gradient = reference.loss.cross_entropy(logits.reshape(1, rows, 7), targets.reshape(1, rows))
    assert loss == pytest.approx(wanted, rel=1e-12)
    assert_near(dlogits, gradient.reshape(logits.shape), 1e-12)


def test_where_no_target_counts_there_is_nothing_to_learn(dtype):
    loss, dlogits = softmax_cross_entropy(np.ones((2, 3), dtype), [-1, -1])
    assert loss == 0
    assert_same_bits(dlogits, np.zeros((2, 3), dtype))


@pytest.mark.parametrize("shape", [(), (1,), (17,), (3, 4, 5), (0, 3), (70_000,)], ids=str)
def test_mse_equals_the_specification(shape, dtype):
    x, y = normal(*shape).astype(dtype), normal(*shape, seed=1).astype(dtype)
    loss, gradient = mse(x, y)
    wanted, expected = reference.loss.squared_error(x, y)
    eps = float(np.finfo(dtype).eps)
    assert loss == pytest.approx(wanted, rel=8 * eps)
    assert gradient.dtype == dtype
    assert_near(gradient, expected, 4 * eps)


def test_a_squared_error_too_large_is_infinite_and_nan_stays(dtype):
    assert mse(np.array([np.finfo(dtype).max], dtype), -np.array([np.finfo(dtype).max], dtype))[0] == math.inf
    assert math.isnan(mse(np.array([np.nan], dtype), np.array([0]))[0])


DENSE = Dense(3, 2)
REFUSED = {
    "dense features": (
        lambda: Dense(3, 2)(np.zeros((4, 5))),
        ValueError,
        r"x has shape \(4, 5\), expected \(\.\.\., 3 =",
    ),
    "dense scalar": (lambda: Dense(3, 2)(1.0), ValueError, r"x has shape \(\)"),
    "dense text": (lambda: Dense(3, 2)(["a", "b", "c"]), TypeError, "x has dtype <U1, expected real numbers"),
    "dense ragged": (lambda: Dense(3, 2)([[1], [1, 2]]), ValueError, "x is ragged"),
    "dense sizes": (lambda: Dense(0, 2), ValueError, "Dense: input_size is 0, expected at least 1"),
    "dense dtype": (
        lambda: Dense(1, 2, dtype="int8"),
        ValueError,
        "dtype is int8, expected float32 or float64",
    ),
    "dense dy": (
        lambda: DENSE.backward(np.zeros((5, 2)), DENSE.forward(np.zeros((4, 3)))[1]),
        ValueError,
        r"dy has shape \(5, 2\), expected \(4, 2\) as y",
    ),
    "dense workspace of another": (
        lambda: DENSE.backward(np.zeros((4, 2)), Dense(3, 2).forward(np.zeros((4, 3)))[1]),
        ValueError,
        "workspace is of another layer",
    ),
    "dense workspace": (
        lambda: Dense(3, 2).backward(np.zeros((5, 2)), None),
        TypeError,
        "workspace is a NoneType",
    ),
    "embedding token": (lambda: Embedding(4, 2)([1, 4]), ValueError, "x has 1 to 4, expected -1 to 3"),
    "embedding floats": (lambda: Embedding(4, 2)([1.0]), TypeError, "x has dtype float64, expected integers"),
    "embedding dy": (
        lambda: Embedding(4, 2).backward(np.zeros((1, 3)), Embedding(4, 2).forward([1])[1]),
        ValueError,
        r"dy has shape \(1, 3\), expected \(1, 2\) as y",
    ),
    "embedding workspace": (
        lambda: Embedding(4, 2).backward(np.zeros((1, 2)), [1]),
        TypeError,
        "workspace is a list",
    ),
    "parameters": (
        lambda: Dense(3, 2).set_parameters({"W": np.zeros((2, 3))}),
        ValueError,
        r"W has shape \(2, 3\), expected \(3, 2\)",
    ),
    "logits": (
        lambda: softmax_cross_entropy(np.zeros((2, 0)), [0, 0]),
        ValueError,
        r"expected \(\.\.\., V\)",
    ),
    "targets": (
        lambda: softmax_cross_entropy(np.zeros((2, 3)), [0, 3]),
        ValueError,
        "targets has 0 to 3, expected -1",
    ),
    "targets' shape": (
        lambda: softmax_cross_entropy(np.zeros((2, 3)), [0]),
        ValueError,
        r"targets has shape \(1,\), expected \(2,\): logits without",
    ),
    "half precision": (
        lambda: mse(np.zeros(2, np.float16), [0, 0]),
        TypeError,
        "predictions has dtype float16",
    ),
    "mse": (
        lambda: mse(np.zeros(2), [0]),
        ValueError,
        r"targets has shape \(1,\), expected \(2,\) as predictions",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_parameters_are_live_and_read_only():
    layer = Dense(2, 3)
    view = layer.parameters["b"]
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    layer.set_parameters({"b": [1, 2, 3]})
    assert view.tolist() == [1, 2, 3]


def test_two_threads_may_compute_while_a_third_one_changes_the_weights():
    layer, x, wrong = Dense(40, 50), np.ones((30, 40), np.float32), []

    def compute():
        for _ in range(200):
            y = layer(x)
            if len(np.unique(y)) != 1:  # of one set of weights: all rows and columns are alike
                wrong.append(y)

    layer.set_parameters({"W": np.zeros((40, 50))})
    workers = [threading.Thread(target=compute) for _ in range(2)]
    for worker in workers:
        worker.start()
    for k in range(200):
        layer.set_parameters({"W": np.full((40, 50), k), "b": np.full(50, k)})
    for worker in workers:
        worker.join()
    assert not wrong
