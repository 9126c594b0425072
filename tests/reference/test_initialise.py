from __future__ import annotations

import numpy as np
import pytest

from rnnfast.reference import initialise, random


def test_names_and_shapes():
    shapes = {name: p.shape for name, p in initialise.parameters(7, 3, 2).items()}
    assert list(shapes.items()) == [
        ("layers.0.W", (7, 12)),
        ("layers.0.R", (3, 12)),
        ("layers.0.b", (12,)),
        ("layers.1.W", (3, 12)),
        ("layers.1.R", (3, 12)),
        ("layers.1.b", (12,)),
        ("dense.W", (3, 7)),
        ("dense.b", (7,)),
    ]


def test_biases_are_zero_but_one_for_the_forget_gate():
    p = initialise.parameters(4, 2)
    assert p["layers.0.b"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not p["dense.b"].any()


def test_glorot_draws_by_parameter_and_element():
    p = initialise.parameters(5, 4, 2, seed=9)
    for stream, name in [(0, "layers.0.W"), (3, "layers.1.W"), (6, "dense.W")]:
        W = p[name]
        limit = (6 / sum(W.shape)) ** 0.5
        for element in (0, 1, W.size - 1):
            u = float(random.uniform(9, stream, element, random.INITIALISATION))
            assert W.flat[element] == limit * (2 * u - 1)


def test_glorot_has_its_mean_and_variance():
    W = initialise.glorot_uniform(90, 256, seed=0, stream=0)
    limit = (6 / 346) ** 0.5
    assert np.abs(W).max() <= limit
    assert abs(W.mean()) < 4 * limit / (3 * W.size) ** 0.5
    assert W.var() == pytest.approx(limit**2 / 3, rel=0.02)


@pytest.mark.parametrize("H", [1, 3, 5, 64])
def test_recurrent_rows_are_orthonormal(H):
    R = initialise.parameters(3, H, seed=4)["layers.0.R"]
    np.testing.assert_allclose(R @ R.T, np.eye(H), atol=1e-14)


def test_gram_schmidt_takes_each_row_less_its_share_in_those_before():
    R = initialise.orthonormal_rows(3, 12, seed=1, stream=1)
    positions = 12 * np.arange(36)[:, None] + np.arange(12)
    normal = (random.uniform(1, 1, positions, random.INITIALISATION).sum(axis=1) - 6).reshape(3, 12)
    for i in range(3):
        row = normal[i].copy()
        for j in range(i):
            row -= (row @ R[j]) * R[j]
        np.testing.assert_allclose(R[i], row / np.linalg.norm(row), rtol=1e-12)


def test_seeds_differ_and_repeat():
    a, b, again = (initialise.parameters(4, 3, seed=s)["layers.0.R"] for s in (1, 2, 1))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(a, again)


@pytest.mark.parametrize("name", ["vocab_size", "hidden_size", "num_layers"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0, expected at least 1"):
        initialise.parameters(**{"vocab_size": 2, "hidden_size": 2, "num_layers": 1} | {name: 0})
