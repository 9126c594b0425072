"""The same training in PyTorch: outputs, gradients and the jazz model's learning curve. Needs torch."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel, _core

from .cases import assert_near, make_gru, make_lstm, make_rnn

pytestmark = pytest.mark.torch

N, T, V, H = 60, 30, 90, 64
EPOCHS, BATCH = 100, 32
RATE, DECAY = 0.01, 0.01
SHAPES = [(5, 3, 7, 9), (30, 6, 90, 64)]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


def with_weights(torch, layer, W, R, b):
    """A layer of one direction with our weights and precision; its second bias is zero."""
    layer = layer.to(torch.from_numpy(W.copy()).dtype)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(W.T.copy()))
        layer.weight_hh_l0.copy_(torch.from_numpy(R.T.copy()))
        layer.bias_ih_l0.copy_(torch.from_numpy(b.copy()))
        layer.bias_hh_l0.zero_()
    return layer


def torch_lstm(torch, W, R, b):
    """nn.LSTM whose second bias stays zero."""
    layer = with_weights(torch, torch.nn.LSTM(W.shape[0], R.shape[0]), W, R, b)
    layer.bias_hh_l0.requires_grad_(False)
    return layer


def torch_projected_lstm(torch, W, R, b, projection):
    """nn.LSTM with a projection."""
    layer = torch.nn.LSTM(W.shape[0], projection.shape[0], proj_size=projection.shape[1])
    layer = with_weights(torch, layer, W, R, b)
    with torch.no_grad():
        layer.weight_hr_l0.copy_(torch.from_numpy(projection.T.copy()))
    return layer


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("projection_size", [None, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_gradients(torch, isa, dtype, shape, projection_size):
    case = make_lstm(*shape, dtype, projection_size=projection_size)
    h, c, *workspace = case.forward()
    got = case.backward(h, c, *workspace)

    if projection_size is None:
        layer = torch_lstm(torch, *case.weights)
    else:
        layer = torch_projected_lstm(torch, *case.weights, case.projection)
    x, h0, c0 = (torch.from_numpy(a).requires_grad_() for a in (case.x, case.h0[None], case.c0[None]))
    out, (last_h, last_c) = layer(x, (h0, c0))
    assert_near(h[1:], out.detach(), TOLERANCE[dtype])
    assert_near(c[-1], last_c[0].detach(), TOLERANCE[dtype])
    dh_out, dh_last, dc_last = (
        torch.from_numpy(a) for a in (case.dh_out, case.dh_last[None], case.dc_last[None])
    )
    torch.autograd.backward([out, last_h, last_c], [dh_out, dh_last, dc_last])
    expected = {
        "dx": x.grad,
        "dW": layer.weight_ih_l0.grad.T,
        "dR": layer.weight_hh_l0.grad.T,
        "db": layer.bias_ih_l0.grad,
        "dh0": h0.grad[0],
        "dc0": c0.grad[0],
    }
    if projection_size is not None:
        expected["dprojection"] = layer.weight_hr_l0.grad.T
    for name in case.gradients:
        assert_near(got[name], expected[name], TOLERANCE[dtype])


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rnn_outputs_and_gradients(torch, isa, dtype, shape, nonlinearity):
    case = make_rnn(*shape, dtype, nonlinearity=nonlinearity)
    layer = torch.nn.RNN(case.W.shape[0], case.R.shape[0], nonlinearity=nonlinearity)
    assert_same_layer(torch, case, with_weights(torch, layer, *case.weights))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gru_outputs_and_gradients(torch, isa, dtype, shape):
    case = make_gru(*shape, dtype)
    H = len(case.R)
    layer = with_weights(torch, torch.nn.GRU(len(case.W), H), case.W, case.R, case.b)
    with torch.no_grad():
        layer.bias_hh_l0[2 * H :] = torch.from_numpy(case.b_Rn)
    gradients = assert_same_layer(torch, case, layer)
    assert_near(gradients["db_Rn"], layer.bias_hh_l0.grad[2 * H :], TOLERANCE[dtype])


def assert_same_layer(torch, case, layer):
    """Outputs and gradients of a cell whose state is h alone; gives ours."""
    dtype = case.x.dtype.type
    forward = case.forward()
    got = case.backward(*forward)
    x, h0 = (torch.from_numpy(a).requires_grad_() for a in (case.x, case.h0[None]))
    out, last = layer(x, h0)
    assert_near(forward[0][1:], out.detach(), TOLERANCE[dtype])
    torch.autograd.backward([out, last], [torch.from_numpy(a) for a in (case.dh_out, case.dh_last[None])])
    expected = {
        "dx": x.grad,
        "dW": layer.weight_ih_l0.grad.T,
        "dR": layer.weight_hh_l0.grad.T,
        "db": layer.bias_ih_l0.grad,
        "dh0": h0.grad[0],
    }
    for name in expected:
        assert_near(got[name], expected[name], TOLERANCE[dtype])
    return got


def phrases(seed=0):
    """Windows of a sequence with structure to learn: a walk over V values, each with four likely successors."""
    r = np.random.default_rng(seed)
    successors = r.integers(0, V, (V, 4))
    walk = [0]
    for _ in range(275):
        walk.append(int(successors[walk[-1], r.integers(4)]))
    starts = r.integers(0, len(walk) - T - 1, N)
    windows = np.array([walk[s : s + T] for s in starts], np.int32)
    targets = np.full_like(windows, -1)  # 29 targets a window, as in the jazz exercise
    targets[:, :-1] = windows[:, 1:]
    return windows, targets


def torch_curve(torch, model, X, Y):
    """PyTorch's sequence loss by epoch, from the model's weights and in its order of samples."""
    p = {name: value.copy() for name, value in model.parameters.items()}
    layer = torch_lstm(torch, p["layers.0.W"], p["layers.0.R"], p["layers.0.b"])
    W, b = (torch.from_numpy(p[f"dense.{k}"]).requires_grad_() for k in "Wb")
    trained = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, W, b]
    optimizer = torch.optim.Adam(trained, lr=RATE, eps=1e-8)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + DECAY * step))
    one_hot = torch.eye(V, dtype=W.dtype)
    losses = []
    for epoch in range(EPOCHS):
        order, total = _core.random_permutation(N, model.config["seed"], epoch), 0.0
        for first in range(0, N, BATCH):
            chosen = order[first : first + BATCH]
            inputs = one_hot[torch.from_numpy(X[chosen].T.astype(np.int64))]
            targets = torch.from_numpy(Y[chosen].T.astype(np.int64))
            logits = layer(inputs)[0] @ W + b
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, V), targets.reshape(-1), ignore_index=-1, reduction="sum"
            )
            optimizer.zero_grad()
            (loss / len(chosen)).backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        losses.append(total / N)
    return losses


def test_the_jazz_models_learning_curve(torch, dtype):
    X, Y = phrases()
    model = LanguageModel(V, H, dtype=dtype, seed=7)
    expected = torch_curve(torch, model, X, Y)
    history = model.fit(
        X, Y, epochs=EPOCHS, batch_size=BATCH, optimizer=Adam(RATE, decay=DECAY), reduction="sequence"
    )
    apart = np.abs(np.array(history.sequence_loss) / expected - 1)
    assert apart.max() < (0.01 if dtype is np.float32 else 1e-9), f"{apart.max()} apart"
    assert history.sequence_loss[0] == pytest.approx(29 * np.log(V), rel=0.1)
    assert history.sequence_loss[-1] < 0.25 * history.sequence_loss[0]
