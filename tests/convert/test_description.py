"""Descriptions that make no sense are refused, whichever format they come from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnnfast.convert.description import Dense, Embedding, Network, Recurrent, stacked
from rnnfast.convert.gates import reorder

from .networks import make_stack


def changed(stack, **arrays):
    """The stack whose last cell has other arrays."""
    *lower, directions = stack.layers
    *others, cell = directions
    return tuple(lower), (*others, dataclasses.replace(cell, **arrays))


@pytest.mark.parametrize(
    ("stack", "arrays", "message"),
    [
        (make_stack("lstm"), {"b_Rn": np.ones(4)}, r"layers.0.\* are W, R, b, b_Rn, expected W, R, b$"),
        (make_stack("gru"), {"peephole": np.ones(12)}, r"layers.0.\* are W, R, b, b_Rn, peephole, expected"),
        (make_stack("gru", layers=2), {"b_Rn": None}, r"layers.1.\* are W, R, b, expected W, R, b, b_Rn"),
        (make_stack("lstm", directions=2), {"W": np.ones((4, 16))}, r"layers.0.reverse.W has shape \(4, 16\), exp"),
        (make_stack("lstm", layers=2), {"R": np.ones((3, 16))}, r"layers.1.R has shape \(3, 16\), expected \(4, 16\)"),
        (make_stack("rnn", layers=2), {"b": np.full(4, np.nan)}, "layers.1.b has numbers that are not finite"),
        (make_stack("rnn"), {"b": np.ones(4, int)}, "layers.0.b is int64, expected float32 or float64"),
        (make_stack("rnn"), {"W": np.ones((0, 4))}, r"layers.0.W has shape \(0, 4\), expected no length of 0"),
        (make_stack("lstm", peephole=True), {"peephole": np.ones(8)}, r"peephole has shape \(8,\), expected \(12,\)"),
        (make_stack("lstm", proj_size=2), {"projection": np.ones(4)}, "layers.0.R or its projection is no matrix"),
    ],
    ids=range(10),
)  # fmt: skip
def test_cells_fit_their_stack(stack, arrays, message):
    lower, last = changed(stack, **arrays)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(stack, layers=(*lower, last))


def test_settings_of_a_stack():
    layers = make_stack("rnn", layers=2, directions=2).layers
    with pytest.raises(ValueError, match="cell is 'tcn', expected 'rnn', 'gru' or 'lstm'"):
        Recurrent("tcn", layers)
    with pytest.raises(ValueError, match="nonlinearity is 'elu', expected 'tanh' or 'relu'"):
        Recurrent("rnn", layers, nonlinearity="elu")
    for wrong in ((), ((),), (layers[0], layers[1][:1])):
        with pytest.raises(
            ValueError, match=r"the layers have .* directions, expected 1 in each, or 2 in each"
        ):
            Recurrent("rnn", wrong)


def test_parts_fit_each_other():
    stack, ones = make_stack("gru"), np.ones
    for parts, message in (
        ((), "there are no layers"),
        ((stack, Embedding(ones((4, 3)))), "an embedding comes after another layer"),
        ((Embedding(ones((4, 2))), stack), "a layer takes 3 numbers, but the one before it gives 2"),
        ((stack, Dense(ones((4, 3)), ones(3), softmax=True), stack), "a layer comes after a softmax"),
    ):
        with pytest.raises(ValueError, match=message):
            Network(parts)
    for wrong, message in (
        ((ones(3), ones(3)), "2 dimensions"),
        ((ones((4, 3)), ones(4)), r"expected \(3,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            Dense(*wrong)


def test_layers_of_one_kind_and_size_become_one_stack():
    first, second = make_stack("gru", D=3), make_stack("gru", D=4, layers=2)
    (joined,) = stacked([first, second]).parts
    assert joined.layers == first.layers + second.layers
    with pytest.raises(ValueError, match="there is no recurrent layer"):
        stacked([Dense(np.ones((3, 3)), np.ones(3))])
    for other in (
        make_stack("gru", D=4, H=5),
        make_stack("gru", D=4, reset_after=False),
        make_stack("gru", D=4, directions=2),
        make_stack("lstm", D=4),
    ):
        assert len(stacked([first, other]).parts) == 2


def test_blocks_are_refused_where_they_do_not_divide():
    with pytest.raises(ValueError, match="a length of 7 is no multiple of 3 gates"):
        reorder(np.ones(7), "zrn", "rzn")
