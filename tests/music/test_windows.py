"""Training windows as the exercise draws them."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast.music.windows import one_hot_windows, window_starts


@pytest.mark.parametrize(
    ("num_tokens", "starts"), [(275, [172, 47, 117, 192, 67]), (193, [47, 117, 67, 103, 9])]
)
def test_starts_are_those_of_the_exercise(num_tokens, starts):
    assert window_starts(num_tokens)[:5].tolist() == starts


def test_the_global_generator_is_neither_used_nor_changed():
    np.random.seed(0)  # noqa: NPY002
    expected = [np.random.choice(245) for _ in range(60)]  # noqa: NPY002
    before = np.random.get_state()[2]  # noqa: NPY002
    assert window_starts(275).tolist() == expected
    assert np.random.get_state()[2] == before  # noqa: NPY002


def test_arrays_are_shifted_by_one_with_empty_ends():
    corpus = np.arange(50) % 7
    starts = [3, 40, 3]
    X, Y = one_hot_windows(corpus, 7, starts, length=5)
    assert (X.shape, Y.shape, X.dtype, Y.dtype) == ((3, 5, 7), (5, 3, 7), np.bool_, np.bool_)
    assert not X[:, 0].any()
    assert not Y[-1].any()
    for i, start in enumerate(starts):
        for j in range(1, 5):
            assert np.flatnonzero(X[i, j]).tolist() == [corpus[start + j]]
            assert np.flatnonzero(Y[j - 1, i]).tolist() == [corpus[start + j]]
    assert X.sum() == Y.sum() == 3 * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((30, 60, 30), "the corpus has 30 tokens, expected more than 30"),
        ((0, 60, 30), "the corpus has 0 tokens"),
        ((100, 0, 30), "count is 0"),
        ((100, 60, 0), "length is 0"),
        ((100, -1, 30), "count is -1"),
    ],
)
def test_what_has_no_windows(arguments, message):
    with pytest.raises(ValueError, match=message):
        window_starts(*arguments)


def test_one_token_more_than_a_window_is_enough():
    assert window_starts(31).tolist() == [0] * 60
