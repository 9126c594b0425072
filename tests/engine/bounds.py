"""How far a computation in floating point may be from the exact one: running error analysis.

An `Approximate` holds what a number would be without rounding (computed in float64) and a bound on how far the
engine's number may be from it. Running an algorithm on such numbers yields the bound of its result, from the actual
magnitudes and nothing else: each operation passes on the errors of its operands and adds its own rounding.

With the unit roundoff u (2^-24 for float32), Higham, "Accuracy and Stability of Numerical Algorithms", 2002:

    fl(x op y) = (x op y)(1 + d), |d| <= u            (2.4)
    a sum of n products: error <= gamma(n) sum |x||y|  (3.5), gamma(n) = n u / (1 - n u), in any order
    f(x + e) = f(x) + f'(x) e + f''(.) e^2 / 2         Taylor

A multiply-add is charged as two roundings, so that the bounds hold with FMA and without. An elementary function of
k ulp is charged k * 2u of its value. Results below the smallest normal number are flushed: `TINY` is added for that.
float64's own rounding of the exact values is a 10^-8 of float32's; `SLACK` pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]

U = 2.0**-24
TINY = 2.0**-126
SLACK = 1 + 1e-6
EXP_ULP, LOG_ULP, TANH_ULP, SIGMOID_ULP = 2, 2, 2, 3


def gamma(n: int) -> float:
    assert n * U < 1
    return n * U / (1 - n * U)


@dataclass
class Approximate:
    value: Floats
    error: Floats

    __array_ufunc__ = None  # numpy leaves `array * approximate` to us

    @property
    def magnitude(self) -> Floats:
        """At most this large is the engine's number."""
        return np.abs(self.value) + self.error

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def T(self) -> Approximate:  # noqa: N802 (as an array's)
        return Approximate(self.value.T, self.error.T)

    def __getitem__(self, index: Any) -> Approximate:
        return Approximate(self.value[index], self.error[index])

    def reshape(self, *shape: int) -> Approximate:
        return Approximate(self.value.reshape(*shape), self.error.reshape(*shape))

    def __add__(self, other: Any) -> Approximate:
        other = exact(other)
        return rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Any) -> Approximate:
        return self + -exact(other)

    def __rsub__(self, other: Any) -> Approximate:
        return exact(other) + -self

    def __neg__(self) -> Approximate:
        return Approximate(-self.value, self.error)

    def __mul__(self, other: Any) -> Approximate:
        other = exact(other)
        error = self.error * other.magnitude + np.abs(self.value) * other.error
        return rounded(self.value * other.value, error)

    def __truediv__(self, other: Any) -> Approximate:
        other = exact(other)
        least = np.abs(other.value) - other.error
        assert (least > 0).all(), "the divisor may be zero"
        quotient = self.value / other.value
        return rounded(quotient, (self.error + np.abs(quotient) * other.error) / least)


def exact(value: Any) -> Approximate:
    if isinstance(value, Approximate):
        return value
    value = np.asarray(value, dtype=np.float64)
    return Approximate(value, np.zeros_like(value))


def rounded(value: Floats, error: Floats, roundings: float = 1) -> Approximate:
    return Approximate(value, (error + roundings * U * (np.abs(value) + error)) * SLACK + TINY)


def product(x: Any, W: Any, start: Any = 0.0) -> Approximate:
    """start + x W, each element one chain of multiply-adds."""
    x, W, start = exact(x), exact(W), exact(start)
    passed_on = start.error + x.error @ np.abs(W.value) + x.magnitude @ W.error
    chain = gamma(2 * W.value.shape[0]) * (start.magnitude + x.magnitude @ W.magnitude)
    return Approximate(start.value + x.value @ W.value, (passed_on + chain) * SLACK + TINY)


def total(x: Any) -> Approximate:
    """The sum along the last axis, in any order."""
    x = exact(x)
    own = gamma(x.value.shape[-1]) * x.magnitude.sum(axis=-1)
    return Approximate(x.value.sum(axis=-1), (x.error.sum(axis=-1) + own) * SLACK + TINY)


def _function(x: Any, value: Floats, slope: Floats, curvature: Any, ulp: float) -> Approximate:
    x = exact(x)
    return rounded(value, np.abs(slope) * x.error + curvature / 2 * x.error**2, 2 * ulp)


def sigmoid(x: Any) -> Approximate:
    y = 1 / (1 + np.exp(-exact(x).value))
    return _function(x, y, y * (1 - y), 0.0963, SIGMOID_ULP)  # |sigmoid''| <= 1 / (6 sqrt 3)


def tanh(x: Any) -> Approximate:
    y = np.tanh(exact(x).value)
    return _function(x, y, 1 - y * y, 0.7699, TANH_ULP)  # |tanh''| <= 4 / (3 sqrt 3)


def relu(x: Any) -> Approximate:
    x = exact(x)
    return Approximate(np.maximum(x.value, 0), np.clip(x.value + x.error, 0, x.error))


def where_positive(x: Any, y: Any) -> Approximate:
    """y where x > 0, else 0; both are possible where x may have either sign."""
    x, y = exact(x), exact(y)
    positive = x.value > 0
    error = np.where(positive, y.error, 0)
    unsure = np.abs(x.value) <= x.error
    return Approximate(np.where(positive, y.value, 0), np.where(unsure, y.magnitude, error))


def exp(x: Any) -> Approximate:
    y = np.exp(exact(x).value)
    return _function(x, y, y, y * np.exp(exact(x).error), EXP_ULP)


def log(x: Any) -> Approximate:
    x = exact(x)
    return _function(x, np.log(x.value), 1 / x.value, 1 / (x.value - x.error) ** 2, LOG_ULP)


def sqrt(x: Any) -> Approximate:
    x = exact(x)
    y = np.sqrt(x.value)
    with np.errstate(divide="ignore", invalid="ignore"):
        passed_on = np.where(y > 0, np.minimum(np.sqrt(x.error), x.error / y), np.sqrt(x.error))
    return rounded(y, passed_on)


def concatenate(parts: list[Approximate], axis: int = -1) -> Approximate:
    return Approximate(
        np.concatenate([p.value for p in parts], axis), np.concatenate([p.error for p in parts], axis)
    )


def stack(parts: list[Approximate]) -> Approximate:
    return Approximate(np.stack([p.value for p in parts]), np.stack([p.error for p in parts]))


def assert_within(got: Floats, bound: Approximate, *, typical: float = 4e-6) -> None:
    """Every element is within its bound.

    The bound is for the worst case, all roundings in one direction; they are not, so the error is also held to
    `typical` of the largest number, and the bound to a thousand times that: one that allows anything proves nothing.
    """
    assert got.shape == bound.value.shape
    error = np.abs(got.astype(np.float64) - bound.value)
    outside = error > bound.error
    assert not outside.any(), f"{outside.sum()} elements are outside, by up to {(error - bound.error).max()}"
    scale = np.abs(bound.value).max(initial=TINY)
    assert error.max(initial=0) <= typical * scale, f"off by {error.max() / scale} of the scale"
    assert bound.error.max(initial=0) <= 1000 * typical * scale, "the bound proves too little"
