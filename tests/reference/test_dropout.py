from __future__ import annotations

import numpy as np
import pytest

from rnnfast.reference import dropout
from rnnfast.reference.random import DROPOUT


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 20])
def test_a_mask_is_numpys_philox_eight_columns_a_block(columns):
    rate, blocks = 0.3, -(-columns // 8)
    got = dropout.mask(rate, 5, 9, 3, columns)
    for place in range(3):
        for column in range(columns):
            counter = [place * blocks + column // 8, DROPOUT, 0, 0]
            words = np.random.Philox(key=[5, 9], counter=counter).random_raw(4)
            bits = int(words[column % 8 // 2]) >> 32 * (column % 2) & 0xFFFFFFFF
            assert got[place, column] == (0 if bits < rate * 2**32 else 1 / (1 - rate))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_the_rate_says_and_the_mean_stays(rate):
    mask = dropout.mask(rate, 1, 2, 300, 333)
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs((mask == 0).mean() - rate) < 4 * deviation
    assert set(np.unique(mask)) == {0, 1 / (1 - rate)}


def test_a_rate_of_zero_drops_nothing():
    assert (dropout.mask(0.0, 1, 2, 5, 11) == 1).all()


@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="rate is"):
        dropout.mask(rate, 0, 0, 1, 1)
