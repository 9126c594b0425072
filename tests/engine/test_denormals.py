"""Numbers that decay below the smallest normal one: flushed alike on every instruction set, and near the exact result.

With no input and no bias all gates are near 1/2, so that states halve at every step, and gradients on the way back.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel, State, reference

from .cases import Lstm, assert_near, assert_same_bits, assert_same_parameters, snapshot
from .conftest import FMA_ISAS

N, D, H, V = 3, 4, 9, 5
STEPS = {np.float32: 200, np.float64: 1200}
"""Enough to halve 1 beyond the smallest subnormal number."""
SUBNORMAL = {np.float32: 130, np.float64: 1040}
"""Enough to halve it to one."""


def fading(dtype):
    """|R| sums to at most 1/2 along a row."""
    r = np.random.default_rng(0)
    T = STEPS[dtype]

    def uniform(*shape, limit=1.0):
        return r.uniform(-limit, limit, shape).astype(dtype)

    dh_last, dc_last, h0, c0 = (uniform(N, H) for _ in range(4))
    W, R = (uniform(rows, 4 * H, limit=1 / (8 * H)) for rows in (D, H))
    silence = np.zeros((T, N, D), dtype)
    return Lstm(silence, W, R, np.zeros(4 * H, dtype), h0, c0, np.zeros((T, N, H), dtype), dh_last, dc_last)


def run(case):
    h, c, gates = case.forward()
    gradients = {name: g for name, g in case.backward(h, c, gates).items() if g is not None}
    return {"h": h[1:], "c": c[1:], "gates": gates, **gradients}


def exact(case):
    """In float64, with subnormal numbers where they arise; float64's own are then not exact, but near enough."""
    arrays = {name: value for name, value in vars(case).items() if isinstance(value, np.ndarray)}
    case = Lstm(**{name: value.astype(np.float64) for name, value in arrays.items()})
    h, c, gates = reference.lstm.forward(case.x, case.W, case.R, case.b, case.h0, case.c0)
    back = reference.lstm.backward(
        case.dh_out, case.x, h, c, gates, case.W, case.R, case.dh_last, case.dc_last
    )
    names = ("dx", "dW", "dR", "db", "dh0", "dc0")
    return {"h": h[1:], "c": c[1:], "gates": gates, **{name: getattr(back, name) for name in names}}


def is_subnormal(x, dtype):
    return (x != 0) & (np.abs(x) < np.finfo(dtype).tiny)


def test_the_case_goes_through_the_subnormal_range(dtype):
    expected = exact(fading(dtype))
    for name in ("h", "c", "dx"):
        assert np.abs(expected[name]).max() > 1e-3, name
        assert is_subnormal(expected[name], dtype).any(), name
    for name in ("dh0", "dc0"):
        assert (np.abs(expected[name]) < np.finfo(dtype).tiny).all(), name


def test_nothing_is_left_subnormal(isa, dtype):
    got = run(fading(dtype))
    for name, array in got.items():
        assert not is_subnormal(array, dtype).any(), name
    for name in ("h", "c"):
        assert not got[name][-1].any()
    for name in ("dh0", "dc0"):
        assert not got[name].any()


def test_the_error_is_within_its_bound(isa, dtype):
    """A flushed result is off by less than the smallest normal number.

    An element's sums flush at most 4 H products, its cell a few more, and each step more than halves what is passed on:
    |e_c| <= (1/2 + 1/8) |e_c| + (2 H + 4) tiny, so |e_c| <= 8 (H + 4) tiny, and so for h, and backward. Rounding
    is relative to the largest number of the same step, and grows with the steps.
    """
    case = fading(dtype)
    got, expected = run(case), exact(case)
    flushed = 8 * (H + 4) * float(np.finfo(dtype).tiny)
    rounding = 32 * STEPS[dtype] * float(np.finfo(dtype).eps)
    for name in ("h", "c", "dx", "gates"):
        of_step = np.abs(expected[name]).max(axis=(1, 2), keepdims=True)
        off = np.abs(got[name] - expected[name])
        assert (off <= rounding * of_step + flushed).all(), name
    for name in ("dh0", "dc0"):
        assert (np.abs(got[name] - expected[name]) <= flushed).all(), name
    for name in ("dW", "dR", "db"):
        assert_near(got[name], expected[name], rounding)


def test_the_same_bits_on_every_instruction_set(run_on, dtype):
    first, *others = (run_on(isa, lambda: run(fading(dtype))) for isa in FMA_ISAS)
    for other in others:
        for name, array in other.items():
            assert_same_bits(array, first[name])


def silent_model(dtype):
    """Its tokens say nothing; a state fades, and so does the gradient on it."""
    model = LanguageModel(V, H, dtype=dtype)
    case = fading(dtype)
    r = np.random.default_rng(1)
    model.set_parameters(
        {
            "layers.0.W": np.zeros((V, 4 * H)),
            "layers.0.R": case.R,
            "layers.0.b": np.zeros(4 * H),
            "dense.W": r.uniform(-1, 1, (H, V)),
        }
    )
    return model


def first_state(dtype):
    r = np.random.default_rng(2)
    h, c = r.uniform(-1, 1, (2, 1, N, H)).astype(dtype)
    return State(h, c, np.zeros(N, np.uint64))


def as_float64(model):
    return {name: value.astype(np.float64) for name, value in model.parameters.items()}


def generated(dtype):
    model, T = silent_model(dtype), SUBNORMAL[dtype]
    tokens = model.generate(T, state=first_state(dtype), seed=1)
    inputs = np.column_stack([np.full(N, -1), tokens[:, :-1]])
    _, early = model.predict(inputs[:, : T // 3], first_state(dtype))
    p, end = model.predict(inputs, first_state(dtype))
    return tokens, p, early.h, early.c, end.h, end.c


def test_generation(run_on, dtype):
    first, *others = (run_on(isa, lambda: generated(dtype)) for isa in FMA_ISAS)
    for other in others:
        for got, want in zip(other, first, strict=True):
            assert_same_bits(got, want)
    tokens, _, *early, h, c = first
    assert all(state.any() and not is_subnormal(state, dtype).any() for state in early)
    assert not h.any()
    assert not c.any()
    state = first_state(dtype)
    expected = reference.model.generate(
        as_float64(silent_model(dtype)),
        SUBNORMAL[dtype],
        num_streams=N,
        seed=1,
        state=(state.h, state.c),
        dtype=dtype,
    )
    np.testing.assert_array_equal(tokens, expected.tokens)
    assert is_subnormal(expected.state.h, dtype).all()
    assert is_subnormal(expected.state.c, dtype).all()


def silent_samples(T):
    """The first token is all that a sample says, and the last target all that counts."""
    X, Y = np.full((2, N, T), -1, np.int32)
    X[:, 0] = Y[:, -1] = np.arange(N)
    return X, Y


def model_that_reads(dtype):
    model = silent_model(dtype)
    model.set_parameters({"layers.0.W": np.random.default_rng(3).uniform(-1, 1, (V, 4 * H))})
    return model


def fitted(dtype, T, epochs):
    model = model_that_reads(dtype)
    model.fit(*silent_samples(T), epochs=epochs, optimizer=Adam(0.01))
    _, (*_, slots), _ = model._native.snapshot()
    return {"parameters": snapshot(model), **slots}


@pytest.mark.parametrize("epochs", [1, 5])
@pytest.mark.parametrize("part", [1, 2], ids=["gradients fade", "their squares fade"])
def test_training(run_on, dtype, part, epochs):
    T = SUBNORMAL[dtype] // part
    first, *others = (run_on(isa, lambda: fitted(dtype, T, epochs)) for isa in FMA_ISAS)
    for other in others:
        for name, arrays in other.items():
            assert_same_parameters(arrays, first[name])
    for arrays in first.values():
        assert not any(is_subnormal(array, dtype).any() for array in arrays.values())
    before, optimizer = as_float64(model_that_reads(dtype)), reference.optimizer.Adam(0.01)
    expected = reference.model.fit(before, *silent_samples(T), epochs=epochs, optimizer=optimizer)
    for name, value in first["parameters"].items():
        assert_near(value, expected.parameters[name], 1e-4 if dtype is np.float32 else 1e-11)
    if epochs == 1:  # after it the biases are not zero any more
        faded = "m" if part == 1 else "v"
        assert not first[faded]["layers.0.R"].any()
        assert is_subnormal(getattr(expected.optimizer_state, faded)["layers.0.R"], dtype).mean() > 0.9
