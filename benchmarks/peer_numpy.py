"""The peer in NumPy: vectorised, in place where it helps, one matrix product a step, tokens gathered. A fair one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import filters_numpy
from benchmarks.filters import filters, penalise
from benchmarks.peers import Naming, Training
from rnnfast import Sampler

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]
NAME = f"NumPy {np.__version__}"


def generators(
    parameters: dict[str, Floats], streams: int, length: int, sampler: Sampler
) -> dict[str, Callable[[Floats], Tokens]]:
    """One way: a Python loop over tokens."""
    W, R, b = (parameters[f"layers.0.{name}"] for name in "WRb")
    dense_W, dense_b = parameters["dense.W"], parameters["dense.b"]
    H = len(R)
    table = np.vstack([np.zeros_like(W[:1]), W]) + b  # row 0: no token
    keeps = filters(sampler, filters_numpy)
    colder = np.float32(1 / sampler.temperature)
    rows = np.arange(streams)

    def generate(uniform: Floats) -> Tokens:
        h = c = np.zeros((streams, H), np.float32)
        token = np.full(streams, -1)
        counts = np.zeros((streams, len(dense_b)), np.float32)
        out = np.empty((streams, length), np.int32)
        for t in range(length):
            a = table[token + 1] + h @ R
            gates = _sigmoid(a)
            c = gates[:, H : 2 * H] * c + gates[:, :H] * np.tanh(a[:, 2 * H : 3 * H])
            h = gates[:, 3 * H :] * np.tanh(c)
            logits = h @ dense_W + dense_b
            if sampler.has_penalties:
                logits = penalise(np.where, sampler, counts, logits)
            for keep in keeps:
                logits = keep(logits)
            total = np.exp((logits - logits.max(axis=1, keepdims=True)) * colder).cumsum(axis=1)
            token = (total <= uniform[t][:, None] * total[:, -1:]).sum(axis=1)
            out[:, t] = token
            if sampler.has_penalties:
                counts[rows, token] += 1
        return out

    return {"": generate}


def trainer(
    parameters: dict[str, Floats], training: Training, X: Tokens, Y: Tokens
) -> Callable[[], list[float]]:
    """Train with gradients by hand."""
    model = _Model(parameters, training)

    def train() -> list[float]:
        return [
            sum(model.step(X[b], Y[b]) * len(X[b]) for b in training.batches()) / len(X)
            for _ in range(training.epochs)
        ]

    return train


def name_learner(parameters: dict[str, Floats], naming: Naming) -> Callable[[], Floats]:
    """A loop over names, in it one over letters each way; products over a whole name where they need not wait."""
    W, R, b, dense_W, dense_b = weights = [value.copy() for value in parameters.values()]
    h_last = np.zeros_like(b)

    def learn(inputs: Tokens, targets: Tokens) -> float:
        nonlocal h_last
        a = np.where(inputs[:, None] < 0, 0, W[inputs]) + b
        h = np.empty((len(a) + 1, len(b)), np.float32)
        h[0] = h_last
        for t, at in enumerate(a):
            np.tanh(at + h[t] @ R, out=h[t + 1])
        h_last = h[-1]
        loss, dlogits = _cross_entropy(h[1:] @ dense_W + dense_b, targets, 1)
        da = dlogits @ dense_W.T
        dh = np.zeros_like(b)
        for t in range(len(a) - 1, -1, -1):
            da[t] = (da[t] + dh) * (1 - h[t + 1] ** 2)
            dh = R @ da[t]
        dW = np.zeros_like(W)
        np.add.at(dW, inputs[inputs >= 0], da[inputs >= 0])
        gradients = dW, h[:-1].T @ da, da.sum(axis=0), h[1:].T @ dlogits, dlogits.sum(axis=0)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight -= np.float32(naming.rate) * np.clip(gradient, -naming.limit, naming.limit)
        return loss

    return lambda: np.array([learn(*name) for name in zip(naming.inputs, naming.targets, strict=True)])


def sequence(W: Floats, R: Floats, b: Floats, steps: int) -> Callable[[Floats], Floats]:
    """One layer forward; the input's product is one for all steps."""

    def run(x: Floats) -> Floats:
        return _forward(x @ W + b, R)[0][1:]

    return run


def _forward(a: Floats, R: Floats) -> tuple[Floats, Floats, Floats]:
    """Activate a [T, N, 4H] in place; h and c [T + 1, N, H] and tanh(c) [T, N, H]."""
    T, N, H = len(a), a.shape[1], len(R)
    h = np.zeros((T + 1, N, H), np.float32)
    c = np.zeros((T + 1, N, H), np.float32)
    tanh_c = np.empty((T, N, H), np.float32)
    for t in range(T):
        at = a[t]
        at += h[t] @ R
        g = np.tanh(at[:, 2 * H : 3 * H])
        at[:] = _sigmoid(at)
        at[:, 2 * H : 3 * H] = g
        c[t + 1] = at[:, H : 2 * H] * c[t] + at[:, :H] * g
        tanh_c[t] = np.tanh(c[t + 1])
        h[t + 1] = at[:, 3 * H :] * tanh_c[t]
    return h, c, tanh_c


def _backward(a: Floats, R: Floats, c: Floats, tanh_c: Floats, dh_out: Floats) -> None:
    """The activated gates a [T, N, 4H] become the gradient before activation."""
    T, N, H = tanh_c.shape
    R_transposed = np.ascontiguousarray(R.T)
    dh = np.zeros((N, H), np.float32)
    dc = np.zeros((N, H), np.float32)
    for t in range(T - 1, -1, -1):
        i, f, g, o = (a[t][:, k * H : (k + 1) * H] for k in range(4))
        dh = dh + dh_out[t]
        dc = dc + dh * o * (1 - tanh_c[t] ** 2)
        da_o = dh * tanh_c[t] * o * (1 - o)
        da_i = dc * g * i * (1 - i)
        da_f = dc * c[t] * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        dc = dc * f
        a[t] = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dh = a[t] @ R_transposed


class _Model:
    """Stacked LSTM layers, a dense softmax layer and Adam."""

    def __init__(self, parameters: dict[str, Floats], training: Training) -> None:
        self.p = {name: np.array(value) for name, value in parameters.items()}
        self.m = {name: np.zeros_like(value) for name, value in self.p.items()}
        self.v = {name: np.zeros_like(value) for name, value in self.p.items()}
        self.training = training
        self.steps = 0

    def step(self, X: Tokens, Y: Tokens) -> float:
        """One Adam step; the loss before it."""
        (N, T), H, L = X.shape, self.training.hidden_size, self.training.num_layers
        W = self.p["layers.0.W"]
        rows = X.T.ravel()
        a = np.vstack([W, np.zeros_like(W[:1])])[X.T] + self.p["layers.0.b"]  # -1: the last row
        layers: list[tuple[Floats, Floats, Floats, Floats]] = []
        for layer in range(L):
            if layer > 0:
                a = layers[-1][1][1:].reshape(T * N, H) @ self.p[f"layers.{layer}.W"]
                a = a.reshape(T, N, 4 * H) + self.p[f"layers.{layer}.b"]
            layers.append((a, *_forward(a, self.p[f"layers.{layer}.R"])))
        top = layers[-1][1][1:].reshape(T * N, H)
        loss, dlogits = _cross_entropy(top @ self.p["dense.W"] + self.p["dense.b"], Y.T.ravel(), N)

        gradients = {"dense.W": top.T @ dlogits, "dense.b": dlogits.sum(axis=0)}
        dh_out = (dlogits @ self.p["dense.W"].T).reshape(T, N, H)
        for layer in range(L - 1, -1, -1):
            name = f"layers.{layer}."
            a, h, c, tanh_c = layers[layer]
            _backward(a, self.p[name + "R"], c, tanh_c, dh_out)
            da = a.reshape(T * N, 4 * H)
            gradients[name + "R"] = h[:-1].reshape(T * N, H).T @ da
            gradients[name + "b"] = da.sum(axis=0)
            if layer > 0:
                gradients[name + "W"] = layers[layer - 1][1][1:].reshape(T * N, H).T @ da
                dh_out = (da @ self.p[name + "W"].T).reshape(T, N, H)
        dW = np.zeros_like(W)
        np.add.at(dW, rows[rows >= 0], da[rows >= 0])
        gradients["layers.0.W"] = dW
        self._adam(gradients)
        return loss

    def _adam(self, gradients: dict[str, Floats]) -> None:
        rate = self.training.rate / (1 + self.training.decay * self.steps)
        self.steps += 1
        scaled = rate / (1 - 0.9**self.steps)
        correction = np.float32(np.sqrt(1 - 0.999**self.steps))
        for name, g in gradients.items():
            m, v = self.m[name], self.v[name]
            m *= np.float32(0.9)
            m += np.float32(0.1) * g
            v *= np.float32(0.999)
            v += np.float32(0.001) * g * g
            self.p[name] -= np.float32(scaled) * m / (np.sqrt(v) / correction + np.float32(1e-8))


def _cross_entropy(logits: Floats, targets: Tokens, N: int) -> tuple[float, Floats]:
    """The loss and its gradient on the logits, which it overwrites."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    (counted,) = np.nonzero(targets >= 0)
    right = counted, targets[counted]
    loss = float(-np.log(logits[right]).sum()) / N
    logits[right] -= 1
    logits[targets < 0] = 0
    logits /= N
    return loss, logits


def _sigmoid(a: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-a))
