"""Stacks of LSTMs with the options that test_recurrent.py leaves out."""

from __future__ import annotations

import pytest

from .bounded_stacks import assert_specified
from .cases import assert_same_bits
from .stacks import OTHER_OPTIONS, arrays, make

T, N, D, H = 5, 3, 4, 9
EVERY_CELL = pytest.mark.parametrize("cell", OTHER_OPTIONS)
DIRECTIONS = pytest.mark.parametrize("both", [False, True], ids=["one direction", "both"])


@EVERY_CELL
@DIRECTIONS
@pytest.mark.parametrize("lengths", [None, [3, 5, 0]], ids=["dense", "ragged"])
def test_it_equals_the_specification(isa, dtype, cell, both, lengths):
    problem = make(cell, T, N, D, H, dtype, layers=2, both=both, lengths=lengths, gain=0.5)
    assert_specified(problem.results(), problem)


@EVERY_CELL
def test_steps_one_by_one_are_forward(isa, dtype, cell):
    problem = make(cell, T, N, D, H, dtype, layers=2)
    y, after, _ = problem.forward()
    state = problem.state
    for t in range(T):
        out, state = problem.layer.step(problem.x[t], state)
        assert_same_bits(out, y[t])
    for have, want in zip(arrays(state), arrays(after), strict=True):
        assert_same_bits(have, want)
