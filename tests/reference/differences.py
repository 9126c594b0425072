"""Gradients by differences, to hold against those by calculus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def central_differences(f: Callable[[Floats], float], x: Floats, step: float = 1e-3) -> Floats:
    """df/dx by five points, whose error falls with step^4."""
    gradient = np.empty_like(x)
    for index in np.ndindex(*x.shape):

        def at(offset: float, index: tuple[int, ...] = index) -> float:
            moved = x.copy()
            moved[index] += offset
            return f(moved)

        near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
        gradient[index] = (8 * near - far) / (12 * step)
    return gradient


def assert_gradient(
    f: Callable[[Floats], float], x: Floats, gradient: Floats, relative: float = 1e-7, step: float = 1e-3
) -> None:
    """`gradient` is df/dx within `relative` of its largest element."""
    expected = central_differences(f, x, step)
    assert gradient.shape == x.shape
    assert np.abs(expected).max() > 1e-6, "a gradient of zero proves nothing"
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=relative * np.abs(expected).max())


def assert_slopes(
    f: Callable[[Floats], float], x: Floats, gradient: Floats, relative: float = 1e-7, step: float = 1e-3
) -> None:
    """`gradient` is right along two random directions of x: for arrays whose every element would take too long."""
    assert gradient.shape == x.shape
    for direction in np.random.default_rng(0).normal(size=(2, *x.shape)):
        expected = float(central_differences(lambda t, v=direction: f(x + t * v), np.zeros(()), step))
        got, scale = float((gradient * direction).sum()), float(np.abs(gradient * direction).sum())
        assert scale > 1e-6, "a gradient of zero proves nothing"
        assert abs(got - expected) <= relative * scale
