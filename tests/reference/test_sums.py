from __future__ import annotations

import numpy as np
import pytest

from rnnfast.reference.sums import folded_sum


def scalar(x):
    partial = [x.dtype.type(0)] * 16
    for j, value in enumerate(x):
        partial[j % 16] = partial[j % 16] + value
    for half in (8, 4, 2, 1):
        for k in range(half):
            partial[k] = partial[k] + partial[k + half]
    return partial[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 90, 1000])
def test_every_bit_is_that_of_sixteen_partial_sums(n, dtype):
    x = np.random.default_rng(n).normal(size=(3, n)).astype(dtype)
    got = folded_sum(x)
    assert got.dtype == dtype
    assert got.tolist() == [float(scalar(row)) for row in x]
