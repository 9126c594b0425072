"""What generate takes and tells: stops, seeds, details, states that go on, streams a token at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from rnnfast import LanguageModel, Sampler, SamplingError, State, TokenStream, reference

from .cases import assert_same_bits, interrupted_in, roughen

V = 7
SAMPLERS = [
    {},
    {"temperature": 1.7, "top_k": 4},
    {"greedy": True},
    {"repetition_penalty": 1.4},
    {"presence_penalty": 1.0, "frequency_penalty": 0.5, "penalty_window": 6},
    {"ban": [2], "logit_bias": {1: 1.0}, "typical_p": 0.8, "min_p": 0.05},
]


def make(dtype="float64", layers=2, H=9, **options):
    return roughen(LanguageModel(V, H, num_layers=layers, dtype=dtype, seed=3, **options))


def assert_same_state(got, expected):
    for name in ("h", "c", "position", "pending"):
        assert_same_bits(getattr(got, name), getattr(expected, name))


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
def test_a_loop_in_numpy_draws_the_same(isa, settings):
    """Step, the specification's draw and NumPy's own Philox, against one native call."""
    model, prompt = make(), [3, 1]
    W, b = model.parameters["dense.W"], model.parameters["dense.b"]
    got = model.generate(40, prompt=prompt, seed=11, num_streams=2, **settings)
    for n, row in enumerate(got.tolist()):
        state = None
        for token in prompt:
            _, state = model.step([token], state)
        for k, token in enumerate(row):
            word = int(np.random.Philox(key=[11, n], counter=[k, 0, 0, 0]).random_raw())
            u, logits = (word >> 11) * 2**-53, state.h[-1, 0] @ W + b
            assert token == reference.sampling.draw(logits, u, history=prompt + row[:k], **settings)
            _, state = model.step([token], state)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_hundred_thousand_steps_in_numpy(dtype):
    """The specification's loop, 100 streams together: float64 exactly, float32 up to the rounding of a near draw."""
    streams, steps, seed = 100, 1000, 5
    model = make(dtype)
    parameters = {name: value.astype(np.float64) for name, value in model.parameters.items()}
    got = model.generate(steps, num_streams=streams, seed=seed, temperature=1.5)
    u = np.stack([reference.random.uniform(seed, n, np.arange(steps), 0, dtype) for n in range(streams)])
    state, last = reference.model.zero_state(parameters, streams), np.full(streams, -1)
    agrees = np.ones(streams, bool)
    for t in range(steps):
        logits, state = reference.model.forward(parameters, last[:, np.newaxis], state)
        for n in np.flatnonzero(agrees):
            x = logits[0, n].astype(dtype)
            if got[n, t] != reference.sampling.draw(x, float(u[n, t]), temperature=1.5):
                agrees[n] = False
                weights = np.exp((logits[0, n] - logits[0, n].max()) / 1.5)
                borders = np.cumsum(weights) / weights.sum()
                assert dtype == "float32"
                assert np.abs(borders - u[n, t]).min() < 1e-5
        last = got[:, t]
    assert agrees.mean() > (0.9 if dtype == "float32" else 0.999)


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
@pytest.mark.parametrize("streams", [1, 3])
def test_fifty_tokens_twice_are_a_hundred_once(isa, dtype, settings, streams):
    model = make(dtype)
    options = {"seed": 8, "sampler": Sampler(**settings)}
    whole = model.generate(
        100, prompt=[[1, 2], [3], []][:streams], initial_token=4, return_details=True, **options
    )
    first = model.generate(
        50, prompt=[[1, 2], [3], []][:streams], initial_token=4, return_details=True, **options
    )
    rest = model.generate(50, state=first.state, return_details=True, **options)
    np.testing.assert_array_equal(np.hstack([first.tokens, rest.tokens]), whole.tokens)
    assert_same_bits(np.hstack([first.log_probabilities, rest.log_probabilities]), whole.log_probabilities)
    assert_same_state(rest.state, whole.state)
    if settings.keys() & {"repetition_penalty", "presence_penalty"}:
        assert_same_bits(rest.state.recent, whole.state.recent)


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
@pytest.mark.parametrize("initial_token", [-1, 4])
def test_before_the_first_draw_a_state_has_heard_the_prompts(isa, dtype, settings, initial_token):
    model, options = make(dtype), {"seed": 8, "sampler": Sampler(**settings)}
    heard = {"prompt": [[1, 2], [3], [], [5, 0, 6, 2]], "initial_token": initial_token}
    whole = model.generate(20, return_details=True, **heard, **options)
    streams = [model.stream(length, **heard, **options) for length in (None, 20, 0)]
    states = [model.generate(0, return_details=True, **heard, **options).state, *(s.state for s in streams)]
    for state in states:
        np.testing.assert_array_equal(state.pending, [2, 3, initial_token, 2])
        rest = model.generate(20, state=state, return_details=True, **options)
        np.testing.assert_array_equal(rest.tokens, whole.tokens)
        assert_same_state(rest.state, whole.state)
    np.testing.assert_array_equal(np.stack(list(streams[1]), axis=1), whole.tokens)
    assert list(streams[2]) == []
    again = model.generate(0, state=states[0], prompt=[6], return_details=True, **options).state
    two = model.generate(
        0, prompt=[[1, 2, 6], [3, 6], [initial_token, 6], [5, 0, 6, 2, 6]], return_details=True
    )
    np.testing.assert_array_equal(again.pending, [6] * 4)
    assert_same_bits(again.h[:, [0, 1, 3]], two.state.h[:, [0, 1, 3]])


def test_penalties_go_on_over_many_calls_with_prompts_between():
    model, sampler = make(), Sampler(frequency_penalty=0.3)
    whole = model.generate(1, prompt=[1, 5, 2], sampler=sampler, return_details=True)
    state = model.generate(0, sampler=sampler, return_details=True).state
    for piece in ([1, 5], [2]):
        after = model.generate(1, prompt=piece, state=state, sampler=sampler, return_details=True)
        taken = State(after.state.h, after.state.c, np.zeros(1, np.uint64), None, after.state.recent)
        state = taken if piece == [1, 5] else after.state
    assert_same_bits(after.log_probabilities, whole.log_probabilities)
    np.testing.assert_array_equal(state.recent, [[1, 5, 2]])


def test_seeds():
    model = make()
    by_list = model.generate(20, seed=[5, 9, 5])
    np.testing.assert_array_equal(by_list[0], model.generate(20, seed=5)[0])
    np.testing.assert_array_equal(by_list[1], model.generate(20, seed=9)[0])
    np.testing.assert_array_equal(by_list[0], by_list[2])
    assert not np.array_equal(*model.generate(20, seed=5, num_streams=2))
    fresh = model.generate(20, seed=None, return_details=True)
    assert fresh.seed != model.generate(20, seed=None, return_details=True).seed
    np.testing.assert_array_equal(model.generate(20, seed=fresh.seed), fresh.tokens)
    assert model.generate(1, seed=[1, 2], return_details=True).seed == (1, 2)


def ends(row, stops):
    """How many tokens there are until one of the sequences is complete."""
    for t in range(1, len(row) + 1):
        if any(list(row[max(0, t - len(s)) : t]) == list(s) for s in stops):
            return t
    return len(row)


@pytest.mark.parametrize(
    "stops", [[[3]], [[3], [5]], [[1, 1]], [[1, 2, 1, 2, 1], [0, 0]], [[2, 2, 2], [6]]], ids=str
)
def test_a_stream_ends_with_any_of_its_stops(isa, stops):
    model = make()
    free = model.generate(200, num_streams=30)
    got = model.generate(
        200, num_streams=30, stop=[s[0] if len(s) == 1 else s for s in stops], return_details=True
    )
    for row, own, length in zip(free, got.tokens, got.lengths, strict=True):
        assert length == ends(row, stops)
        np.testing.assert_array_equal(own[:length], row[:length])
        assert (own[length:] == -1).all()
    assert (got.lengths < 200).any()


def test_stop_strings_and_functions():
    model = roughen(LanguageModel(3, 9, vocabulary="abn", seed=1))
    free = model.decode(model.generate(300)[0])
    for stop in ("na", ["bab", "nn"], "b"):
        text = model.decode(model.generate(300, stop=stop)[0])
        strings = [stop] if isinstance(stop, str) else stop
        assert text == free[: min(free.index(s) + len(s) for s in strings if s in free)]
    for option in ("prompt", "stop"):
        with pytest.raises(
            ValueError, match=f"{option}: text has 'x', 'y', which the vocabulary does not have"
        ):
            model.generate(3, **{option: "axy"})
    words = roughen(LanguageModel(3, 9, vocabulary=["one", "two", "three"], seed=1))
    assert words.decode(words.generate(300, stop="two one")[0]).endswith("two one")
    calls = []
    got = model.generate(
        50, stop=lambda tokens: calls.append(tokens.tolist()) or len(tokens) == 4, num_streams=2
    )
    assert (got[:, :4] >= 0).all()
    assert (got[:, 4:] == -1).all()
    assert sorted(map(len, calls)) == [1, 1, 2, 2, 3, 3, 4, 4]
    mixed = model.generate(300, stop=["na", lambda tokens: len(tokens) == 3])[0]
    assert np.count_nonzero(mixed >= 0) <= 3


def test_a_stop_is_of_one_call():
    """What was drawn before, and the prompt, are no part of it; a stream's items are of one call."""
    model = roughen(LanguageModel(3, 9, vocabulary="abn", seed=1))
    whole = model.generate(300, stop="na")[0]
    end = int(np.count_nonzero(whole >= 0))
    first = model.generate(end - 1, stop="na", return_details=True)
    assert first.lengths == end - 1
    rest = model.generate(50, stop="na", state=first.state)[0]
    assert rest[0] == whole[end - 1]
    assert rest[1] >= 0
    assert list(model.stream(stop="na")) == whole[:end].tolist()
    with_prompt = model.generate(2, prompt="n", stop="na", logit_bias={0: 100})[0]
    assert model.decode(with_prompt) == "aa"


def test_a_stop_function_may_not_use_the_model_and_a_tokens_function_may():
    model = make()
    with pytest.raises(RuntimeError, match="this model is at work"):
        model.generate(3, stop=lambda tokens: model.score(tokens).totals[0] < -1)
    seen = []
    got = model.generate(6, on_token=lambda token: seen.append(model.score([token]).totals[0]))
    assert len(seen) == got.size == 6


def test_a_stop_functions_answer_is_true_or_false():
    model = make()
    assert model.generate(3, stop=lambda tokens: tokens[-1:] >= 0).tolist()[0][1:] == [-1, -1]
    with pytest.raises(TypeError, match=r"stop answered array\(\[.*, expected True or False"):
        model.generate(3, stop=lambda tokens: tokens == [1, 2][: len(tokens)])
    with pytest.raises(TypeError, match="stop answered"):
        list(model.stream(3, stop=lambda tokens: np.tile(tokens, 2)))


def test_no_stop_is_completed_before_the_least_length(isa):
    model = make()
    for stop in ([3], [[1, 2]], [[1, 2, 1], 0]):
        got = model.generate(60, num_streams=40, stop=stop, min_length=9, return_details=True)
        assert (got.lengths >= 9).all()
        assert (got.lengths == 9).any() or stop == [[1, 2]] or len(stop) == 2
        for row, length in zip(got.tokens, got.lengths, strict=True):
            sequences = [s if isinstance(s, list) else [s] for s in stop]
            assert ends(row[:length], sequences) == length
    got = model.generate(60, stop=lambda tokens: True, min_length=9)[0]
    assert np.count_nonzero(got >= 0) == 9


def test_details(isa, dtype):
    model = make(dtype)
    got = model.generate(30, num_streams=4, stop=3, num_alternatives=3, return_details=True, temperature=2.0)
    np.testing.assert_array_equal(
        got.tokens, model.generate(30, num_streams=4, stop_token=3, temperature=2.0)
    )
    np.testing.assert_array_equal(got.lengths, (got.tokens >= 0).sum(axis=1))
    for n, length in enumerate(got.lengths):
        inputs = np.concatenate([[-1], got.tokens[n, : length - 1]])
        p = model.predict([inputs])[0][0].astype(np.float64)
        tolerance = 1e-12 if dtype == np.float64 else 1e-5
        steps = np.arange(length)
        np.testing.assert_allclose(
            got.log_probabilities[n, :length], np.log(p[steps, got.tokens[n, :length]]), atol=tolerance
        )
        np.testing.assert_allclose(got.entropies[n, :length], -(p * np.log(p)).sum(axis=1), atol=tolerance)
        order = np.argsort(-p, axis=1, kind="stable")[:, :3]
        np.testing.assert_array_equal(got.alternatives[n, :length], order)
        np.testing.assert_allclose(
            got.alternative_log_probabilities[n, :length],
            np.log(np.take_along_axis(p, order, axis=1)),
            atol=tolerance,
        )
        assert not got.log_probabilities[n, length:].any()
        assert (got.alternatives[n, length:] == -1).all()


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
def test_nothing_told_depends_on_threads_or_on_who_else_is_there(dtype, settings):
    model, options = make(dtype), {"return_details": True, "num_alternatives": 2, **settings}
    prompts, seeds = [[n % V] * (n % 5) for n in range(300)], list(range(300))
    whole = model.generate(12, prompt=prompts, seed=seeds, stop=[[3, 3], 5], num_threads=1, **options)
    some = slice(90, 170)  # over the end of a block of 128
    parts = [
        (
            slice(None),
            model.generate(12, prompt=prompts, seed=seeds, stop=[[3, 3], 5], num_threads=n, **options),
        )
        for n in (2, 5)
    ]
    parts.append(
        (some, model.generate(12, prompt=prompts[some], seed=seeds[some], stop=[[3, 3], 5], **options))
    )
    for rows, got in parts:
        for name in ("tokens", "lengths", "log_probabilities", "entropies", "alternatives"):
            np.testing.assert_array_equal(getattr(got, name), getattr(whole, name)[rows])
        assert_same_state(got.state, whole.state[rows])


def test_an_error_changes_nothing():
    model = make()
    state = model.initial_state(3)
    model.generate(3, state=state)
    before = state.tobytes()
    with pytest.raises(SamplingError, match="leave no token that can be drawn") as caught:
        model.generate(9, state=state, ban=range(V))
    assert (caught.value.stream, caught.value.step) == (0, 0)

    def fail(tokens):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        model.generate(9, state=state, stop=fail)
    assert state.tobytes() == before


def falls_silent(dtype):
    """A model that draws any token, but none once it has read token 3: all logits are then -inf."""
    model = LanguageModel(V, 3, cell="rnn", dtype=dtype)
    zeros = {name: np.zeros(value.shape) for name, value in model.parameters.items()}
    (W,) = (name for name in zeros if name.endswith("W") and name != "dense.W")
    zeros[W][3] = 100.0  # h is then 1
    zeros["dense.W"][:] = -np.finfo(dtype).max
    model.set_parameters(zeros)
    return model


def test_an_error_in_the_middle_names_where_and_changes_nothing(isa, dtype):
    model = falls_silent(dtype)
    lengths = model.generate(200, num_streams=5, stop=3, seed=2, return_details=True).lengths
    before = model.initial_state(5)
    kept = before.tobytes()
    with pytest.raises(SamplingError, match="the logits hold a nan or only -inf") as caught:
        model.generate(200, num_streams=5, seed=2, state=before)
    assert (caught.value.stream, caught.value.step) == (lengths.argmin(), lengths.min())
    assert lengths.min() > 0
    assert before.tobytes() == kept
    stream = model.stream(num_streams=5, seed=2, state=before)
    items = [next(stream) for _ in range(lengths.min())]
    state = stream.state
    np.testing.assert_array_equal(
        np.stack(items, axis=1), model.generate(int(lengths.min()), num_streams=5, seed=2)
    )
    with pytest.raises(SamplingError) as caught:
        next(stream)
    assert (caught.value.stream, caught.value.step) == (lengths.argmin(), lengths.min())
    with pytest.raises(RuntimeError, match="state: the stream ended with an error within a step"):
        stream.state  # noqa: B018 (a property)
    rest = model.generate(1, state=state[lengths > lengths.min()], seed=2)
    assert (rest >= 0).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sampler": Sampler(), "top_k": 3}, ValueError, "top_k and sampler are both given"),
        ({"sampler": Sampler(), "temperature": 1.0}, ValueError, "temperature and sampler are both given"),
        ({"sampler": 3}, TypeError, "sampler is 3, expected a Sampler"),
        ({"model": 2}, TypeError, "model is given, which is no keyword of this call nor a field"),
        ({"temprature": 1.0}, TypeError, "temprature is given, which is no keyword of this call nor a field"),
        ({"stop": 7}, ValueError, "stop has token 7, expected 0 to 6"),
        ({"stop": [[]]}, ValueError, r"stop has \[\], expected at least one token"),
        ({"stop": "a"}, ValueError, "stop has text, but the model has no vocabulary"),
        ({"stop": 1.5}, TypeError, "stop: a token is 1.5, expected an integer"),
        ({"stop": [print, print]}, ValueError, "stop has 2 functions, expected at most one"),
        ({"stop": 1, "stop_token": 1}, ValueError, "stop and stop_token are both given"),
        ({"min_length": -1}, ValueError, "min_length is -1, expected at least 0"),
        ({"seed": [1, 2], "num_streams": 3}, ValueError, "seed is for 2 streams, expected 3 = num_streams"),
        ({"seed": [1, -2]}, ValueError, "seed is -2, expected 0 to"),
        ({"num_alternatives": 2}, ValueError, "num_alternatives is given, but return_details is False"),
        (
            {"num_alternatives": 8, "return_details": True},
            ValueError,
            "num_alternatives is 8, expected 0 to 7 = vocab_size",
        ),
        ({"ban": [7]}, ValueError, "ban names token 7, expected 0 to 6"),
        ({"on_token": 3}, TypeError, "on_token is 3, expected a function"),
        (
            {"on_token": print, "return_details": True},
            ValueError,
            "on_token and return_details are both given",
        ),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        make().generate(3, **options)


STREAMED = [
    {},
    {"seed": 4, "num_streams": 3},
    {"prompt": [[1], [2, 3, 4], [], [5, 6]], "initial_token": 2},
    {"prompt": [1, 2], "stop": [[3], [1, 1]], "num_streams": 5},
    {"stop": lambda tokens: tokens[-1] == 2, "num_streams": 2},
    {"repetition_penalty": 1.5, "top_p": 0.9, "min_length": 4, "stop": 0},
]


@pytest.mark.parametrize("options", STREAMED, ids=str)
def test_a_stream_gives_the_tokens_of_generate(isa, dtype, options):
    model = make(dtype)
    whole = model.generate(30, return_details=True, **options)
    stream = model.stream(30, **options)
    assert isinstance(stream, TokenStream)
    columns = np.full_like(whole.tokens, -1)
    for t, item in enumerate(stream):
        columns[:, t] = item
    np.testing.assert_array_equal(columns, whole.tokens)
    assert_same_state(stream.state, whole.state)
    called = []
    np.testing.assert_array_equal(model.generate(30, on_token=called.append, **options), whole.tokens)
    assert len(called) == whole.lengths.max()


def test_a_stream_of_many(dtype):
    model = make(dtype)
    prompts = [[k % V] * (k % 3) for k in range(300)]
    columns = np.stack(list(model.stream(5, prompt=prompts)), axis=1)
    np.testing.assert_array_equal(columns, model.generate(5, prompt=prompts))


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
def test_a_stream_may_be_left_and_gone_on_with(settings):
    model = make()
    whole = model.generate(40, seed=2, prompt=[4, 4], **settings)[0]
    stream = model.stream(seed=2, prompt=[4, 4], **settings)
    first = [next(stream) for _ in range(15)]
    rest = model.generate(25, state=stream.state, seed=2, **settings)[0]
    np.testing.assert_array_equal([*first, *rest], whole)
    np.testing.assert_array_equal([next(stream) for _ in range(25)], rest)


def test_ends_of_a_stream():
    model = make()
    assert list(model.stream(0)) == []
    assert list(model.stream(5, num_streams=0)) == []
    assert len(list(model.stream(3))) == 3
    stream = model.stream(2)
    assert isinstance(next(stream), int)
    next(stream)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(stream)
    stopped = model.generate(50, on_token=lambda token: True)
    assert (stopped >= 0).sum() == 1
    failing = model.stream(5, ban=range(V))
    with pytest.raises(SamplingError):
        next(failing)
    with pytest.raises(StopIteration):
        next(failing)


def test_a_stream_outlives_the_name_of_its_model_and_refuses_to_call_itself():
    stream = make().stream(200)
    assert len(list(stream)) == 200
    calls = []

    def reenter(tokens):
        with pytest.raises(RuntimeError, match="this stream or session is at work"):
            next(again)
        calls.append(len(tokens))

    again = make().stream(3, stop=reenter)
    list(again)
    assert calls == [1, 2]


@pytest.mark.parametrize("streams", [1, 3])
def test_ctrl_c_loses_no_item_of_a_stream(streams):
    model = make()
    stream = model.stream(3, num_streams=streams)
    got = []
    for _ in range(3):
        interrupted_in(partial(next, iter(stream)))
        got.append(next(stream))
    interrupted_in(partial(next, iter(stream)))
    assert list(stream) == []
    np.testing.assert_array_equal(
        np.stack(got, axis=-1).reshape(streams, 3), model.generate(3, num_streams=streams)
    )


def test_threads_may_drive_streams_of_one_model():
    model = make("float32", H=32)
    expected = [model.generate(300, seed=k)[0].tolist() for k in range(4)]
    got = [None] * 4

    def drive(k):
        got[k] = list(model.stream(300, seed=k))

    threads = [threading.Thread(target=drive, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == expected


def test_ctrl_c_ends_generate_soon():
    program = """
import rnnfast
model = rnnfast.LanguageModel(90, 64)
print("ready", flush=True)
model.generate(10**8, num_streams=1)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
