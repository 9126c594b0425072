"""Recurrent layers and language models against PyTorch: by golden numbers always, live where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.numpy

from rnnfast import Adam, LanguageModel

from .cases import assert_near
from .torch_layers import oracle
from .torch_layers.make import EVERY, GOLDEN, flat

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # once
EVERY_CASE = pytest.mark.parametrize("case", oracle.CASES)
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
CURVE = {np.float32: 0.01, np.float64: 1e-8}


@pytest.fixture(scope="module")
def golden():
    return safetensors.numpy.load_file(GOLDEN)


@EVERY_CASE
def test_results_equal_the_golden_ones(isa, dtype, golden, case):
    named = oracle.problem(case, dtype).results()
    expected = golden[case][: -oracle.STEPS // EVERY]
    for name in sorted(named):
        want, expected = np.split(expected, [named[name].size])
        assert_near(named[name].ravel(), want, TOLERANCE[dtype])
    assert expected.size == 0


@EVERY_CASE
def test_training_follows_the_golden_curve(dtype, golden, case):
    losses = oracle.own_curve(case, dtype)
    np.testing.assert_allclose(losses[::EVERY], golden[case][-oracle.STEPS // EVERY :], rtol=CURVE[dtype])
    assert losses[-1] < 0.99 * losses[0]


def test_the_golden_file_has_every_case(golden):
    assert sorted(golden) == sorted(oracle.CASES)


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch", reason="PyTorch is not installed: the comparison DID NOT RUN")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


@pytest.mark.torch
@EVERY_CASE
def test_results_equal_pytorchs(torch, dtype, case):
    expected = oracle.results(torch, case, dtype)
    got = oracle.problem(case, dtype).results()
    assert sorted(got) == sorted(expected)
    for name, want in expected.items():
        assert_near(got[name], want, TOLERANCE[dtype])


@pytest.mark.torch
@pytest.mark.parametrize("size", oracle.SIZES, ids=lambda size: f"H={size.H}")
@EVERY_CASE
def test_results_of_realistic_sizes_equal_pytorchs(torch, dtype, case, size):
    """Relative to the largest number of each array: a small one may be what is left of large terms."""
    expected = oracle.results(torch, case, dtype, size)
    got = oracle.problem(case, dtype, size).results()
    assert sorted(got) == sorted(expected)
    for name, want in expected.items():
        assert_near(got[name], want, TOLERANCE[dtype])


@pytest.mark.torch
@EVERY_CASE
def test_training_follows_pytorchs_curve(torch, dtype, case):
    np.testing.assert_allclose(
        oracle.own_curve(case, dtype), oracle.curve(torch, case, dtype), rtol=CURVE[dtype]
    )


@pytest.mark.torch
@EVERY_CASE
def test_the_golden_numbers_are_pytorchs(torch, golden, case):
    got = flat(oracle.results(torch, case, np.float64), oracle.curve(torch, case, np.float64))
    np.testing.assert_allclose(got, golden[case], rtol=1e-9, atol=1e-12)


KINDS = {
    "rnn-tanh": {"cell": "rnn"},
    "rnn-relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru-after": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
V, H, N, T = 7, 9, 6, 8
RATE = 0.003  # so that float32's errors stay small in layers of relu, too


def model_curve(torch, kind, model, X, Y, steps):
    """PyTorch's mean losses with Adam, from the model's weights, an embedding and a dense layer of its own."""
    p = dict(model.parameters)
    layers = {name: value for name, value in p.items() if name.startswith("layers.")}
    made = oracle.module(torch, kind, layers, model.num_layers, both=False)
    E, W, b = (
        torch.from_numpy(p[name].copy()).requires_grad_() for name in ("embedding.W", "dense.W", "dense.b")
    )
    optimizer = torch.optim.Adam([E, *made.parameters(), W, b], lr=RATE)
    inputs, targets = (torch.from_numpy(a.T.astype(np.int64)) for a in (X, Y))
    losses = []
    for _ in range(steps):
        logits = made(E[inputs])[0] @ W + b
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.torch
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_language_models_curve(torch, dtype, kind, layers):
    r = np.random.default_rng(0)
    X = r.integers(0, V, (N, T)).astype(np.int32)
    Y = ((X + 1) % V).astype(np.int32)
    Y[0, 3] = -1
    model = LanguageModel(V, H, num_layers=layers, embedding_size=5, dtype=dtype, seed=2, **KINDS[kind])
    expected = model_curve(torch, kind, model, X, Y, oracle.STEPS)
    history = model.fit(X, Y, epochs=oracle.STEPS, optimizer=Adam(RATE), shuffle=False)
    np.testing.assert_allclose(history.loss, expected, rtol=CURVE[dtype])
    assert history.loss[-1] < 0.9 * history.loss[0]
