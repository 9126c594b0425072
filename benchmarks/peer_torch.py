"""The peer in PyTorch, eager: nn.LSTM over a sequence, fused Adam; nn.LSTM and nn.LSTMCell stepped to generate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import filters_torch
from benchmarks.environment import threads
from benchmarks.filters import filters, penalise
from benchmarks.peers import Naming, Reading, StepByStep, Training
from rnnfast import Sampler

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]
NAME = f"PyTorch {torch.__version__}"
torch.set_num_threads(threads())


def generators(
    parameters: dict[str, Floats], streams: int, length: int, sampler: Sampler
) -> dict[str, Callable[[Floats], Tokens]]:
    """A Python loop over tokens, around nn.LSTMCell, or around nn.LSTM, which takes longer to call."""
    lstm, dense = _modules(parameters, 1)
    V, H = lstm.input_size, lstm.hidden_size
    cell = torch.nn.LSTMCell(V, H)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in lstm.state_dict().items()})
    one_hot = torch.vstack([torch.eye(V), torch.zeros(1, V)])  # -1: the last row
    keeps = filters(sampler, filters_torch)
    once = torch.ones(streams, 1)

    @torch.inference_mode()
    def generate(step: Callable[[Any, Any], tuple[Any, Any]], uniform: Floats) -> Tokens:
        draws = torch.from_numpy(uniform)[:, :, None]
        token = torch.full((streams,), -1)
        state = None
        counts = torch.zeros(streams, V)
        out = torch.empty((length, streams), dtype=torch.int64)
        for t in range(length):
            h, state = step(one_hot[token], state)
            logits = dense(h)
            if sampler.has_penalties:
                logits = penalise(torch.where, sampler, counts, logits)
            for keep in keeps:
                logits = keep(logits)
            total = torch.softmax(logits * (1 / sampler.temperature), dim=1).cumsum(dim=1)
            token = torch.sum(total <= draws[t] * total[:, -1:], dim=1, out=out[t])
            if sampler.has_penalties:
                counts.scatter_add_(1, token[:, None], once)
        return out.numpy().T.astype(np.int32)

    def step_lstm(x: Any, state: Any) -> tuple[Any, Any]:
        y, state = lstm(x[None], state)
        return y[0], state

    def step_cell(x: Any, state: Any) -> tuple[Any, Any]:
        state = cell(x, state)
        return state[0], state

    return {
        "nn.LSTMCell loop": lambda uniform: generate(step_cell, uniform),
        "nn.LSTM loop": lambda uniform: generate(step_lstm, uniform),
    }


def trainer(
    parameters: dict[str, Floats], training: Training, X: Tokens, Y: Tokens
) -> Callable[[], list[float]]:
    """The usual loop: one-hot input (nn.LSTM takes no tokens), loss, backward, fused Adam."""
    lstm, dense = _modules(parameters, training.num_layers)
    trained = [p for p in [*lstm.parameters(), *dense.parameters()] if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=training.rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 / (1 + training.decay * step))
    V = training.vocab_size
    table = torch.vstack([torch.eye(V), torch.zeros(1, V)])
    inputs, targets = (torch.from_numpy(a.T.astype(np.int64)) for a in (X, Y))

    def step(batch: slice) -> float:
        logits = dense(lstm(table[inputs[:, batch]])[0])
        size = batch.stop - batch.start
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, V), targets[:, batch].reshape(-1), ignore_index=-1, reduction="sum"
        )
        (loss / size).backward()
        adam.step()
        adam.zero_grad()
        schedule.step()
        return float(loss.detach())

    return lambda: [sum(map(step, training.batches())) / len(X) for _ in range(training.epochs)]


def name_learner(parameters: dict[str, Floats], naming: Naming) -> Callable[[], Floats]:
    """The usual loop: nn.RNN on one-hot letters, loss, backward, clip_grad_value_, SGD."""
    V, H = naming.vocab_size, naming.hidden_size
    dtype = _dtype(parameters)
    rnn, dense = torch.nn.RNN(V, H, dtype=dtype), torch.nn.Linear(H, V, dtype=dtype)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.from_numpy(parameters["W"].T.copy()))
        rnn.weight_hh_l0.copy_(torch.from_numpy(parameters["R"].T.copy()))
        rnn.bias_ih_l0.copy_(torch.from_numpy(parameters["b"]))
        dense.weight.copy_(torch.from_numpy(parameters["dense.W"].T.copy()))
        dense.bias.copy_(torch.from_numpy(parameters["dense.b"]))
        rnn.bias_hh_l0.zero_()
    rnn.bias_hh_l0.requires_grad_(False)  # one bias, as ours
    trained = [p for p in [*rnn.parameters(), *dense.parameters()] if p.requires_grad]
    sgd = torch.optim.SGD(trained, lr=naming.rate, foreach=False)
    table = torch.vstack([torch.eye(V, dtype=dtype), torch.zeros(1, V, dtype=dtype)])  # -1: the last row
    names = [
        (table[torch.from_numpy(inputs.astype(np.int64))], torch.from_numpy(targets.astype(np.int64)))
        for inputs, targets in zip(naming.inputs, naming.targets, strict=True)
    ]
    h = torch.zeros(1, H, dtype=dtype)

    def learn(x: Any, targets: Any) -> float:
        nonlocal h
        states, h = rnn(x, h.detach())
        loss = torch.nn.functional.cross_entropy(dense(states), targets, reduction="sum")
        loss.backward()
        torch.nn.utils.clip_grad_value_(trained, naming.limit, foreach=False)
        sgd.step()
        sgd.zero_grad()
        return float(loss.detach())

    return lambda: np.array([learn(*name) for name in names])


def reader(
    parameters: dict[str, Floats], reading: Reading
) -> tuple[Callable[[], object], Callable[[], float]]:
    """The usual loop: one-hot input, loss, backward, clip_grad_norm_, fused Adam; the state detached and carried on."""
    V = reading.vocab_size
    lstm, dense = _modules(parameters, reading.num_layers)
    trained = [p for p in [*lstm.parameters(), *dense.parameters()] if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=reading.rate, fused=True)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, reading.updates)
    table = torch.vstack([torch.eye(V), torch.zeros(1, V)])  # -1: the last row

    def tensors(x: Tokens, y: Tokens) -> tuple[Any, Any]:
        inputs, targets = (torch.from_numpy(tokens.T.astype(np.int64)) for tokens in (x, y))
        return inputs, targets.reshape(-1)

    def run(inputs: Any, targets: Any, state: Any) -> tuple[Any, Any]:
        h, state = lstm(table[inputs], state)
        loss = torch.nn.functional.cross_entropy(dense(h).reshape(-1, V), targets, ignore_index=-1)
        return loss, state

    pieces = [(*tensors(x, y), carried) for x, y, carried in reading.pieces()]

    def learn() -> None:
        state = None
        for inputs, targets, carried in pieces:
            loss, state = run(inputs, targets, state if carried else None)
            state = tuple(part.detach() for part in state)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, reading.clip_norm)
            adam.step()
            adam.zero_grad()
            if reading.falls:
                fall.step()

    @torch.inference_mode()
    def bits() -> float:
        return float(run(*tensors(*reading.held_back), None)[0]) / math.log(2)

    return learn, bits


def step_by_step(exercise: StepByStep) -> Callable[[], dict[str, Floats]]:
    """nn.LSTM, a linear layer, softmax; autograd of the states alone."""
    e = exercise
    lstm, dense = _modules(
        {"layers.0.W": e.W, "layers.0.R": e.R, "layers.0.b": e.b, "dense.W": e.dense_W, "dense.b": e.dense_b},
        1,
    )
    x, h0, dh = (torch.from_numpy(array) for array in (e.x, e.h0[np.newaxis], e.dh))
    c0 = torch.zeros_like(h0)
    wanted = lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, x.requires_grad_(), h0.requires_grad_()

    def run() -> dict[str, Floats]:
        h, _ = lstm(x, (h0, c0))
        torch.softmax(dense(h.detach()), dim=-1)
        dW, dR, db, _, _ = torch.autograd.grad(h, wanted, dh)
        return {"dW": dW.numpy().T, "dR": dR.numpy().T, "db": db.numpy()}

    return run


def sequence(W: Floats, R: Floats, b: Floats, steps: int) -> Callable[[Floats], Floats]:
    """nn.LSTM over the whole sequence, without gradients."""
    lstm = _lstm({"layers.0.W": W, "layers.0.R": R, "layers.0.b": b}, 1)

    @torch.inference_mode()
    def run(x: Floats) -> Floats:
        return np.asarray(lstm(torch.from_numpy(x))[0].numpy())

    return run


def _lstm(parameters: dict[str, Floats], layers: int) -> torch.nn.LSTM:
    D, H4 = parameters["layers.0.W"].shape
    lstm = torch.nn.LSTM(D, H4 // 4, layers, dtype=_dtype(parameters))
    for layer in range(layers):
        W, R, b = (parameters[f"layers.{layer}.{name}"] for name in "WRb")
        with torch.no_grad():
            getattr(lstm, f"weight_ih_l{layer}").copy_(torch.from_numpy(W.T.copy()))
            getattr(lstm, f"weight_hh_l{layer}").copy_(torch.from_numpy(R.T.copy()))
            getattr(lstm, f"bias_ih_l{layer}").copy_(torch.from_numpy(b.copy()))
            getattr(lstm, f"bias_hh_l{layer}").zero_()
        getattr(lstm, f"bias_hh_l{layer}").requires_grad_(False)  # one bias, as ours
    return lstm


def _modules(parameters: dict[str, Floats], layers: int) -> tuple[torch.nn.LSTM, torch.nn.Linear]:
    H, V = parameters["dense.W"].shape
    dense = torch.nn.Linear(H, V, dtype=_dtype(parameters))
    with torch.no_grad():
        dense.weight.copy_(torch.from_numpy(parameters["dense.W"].T.copy()))
        dense.bias.copy_(torch.from_numpy(parameters["dense.b"].copy()))
    return _lstm(parameters, layers), dense


def _dtype(parameters: dict[str, Floats]) -> torch.dtype:
    return torch.float64 if next(iter(parameters.values())).dtype == np.float64 else torch.float32
