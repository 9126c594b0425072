"""A State is a value: it is copied, cut, joined, sent and read back, and streams go on from it as if nothing was."""

from __future__ import annotations

import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import LanguageModel, Sampler, State

from .cases import assert_same_bits, roughen

V = 7
FIELDS = ("h", "c", "position", "pending", "recent")


def make(dtype="float32"):
    return roughen(LanguageModel(V, 9, num_layers=2, dtype=dtype, seed=3), scale=1.5)


def some_state(dtype="float32", streams=4):
    """With all of its arrays."""
    penalised = Sampler(presence_penalty=0.5, penalty_window=5)
    return make(dtype).generate(8, num_streams=streams, sampler=penalised, return_details=True).state


def assert_same(got, expected):
    for name in FIELDS:
        one, other = getattr(got, name), getattr(expected, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert_same_bits(one, other)


def without(state, *names):
    return State(*(None if name in names else getattr(state, name) for name in FIELDS))


KINDS = [(), ("pending",), ("recent",), ("pending", "recent"), ("c",), ("c", "pending", "recent")]


def test_a_thousand_forks_equal_a_thousand_runs_of_their_own(isa, dtype):
    model = make(dtype)
    first = model.generate(20, seed=1, return_details=True)
    forks = model.generate(15, state=first.state[[0] * 1000], seed=list(range(1000)), return_details=True)
    alone = [model.generate(15, state=first.state, seed=[n], return_details=True) for n in range(1000)]
    np.testing.assert_array_equal(forks.tokens, np.concatenate([one.tokens for one in alone]))
    assert_same_bits(forks.log_probabilities, np.concatenate([one.log_probabilities for one in alone]))
    assert_same(forks.state, State.concatenate([one.state for one in alone]))
    assert len(np.unique(forks.tokens, axis=0)) > 900
    same = model.generate(30, state=first.state[[0] * 3], seed=[1, 1, 1])
    assert (same == same[0]).all()


def test_steps_of_forks_have_the_bits_of_steps_alone(isa, dtype):
    model = make(dtype)
    _, state = model.step([3], model.initial_state(1))
    tokens = np.arange(1000) % V
    p, forks = model.step(tokens, state[[0] * 1000])
    for token in range(V):
        alone, after = model.step([token], state)
        for n in (token, token + 7 * 60, token + 7 * 140):
            assert_same_bits(p[n : n + 1], alone)
            assert_same(forks[n], after)


def test_streams_are_picked_as_from_a_sequence():
    state = some_state()
    assert len(state) == 4
    assert len(state[1:3]) == 2
    for which, rows in ((2, [2]), (-1, [3]), (slice(None, None, 2), [0, 2]), ([3, 0, 3], [3, 0, 3])):
        part = state[which]
        assert_same_bits(part.h, state.h[:, rows])
        assert_same_bits(part.c, state.c[:, rows])
        assert_same_bits(part.recent, state.recent[rows])
    np.testing.assert_array_equal(state[np.array([True, False, True, False])].pending, state.pending[[0, 2]])
    assert [len(stream) for stream in state] == [1] * 4
    with pytest.raises(IndexError):
        state[4]
    assert "4 streams" in repr(state)


@pytest.mark.parametrize("absent", KINDS, ids=str)
def test_parts_make_the_whole_again(absent):
    state = without(some_state(), *absent)
    assert_same(State.concatenate([state[:1], state[1:1], state[1:]]), state)
    assert_same(state.copy(), state)
    assert not np.shares_memory(state.copy().h, state.h)
    assert_same(pickle.loads(pickle.dumps(state)), state)
    assert_same(State.frombytes(state.tobytes()), state)


def test_parts_of_different_pasts_are_joined():
    model, state = make(), some_state()
    joined = State.concatenate([model.initial_state(2), state, state[:1]])
    np.testing.assert_array_equal(joined.pending, [-1, -1, *state.pending, state.pending[0]])
    assert (joined.recent[:2] == -1).all()
    short = State(state.h, state.c, state.position, state.pending, state.recent[:, -2:])
    np.testing.assert_array_equal(State.concatenate([short, state]).recent[:4, :-2], -1)
    fresh = model.generate(9, seed=[3])
    np.testing.assert_array_equal(model.generate(9, state=joined, seed=[3] * 7)[:1], fresh)


def test_what_does_not_fit_is_not_joined():
    with pytest.raises(ValueError, match="states is empty"):
        State.concatenate([])
    with pytest.raises(TypeError, match="states is 3, expected a sequence of States"):
        State.concatenate(3)
    with pytest.raises(TypeError, match="state is a int, expected a State"):
        State.concatenate([some_state(), 3])
    for other in (some_state("float64"), without(some_state(), "c"), LanguageModel(V, 8).initial_state(1)):
        with pytest.raises(ValueError, match="states are of 2 kinds of model"):
            State.concatenate([some_state(), other])


def test_bytes_are_little_endian_and_say_what_they_are():
    state = some_state(streams=2)
    data = state.tobytes()
    magic, version, itemsize, flags, L, N, H, width = struct.unpack_from("<8sIBBQQQQ", data)
    assert (magic, version, itemsize, flags, L, N, H, width) == (b"rnnstate", 1, 4, 7, 2, 2, 9, 5)
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", 2 * 2 * 9, 46), state.h.ravel())
    swapped = State(
        *(getattr(state, name).astype(getattr(state, name).dtype.newbyteorder()) for name in FIELDS)
    )
    assert swapped.tobytes() == data


def with_checksum(data):
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


def test_hostile_bytes_are_refused():
    data = some_state(streams=1).tobytes()
    for bad, message in (
        (b"", "no State"),
        (b"x" * 500, "no State"),
        (data[:-1], "damaged"),
        (data + b"\0", "damaged"),
        (data[:60] + bytes([data[60] ^ 1]) + data[61:], "checksum"),
        (data[:8] + struct.pack("<I", 2) + data[12:], "format 2, expected 1"),
        (with_checksum(data[:12] + b"\5" + data[13:]), "damaged: floats of 5 bytes"),
        (with_checksum(data[:14] + struct.pack("<Q", 2**62) + data[22:]), "damaged: .* bytes, expected"),
    ):
        with pytest.raises(ValueError, match=message):
            State.frombytes(bad)
    for other, name in (("text", "str"), (None, "NoneType"), (np.zeros((8, 8))[:, ::2], "ndarray")):
        with pytest.raises(TypeError, match=f"data is a {name}, expected contiguous bytes"):
            State.frombytes(other)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 300), st.integers(0, 255))
def test_no_bytes_do_more_than_raise(noise, at, flipped):
    data = bytearray(some_bytes())
    data[at % len(data)] ^= flipped
    for bad in (noise, data[: at % len(data)], bytes(data) if flipped else noise, b"rnnstate" + noise):
        with pytest.raises(ValueError, match="data"):
            State.frombytes(bad)


def some_bytes(cache=[]):  # noqa: B006
    if not cache:
        cache.append(some_state(streams=1).tobytes())
    return cache[0]


def test_bad_parts_of_a_state_are_refused_by_name():
    model, state = make(), some_state()
    for field, value, error, message in (
        ("c", None, ValueError, "state.c is None"),
        ("pending", np.zeros(3, np.int32), ValueError, r"state.pending has shape \(3,\), expected \(4,\)"),
        ("pending", np.zeros(4), TypeError, "state.pending has dtype float64, expected integers"),
        ("pending", np.full(4, -2), ValueError, "state.pending has -2, expected at least -1"),
        ("pending", np.full(4, 2**40), ValueError, "state.pending has 1099511627776, expected a token"),
        ("pending", np.full(4, V), ValueError, r"state\.pending\[0\] is 7, expected a token from 0 to 6"),
        ("recent", np.zeros(4, np.int32), ValueError, r"state.recent has shape \(4,\)"),
        (
            "recent",
            np.full((4, 2), V),
            ValueError,
            r"state\.recent\[0, 0\] is 7, expected a token from 0 to 6",
        ),
    ):
        bad = State(**{name: getattr(state, name) for name in FIELDS} | {field: value})
        with pytest.raises(error, match=message):
            model.generate(3, state=bad)
