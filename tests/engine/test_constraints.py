"""Whatever is drawn under a constraint satisfies it, ends exactly, and has the shares that the model gives."""

from __future__ import annotations

import pickle
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import Adam, LanguageModel, constraints
from rnnfast.constraints import Constraint
from rnnfast.names import dinosaur_names

from .cases import roughen

LETTERS = "\nabcdefghijklmnopqrstuvwxyz"


def make(V=5, dtype="float64", H=9, **options):
    return roughen(LanguageModel(V, H, dtype=dtype, seed=3, **options))


def drawn(model, length, constraint, streams, **options):
    """The tokens of each stream, without what comes after its end."""
    tokens = model.generate(length, constraint=constraint, num_streams=streams, **options)
    return [row[row >= 0].tolist() for row in tokens]


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 3.0}, {"greedy": True}, {"top_k": 2, "top_p": 0.5}], ids=str
)
def test_ten_thousand_names_all_match(settings):
    model = make(len(LETTERS), "float32", vocabulary=LETTERS)
    pattern = r"[a-z]+saurus\n"
    names = drawn(model, 16, constraints.regex(pattern, LETTERS), 10_000, **settings)
    assert all(re.fullmatch(pattern, model.decode(name)) for name in names)
    lengths = set(map(len, names))
    assert lengths <= set(range(8, 17))
    assert len(lengths) > 1 or settings.keys() & {"greedy", "top_k"}


def test_ten_thousand_bars_are_exactly_full():
    durations = np.array([1, 2, 3, 4, 6])
    bars = constraints.counter(durations, total=24, bar=8)
    no_rest_first = constraints.from_table([[-1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    for constraint in (bars, bars & no_rest_first):
        for piece in drawn(make(), 24, constraint, 10_000):
            ends = np.cumsum(durations[piece])
            assert ends[-1] == 24
            assert {8, 16, 24} <= set(ends.tolist())
            assert piece[0] != 0 or constraint is bars


@pytest.mark.parametrize("length", [3, 4, 9])
def test_a_sequence_of_sets(isa, length):
    sets = [[0, 1], [4], [2, 3]] * (length // 3) + [[1]] * (length % 3)
    for piece in drawn(make(), length, constraints.sequence_of(sets, 5), 200):
        assert len(piece) == length
        assert all(token in allowed for token, allowed in zip(piece, sets, strict=True))
    if length > 3:
        with pytest.raises(ValueError, match=f"within length 3: the shortest sequence has {length} tokens"):
            make().generate(3, constraint=constraints.sequence_of(sets, 5))


def enumerated(model, constraint, length):
    """The distribution over sequences: at each place the model's, among tokens that can still end right."""

    def reaches(state, left):
        if constraint.accepting[state] and (left == 0 or (constraint.next_state[state] < 0).all()):
            return True
        return left > 0 and any(n >= 0 and reaches(n, left - 1) for n in constraint.next_state[state])

    found = {}

    def walk(tokens, state, memory, last, share):
        is_end = constraint.accepting[state] and (constraint.next_state[state] < 0).all()
        if len(tokens) == length or (tokens and is_end):
            found[tokens] = share
            return
        p, after = model.step([last], memory)
        then = constraint.next_state[state]
        may = np.array([n >= 0 and reaches(n, length - len(tokens) - 1) for n in then])
        q = np.where(may, p[0], 0) / p[0][may].sum()
        for token in np.flatnonzero(may):
            walk((*tokens, int(token)), then[token], after, int(token), share * q[token])

    walk((), constraint.start, None, -1, 1.0)
    return found


TOYS = {
    "table": constraints.from_table(
        [[1, 1, 0, -1, 2], [0, 2, -1, 1, -1], [-1, -1, 0, 2, 1]], [True, False, True]
    ),
    "counter": constraints.counter([1, 2, 3, 1, 2], total=5),
    "regex": constraints.regex(r"(ab|c)*d|e{2,3}", "abcde"),
    "product": constraints.counter([1, 2, 3, 1, 2], total=6) & constraints.regex(r"[abc][^c]*", "abcde"),
}


@pytest.mark.parametrize("name", TOYS)
def test_sequences_have_the_enumerated_shares(name):
    model, length, streams = make(), 5, 20_000
    expected = enumerated(model, TOYS[name], length)
    assert sum(expected.values()) == pytest.approx(1)
    counts = dict.fromkeys(expected, 0)
    for piece in drawn(model, length, TOYS[name], streams, seed=5):
        counts[tuple(piece)] += 1
    observed = np.array([counts[key] for key in expected])
    wanted = streams * np.array(list(expected.values()))
    likely = wanted >= 5
    observed = np.append(observed[likely], observed[~likely].sum())
    wanted = np.append(wanted[likely], wanted[~likely].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    freedom = len(wanted) - 1
    assert ((observed - wanted) ** 2 / wanted).sum() < freedom + 4 * np.sqrt(2 * freedom) + 6


@st.composite
def tables(draw):
    states, V = draw(st.integers(1, 6)), 4
    row = st.lists(st.integers(-1, states - 1), min_size=V, max_size=V)
    table = draw(st.lists(row, min_size=states, max_size=states))
    accepting = draw(st.lists(st.booleans(), min_size=states, max_size=states))
    return table, accepting, draw(st.integers(0, states - 1))


def possible(table, accepting, start, length):
    """All sequences of at most `length` tokens that may be drawn, by trying every one."""
    found = set()
    for size in range(1, length + 1):
        for tokens in product(range(4), repeat=size):
            state, is_whole = start, True
            for place, token in enumerate(tokens):
                if place and accepting[state] and max(table[state]) < 0:
                    is_whole = False
                state = table[state][token]
                if state < 0:
                    break
            if state >= 0 and is_whole and accepting[state] and (size == length or max(table[state]) < 0):
                found.add(tokens)
    return found


@settings(derandomize=True, max_examples=100, deadline=None)
@given(tables(), st.integers(1, 5))
def test_any_automaton_never_sticks_and_misses_nothing(automaton, length):
    table, accepting, start = automaton
    expected = possible(table, accepting, start, length)
    if accepting[start] and max(table[start]) < 0:
        expected = set()
    model = MODEL_OF_FOUR
    if not expected:
        with pytest.raises(ValueError, match=r"no sequence satisfies|nothing satisfies it within"):
            model.generate(length, constraint=constraints.from_table(table, accepting, start))
        return
    constraint = constraints.from_table(table, accepting, start)
    pieces = drawn(model, length, constraint, 300, temperature=5.0)
    assert {tuple(piece) for piece in pieces} <= expected
    assert all(constraint.accepts(piece) for piece in pieces)
    if len(expected) <= 8:
        assert {tuple(piece) for piece in pieces} == expected


MODEL_OF_FOUR = LanguageModel(4, 3, seed=1)


PIECES = st.recursive(
    st.sampled_from(
        ["a", "b", "c", ".", "[ab]", "[^a]", r"\w", "[b-d]", r"\.", r"\n", r"[\n.]", r"\s", r"\S", ""]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("distinct", [3, 150])
def test_what_is_allowed_among_many_tokens(distinct):
    """Of 150 tokens, few or all of which lead to states of their own; masks have three words."""
    r = np.random.default_rng(1)
    V, states, length = 150, 7, 6
    table = r.integers(-1, states, (states, distinct))[:, r.integers(0, distinct, V)]
    table[r.random((states, V)) < (0.5 if distinct == V else 0)] = -1
    accepting = np.arange(states) == 2
    live = [accepting]  # from which states a sequence can end with so many tokens more
    for _ in range(length):
        leads = (table >= 0) & live[-1][table]
        live.append(leads.any(axis=1) | (accepting & (table < 0).all(axis=1)))
    tokens = make(V).generate(
        length, constraint=constraints.from_table(table, accepting), num_streams=6000, temperature=50.0
    )
    state = np.zeros(len(tokens), int)
    for t in range(length):
        for at in range(states):
            came = set(tokens[(state == at) & (tokens[:, t] >= 0), t].tolist())
            allowed = np.flatnonzero((table[at] >= 0) & live[length - t - 1][table[at]]).tolist()
            assert came <= set(allowed)
            if (state == at).sum() > 4000:
                assert len(came) == len(allowed)
        state = np.where(tokens[:, t] >= 0, table[state, tokens[:, t]], state)
    assert accepting[state].all()


def satisfiable(pattern, alphabet):
    """Compiled, or None where no text matches."""
    try:
        return constraints.regex(pattern, alphabet)
    except ValueError:
        return None


@settings(derandomize=True, max_examples=100, deadline=None)
@given(PIECES)
def test_a_pattern_accepts_what_pythons_re_matches(pattern):
    alphabet = "ab.\n"
    texts = ["".join(text) for size in range(5) for text in product(alphabet, repeat=size)]
    matching = {text for text in texts if re.fullmatch(pattern, text)}
    constraint = satisfiable(pattern, alphabet)
    if constraint is None:
        assert not matching
        return
    encoded = {text: [alphabet.index(c) for c in text] for text in texts}
    assert {text for text in texts if constraint.accepts(encoded[text])} == matching


def test_patterns_over_words_are_joined_by_spaces():
    words = ["one", "two", "o"]
    constraint = constraints.regex("(one|o) (two )*one", words)
    assert constraint.accepts([0, 0])
    assert constraint.accepts([2, 1, 1, 0])
    assert not constraint.accepts([0, 1])
    model = make(3, vocabulary=words)
    for piece in drawn(model, 6, constraint, 100):
        assert re.fullmatch("(one|o) (two )*one", model.decode(piece))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a(b", r"at place 1 a '\(' without a '\)'"),
        ("a)b", r"at place 1 a '\)' without a '\('"),
        ("[ab", r"at place 0 a '\[' without a '\]'"),
        ("a**", "at place 2 a second repeat"),
        ("a+?", "lazy and possessive ones are not known"),
        ("*a", r"at place 0 a repeat '\*' of nothing"),
        ("a{2", r"a '\{' that is no \{m\}"),
        ("a{,2}", r"a '\{' that is no \{m\}"),
        ("a{3,2}", r"\{3,2\}, which has less"),
        ("^a", r"an anchor '\^'"),
        ("a$", r"an anchor '\$'"),
        (r"(a)\1", r"an escape '\\1' that is not known here"),
        (r"\bab", r"an escape '\\b'"),
        (r"a\Z", r"an escape '\\Z'"),
        ("(?=a)", r"a group that begins with '\(\?'"),
        ("(?P<x>a)", r"a group that begins with '\(\?'"),
        ("(?i:a)", r"a group that begins with '\(\?'"),
        ("[b-a]", "a range b-a, which ends before it begins"),
        ("[]", "an empty class"),
        ("[[:alpha:]]", r"a '\[' in a class"),
        ("a]", r"a '\]' that ends nothing"),
        ("a\\", r"an escape '\\' that is not known here"),
        ("xa", "matches no text of these tokens: no token has 'x'"),
        ("xa|[^ab]c", r"no token has 'c', 'x', a character of '\[\^ab\]'$"),
        ("[A-Z][ab]+", r"matches no text of these tokens: no token has a character of '\[A-Z\]'$"),
        (r"a\d{2}", r"no token has a character of '\\d'$"),
        (r"x[xa]\.[\dx]", r"no token has '\.', 'x', a character of '\[\\dx\]'$"),
        ("(" * 2000 + "a" + ")" * 2000, r"at place 100 a '\(' within 100 others"),
        ("a{70000}", "more than 65536 states"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_place(pattern, message):
    with pytest.raises(ValueError, match=message):
        constraints.regex(pattern, "ab")


def test_groups_are_counted_by_their_depth():
    assert constraints.regex("(a)" * 200, "ab").shortest == 200
    assert constraints.regex("(" * 100 + "a" + ")" * 100, "ab").shortest == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: constraints.regex(5, "ab"), TypeError, "pattern is 5, expected a string"),
        (lambda: constraints.regex("a", None), TypeError, "vocabulary is None, expected a sequence of str"),
        (lambda: constraints.regex("a", ["a", ""]), ValueError, "vocabulary holds an empty entry"),
        (lambda: constraints.from_table([[1, 1], [0]]), ValueError, "next_state is ragged"),
        (
            lambda: constraints.from_table([[1], [0]], [0, 1]),
            TypeError,
            "accepting has dtype int64, expected bool, one for each state",
        ),
        (lambda: constraints.from_table([[1], [0]], [[True], []]), ValueError, "accepting is ragged"),
        (lambda: constraints.sequence_of([0, 1], 5), TypeError, r"allowed_sets\[0\] is 0, expected tokens"),
        (lambda: constraints.sequence_of(3, 5), TypeError, "allowed_sets is 3, expected a sequence of sets"),
        (lambda: constraints.sequence_of([[0]], 0), ValueError, "vocab_size is 0, expected at least 1"),
        (
            lambda: constraints.sequence_of([[0]], None),
            TypeError,
            "vocab_size is None, expected an integer or a vocabulary",
        ),
        (
            lambda: constraints.sequence_of([["a"], ["x"]], "ab"),
            ValueError,
            r"allowed_sets\[1\] has 'x', which the vocabulary does not have",
        ),
        (
            lambda: constraints.sequence_of([["a"]], 2),
            TypeError,
            r"allowed_sets\[0\]: a token is 'a', expected",
        ),
        (lambda: constraints.sequence_of([["a"]], "aa"), ValueError, "vocabulary has 'a' more than once"),
        (lambda: constraints.without([1, 2], 5), TypeError, r"sequences\[0\] is 1, expected tokens"),
        (lambda: constraints.without(1, 5), TypeError, "sequences is 1, expected sequences of tokens"),
        (lambda: TOYS["regex"].accepts([1.0]), TypeError, "tokens: a token is 1.0, expected an integer"),
        (lambda: TOYS["regex"].accepts(1), TypeError, "tokens is 1, expected tokens"),
        (lambda: TOYS["regex"].after(None), TypeError, "tokens is None, expected tokens"),
        (
            lambda: Constraint(np.zeros((1, 1), int), np.ones(1, bool), 0.0),
            TypeError,
            "start is 0.0, expected",
        ),
        (lambda: TOYS["regex"].at(1.0), TypeError, "start is 1.0, expected an integer"),
        (lambda: constraints.from_table([[2]]), ValueError, "next_state has 2 to 2, expected -1 to 0"),
        (
            lambda: constraints.from_table([[0.5]]),
            ValueError,
            r"next_state is float64 \(1, 1\), expected integers",
        ),
        (lambda: constraints.from_table([[0]], [True, True]), ValueError, r"accepting has shape \(2,\)"),
        (lambda: constraints.from_table([[0]], [False]), ValueError, "no accepting state can be reached"),
        (lambda: constraints.from_table([[0]], start=1), ValueError, "start is 1, expected 0 to 0"),
        (lambda: constraints.sequence_of([[0], []], 2), ValueError, r"allowed_sets\[1\] is empty"),
        (
            lambda: constraints.sequence_of([[0, 2]], 2),
            ValueError,
            r"allowed_sets\[0\] has 0 to 2, expected 0 to 1",
        ),
        (lambda: constraints.without([[0], []], 2), ValueError, r"sequences\[1\] is empty"),
        (lambda: constraints.without([[0, 2]], 2), ValueError, r"sequences\[0\] has 0 to 2, expected 0 to 1"),
        (lambda: TOYS["regex"].at(99), ValueError, "start is 99, expected 0 to"),
        (lambda: constraints.counter([2, 4], 7), ValueError, "no tokens of these weights add up to 7"),
        (lambda: constraints.counter([3], 12, bar=4), ValueError, "without crossing a multiple of 4"),
        (lambda: constraints.counter([-1], 7), ValueError, "weights has -1, expected at least 0"),
        (lambda: constraints.counter([1], 0), ValueError, "total is 0 and bar None, expected at least 1"),
        (
            lambda: constraints.regex("a+", "ab") & constraints.regex("b+", "ab"),
            ValueError,
            "can be satisfied: after 0 tokens at most there is none that both allow",
        ),
        (
            lambda: constraints.regex("ab*", "ab") & constraints.regex("a[ab]{3}a", "ab"),
            ValueError,
            "can be satisfied: after 4 tokens at most there is none that both allow",
        ),
        (
            lambda: constraints.regex("(aa)+", "ab") & constraints.regex("a(aa)*", "ab"),
            ValueError,
            "can be satisfied: what both allow goes on without an end",
        ),
        (
            lambda: make().generate(0, constraint=constraints.regex("(aaa)+", "abcde")),
            ValueError,
            "within length 0: the shortest sequence has 3 tokens",
        ),
        (
            lambda: make().generate(4, constraint=constraints.from_table([[-1] * 5, [1] * 5]).at(0)),
            ValueError,
            "within length 4: only the empty sequence is allowed",
        ),
        (
            lambda: constraints.regex("a+", "ab") & constraints.regex("b+", "abc"),
            ValueError,
            "for 2 and 3 tokens",
        ),
        (
            lambda: TOYS["regex"].after([0, 0]),
            ValueError,
            r"tokens has \[0, 0\], which the constraint forbids",
        ),
        (lambda: TOYS["regex"].accepts([5]), ValueError, "tokens has 5, expected 0 to 4"),
        (lambda: make().generate(3, constraint=3), TypeError, "constraint is 3, expected a Constraint"),
        (
            lambda: make().generate(3, constraint=TOYS["table"], stop=1),
            ValueError,
            "given with stop or min_length",
        ),
        (lambda: make().generate(3, constraint=TOYS["table"], stop=len), ValueError, "given with stop"),
        (lambda: make(4).generate(3, constraint=TOYS["table"]), ValueError, "constraint is for 5 tokens"),
        (lambda: make().stream(constraint=TOYS["table"]), ValueError, "constraint is given without length"),
        (
            lambda: make().generate(2, constraint=constraints.regex("(aaa)+", "abcde")),
            ValueError,
            "within length 2: the shortest sequence has 3 tokens",
        ),
        (
            lambda: make().generate(4, constraint=constraints.from_table([[1] * 5, [0] * 5], [False, True])),
            ValueError,
            "the shortest sequence has 1 tokens and may go on, but none ends after just 4",
        ),
        (
            lambda: make().generate(2, constraint=constraints.regex("", "abcde")),
            ValueError,
            "only the empty sequence",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_constraint_is_its_own_and_stays_as_it_is():
    table, accepting = np.array([[1, 1], [0, 0]], np.int32), np.array([True, False])
    pairs = Constraint(table, accepting)
    table[:], accepting[:] = -1, False
    assert pairs.accepts([0, 1])
    for array in (pairs.next_state, pairs.accepting):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_tables_lie_in_memory_as_they_like():
    table = [[1, -1, 0, 1, 2], [-1, 2, 1, -1, 0], [0, 1, -1, 2, 2]]
    ends = np.repeat([True, False, True], 2)[::-2]
    there = constraints.from_table(np.asfortranarray(table, dtype=np.int32), ends)
    here = constraints.from_table(table, ends.tolist())
    assert drawn(make(), 9, there & there, 5, seed=2) == drawn(make(), 9, here & here, 5, seed=2)
    assert drawn(make(), 9, there, 5, seed=2) == drawn(make(), 9, here, 5, seed=2)


def test_the_shortest_sequence_is_looked_for_once(monkeypatch):
    line = constraints.counter([1, 2], total=9)
    there = line.at(4)
    assert (line.shortest, there.shortest, line.at(0).shortest) == (5, 3, 5)
    assert pickle.loads(pickle.dumps(there)).shortest == 3
    monkeypatch.setattr(np, "unique", None)  # which the search needs
    assert "shortest sequence has 5" in repr(line)
    assert "shortest sequence has 3" in repr(there)


def test_tokens_are_named_by_their_text():
    words = ("one", "two", "o")
    for named, numbered in (
        (constraints.sequence_of([["a", "b"], {"."}, "ba"], "ab."), [[0, 1], [2], [0, 1]]),
        (constraints.sequence_of([["one", "o"], "two one"], words), [[0, 2], [1, 0]]),
        (constraints.sequence_of([[0], [1, 2]], words), [[0], [1, 2]]),
    ):
        np.testing.assert_array_equal(named.next_state, constraints.sequence_of(numbered, 3).next_state)
    calm = constraints.without(["two two", ["o"]], words)
    assert calm.accepts([1, 0, 1])
    assert not calm.accepts([0, 1, 1])
    assert not calm.accepts([0, 2])


def test_nothing_is_drawn_where_nothing_is_allowed():
    assert make().generate(0, constraint=constraints.regex("a*", "abcde"), num_streams=3).shape == (3, 0)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), max_size=5),
    st.lists(st.integers(0, 2), max_size=12),
)
def test_without_forbids_sequences_anywhere_and_nothing_else(forbidden, tokens):
    constraint = constraints.without(forbidden, 3)
    windows = [tokens[i:j] for i in range(len(tokens)) for j in range(i, len(tokens) + 1)]
    assert constraint.accepts(tokens) == (not any(sequence in windows for sequence in forbidden))


def test_ten_thousand_pieces_without_what_is_forbidden():
    forbidden = [[0, 0], [1, 2, 3], [4], [2, 2, 2, 2]]
    constraint = constraints.without(forbidden, 5) & constraints.counter([1, 1, 2, 3, 1], total=12)
    for piece in drawn(make(), 12, constraint, 10_000):
        text = "".join(map(str, piece))
        assert not any("".join(map(str, sequence)) in text for sequence in forbidden)
        assert sum((1, 1, 2, 3, 1)[token] for token in piece) == 12


@settings(derandomize=True, max_examples=50, deadline=None)
@given(tables(), tables(), st.lists(st.integers(0, 3), max_size=6))
def test_a_product_accepts_what_both_accept(first, second, tokens):
    try:
        a, b = constraints.from_table(*first), constraints.from_table(*second)
    except ValueError:
        return
    try:
        is_in_both = (a & b).accepts(tokens)
    except ValueError:
        is_in_both = False
    assert is_in_both == (a.accepts(tokens) and b.accepts(tokens))


@settings(derandomize=True, max_examples=50, deadline=None)
@given(tables(), st.integers(1, 40))
def test_far_ends_are_known_too(automaton, length):
    """Sets of live states that come back in turn are folded: checked against one level after another."""
    table, accepting, start = np.array(automaton[0]), np.array(automaton[1]), automaton[2]
    is_end = accepting & (table < 0).all(axis=1)
    live = accepting
    for _ in range(length):
        live = is_end | ((table >= 0) & live[table]).any(axis=1)
    if not live[start] or is_end[start]:
        with pytest.raises(ValueError, match=r"no sequence satisfies|nothing satisfies it within"):
            constraints.from_table(*automaton).native(length)
        return
    constraint = constraints.from_table(*automaton)
    for piece in drawn(MODEL_OF_FOUR, length, constraint, 20):
        assert constraint.accepts(piece)


def test_one_compilation_serves_every_start():
    model, constraint = make(), constraints.counter([1, 2, 3, 1, 2], total=40)
    for start in (0, 7, 39):
        again = constraints.from_table(constraint.next_state, constraint.accepting, start)
        here, there = (model.generate(40, constraint=c, seed=2) for c in (constraint.at(start), again))
        np.testing.assert_array_equal(here, there)


@pytest.fixture(scope="module")
def names_model():
    """A model of 907 names, after a second's training."""
    text = "\n".join(dinosaur_names()) + "\n"
    tokens = np.array([LETTERS.index(letter) for letter in text], np.int32)
    windows = tokens[: len(tokens) // 32 * 32].reshape(-1, 32)
    model = LanguageModel(len(LETTERS), 32, vocabulary=LETTERS, seed=1)
    history = model.fit(windows, epochs=12, batch_size=16, optimizer=Adam(0.01))
    assert history.loss[-1] < 2.3  # nats a letter, of 3.3: it has learned
    return model


def test_a_trained_model_of_names_invents_only_what_matches(names_model):
    pattern = r"[a-z]+saurus\n"
    names = drawn(names_model, 20, constraints.regex(pattern, LETTERS), 10_000)
    spoken = [names_model.decode(name) for name in names]
    assert all(re.fullmatch(pattern, name) for name in spoken)
    assert len(set(spoken)) > 5_000


def test_constraints_hold_in_streams_and_sessions(isa, dtype):
    model, constraint = make(dtype=np.dtype(dtype).name), TOYS["product"]
    whole = model.generate(6, constraint=constraint, num_streams=3, seed=[1, 2, 3])
    columns = np.full_like(whole, -1)
    for t, column in enumerate(model.stream(6, constraint=constraint, num_streams=3, seed=[1, 2, 3])):
        columns[:, t] = column
    np.testing.assert_array_equal(columns, whole)
    session = model.session(3)
    for seed in (1, 2, 3):
        session.add(length=6, constraint=constraint, seed=seed)
    np.testing.assert_array_equal(session.step(6).tokens, whole)


def test_a_constraint_goes_on_in_another_call():
    model, constraint = make(), constraints.counter([1, 2, 3, 1, 2], total=30)
    first = model.generate(7, constraint=None, seed=4, return_details=True, ban=[2])
    rest = constraint.after(first.tokens[0])
    second = model.generate(30, constraint=rest, state=first.state, seed=4)[0]
    assert constraint.accepts([*first.tokens[0], *second[second >= 0]])
    again = pickle.loads(pickle.dumps(constraint))
    assert isinstance(again, Constraint)
    assert again.accepts([0] * 30)
    assert "31 states, 5 tokens, the shortest sequence has 10" in repr(again)


def test_masks_of_many_states_are_made_when_they_are_needed(isa):
    constraint = constraints.counter(np.arange(1, 201), total=5000)  # 5,001 states, as many sets of live ones
    weights = np.arange(1, 201)
    for piece in drawn(make(200, "float32"), 60, constraint, 5):
        assert weights[piece].sum() == 5000
