from __future__ import annotations

import numpy as np
import pytest

from rnnfast.reference import dense

from .differences import assert_gradient


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 4), (2, 7, 17)], ids=str)
def test_backward_is_the_gradient_on_every_input(shape):
    rows, D, V = shape
    r = np.random.default_rng(0)
    p = {"x": r.normal(size=(rows, 2, D)), "W": r.normal(size=(D, V)), "b": r.normal(size=V)}
    dy = r.normal(size=(rows, 2, V))
    gradients = dense.backward(dy, p["x"], p["W"])
    for name, value in p.items():
        assert_gradient(
            lambda v, name=name: float((dense.forward(**p | {name: v}) * dy).sum()),
            value,
            getattr(gradients, "d" + name),
        )


def test_forward_is_a_sum_of_products():
    r = np.random.default_rng(0)
    x, W, b = r.normal(size=(3, 4)), r.normal(size=(4, 2)), r.normal(size=2)
    expected = [[b[v] + sum(row[d] * W[d, v] for d in range(4)) for v in range(2)] for row in x]
    np.testing.assert_allclose(dense.forward(x, W, b), expected, rtol=1e-13)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3\), expected its last length to be 4"):
        dense.forward(np.zeros((2, 3)), np.zeros((4, 5)), np.zeros(5))
    with pytest.raises(ValueError, match=r"b has shape \(4,\), expected \(5\)"):
        dense.forward(np.zeros((2, 4)), np.zeros((4, 5)), np.zeros(4))
    with pytest.raises(ValueError, match=r"dy has shape \(3, 5\), expected \(2, 5\)"):
        dense.backward(np.zeros((3, 5)), np.zeros((2, 4)), np.zeros((4, 5)))
