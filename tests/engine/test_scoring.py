"""Scores against steps, and beam search against brute force."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from rnnfast import LanguageModel, SamplingError, constraints

from .cases import assert_same_bits, roughen
from .conftest import FMA_ISAS

V = 7


def make(dtype="float64", layers=2, H=9, V=V, **options):
    return roughen(LanguageModel(V, H, num_layers=layers, dtype=dtype, seed=3, **options))


def by_steps(model, sequence, state=None, first=-1):
    """Log-probabilities of a sequence, a step at a time."""
    total, last = [], first
    for token in sequence:
        p, state = model.step([last], state)
        total.append(np.log(p[0, token]))
        last = token
    return np.array(total)


def test_a_score_is_the_sum_of_steps(isa):
    model, r = make(), np.random.default_rng(0)
    sequences = [r.integers(0, V, n) for n in (5, 200, 1, 0, 64, 65)]
    score = model.score(sequences)
    assert score.log_probabilities.shape == (6, 200)
    np.testing.assert_array_equal(score.lengths, [5, 200, 1, 0, 64, 65])
    for n, sequence in enumerate(sequences):
        expected = by_steps(model, sequence)
        np.testing.assert_allclose(score.log_probabilities[n, : len(sequence)], expected, atol=1e-10, rtol=0)
        assert not score.log_probabilities[n, len(sequence) :].any()
        assert abs(score.totals[n] - expected.sum()) < 1e-10
    loss = -score.totals.sum() / 335
    assert score.loss == pytest.approx(loss, rel=1e-14)
    assert score.perplexity == pytest.approx(np.exp(loss), rel=1e-14)
    assert score.bits_per_token == pytest.approx(loss / np.log(2), rel=1e-14)


def test_a_row_does_not_depend_on_the_others_nor_on_threads_or_instruction_set(run_on, dtype):
    model, r = make(dtype), np.random.default_rng(1)
    tokens = r.integers(0, V, (150, 70)).astype(np.int32)
    first, *others = (run_on(isa, lambda: model.score(tokens).log_probabilities) for isa in FMA_ISAS)
    for other in others:
        assert_same_bits(other, first)
    assert_same_bits(model.score(tokens, num_threads=2).log_probabilities, first)
    for n in (0, 63, 64, 149):
        assert_same_bits(model.score(tokens[n]).log_probabilities[0], first[n])


def test_a_score_of_what_was_generated_is_what_generate_told(dtype):
    model = make(dtype)
    got = model.generate(20, num_streams=3, stop=2, prompt=[4, 1], return_details=True)
    after_four = np.hstack([np.full((3, 1), 1), got.tokens])
    assert_same_bits(model.score(after_four, initial_token=4).log_probabilities[:, 1:], got.log_probabilities)
    first = model.generate(9, num_streams=3, return_details=True)
    rest = model.generate(9, state=first.state, return_details=True)
    assert_same_bits(model.score(rest.tokens, state=first.state).log_probabilities, rest.log_probabilities)


def test_forms_of_sequences():
    model = LanguageModel(3, 9, vocabulary="abn", seed=1)
    expected = model.score([[1, 0, 2, 0]]).log_probabilities
    for tokens in ("bana", ["bana"], [1, 0, 2, 0], np.array([1, 0, 2, 0]), np.array([[1, 0, 2, 0]])):
        assert_same_bits(model.score(tokens).log_probabilities, expected)
    padded = model.score(["bana", "n"])
    assert_same_bits(padded.log_probabilities[:1], expected)
    np.testing.assert_array_equal(padded.lengths, [4, 1])
    assert model.score([]).totals.shape == (0,)
    assert np.isnan(model.score([]).loss)
    for bad, message in (
        ([[0, 3]], r"tokens\[0, 1\] is 3, expected a token from 0 to 2"),
        ("bxa", "tokens: text has 'x'"),
        (3, "tokens is 3, expected integers"),
        ([0.5], "tokens has dtype float64, expected integers"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            model.score(bad)


def brute_force(model, length, stop, penalty):
    """Every sequence that ends with `stop`, or has `length` tokens: (score, tokens), the best first."""
    found = []
    for size in range(1, length + 1):
        for tokens in product(range(model.vocab_size), repeat=size):
            ended = stop is not None and tokens[-1] == stop
            if (stop is not None and stop in tokens[:-1]) or not (ended or size == length):
                continue
            found.append(tokens)
    score = model.score(found)
    scores = score.totals / score.lengths.astype(float) ** penalty
    order = sorted(range(len(found)), key=lambda k: (-scores[k], found[k]))
    return [(scores[k], found[k]) for k in order]


@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 0.7, -0.5])
def test_a_wide_beam_equals_brute_force(stop, penalty):
    model = make(V=4, layers=1, H=5)
    expected = brute_force(model, 8, stop, penalty)
    width = 4**8
    got = model.beam_search(width, 8, length_penalty=penalty, stop=stop)
    assert len(got) == len(expected)
    np.testing.assert_allclose([beam.score for beam in got], [score for score, _ in expected], rtol=1e-9)
    assert [tuple(beam.tokens.tolist()) for beam in got[:100]] == [tokens for _, tokens in expected[:100]]
    for beam in got[:5]:
        assert beam.log_probability == pytest.approx(model.score(beam.tokens).totals[0], abs=1e-10)
        assert beam.score == pytest.approx(beam.log_probability / len(beam.tokens) ** penalty, abs=1e-10)
    few = model.beam_search(64, 8, length_penalty=penalty, stop=stop)
    assert len(few) == 64
    assert few[0].score <= got[0].score
    assert all(a.score >= b.score for a, b in pairwise(few))


def table(rows, accepting):
    return constraints.from_table(rows, accepting=accepting)


CONSTRAINTS = {
    "a sum of twelve": constraints.counter([1, 2, 3, 4], total=12),
    "sets": constraints.sequence_of(
        [[0, 1], [2], [1, 2, 3], [0, 3], [3], [0, 1], [2, 1], range(4)], vocab_size=4
    ),
    "ends early": constraints.regex("a(bc)*d", "abcd"),
    "all of eight or what ends": constraints.regex("[abc]*d?", "abcd"),
    "even lengths": table([[1, 1, 1, -1], [0, 0, 0, 2], [-1] * 4], [True, False, True]),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_equals_brute_force_under_a_constraint(isa, name, penalty):
    """All that the constraint accepts and that ends: where there is no way on, or after eight tokens."""
    model, constraint = make(V=4, layers=1, H=5), CONSTRAINTS[name]
    has_way_on = (constraint.next_state >= 0).any(axis=1)
    found, begun = [], [((), constraint.start)]
    for size in range(1, 9):
        begun = [
            ((*tokens, j), int(state))
            for tokens, before in begun
            for j, state in enumerate(constraint.next_state[before])
            if state >= 0
        ]
        found += [
            t for t, state in begun if constraint.accepting[state] and (size == 8 or not has_way_on[state])
        ]
        begun = [(t, state) for t, state in begun if has_way_on[state]]
    assert all(constraint.accepts(tokens) for tokens in found)
    score = model.score(found)
    scores = score.totals / score.lengths.astype(float) ** penalty
    expected = sorted(range(len(found)), key=lambda k: (-scores[k], found[k]))
    got = model.beam_search(4**8, 8, length_penalty=penalty, constraint=constraint)
    assert [tuple(beam.tokens.tolist()) for beam in got] == [found[k] for k in expected]
    np.testing.assert_allclose([beam.score for beam in got], scores[expected], rtol=1e-9)
    np.testing.assert_allclose([b.log_probability for b in got], score.totals[expected], atol=1e-10, rtol=0)
    few = model.beam_search(3, 8, length_penalty=penalty, constraint=constraint)
    assert all(constraint.accepts(beam.tokens) for beam in few)
    assert few[0].score <= got[0].score


def test_a_beam_of_one_under_a_constraint_is_greedy(isa, dtype):
    model, constraint = make(dtype, V=4), CONSTRAINTS["a sum of twelve"]
    (beam,) = model.beam_search(1, 12, constraint=constraint, prompt=[2, 2])
    greedy = model.generate(12, constraint=constraint, prompt=[2, 2], greedy=True)[0]
    np.testing.assert_array_equal(beam.tokens, greedy[greedy >= 0])


def test_a_beam_of_one_is_greedy(isa, dtype):
    model = make(dtype)
    for prompt in ([], [3, 1]):
        (beam,) = model.beam_search(1, 25, prompt=prompt)
        np.testing.assert_array_equal(beam.tokens, model.generate(25, prompt=prompt, greedy=True)[0])
    drawn = model.generate(5, return_details=True)
    (beam,) = model.beam_search(1, 5, state=drawn.state)
    np.testing.assert_array_equal(beam.tokens, model.generate(5, state=drawn.state, greedy=True)[0])


def test_beams_of_text_and_stops_of_several_tokens():
    model = make(V=3, vocabulary="abn")
    beams = model.beam_search(6, 7, prompt="ba", stop=["na", "b"])
    texts = [model.decode(beam.tokens) for beam in beams]
    assert len(set(texts)) == len(texts) == 6
    for text in texts:
        assert len(text) == 7 or text.endswith(("na", "b"))
        assert "na" not in text[:-1]
        assert "b" not in text[:-1]


ANYTHING = table([[0] * V], [True])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 0}, ValueError, "width is 0, expected at least 1"),
        ({"length": -1}, ValueError, "beam_search: length is -1, expected at least 0"),
        ({"length_penalty": np.nan}, ValueError, "length_penalty is -?nan, expected a finite number"),
        ({"stop": len}, TypeError, "beam_search takes no function"),
        ({"stop": 7}, ValueError, "stop has token 7, expected 0 to 6"),
        ({"prompt": [[1], [2]]}, ValueError, "prompt is for 2 streams, expected one"),
        ({"prompt": [9]}, ValueError, "prompt.* is 9, expected a token from 0 to 6"),
        ({"constraint": 3}, TypeError, "constraint is 3, expected a Constraint"),
        ({"constraint": CONSTRAINTS["sets"]}, ValueError, "constraint: nothing satisfies it within length 3"),
        ({"constraint": CONSTRAINTS["ends early"]}, ValueError, "constraint is for 4 tokens and length 3"),
        ({"constraint": ANYTHING, "stop": 1}, ValueError, "constraint is given with stop"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        make().beam_search(**{"width": 2, "length": 3} | options)


def test_no_tokens_and_no_numbers():
    model = make()
    assert model.beam_search(3, 0) == []
    state = model.initial_state(1)
    state.h[:] = np.nan
    with pytest.raises(SamplingError, match="step 0: the logits hold a nan"):
        model.beam_search(3, 4, state=state)


def test_what_is_certain_is_so_for_scores_beams_and_constraints(isa, dtype):
    """Logits of inf after token 3, for 1 and 2 alone: as generate tells it."""
    model = LanguageModel(4, 3, cell="rnn", dtype=dtype)
    zeros = {name: np.zeros(value.shape) for name, value in model.parameters.items()}
    (W,) = (name for name in zeros if name.endswith("W") and name != "dense.W")
    zeros[W][3] = 100.0  # h is then 1
    zeros["dense.W"][:, [1, 2]] = np.finfo(dtype).max
    model.set_parameters(zeros)
    told = model.generate(2, prompt=[3], num_streams=20, return_details=True)
    score = model.score(told.tokens, initial_token=3)
    assert_same_bits(score.log_probabilities, told.log_probabilities)
    np.testing.assert_allclose(score.log_probabilities[:, 0], np.log(0.5), rtol=1e-6)
    impossible = model.score([[0, 1]], initial_token=3)
    assert impossible.totals[0] == -np.inf
    beams = model.beam_search(9, 1, prompt=[3])
    assert [beam.tokens.tolist() for beam in beams] == [[1], [2]]
    forced = table([[1, -1, -1, 1], [-1] * 4], [False, True])
    with pytest.raises(SamplingError, match="step 0: the logits, or what the constraint leaves") as caught:
        model.beam_search(3, 1, prompt=[3], constraint=forced)
    assert (caught.value.stream, caught.value.step) == (0, 0)
