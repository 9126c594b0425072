"""Batches of sequences of different lengths, packed: each sequence is computed as if it were alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from .cases import assert_near, assert_same_bits, make_lstm, of_states, of_weights, part
from .conftest import FMA_ISAS

INPUTS = pytest.mark.parametrize("tokens", [False, True], ids=["dense", "tokens"])
LENGTHS = {
    "falling": [5, 3, 3, 2, 1],
    "some empty": [4, 4, 1, 0, 0],
    "steps past the last": [2, 1],
    "one": [3],
    "all empty": [0, 0],
}


def pack(case, lengths):
    """The same problem without the steps that lie past a sequence's end."""
    runs = np.arange(len(case.x))[:, np.newaxis] < np.array(lengths)
    changed = {name: np.ascontiguousarray(getattr(case, name)[runs]) for name in ("x", "dh_out")}
    return dataclasses.replace(case, batch_sizes=[int(n) for n in runs.sum(axis=1)], **changed), runs


def both(case, num_threads=1):
    """Activations and gradients."""
    activations = case.forward(num_threads)
    return activations, case.backward(*activations, num_threads=num_threads)


def assert_same_results(got, expected):
    for have, want in zip(got[0], expected[0], strict=True):
        assert_same_bits(have, want)
    for name, want in expected[1].items():
        assert (got[1][name] is None) == (want is None)
        if want is not None:
            assert_same_bits(got[1][name], want)


@INPUTS
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("H", [7, 17])
def test_a_sequence_does_not_depend_on_its_batch(make, isa, dtype, lengths, H, tokens):
    N = len(lengths)
    case = make(5, N, 3, H, dtype, tokens=tokens)
    ragged, runs = pack(case, lengths)
    activations, gradients = both(ragged)
    sums = {name: np.zeros_like(gradients[name]) for name in of_weights(case)}
    rows = np.full(runs.shape, -1)
    rows[runs] = np.arange(runs.sum())
    for n, length in enumerate(lengths):
        own = rows[:length, n]
        alone, alone_back = both(part(case, t=slice(length), n=slice(n, n + 1)))
        for have, want in zip(activations, alone, strict=True):
            if len(want) > length:  # states: the initial one, then one a step
                assert_same_bits(have[[n, *(N + own)]], want[:, 0])
            else:
                assert_same_bits(have[own], want[:, 0])
        if not tokens:
            assert_same_bits(gradients["dx"][own], alone_back["dx"][:, 0])
        for name in of_states(case):
            assert_same_bits(gradients[name][n], alone_back[name][0])
        for name in sums:
            sums[name] += alone_back[name]
    for name, total in sums.items():
        assert_near(gradients[name], total, 1e-5 if dtype is np.float32 else 1e-12)


@INPUTS
def test_equal_lengths_are_a_dense_batch(make, isa, dtype, tokens):
    case = make(4, 6, 5, 17, dtype, tokens=tokens)
    ragged, _ = pack(case, [4] * 6)
    (h, *_), gradients = both(ragged)
    (dense_h, *_), dense_gradients = both(case)
    assert_same_bits(h.reshape(dense_h.shape), dense_h)
    for name in case.gradients[tokens:]:
        assert_same_bits(gradients[name].reshape(dense_gradients[name].shape), dense_gradients[name])


@INPUTS
@pytest.mark.parametrize(
    ("shape", "lengths"),
    [((9, 37, 5, 33), [9 - n // 4 for n in range(37)]), ((3, 3, 6, 270), [3, 2, 0])],
    ids=["rows shared", "units shared"],
)
def test_no_bit_depends_on_the_threads(make, isa, dtype, shape, lengths, tokens):
    ragged, _ = pack(make(*shape, dtype, tokens=tokens), lengths)
    alone = both(ragged)
    for num_threads in (2, 3):
        assert_same_results(both(ragged, num_threads), alone)


@INPUTS
def test_bits_are_equal_across_instruction_sets(make, run_on, dtype, tokens):
    ragged, _ = pack(make(6, 7, 5, 33, dtype, tokens=tokens), [6, 6, 4, 3, 3, 1, 0])
    results = [run_on(name, lambda: both(ragged)) for name in FMA_ISAS]
    for other in results[1:]:
        assert_same_results(other, results[0])


@pytest.mark.parametrize(
    ("batch_sizes", "message"),
    [
        ([2, 3], r"batch_sizes has 3 after 2, expected falling numbers from N = 3 to 0"),
        ([4, 1], r"batch_sizes has 4 after 3, expected falling numbers"),
        ([3, -1], r"batch_sizes has -1 after 3, expected falling numbers"),
        ([3, 1, 1], r"x has shape \(4, 2\), expected \(5, 2\) = \(rows, D\)"),
        ([], r"x has shape \(4, 2\), expected \(0, 2\) = \(rows, D\)"),
    ],
)
def test_bad_batch_sizes_are_refused(make, dtype, batch_sizes, message):
    ragged, _ = pack(make(2, 3, 2, 4, dtype), [2, 1, 1])
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ragged, batch_sizes=batch_sizes).forward()


def test_bad_shapes_of_packed_arrays_are_refused(dtype):
    ragged, _ = pack(make_lstm(2, 3, 2, 4, dtype), [2, 1, 1])
    h, *rest = ragged.forward()
    with pytest.raises(ValueError, match=r"h has shape \(6, 4\), expected \(7, 4\) = \(N \+ rows, H\)"):
        ragged.backward(h[1:], *rest)
    ragged.dh_out = ragged.dh_out[1:]
    with pytest.raises(ValueError, match=r"dh_out has shape \(3, 4\), expected \(4, 4\) = \(rows, H\)"):
        ragged.backward(h, *rest)
