"""exp, log, sigmoid, tanh: error in ulp over the whole range, limits, and equal bits.

float32 is measured against float64, float64 against the 64-bit significand of x86's long double.
"""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import _core

from .cases import assert_same_bits
from .conftest import FMA_ISAS

ULP = {"exp": 2, "log": 2, "sigmoid": 3, "tanh": 2}
FUNCTIONS = pytest.mark.parametrize("name", ULP)
WIDER = {np.float32: np.float64, np.float64: np.longdouble}

needs_long_double = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double: float64 NOT MEASURED"
)


def sigmoid(x):
    z = np.exp(-np.abs(x))  # no overflow
    return np.where(x >= 0, 1, z) / (1 + z)


EXACT = {"exp": np.exp, "log": np.log, "sigmoid": sigmoid, "tanh": np.tanh}


def error_in_ulp(name, x):
    """Where the exact result is a normal number; subnormal inputs are zero."""
    dtype = x.dtype.type
    finite = np.abs(x) >= np.finfo(dtype).tiny
    x = x[finite & (x > 0)] if name == "log" else x[finite]
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(WIDER[dtype]))
    limits = np.finfo(dtype)
    normal = (np.abs(exact) >= limits.tiny) & (np.abs(exact) <= limits.max)
    x, exact = x[normal], exact[normal]
    ulp = np.spacing(np.abs(exact.astype(dtype))).astype(WIDER[dtype])
    return x, np.abs(getattr(_core, name)(x).astype(WIDER[dtype]) - exact) / ulp


def assert_accurate(name, x):
    x, error = error_in_ulp(name, x)
    assert x.size > 0
    worst = error.argmax()
    assert error[worst] <= ULP[name], f"{name}({x[worst]!r}) is off by {error[worst]} ulp"


def neighbourhoods(dtype, reach=200):
    """All numbers around those at which a formula changes."""
    points = [0.4, 10, 20, 0.5**0.5, 2**0.5, 1, 2, np.log(2) / 2]
    if dtype is np.float32:
        points += [88.72283, 87.33654]
    else:
        points += [709.782712893384, 708.3964185322641]
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    bits = np.array(points, dtype=dtype).view(unsigned)[:, np.newaxis] + np.arange(-reach, reach + 1).astype(
        unsigned
    )
    near = bits.ravel().view(dtype)
    return np.concatenate([near, -near])


def stratified(dtype):
    """Every 4099th float32; of float64, the same number of bit patterns evenly spread, and where results vary."""
    if dtype is np.float32:
        spread = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
        return np.concatenate([spread[np.isfinite(spread)], neighbourhoods(dtype)])
    bits = np.arange(0, 2**64 - 1, 2**64 // 200_003, dtype=np.uint64)
    spread = bits.view(np.float64)
    r = np.random.default_rng(0)
    middle = np.concatenate([r.uniform(-s, s, 40_000) for s in (0.5, 2, 25, 720)])
    return np.concatenate([spread[np.isfinite(spread)], middle, neighbourhoods(dtype)])


@FUNCTIONS
def test_float32_error_in_ulp(isa, name):
    assert_accurate(name, stratified(np.float32))


@needs_long_double
@FUNCTIONS
def test_float64_error_in_ulp(isa, name):
    assert_accurate(name, stratified(np.float64))


@pytest.mark.slow
@FUNCTIONS
def test_every_float32(name):
    assert rnnfast.active_isa() == rnnfast.available_isas()[-1]
    chunk = 2**24
    for start in range(0, 2**32, chunk):
        x = np.arange(start, start + chunk, dtype=np.uint64).astype(np.uint32).view(np.float32)
        x = x[np.isfinite(x) & ((x > 0) | (name != "log"))]
        if x.size and error_in_ulp(name, x)[0].size:
            assert_accurate(name, x)


@FUNCTIONS
def test_same_bits_on_every_instruction_set(run_on, dtype, name):
    x = stratified(dtype)
    first, *others = (run_on(isa, lambda: getattr(_core, name)(x)) for isa in FMA_ISAS)
    assert others or len(FMA_ISAS) == 1
    for other in others:
        same = (other == first) | (
            np.isnan(other) & np.isnan(first)
        )  # a NaN's payload is outside the contract
        assert same.all()
        assert_same_bits(np.signbit(other[other == 0]), np.signbit(first[first == 0]))


INF, NAN = np.inf, np.nan
LIMITS = {
    "exp": [(-INF, 0), (INF, INF), (0, 1), (-0.0, 1), (-1e4, 0), (1e4, INF)],
    "log": [(INF, INF), (0, -INF), (-0.0, -INF), (1, 0), (-1, NAN), (-INF, NAN)],
    "sigmoid": [(-INF, 0), (INF, 1), (0, 0.5), (-0.0, 0.5), (-1e4, 0), (1e4, 1)],
    "tanh": [(-INF, -1), (INF, 1), (0, 0), (-0.0, -0.0), (-1e4, -1), (1e4, 1)],
}
CASES = [(name, x, y) for name, cases in LIMITS.items() for x, y in [*cases, (NAN, NAN)]]


@pytest.mark.parametrize(("name", "x", "y"), CASES)
@pytest.mark.parametrize("n", [1, 5, 17])
def test_limits(isa, dtype, name, x, y, n):
    got = getattr(_core, name)(np.full(n, x, dtype))
    np.testing.assert_array_equal(got, np.full(n, y, dtype))
    if name == "tanh" and x == 0:
        assert (np.signbit(got) == np.signbit(x)).all()


@FUNCTIONS
def test_a_subnormal_number_is_zero(isa, dtype, name):
    limits = np.finfo(dtype)
    subnormal = np.array([limits.smallest_subnormal, -limits.tiny / 2, limits.tiny / 2], dtype)
    function = getattr(_core, name)
    zeros = function(np.copysign(np.zeros(3, dtype), subnormal))
    np.testing.assert_array_equal(function(subnormal), zeros)


def test_a_result_below_the_smallest_normal_number_is_zero_or_normal(isa, dtype):
    tiny = np.finfo(dtype).tiny
    for function, x in (
        (_core.exp, np.linspace(-760, -80, 100_001)),
        (_core.sigmoid, np.linspace(-760, -80, 100_001)),
    ):
        y = function(x.astype(dtype))
        assert ((y == 0) | (y >= tiny)).all()
        assert (y == 0).any()
        assert (y >= tiny).any()


@FUNCTIONS
def test_an_element_does_not_depend_on_its_neighbours(isa, dtype, name):
    x = np.random.default_rng(1).uniform(0.1, 8, 70).astype(dtype)
    function = getattr(_core, name)
    whole = function(x)
    for n in (1, 2, 7, 8, 9, 31, 33):
        assert_same_bits(function(x[3 : 3 + n].copy()), whole[3 : 3 + n])


def test_monotonic_over_the_seams_of_tanh(isa, dtype):
    x = np.linspace(0, 12, 200_001).astype(dtype)
    steps = np.diff(_core.tanh(x).astype(WIDER[dtype]))
    assert (steps >= -2 * np.finfo(dtype).eps).all()
    assert np.abs(_core.tanh(x)).max() <= 1
