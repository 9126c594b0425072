"""`fit` on an iterator: an endless stream is trained on as one long sample is, in the memory of one of its arrays."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from rnnfast import SGD, Adam, LanguageModel

from .cases import assert_same_parameters, samples
from .test_model_kinds import KINDS, V, make

STATEFUL = {"truncate": 3, "stateful": True}


def cut(X, *ends):
    return [X[:, begin:end] for begin, end in itertools.pairwise((0, *ends, X.shape[1]))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_arrays_of_pairs_are_one_long_sample(dtype, kind, dropout):
    """Cut where pieces end, so that the updates are the same ones; the last array's piece is a short one."""
    X, Y = samples(N=5, T=14)
    Y[:, -1] = 1
    whole, parts = (make(kind, dtype, dropout=dropout) for _ in range(2))
    want = whole.fit(X, Y, epochs=1, shuffle=False, optimizer=Adam(0.05), **STATEFUL)
    pairs = zip(cut(X, 3, 9), cut(Y, 3, 9), strict=True)
    got = parts.fit(pairs, epochs=None, optimizer=Adam(0.05), **STATEFUL)
    assert_same_parameters(parts, whole)
    assert (got.steps, got.tokens) == (want.steps, want.tokens)
    assert len(got.loss) == 3
    counts = [int((y >= 0).sum()) for y in cut(Y, 3, 9)]
    assert np.average(got.loss, weights=counts) == pytest.approx(want.loss[0], rel=1e-6)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_next_token_may_be_in_the_next_array(dtype, num_threads):
    X = samples(N=4, T=13)[0]
    whole, parts = make("gru", dtype), make("gru", dtype)
    whole.fit(X, epochs=1, shuffle=False, **STATEFUL)
    arrays = cut(X, 4, 7, 10)  # 3, 3, 3 and 3 pairs: the last token of each waits for the array after it
    parts.fit(iter(arrays), epochs=None, num_threads=num_threads, **STATEFUL)
    assert_same_parameters(parts, whole)


def test_the_state_goes_on_over_targets_that_do_not_count(dtype):
    """At an array's end nothing is learnt from them, but the state has read their inputs."""
    X, Y = samples(N=3, T=12)
    Y[:, 3:6], Y[:, -1] = -1, 1
    whole, parts = make("lstm, tied", dtype), make("lstm, tied", dtype)
    whole.fit(X, Y, epochs=1, shuffle=False, optimizer=SGD(0.1), **STATEFUL)
    parts.fit(zip(cut(X, 6), cut(Y, 6), strict=True), epochs=None, optimizer=SGD(0.1), **STATEFUL)
    assert_same_parameters(parts, whole)


def test_a_piece_longer_than_an_array_is_the_array():
    X = samples(N=2, T=13)[0]
    models = [LanguageModel(V, 6) for _ in range(2)]
    for model, truncate in zip(models, (6, 600), strict=True):
        model.fit(iter(cut(X, 7)), epochs=None, truncate=truncate, stateful=True)
    assert_same_parameters(*models)


def test_arrays_may_have_any_length(dtype):
    """Also one token each, and a piece grows with the longest array, whatever `truncate` allows."""
    X = np.maximum(samples(N=3, T=12)[0], 0)
    single, pairs = make("lstm, tied", dtype), make("lstm, tied", dtype)
    options = {"truncate": 2**31 - 1, "stateful": True, "epochs": None, "optimizer": SGD(0.1)}
    single.fit(iter(cut(X, *range(1, 12))), **options)
    one_by_one = [(X[:, t : t + 1], X[:, t + 1 : t + 2]) for t in range(11)]
    pairs.fit(iter(one_by_one), **options)
    assert_same_parameters(single, pairs)
    growing, padded = make("lstm, tied", dtype), make("lstm, tied", dtype)
    growing.fit(iter(cut(X, 3, 7)), **options)  # pieces of 2, 4 and 5 steps
    state, losses = None, []
    for begin, end in ((0, 2), (2, 6), (6, 11)):
        x, y = X[:, begin:end], X[:, begin + 1 : end + 1]
        p, state = padded.predict(x, state)
        losses.append(-np.log(np.take_along_axis(p, y[..., np.newaxis], -1)).mean())
        padded = make("lstm, tied", dtype)
        padded.fit(iter(cut(X[:, : end + 1], 3, 7)[: len(losses)]), **options)
    assert growing.history.loss == pytest.approx(losses, rel=1e-5)
    assert_same_parameters(growing, padded)


def test_an_array_without_a_target_is_passed_through(dtype):
    X, Y = samples(N=2, T=9)
    Y[:, 3:6], Y[:, -1] = -1, 1
    whole, parts = make("gru", dtype), make("gru", dtype)
    whole.fit(X, Y, epochs=1, shuffle=False, **STATEFUL)
    history = parts.fit(zip(cut(X, 3, 6), cut(Y, 3, 6), strict=True), epochs=None, **STATEFUL)
    assert_same_parameters(parts, whole)
    assert np.isnan(history.loss[1])
    assert np.isfinite(history.loss[::2]).all()


def endless(taken, N=2, T=6):
    for k in itertools.count():
        taken.append(k)
        yield (np.arange(T) + k * T + np.arange(N)[:, np.newaxis]) % V


def test_no_more_arrays_are_taken_than_epochs_say():
    taken, model = [], LanguageModel(V, 6)
    history = model.fit(endless(taken), epochs=3, **STATEFUL)
    assert taken == [0, 1, 2]
    assert len(history.loss) == 3
    assert history.tokens == 2 * (6 + 6 + 6) - 2


def test_a_callback_ends_an_endless_stream_and_validation_follows_each_array():
    taken, model, (X, Y) = [], LanguageModel(V, 6), samples()
    history = model.fit(
        endless(taken), epochs=None, validation=(X, Y), callbacks=[lambda epoch, _: epoch == 4], **STATEFUL
    )
    assert taken == [0, 1, 2, 3, 4]
    assert len(history.validation_loss) == 5
    assert history.validation_loss[-1] == pytest.approx(model.evaluate(X, Y)["loss"])


def test_an_exception_of_the_iterator_ends_it_at_a_whole_array():
    class LostError(Exception):
        pass

    def broken():
        yield from itertools.islice(endless([]), 2)
        raise LostError

    twin, model = LanguageModel(V, 6), LanguageModel(V, 6)
    twin.fit(endless([]), epochs=2, **STATEFUL)
    with pytest.raises(LostError):
        model.fit(broken(), epochs=None, **STATEFUL)
    assert_same_parameters(model, twin)
    assert len(model.history.loss) == 2
    model.fit(endless([]), epochs=1, **STATEFUL)  # and it can go on


def arrays(*shapes):
    return iter([np.zeros(shape, np.int32) for shape in shapes])


@pytest.mark.parametrize(
    ("stream", "options", "error", "message"),
    [
        (iter([]), {}, ValueError, "X is an iterator without a target, expected at least two steps"),
        (arrays((2, 1)), {}, ValueError, "X is an iterator without a target, expected at least two steps"),
        (
            arrays((2, 1), (2, 0)),
            {},
            ValueError,
            r"array 1 \(counted from 0\) has shape \(2, 0\), expected at",
        ),
        (arrays((2, 4), (3, 4)), {}, ValueError, r"array 1 .* has shape \(3, 4\), expected 2 samples"),
        (arrays((2, 4), (2, 4, 3)), {}, ValueError, r"array 1 .* has shape \(2, 4, 3\), expected tokens"),
        (iter([np.zeros((2, 4))]), {}, TypeError, "array 0 .* has dtype float64, expected integers"),
        (iter([np.full((2, 4), 99)]), {}, ValueError, r"X\[0, 0\] is 99, expected a token"),
        (
            iter([(np.zeros((2, 4), int),)]),
            {},
            ValueError,
            "array 0 .* has 1 entries, expected an array, or a pair",
        ),
        (arrays((2, 4)), {"Y": np.zeros((2, 4))}, ValueError, "Y is given, expected None: X is an iterator"),
        (
            arrays((2, 4)),
            {"stateful": False},
            ValueError,
            "stateful is False, expected True: X is an iterator",
        ),
        (arrays((2, 4)), {"truncate": None}, ValueError, "stateful is True, expected truncate= with it"),
        (arrays((2, 4)), {"batch_size": 1}, ValueError, "batch_size is 1, expected None: X is an iterator"),
        (
            arrays((2, 4)),
            {"validation": 0.5},
            ValueError,
            r"validation is 0\.5, expected \(X, Y\): X is an it",
        ),
        (np.zeros((2, 4), int), {"epochs": None}, TypeError, "epochs is None, expected an int"),
    ],
)
def test_what_is_no_stream_is_refused(stream, options, error, message):
    with pytest.raises(error, match=message):
        LanguageModel(V, 6).fit(stream, **{"epochs": 2, **STATEFUL, **options})


MEMORY = """\
import resource
import numpy as np
from rnnfast import LanguageModel
model = LanguageModel(30, 16)
arrays = (np.full((8, 50_000), k % 30, np.int32) for k in range({count}))
model.fit(arrays, epochs=None, truncate=500, stateful=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_a_stream():
    """Each array of tokens has 1.6 MB; ten more of them stay within one."""
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", MEMORY.format(count=count)], capture_output=True, check=True
            ).stdout
        )
        for count in (3, 13)
    ]
    assert peaks[1] < peaks[0] + 4_000  # KiB
