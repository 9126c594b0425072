"""Generation and prediction: the specification's tokens, prompts, stops, and what a stream must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import LanguageModel, NonFiniteError, SamplingError, State, reference

from .cases import assert_near, assert_same_bits, one_hot, roughen
from .conftest import FMA_ISAS

V = 7
OPTIONS = [
    {},
    {"num_streams": 5, "seed": 2**64 - 1},
    {"temperature": 0.5, "top_k": 3},
    {"top_p": 0.6, "num_streams": 2},
    {"greedy": True},
    {"temperature": 0.0, "num_streams": 3},
    {"prompt": [1, 2, 3], "num_streams": 3},
    {"prompt": [[1], [2, 3], [], [4, 5, 6, 0]]},
    {"prompt": [-1, 2]},
    {"stop_token": 3, "num_streams": 6},
    {"stop_token": 3, "prompt": [[1], [2, 3], [4, 5, 6, 0]], "temperature": 2.0},
    {"initial_token": 4},
]


def make(layers=2, dtype="float64", H=9, seed=3):
    return roughen(LanguageModel(V, H, num_layers=layers, dtype=dtype, seed=seed))


def as_float64(model):
    return {name: value.astype(np.float64) for name, value in model.parameters.items()}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_float64_equals_the_specification(isa, layers, options):
    model = make(layers)
    got = model.generate(25, **options)
    expected = reference.model.generate(as_float64(model), 25, **options | {"num_streams": len(got)})
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, expected.tokens)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_tokens_on_every_instruction_set(run_on, dtype, options):
    model = make(dtype=dtype, H=33)
    first, *others = (run_on(isa, lambda: model.generate(60, **options)) for isa in FMA_ISAS)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_after_a_stop_there_is_padding(isa):
    tokens = make().generate(40, num_streams=20, stop_token=2)
    stopped = [row for row in tokens if 2 in row]
    assert stopped
    for row in stopped:
        end = row.tolist().index(2)
        assert (row[:end] >= 0).all()
        assert (row[end + 1 :] == -1).all()
    unstopped = make().generate(40, num_streams=20)
    for row, free in zip(tokens, unstopped, strict=True):
        kept = row >= 0
        np.testing.assert_array_equal(row[kept], free[kept])


def test_a_stream_does_not_depend_on_its_neighbours(isa, dtype):
    model = make(dtype=dtype, H=17)
    prompts = [[1], [2, 3], [4, 5, 6, 0], [], [6] * 9]
    together = model.generate(50, prompt=prompts, seed=4)
    np.testing.assert_array_equal(model.generate(50, prompt=prompts[:2], seed=4), together[:2])
    few = model.generate(50, prompt=[[3, 3], *prompts[1:]], seed=4, stop_token=0)
    for row, free in zip(few[1:], together[1:], strict=True):
        kept = row >= 0
        np.testing.assert_array_equal(row[kept], free[kept])
    np.testing.assert_array_equal(
        model.generate(50, num_streams=3, seed=4), model.generate(50, num_streams=9, seed=4)[:3]
    )


@pytest.mark.parametrize("options", [{}, {"temperature": 1.7, "top_k": 4}, {"greedy": True}], ids=str)
def test_fifty_tokens_twice_are_a_hundred_once(isa, dtype, options):
    model = make(dtype=dtype)
    whole = model.generate(100, num_streams=3, seed=8, **options)
    first = model.generate(50, num_streams=3, seed=8, **options)
    _, state = model.predict(np.column_stack([np.full(3, -1), first[:, :-1]]))
    drawn = np.full(3, 50, np.uint64)
    rest = model.generate(50, prompt=first[:, -1:], seed=8, state=State(state.h, state.c, drawn), **options)
    np.testing.assert_array_equal(np.hstack([first, rest]), whole)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("length", [0, 5])
def test_without_a_state_streams_begin_with_zeros(isa, cell, length):
    """Where nobody asks for the state that comes after, none is made: the tokens are the same."""
    model = roughen(LanguageModel(V, 9, num_layers=2, cell=cell, seed=3))
    for options in ({"num_streams": 300}, {"prompt": [[1], [2, 3], []], "frequency_penalty": 0.5}):
        alone = model.generate(length, seed=4, **options)
        state = model.initial_state(len(alone))
        np.testing.assert_array_equal(alone, model.generate(length, seed=4, state=state, **options))
        told = model.generate(length, seed=4, return_details=True, **options)
        np.testing.assert_array_equal(alone, told.tokens)
        assert told.state.position.tolist() == [length] * len(alone)


def test_a_state_is_not_changed():
    model = make()
    _, state = model.step([1, 2])
    before = state.h.copy(), state.c.copy(), state.position.copy()
    model.generate(5, state=state)
    model.predict([[1, 2], [3, 4]], state)
    model.step([1, 1], state)
    for got, want in zip((state.h, state.c, state.position), before, strict=True):
        assert_same_bits(got, want)


def test_streams_are_counted_by_prompt_or_state():
    model = make()
    assert model.generate(4, prompt=[[1], [2]]).shape == (2, 4)
    assert model.generate(4, state=model.initial_state(3)).shape == (3, 4)
    assert model.generate(4, prompt=np.array([[1, 2], [3, 4]])).shape == (2, 4)
    assert model.generate(0, num_streams=2).shape == (2, 0)
    assert model.generate(4, num_streams=0).shape == (0, 4)


def test_forms_of_a_prompt():
    model = LanguageModel(3, 9, vocabulary="abn", seed=1)
    expected = model.generate(12, prompt=[1, 0, 2])
    for prompt in (
        np.array([1, 0, 2]),
        (1, 0, 2),
        np.array([1, 0, 2], np.uint8),
        "ban",
        ["ban"],
        [[1, 0, 2]],
    ):
        np.testing.assert_array_equal(model.generate(12, prompt=prompt), expected)
    two = model.generate(12, prompt=["ban", "n"])
    np.testing.assert_array_equal(two[:1], expected)
    np.testing.assert_array_equal(two, model.generate(12, prompt=["ban", [2]]))
    assert model.decode([1, 0, 2, -1]) == "ban"


@pytest.mark.parametrize("empty", [None, [], "", np.array([], int)], ids=str)
def test_an_empty_prompt_is_none(empty):
    model = LanguageModel(3, 9, vocabulary="abn", seed=1)
    np.testing.assert_array_equal(model.generate(9, prompt=empty), model.generate(9))


def test_the_initial_token_is_a_prompt_of_one():
    model = make()
    np.testing.assert_array_equal(model.generate(9, initial_token=4), model.generate(9, prompt=[4]))
    np.testing.assert_array_equal(model.generate(9, initial_token=-1), model.generate(9))


def test_greedy_takes_the_lowest_of_equals(isa, dtype):
    model = LanguageModel(V, 4, dtype=dtype)
    model.set_parameters({name: np.zeros(p.shape) for name, p in model.parameters.items()})
    assert not model.generate(5, greedy=True).any()
    model.set_parameters({"dense.b": [0, 0, 1, 0, 1, 1, 0]})
    for options in ({"greedy": True}, {"temperature": 0}, {"top_k": 1}):
        assert (model.generate(5, **options) == 2).all()


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6, "top_k": 5}, {"min_p": 0.2}], ids=str)
def test_a_million_draws_of_generate_have_the_models_shares(dtype, settings):
    """Of a model that heeds no input: each draw is independent of all others, and each pair of them, too."""
    model = LanguageModel(V, 1, dtype=dtype)
    bias = np.linspace(0, 2, V)
    model.set_parameters({"dense.W": np.zeros((1, V)), "dense.b": bias})
    kept = reference.sampling.filter_logits(bias, reference.sampling.Sampling(**settings))
    p = np.exp(kept / settings.get("temperature", 1.0))
    p /= p.sum()
    drawn = model.generate(10_000, num_streams=100, seed=6, **settings)
    for counts, shares in (
        (np.bincount(drawn.ravel(), minlength=V), p),
        (np.bincount((drawn[:, ::2] * V + drawn[:, 1::2]).ravel(), minlength=V * V), np.outer(p, p).ravel()),
    ):
        expected, possible = counts.sum() * shares, shares > 0
        assert not counts[~possible].any()
        chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
        freedom = possible.sum() - 1
        assert chi_square < freedom + 4 * np.sqrt(2 * freedom) + 4  # about p = 1e-4


def test_draws_have_the_models_probabilities():
    model = make(layers=1)
    p = model.predict([[-1]])[0][0, 0]
    first = model.generate(1, num_streams=20_000, seed=1)[:, 0]
    expected = 20_000 * p
    chi_square = ((np.bincount(first, minlength=V) - expected) ** 2 / expected).sum()
    assert chi_square < 22.5  # 6 degrees of freedom, p = 0.001


def test_logits_that_allow_no_draw_end_with_an_error_that_names_stream_and_step():
    model = make()
    state = model.initial_state(2)
    state.h[:, 1] = np.nan
    with pytest.raises(SamplingError, match="stream 1, step 0: the logits hold a nan or only -inf") as caught:
        model.generate(5, prompt=[[], [1]], state=state)
    assert isinstance(caught.value, NonFiniteError)
    assert (caught.value.stream, caught.value.step) == (1, 0)


@pytest.mark.parametrize("cut", [1, 3, 64, 99])
def test_predict_in_pieces_has_the_same_bits(isa, dtype, cut):
    model = make(dtype=dtype, H=17)
    X = np.random.default_rng(0).integers(-1, V, (3, 100))
    whole, end = model.predict(X)
    first, middle = model.predict(X[:, :cut])
    second, last = model.predict(X[:, cut:], middle)
    assert_same_bits(np.concatenate([first, second], axis=1), whole)
    assert_same_bits(last.h, end.h)
    assert_same_bits(last.c, end.c)
    for n in range(3):
        assert_same_bits(model.predict(X[n : n + 1])[0][0], whole[n])


def test_step_is_predict_of_one_token(isa, dtype):
    model = make(dtype=dtype)
    X = np.random.default_rng(0).integers(-1, V, (4, 6))
    whole, end = model.predict(X)
    state = None
    for t in range(6):
        p, state = model.step(X[:, t], state)
        assert_same_bits(p, whole[:, t])
    assert_same_bits(state.h, end.h)
    p, _ = model.step(one_hot(X[:, 0], V))
    assert_same_bits(p, whole[:, 0])


def test_predict_equals_the_specification(isa):
    model = make()
    X = np.random.default_rng(0).integers(-1, V, (4, 70))
    got, state = model.predict(X)
    expected, end = reference.model.predict(as_float64(model), X)
    assert_near(got, expected, 1e-12)
    assert_near(state.h, end.h, 1e-12)
    assert_near(state.c, end.c, 1e-12)
    np.testing.assert_allclose(got.sum(axis=-1), 1, rtol=1e-14)


def test_predict_takes_nothing():
    model = make()
    assert model.predict(np.zeros((0, 5), int))[0].shape == (0, 5, V)
    p, state = model.predict(np.zeros((2, 0), int))
    assert p.shape == (2, 0, V)
    assert not state.h.any()


def test_generate_draws_from_what_predict_says(isa, dtype):
    """Training, predict, step and generate use the same operations: greedy tokens are predict's largest."""
    model = make(dtype=dtype)
    tokens = model.generate(30, greedy=True)[0]
    p, _ = model.predict([[-1, *tokens[:-1]]])
    np.testing.assert_array_equal(p[0].argmax(-1), tokens)
