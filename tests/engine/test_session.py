"""Streams that join and leave in any order draw what each draws alone."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import LanguageModel, Sampler, SamplingError, Session, constraints

from .cases import assert_same_bits, interrupted_in, roughen

V = 7
MODELS = {  # so rough that a draw shows whether the model has heard what came before
    dtype: roughen(LanguageModel(V, 9, num_layers=2, dtype=dtype, seed=3), scale=1.5)
    for dtype in ("float32", "float64")
}
KINDS = [
    {},
    {"temperature": 0.5, "top_k": 3},
    {"greedy": True},
    {"frequency_penalty": 0.6, "penalty_window": 4},
    {"repetition_penalty": 1.3},
    {"stop": [[3], [1, 1]]},
    {"length": 5},
    {"stop": 2, "min_length": 6, "top_p": 0.9},
]


def alone(model, count, options):
    """The first `count` tokens, -1 after an end."""
    options = dict(options)
    length = min(options.pop("length", count), count)
    tokens = np.full(count, -1)
    tokens[:length] = model.generate(length, **options | {"seed": [options["seed"]]})[0]
    return tokens


ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.integers(0, len(KINDS) - 1),
            st.lists(st.integers(0, V - 1), max_size=6),
            st.integers(0, 2**64 - 1),
        ),
        st.tuples(st.just("step"), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.integers(0, 30)),
    ),
    max_size=30,
)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(ACTIONS, st.sampled_from(["float32", "float64"]))
def test_any_order_of_joining_and_leaving(actions, dtype):
    model = MODELS[dtype]
    session, options, drawn, live = model.session(100), {}, {}, []
    for action, *values in actions:
        if action == "add":
            kind, prompt, seed = values
            options[id := session.add(prompt=prompt, seed=seed, **KINDS[kind])] = KINDS[kind] | {
                "prompt": prompt,
                "seed": seed,
            }
            drawn[id] = []
            live.append(id)
        elif action == "step":
            ids, tokens = session.step(values[0])
            assert ids.tolist() == live
            for id, row in zip(ids.tolist(), tokens.tolist(), strict=True):
                drawn[id] += row
            live = session.ids.tolist()
        elif live:
            id = live.pop(values[0] % len(live))
            state = session.remove(id)
            rest = {
                k: v for k, v in options[id].items() if k not in ("prompt", "length", "stop", "min_length")
            }
            went_on = model.generate(4, state=state, **rest | {"seed": [rest["seed"]]})[0]
            if options[id].keys() <= {*rest, "prompt"}:
                whole = alone(model, len(drawn[id]) + 4, options[id])
                np.testing.assert_array_equal(went_on, whole[-4:])
        assert len(session) == len(live)
    for id, tokens in drawn.items():
        np.testing.assert_array_equal(tokens, alone(model, len(tokens), options[id]))


def test_hundreds_of_streams_on_every_instruction_set(isa, dtype):
    model = MODELS[np.dtype(dtype).name]
    session, kinds = model.session(1000), {}
    for n in range(400):
        kinds[session.add(prompt=[n % V] * (n % 4), seed=n, **KINDS[n % 3])] = n
    first = session.step(3)
    for id in range(0, 400, 3):
        session.remove(id)
    for n in range(400, 450):
        kinds[session.add(prompt=[n % V], seed=n, **KINDS[n % 3])] = n
    second = session.step(4)
    assert len(second.ids) == 450 - 134
    for result, before in ((first, 0), (second, 3)):
        for id, row in zip(result.ids.tolist()[::29], result.tokens[::29], strict=True):
            n = kinds[id]
            prompt = [n % V] * (n % 4) if n < 400 else [n % V]
            start = before if n < 400 else 0
            whole = alone(model, start + len(row), {"prompt": prompt, "seed": n, **KINDS[n % 3]})
            np.testing.assert_array_equal(row, whole[start:])


def test_a_stream_that_cannot_draw_ends_and_the_others_go_on():
    model = MODELS["float64"]
    session = model.session(3)
    good = session.add(seed=1)
    bad = session.add(ban=range(V))
    with pytest.raises(SamplingError, match=r"stream 1, step 0: bans, .* leave no token") as caught:
        session.step(4)
    assert (caught.value.stream, caught.value.step) == (bad, 0)
    assert caught.value.result.ids.tolist() == [good, bad]
    assert caught.value.result.tokens[1].tolist() == [-1] * 4
    assert session.ids.tolist() == [good]
    whole = [*caught.value.result.tokens[0], *session.step(2).tokens[0]]
    assert whole == model.generate(6, seed=1)[0].tolist()


def test_each_stream_that_cannot_draw_is_told_once():
    model = MODELS["float64"]
    session = model.session(4)
    for ban in ((), range(V), (), range(V)):
        session.add(seed=1, ban=ban)
    told, drawn = [], []
    for _ in range(2):
        with pytest.raises(SamplingError) as caught:
            session.step(3)
        told.append(caught.value.stream)
        drawn.append(caught.value.result.tokens[0])
    drawn.append(session.step(3).tokens[0])
    assert told == [1, 3]
    np.testing.assert_array_equal(np.concatenate(drawn), model.generate(9, seed=1)[0])


@pytest.mark.parametrize("stop", [[[3, 1]], [[1, 1, 1], [2, 5], 0], [[2, 2, 3], [2, 6, 2]]], ids=str)
def test_a_stop_may_begin_in_one_step_and_end_in_another(stop):
    model, seeds = MODELS["float32"], list(range(20))
    whole = model.generate(60, seed=seeds, stop=stop)
    assert (whole[:, -1] < 0).any()
    session = model.session(20)
    for seed in seeds:
        session.add(seed=seed, stop=stop)
    drawn = np.full_like(whole, -1)
    for t in range(60):
        ids, tokens = session.step(1)
        drawn[ids, t] = tokens[:, 0]
    np.testing.assert_array_equal(drawn, whole)


def test_a_stream_tells_its_seed_while_it_is_there():
    model = MODELS["float32"]
    session = model.session(3)
    given, fresh, other = (
        session.add(seed=2**64 - 1),
        session.add(seed=None),
        session.add(seed=None, length=2),
    )
    assert session.seed(given) == 2**64 - 1
    assert session.seed(fresh) != session.seed(other)
    seeds = [session.seed(id) for id in (given, fresh)]
    np.testing.assert_array_equal(session.step(9).tokens[:2], model.generate(9, seed=seeds))
    assert session.seed(fresh) == seeds[1]
    session.remove(fresh)
    for id in (fresh, other, 3, -1):
        with pytest.raises(KeyError, match=f"id is {id}, which is no stream of it"):
            session.seed(id)


def test_limits_and_bad_arguments():
    model = MODELS["float32"]
    session = model.session(2)
    assert isinstance(session, Session)
    assert session.step(3).tokens.shape == (0, 3)
    assert session.add() == 0
    assert session.step(0).tokens.shape == (1, 0)
    session.add(state=model.generate(3, return_details=True).state)
    with pytest.raises(RuntimeError, match="there are 2 streams, as many as its capacity"):
        session.add()
    for call, error, message in (
        (lambda: model.session(0), ValueError, "capacity is 0, expected at least 1"),
        (lambda: session.step(-1), ValueError, "k is -1, expected at least 0"),
        (lambda: session.step(1.0), TypeError, "k is 1.0, expected an integer"),
        (lambda: session.remove(2), KeyError, "id is 2, which is no stream of it"),
        (lambda: session.remove("0"), TypeError, "id is '0', expected an integer"),
        (lambda: session.add(num_streams=2), ValueError, "2 streams are given, expected one"),
        (lambda: session.add(num_threads=2), TypeError, "num_threads is given, which is no keyword of this"),
        (lambda: session.add(stop=len), TypeError, "a session takes no function"),
        (lambda: session.add(ban=[V]), ValueError, "ban names token 7"),
        (lambda: session.add(length=0), ValueError, "length is 0, expected at least 1"),
        (lambda: session.add(prompt=[V]), ValueError, "prompt.* is 7"),
        (lambda: session.add(sampler=Sampler(), top_k=2), ValueError, "both given"),
    ):
        with pytest.raises(error, match=message):
            call()
    session.remove(0)
    assert session.add() == 2
    with pytest.raises(KeyError):
        session.remove(0)


def test_ctrl_c_loses_nothing_however_short_the_call():
    model = MODELS["float64"]
    session = model.session(3)
    first, second = session.add(seed=1), session.add(seed=2)
    interrupted_in(partial(session._native.step, 4))
    np.testing.assert_array_equal(session.step(6).tokens, model.generate(6, seed=[1, 2]))
    third = session.add(seed=3, prompt=[1, 2])
    for id in (third, first):
        interrupted_in(partial(session._native.remove, id))
    assert session.ids.tolist() == [first, second, third]


def test_two_threads_may_drive_two_sessions_of_one_model():
    model, results = MODELS["float32"], [None] * 4

    def drive(k):
        session = model.session(10)
        for n in range(10):
            session.add(seed=10 * k + n)
        results[k] = np.hstack([session.step(7).tokens for _ in range(20)])

    threads = [threading.Thread(target=drive, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        np.testing.assert_array_equal(results[k], model.generate(140, seed=list(range(10 * k, 10 * k + 10))))


JOINING = [
    {},
    {"prompt": [4]},
    {"prompt": [4, 4, 2, 6, 1]},
    {"prompt": [4, -1]},
    {"initial_token": 3},
    {"prompt": [1, 2, 2], "repetition_penalty": 1.7},
    {"prompt": [1, 2, 2, 5], "frequency_penalty": 0.9, "penalty_window": 3},
]


@pytest.mark.parametrize("options", JOINING, ids=str)
def test_a_stream_removed_before_its_first_step_has_heard_its_prompt(isa, dtype, options):
    model = MODELS[np.dtype(dtype).name]
    session = model.session(3)
    first, second, third = (session.add(seed=seed, **options) for seed in (5, 6, 7))
    rest = {key: value for key, value in options.items() if key not in ("prompt", "initial_token")}
    whole = model.generate(12, seed=[5, 6, 7], return_details=True, **options)

    def goes_on(state, n, first):
        rest_of_it = model.generate(12 - first, state=state, seed=[5 + n], return_details=True, **rest)
        np.testing.assert_array_equal(rest_of_it.tokens[0], whole.tokens[n, first:])
        assert_same_bits(rest_of_it.log_probabilities[0], whole.log_probabilities[n, first:])

    goes_on(session.remove(second), 1, 0)
    ids, tokens = session.step(4)
    assert ids.tolist() == [first, third]
    np.testing.assert_array_equal(tokens, whole.tokens[[0, 2], :4])
    again = model.session(1)
    goes_on(again.remove(again.add(state=session.remove(first), seed=5, **rest)), 0, 4)


def test_a_constraint_and_a_length_hold_from_step_to_step():
    model, bar = MODELS["float64"], constraints.counter([1, 2, 3, 4, 5, 6, 7], total=40)
    session = model.session(5)
    for seed in range(5):
        session.add(seed=seed, length=40, constraint=bar)
    drawn = np.hstack([session.step(k).tokens for k in (1, 2, 3)])
    whole = model.generate(40, seed=list(range(5)), constraint=bar)
    np.testing.assert_array_equal(drawn, whole[:, :6])
    for seed in range(5):
        rest = bar.after(drawn[seed])
        went_on = model.generate(34, state=session.remove(seed), seed=[seed], constraint=rest)[0]
        np.testing.assert_array_equal(went_on, whole[seed, 6:])


def test_what_penalties_counted_goes_through_a_session_without_penalties():
    model, penalties = MODELS["float64"], {"frequency_penalty": 1.5}
    before = model.generate(5, seed=[3], return_details=True, **penalties).state
    session = model.session(1)
    stream = session.add(state=before, seed=3)
    drawn = session.step(4).tokens[0]
    between = model.generate(4, state=before, seed=[3], return_details=True)
    np.testing.assert_array_equal(drawn, between.tokens[0])
    rest = model.generate(9, state=session.remove(stream), seed=[3], **penalties)
    np.testing.assert_array_equal(rest, model.generate(9, state=between.state, seed=[3], **penalties))


@pytest.mark.parametrize("window", [0, 50])
def test_a_stream_that_left_goes_on_with_what_its_penalties_counted(window):
    penalties = {"frequency_penalty": 1.0, "penalty_window": window}
    model = roughen(LanguageModel(5, 9, seed=3))
    for seed in range(6):
        session = model.session(1)
        stream = session.add(seed=seed, **penalties)
        first = session.step(7).tokens[0]
        rest = model.generate(8, state=session.remove(stream), seed=[seed], **penalties)[0]
        whole = model.generate(15, seed=[seed], **penalties)[0]
        assert np.array_equal(np.concatenate([first, rest]), whole), seed


def test_a_loop_while_there_are_streams_hears_all_of_them(dtype):
    """Two that fail in one step have an error each; one that was interrupted has its tokens."""
    session, told = LanguageModel(5, 4, dtype=dtype).session(9), []
    for _ in range(2):
        session.add(ban=range(5))
    other = session.add(seed=3, length=6)
    drawn = []
    while len(session):
        try:
            result = session.step(4)
        except SamplingError as error:
            told.append(error.stream)
            result = error.result
        drawn += [t for i, row in zip(*result, strict=True) if i == other for t in row.tolist() if t >= 0]
    assert told == [0, 1]
    assert drawn == LanguageModel(5, 4, dtype=dtype).generate(6, seed=[3])[0].tolist()


def test_what_an_interrupted_step_has_drawn_counts_until_it_is_told():
    session = LanguageModel(5, 4).session(9)
    session.add(length=3000)
    interrupted_in(partial(session._native.step, 3000))
    told = 0
    while len(session):
        _, tokens = session.step(1000)
        told += int((tokens >= 0).sum())
    assert told == 3000


def test_the_first_arguments_of_add_need_no_names():
    model = LanguageModel(5, 4)
    session = model.session(3)
    session.add([1, 2], 7, Sampler(top_k=2), length=4)
    expected = model.generate(4, prompt=[1, 2], seed=[7], top_k=2)
    assert np.array_equal(session.step(4).tokens, expected)
