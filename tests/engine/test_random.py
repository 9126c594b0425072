"""Counter-based random numbers, shuffles and initial weights: the same bits as NumPy's Philox and the specification."""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import _core, reference

from .cases import assert_same_bits

EDGES = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]


@pytest.mark.parametrize("seed", EDGES)
@pytest.mark.parametrize("position", EDGES)
def test_a_word_is_numpys_philox(seed, position):
    for stream in (0, 3, 2**64 - 1):
        for purpose in range(4):
            key = np.array([seed, stream], dtype=np.uint64)
            counter = np.array([position, purpose, 0, 0], dtype=np.uint64)
            generator = np.random.Philox(key=key, counter=counter)
            assert _core.random_word(seed, stream, position, purpose) == int(generator.random_raw())


@pytest.mark.parametrize("n", [0, 1, 2, 3, 17, 60, 1000])
def test_a_permutation_is_the_specifications(n):
    for seed, stream in ((0, 0), (5, 9), (2**64 - 1, 2**64 - 1)):
        got = _core.random_permutation(n, seed, stream)
        assert sorted(got) == list(range(n))
        np.testing.assert_array_equal(got, reference.random.permutation(n, seed, stream))


def test_every_order_of_three_is_as_likely():
    orders = [tuple(_core.random_permutation(3, 11, k)) for k in range(6000)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5  # chi-square, 5 degrees of freedom, p = 0.001


@pytest.mark.parametrize("sizes", [(5, 1, 1), (90, 64, 1), (7, 9, 3), (1, 17, 2)], ids=str)
@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_initial_weights_are_the_specifications_bit_for_bit(dtype, sizes, seed):
    V, H, L = sizes
    model = rnnfast.LanguageModel(V, H, num_layers=L, dtype=dtype, seed=seed)
    expected = reference.initialise.parameters(V, H, L, seed)
    assert list(model.parameters) == list(expected)
    for name, value in model.parameters.items():
        assert_same_bits(value, expected[name].astype(dtype))


def test_initial_weights_do_not_depend_on_the_instruction_set(run_on, dtype):
    models = [
        run_on(isa, lambda: rnnfast.LanguageModel(9, 33, dtype=dtype)) for isa in rnnfast.available_isas()
    ]
    for other in models[1:]:
        for name, value in models[0].parameters.items():
            assert_same_bits(other.parameters[name], value)
