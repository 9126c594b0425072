"""Inputs that several test files share: one problem a cell, one small model, and how near is near enough."""

from __future__ import annotations

import ctypes
import dataclasses
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnfast
from rnnfast import _core

SIZES = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64]
"""Around the lane counts 1, 4, 8 and 16."""

GRADIENTS = ("dx", "dW", "dR", "db", "dh0", "dc0")


@dataclass
class Lstm:
    """One layer's arguments, and the engine's answers."""

    x: NDArray[Any]
    W: NDArray[Any]
    R: NDArray[Any]
    b: NDArray[Any]
    h0: NDArray[Any]
    c0: NDArray[Any]
    dh_out: NDArray[Any]
    dh_last: NDArray[Any]
    dc_last: NDArray[Any]
    coupled: bool = False
    peepholes: NDArray[Any] | None = None
    projection: NDArray[Any] | None = None
    batch_sizes: list[int] | None = None

    states = ("h", "c")

    @property
    def gradients(self) -> tuple[str, ...]:
        options = {"dpeepholes": self.peepholes, "dprojection": self.projection}
        return (*GRADIENTS, *(name for name, option in options.items() if option is not None))

    @property
    def weights(self) -> tuple[NDArray[Any], ...]:
        return self.W, self.R, self.b

    @property
    def options(self) -> dict[str, Any]:
        """As the specification takes them."""
        return {"coupled": self.coupled, "peepholes": self.peepholes, "projection": self.projection}

    def forward(self, num_threads: int = 1) -> tuple[NDArray[Any], ...]:
        batch = num_threads, self.batch_sizes
        return _core.lstm_forward(self.x, *self.weights, self.h0, self.c0, *batch, **self.options)

    def backward(self, h: Any, c: Any, gates: Any, m: Any = None, *, num_threads: int = 1) -> dict[str, Any]:
        arguments = self.x, h, c, gates, *self.weights, self.dh_last, self.dc_last
        return _core.lstm_backward(
            self.dh_out, *arguments, num_threads, self.batch_sizes, **self.options, m=m
        )


def make_lstm(
    T: int,
    N: int,
    D: int,
    H: int,
    dtype: Any,
    *,
    coupled: bool = False,
    peephole: bool = False,
    projection_size: int | None = None,
    tokens: bool = False,
    seed: int = 0,
) -> Lstm:
    r = np.random.default_rng([seed, T, N, D, H])
    P, G = projection_size or H, (3 if coupled else 4) * H

    def normal(*shape: int, scale: float = 1.0) -> NDArray[Any]:
        return (scale * r.normal(size=shape)).astype(dtype)

    x: Any = normal(T, N, D)
    if tokens:
        x = r.integers(-1, D, (T, N)).astype(np.int32)
    return Lstm(
        x,
        normal(D, G, scale=D**-0.5),
        normal(P, G, scale=P**-0.5),
        normal(G),
        normal(N, P, scale=0.5),
        normal(N, H),
        normal(T, N, P),
        normal(N, P),
        normal(N, H),
        coupled,
        normal(G - H) if peephole else None,
        normal(H, P, scale=H**-0.5) if projection_size else None,
    )


@dataclass
class Rnn:
    """One layer's arguments, and the engine's answers."""

    x: NDArray[Any]
    W: NDArray[Any]
    R: NDArray[Any]
    b: NDArray[Any]
    h0: NDArray[Any]
    dh_out: NDArray[Any]
    dh_last: NDArray[Any]
    nonlinearity: str = "tanh"
    batch_sizes: list[int] | None = None

    states = ("h",)
    gradients = ("dx", "dW", "dR", "db", "dh0")

    @property
    def weights(self) -> tuple[NDArray[Any], ...]:
        return self.W, self.R, self.b

    def forward(self, num_threads: int = 1) -> tuple[NDArray[Any], ...]:
        options = self.nonlinearity, num_threads, self.batch_sizes
        return (_core.rnn_forward(self.x, *self.weights, self.h0, *options),)

    def backward(self, h: Any, *, num_threads: int = 1) -> dict[str, Any]:
        options = self.nonlinearity, num_threads, self.batch_sizes
        return _core.rnn_backward(self.dh_out, self.x, h, *self.weights, self.dh_last, *options)


def make_rnn(
    T: int,
    N: int,
    D: int,
    H: int,
    dtype: Any,
    *,
    nonlinearity: str = "tanh",
    tokens: bool = False,
    seed: int = 0,
) -> Rnn:
    r = np.random.default_rng([seed, T, N, D, H])

    def normal(*shape: int, scale: float = 1.0) -> NDArray[Any]:
        return (scale * r.normal(size=shape)).astype(dtype)

    x: Any = normal(T, N, D)
    if tokens:
        x = r.integers(-1, D, (T, N)).astype(np.int32)
    alive = 1 if nonlinearity == "relu" else 0  # most units, in every shape
    return Rnn(
        x,
        normal(D, H, scale=D**-0.5),
        normal(H, H, scale=H**-0.5),
        normal(H) + dtype(alive),
        normal(N, H, scale=0.5),
        normal(T, N, H),
        normal(N, H),
        nonlinearity,
    )


@dataclass
class Gru:
    """One layer's arguments, and the engine's answers; it resets before the recurrent product if b_Rn is None."""

    x: NDArray[Any]
    W: NDArray[Any]
    R: NDArray[Any]
    b: NDArray[Any]
    b_Rn: NDArray[Any] | None
    h0: NDArray[Any]
    dh_out: NDArray[Any]
    dh_last: NDArray[Any]
    batch_sizes: list[int] | None = None

    states = ("h",)

    @property
    def gradients(self) -> tuple[str, ...]:
        return ("dx", "dW", "dR", "db", *(() if self.b_Rn is None else ("db_Rn",)), "dh0")

    @property
    def weights(self) -> tuple[NDArray[Any] | None, ...]:
        return self.W, self.R, self.b, self.b_Rn

    def forward(self, num_threads: int = 1) -> tuple[NDArray[Any], ...]:
        return _core.gru_forward(self.x, *self.weights, self.h0, num_threads, self.batch_sizes)

    def backward(self, h: Any, gates: Any, u: Any, *, num_threads: int = 1) -> dict[str, Any]:
        return _core.gru_backward(
            self.dh_out, self.x, h, gates, u, *self.weights, self.dh_last, num_threads, self.batch_sizes
        )


def make_gru(
    T: int,
    N: int,
    D: int,
    H: int,
    dtype: Any,
    *,
    reset_after: bool = True,
    tokens: bool = False,
    seed: int = 0,
) -> Gru:
    r = np.random.default_rng([seed, T, N, D, H])

    def normal(*shape: int, scale: float = 1.0) -> NDArray[Any]:
        return (scale * r.normal(size=shape)).astype(dtype)

    x: Any = normal(T, N, D)
    if tokens:
        x = r.integers(-1, D, (T, N)).astype(np.int32)
    return Gru(
        x,
        normal(D, 3 * H, scale=D**-0.5),
        normal(H, 3 * H, scale=H**-0.5),
        normal(3 * H),
        normal(H) if reset_after else None,
        normal(N, H, scale=0.5),
        normal(T, N, H),
        normal(N, H),
    )


CELLS = {
    "rnn-tanh": partial(make_rnn, nonlinearity="tanh"),
    "rnn-relu": partial(make_rnn, nonlinearity="relu"),
    "gru-after": partial(make_gru, reset_after=True),
    "gru-before": partial(make_gru, reset_after=False),
    "lstm": make_lstm,
    "lstm-projected": partial(make_lstm, projection_size=5),
    "lstm-coupled-peephole": partial(make_lstm, coupled=True, peephole=True),
}


def part(case: Any, *, t: slice = slice(None), n: slice = slice(None)) -> Any:
    """The same problem for some of its steps and samples."""
    changed = {name: np.ascontiguousarray(getattr(case, name)[t, n]) for name in ("x", "dh_out")}
    for s in case.states:
        changed |= {name: getattr(case, name)[n] for name in (f"{s}0", f"d{s}_last")}
    return dataclasses.replace(case, **changed)


def of_states(case: Any) -> list[str]:
    """The gradients on the initial state."""
    return [f"d{s}0" for s in case.states]


def of_weights(case: Any) -> list[str]:
    """The gradients that are summed over the batch."""
    return [name for name in case.gradients if name not in ("dx", *of_states(case))]


def one_hot(tokens: NDArray[Any], V: int, dtype: Any = np.float32) -> NDArray[Any]:
    """-1 becomes a zero vector."""
    return (np.asarray(tokens)[..., np.newaxis] == np.arange(V)).astype(dtype)


def as_vectors(case: Any) -> NDArray[Any]:
    """Its x, tokens as one-hot vectors."""
    return case.x if case.x.ndim == 3 else one_hot(case.x, len(case.W), np.float64)


def assert_near(got: Any, expected: Any, tolerance: float) -> None:
    """Within `tolerance` of the largest expected number."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    if expected.size:
        scale = max(float(np.abs(expected).max()), 1e-30)
        difference = float(np.abs(got - expected).max())
        assert difference <= tolerance * scale, f"off by {difference / scale} of the scale"


def assert_same_bits(got: Any, expected: Any) -> None:
    got, expected = np.ascontiguousarray(got), np.ascontiguousarray(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    unsigned = f"u{got.dtype.itemsize}"
    np.testing.assert_array_equal(got.view(unsigned), expected.view(unsigned))


def samples(N: int = 7, T: int = 6, V: int = 5, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets (N, T), some of them missing."""
    r = np.random.default_rng(seed)
    X = r.integers(-1, V, (N, T)).astype(np.int32)
    Y = r.integers(-1, V, (N, T)).astype(np.int32)
    X[0, 0] = Y[0, 0] = 0
    return X, Y


def snapshot(model: rnnfast.LanguageModel) -> dict[str, NDArray[Any]]:
    """Copies of the parameters, which `parameters` only shows."""
    return {name: value.copy() for name, value in model.parameters.items()}


def assert_same_parameters(got: Any, expected: Any) -> None:
    """Of two models, or of a model and a snapshot: bit for bit."""
    got, expected = (m.parameters if hasattr(m, "parameters") else m for m in (got, expected))
    assert list(got) == list(expected)
    for name in got:
        assert_same_bits(got[name], expected[name])


def assert_same_state(got: Any, expected: Any) -> None:
    """Of two optimisers (kind, steps, beta1_power, beta2_power, slots): bit for bit."""
    *numbers, slots = got
    *expected_numbers, expected_slots = expected
    assert numbers == expected_numbers
    assert list(slots) == list(expected_slots)
    for slot in slots:
        assert_same_parameters(slots[slot], expected_slots[slot])


def interrupted_in(call: Callable[[], Any]) -> None:
    """Call native code during which Ctrl-C comes: no code of Python's looks at it before."""
    with pytest.raises(KeyboardInterrupt):
        list(map(operator.call, [ctypes.pythonapi.PyErr_SetInterrupt, call]))


def roughen(model: rnnfast.LanguageModel, seed: int = 0, scale: float = 0.4) -> rnnfast.LanguageModel:
    """Add noise to all parameters, biases too: a model whose predictions are far from uniform."""
    r = np.random.default_rng(seed)
    model.set_parameters({name: p + scale * r.normal(size=p.shape) for name, p in model.parameters.items()})
    return model
