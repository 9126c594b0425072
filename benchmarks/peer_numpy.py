"""The peer in NumPy: vectorised, in place where it helps, one matrix product a step, tokens gathered. A fair one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
NAME = f"NumPy {np.__version__}"


class NumpyModel:
    """One LSTM layer and a dense softmax layer, float32, from a rnnfast model's parameters."""

    def __init__(self, parameters: dict[str, Floats]) -> None:
        self.p = {name: np.array(value) for name, value in parameters.items()}
        self.H = self.p["layers.0.R"].shape[0]
        self.m = {name: np.zeros_like(value) for name, value in self.p.items()}
        self.v = {name: np.zeros_like(value) for name, value in self.p.items()}
        self.steps = 0

    def _inputs(self, tokens: npt.NDArray[np.int32]) -> Floats:
        table = np.vstack([self.p["layers.0.W"], np.zeros((1, 4 * self.H), np.float32)])  # -1: the last row
        return table[tokens] + self.p["layers.0.b"]

    def generate(self, length: int, uniform: Floats) -> npt.NDArray[np.int32]:
        """Tokens (streams, length) for uniform numbers (length, streams)."""
        streams, H = uniform.shape[1], self.H
        R, dense_W, dense_b = self.p["layers.0.R"], self.p["dense.W"], self.p["dense.b"]
        table = self._inputs(np.arange(-1, len(self.p["layers.0.W"])))  # row 0: no token
        h = c = np.zeros((streams, H), np.float32)
        token = np.full(streams, -1, np.int32)
        out = np.empty((streams, length), np.int32)
        for t in range(length):
            a = table[token + 1] + h @ R
            gates = _sigmoid(a)
            c = gates[:, H : 2 * H] * c + gates[:, :H] * np.tanh(a[:, 2 * H : 3 * H])
            h = gates[:, 3 * H :] * np.tanh(c)
            logits = h @ dense_W + dense_b
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            total = weights.cumsum(axis=1)
            token = (total <= uniform[t][:, None] * total[:, -1:]).sum(axis=1).astype(np.int32)
            out[:, t] = token
        return out

    def step(self, X: npt.NDArray[np.int32], Y: npt.NDArray[np.int32], rate: float, decay: float) -> float:
        """One Adam step on the loss summed over time, averaged over the batch; the loss of the batch."""
        N, T = X.shape
        H = self.H
        R = self.p["layers.0.R"]
        a = self._inputs(X.T)
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

        logits = h[1:] @ self.p["dense.W"] + self.p["dense.b"]
        logits -= logits.max(axis=2, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=2, keepdims=True)
        counted = Y.T >= 0
        t_index, n_index = np.nonzero(counted)
        y = Y.T[counted]
        loss = float(-np.log(logits[t_index, n_index, y]).sum()) / N
        logits[t_index, n_index, y] -= 1
        logits[~counted] = 0
        logits /= N

        dh_out = logits @ self.p["dense.W"].T
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
        da = a.reshape(T * N, 4 * H)
        rows = X.T.ravel()
        dW = np.zeros_like(self.p["layers.0.W"])
        np.add.at(dW, rows[rows >= 0], da[rows >= 0])
        self._adam(
            {
                "layers.0.W": dW,
                "layers.0.R": h[:-1].reshape(T * N, H).T @ da,
                "layers.0.b": da.sum(axis=0),
                "dense.W": h[1:].reshape(T * N, H).T @ logits.reshape(T * N, -1),
                "dense.b": logits.sum(axis=(0, 1)),
            },
            rate / (1 + decay * self.steps),
        )
        return loss

    def _adam(self, gradients: dict[str, Floats], rate: float) -> None:
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


def _sigmoid(a: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-a))
