"""The dense layer: against the specification, within derived bounds, and independent of its batch."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import _core, reference

from . import bounds
from .cases import SIZES, assert_near, assert_same_bits
from .conftest import FMA_ISAS

SHAPES = (
    [(4, 9, V) for V in SIZES]
    + [(4, D, 7) for D in SIZES]
    + [(rows, 6, 18) for rows in (1, 2, 3, 5, 6, 7, 13)]
)
SHAPES += [(7, 1030, 33)]  # deeper than a block of the product
SHAPES += [
    (1030, 20, 17),
    (1030, 257, 17),
]  # more rows than a block; W's gradient deeper than one, from x and x^T


def make(rows, D, V, dtype):
    r = np.random.default_rng([rows, D, V])
    shapes = {"x": (rows, D), "W": (D, V), "b": (V,), "dy": (rows, V)}
    return {name: r.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def run(x, W, b, dy):
    return _core.dense_forward(x, W, b), *_core.dense_backward(dy, x, W)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_the_specification(isa, shape):
    case = make(*shape, np.float64)
    expected = reference.dense.forward(case["x"], case["W"], case["b"])
    gradients = reference.dense.backward(case["dy"], case["x"], case["W"])
    for got, want in zip(run(**case), (expected, *gradients), strict=True):
        assert_near(got, want, 1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_is_within_its_derived_bound(isa, shape):
    case = make(*shape, np.float32)
    x, W, b, dy = (bounds.exact(case[name]) for name in ("x", "W", "b", "dy"))
    expected = [
        bounds.product(x, W, b),
        bounds.product(dy, W.T),
        bounds.product(x.T, dy),
        bounds.total(dy.T),
    ]
    for got, bound in zip(run(**case), expected, strict=True):
        bounds.assert_within(got, bound)


def test_a_row_does_not_depend_on_the_others(isa, dtype):
    case = make(13, 40, 21, dtype)
    y, dx, _, _ = run(**case)
    for rows in (slice(0, 1), slice(5, 6), slice(12, 13), slice(3, 11)):
        part = case | {"x": case["x"][rows].copy(), "dy": case["dy"][rows].copy()}
        own_y, own_dx, _, _ = run(**part)
        assert_same_bits(own_y, y[rows])
        assert_same_bits(own_dx, dx[rows])


@pytest.mark.parametrize("shape", [(5, 7, 9), (13, 300, 33), (1, 64, 90)], ids=str)
def test_bits_are_equal_across_instruction_sets(run_on, dtype, shape):
    case = make(*shape, dtype)
    first, *others = (run_on(isa, lambda: run(**case)) for isa in FMA_ISAS)
    for other in others:
        for got, want in zip(other, first, strict=True):
            assert_same_bits(got, want)


def test_a_large_product_is_cut_without_a_trace(dtype):
    """Beyond 2^24 multiply-adds the product runs in blocks, so that Ctrl-C gets through."""
    case = make(500, 300, 200, dtype)
    whole = _core.dense_forward(case["x"], case["W"], case["b"])
    for row in (0, 239, 240, 499):
        alone = _core.dense_forward(case["x"][row : row + 1].copy(), case["W"], case["b"])
        assert_same_bits(alone[0], whole[row])


@pytest.mark.parametrize("shape", [(1030, 257, 150), (1030, 40, 17), (2100, 17, 300)], ids=str)
def test_gradients_cut_into_blocks_do_not_depend_on_the_threads(isa, dtype, shape):
    """Each thread packs its own columns of a block; the transposed copy is everybody's."""
    case = make(*shape, dtype)
    alone = _core.dense_backward(case["dy"], case["x"], case["W"], 1)
    for num_threads in (2, 3, 7):
        shared = _core.dense_backward(case["dy"], case["x"], case["W"], num_threads)
        for got, want in zip(shared, alone, strict=True):
            assert_same_bits(got, want)
