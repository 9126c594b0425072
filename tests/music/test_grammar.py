"""Tokens from notes, and notes from tokens with every decision scripted."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast.music.chooser import random_chooser
from rnnfast.music.elements import Chord, Element, PlacedNote
from rnnfast.music.grammar import (
    Token,
    chord_at,
    clean_up_notes,
    format_length,
    parse_length,
    parse_token,
    prune_grammar,
    prune_notes,
    relabel,
    tokenize,
    unparse,
)
from rnnfast.music.harmony import SpelledPitch, spell

F = Fraction
C_MAJOR = (60, 64, 67)  # its scale is G major
D_MINOR = (62, 65, 69)  # its blues scale is D F G (G#) A C
OVER_C = [(0, 4, C_MAJOR)]
OVER_D = [(0, 4, D_MINOR)]


class Script:
    """A chooser that returns the given indices and remembers what it was asked."""

    def __init__(self, *indices: int) -> None:
        self.indices = list(indices)
        self.asked: list[tuple[str, list]] = []

    def __call__(self, kind: str, options) -> int:
        self.asked.append((kind, list(options)))
        return self.indices.pop(0)


# --- lengths and tokens


@pytest.mark.parametrize("twelfths", range(49))
def test_lengths_survive_three_decimals(twelfths):
    assert parse_length(format_length(F(twelfths, 12))) == F(twelfths, 12)


@pytest.mark.parametrize(
    ("text", "length"), [("0.25", F(1, 4)), ("71", F(71)), ("0.125", F(1, 8)), ("0.3", F(3, 10))]
)
def test_other_lengths_are_decimals(text, length):
    assert parse_length(text) == length


def test_tokens_are_taken_apart_and_put_together():
    assert parse_token("R,1.500") == Token("R", F(3, 2), None)
    assert parse_token("A,0.083,<dd5,d1>") == Token("A", F(1, 12), ("dd5", "d1"))
    for text in ("C,0.250", "R,71.000", "X,0.667,<P11,M-7>"):
        assert str(parse_token(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "C",
        "C,",
        "Q,0.250",
        "C,-1",
        "C,1e9",
        "C,nan",
        "C,0.250,",
        "C,0.250,m2,P4",
        "C,1,<m2>",
        "C,1,<a,b,c>",
        "c,1",
        "C,1 ",
    ],
)
def test_what_is_no_token(text):
    with pytest.raises(ValueError, match=r"token .* is not one"):
        parse_token(text)


# --- from notes to tokens


def test_tokenize():
    melody = [
        Element(F(8), F(1, 3), (64,)),
        Element(F(25, 3), F(1, 12), ()),
        Element(F(17, 2), F(1, 2), (66,)),
        Element(F(17, 2), F(1), (60, 70)),  # notes struck together do not count, nor as the note before
        Element(F(9), F(5, 4), (70,)),
        Element(F(10), F(71), ()),
        Element(F(11), F(1), (63,)),
    ]
    chords = [(8, 2, C_MAJOR), (10, 2, (56, 60, 63))]
    assert tokenize(melody, chords) == (
        "C,0.333",
        "R,0.083",
        "S,0.500,<P4,m-2>",
        "X,1.250,<d6,m2>",
        "R,71.000",
        "C,1.000,<M-3,m-7>",
    )


def test_the_first_chord_counts_for_what_comes_before_it():
    melody = [Element(F(0), F(1), (60,)), Element(F(1), F(1), (62,)), Element(F(3), F(1), (62,))]
    chords = [Chord(F(1, 2), F(1), C_MAJOR), Chord(F(2), F(1), D_MINOR)]
    assert [token[0] for token in tokenize(melody, chords)] == ["C", "S", "C"]


def test_the_later_of_two_chords_at_one_onset_counts():
    first, second = Chord(F(0), F(1), C_MAJOR), Chord(F(0), F(1), D_MINOR)
    assert chord_at([first, second], F(0)) is second
    assert chord_at([first, second], F(-1)) is first
    assert tokenize([Element(F(0), F(1), (65,))], [first, second]) == ("C,1.000",)


def test_a_bar_without_notes_has_no_tokens_and_needs_chords():
    assert tokenize([], OVER_C) == ()
    with pytest.raises(ValueError, match="chords is empty"):
        tokenize([Element(F(0), F(1), (60,))], [])


# --- prune_grammar


@pytest.mark.parametrize(
    ("length", "down", "up"),
    [
        ("0.250", "0.250", "0.500"),
        ("0.333", "0.250", "0.500"),
        ("0.083", "0.000", "0.250"),
        ("0.667", "0.500", "0.750"),
        ("71.000", "71.000", "71.250"),
        ("0.000", "0.000", "0.250"),
    ],
)
def test_prune_grammar_rounds_down_or_up(length, down, up):
    script = Script(0, 1)
    tokens = [f"R,{length}", f"S,{length},<m2,P-4>"]
    assert prune_grammar(tokens, script) == [f"R,{down}", f"S,{up},<m2,P-4>"]
    assert script.asked == [("round", [F(down), F(up)])] * 2


def test_relabel_keeps_lengths_intervals_and_other_types():
    tokens = ["R,0.083", "A,0.250,<A4,d-2>", "X,1.000", "S,0.333", "C,0.250,<A5,A1>"]
    assert relabel(tokens) == ["R,0.083", "C,0.250,<A4,d-2>", "C,1.000", "S,0.333", "C,0.250,<A5,A1>"]


# --- unparse


def test_an_element_stands_at_the_end_of_its_own_length():
    notes = unparse(["C,0.250", "R,0.500", "C,1.000"], OVER_C, lambda kind, options: 0)
    assert notes == [(F(1, 4), F(1, 4), 60), (F(3, 4), F(1, 2), None), (F(7, 4), F(1), 60)]
    assert all(isinstance(note, PlacedNote) and type(note.offset) is Fraction for note in notes)


def test_the_chord_is_the_last_that_has_begun_when_the_note_begins():
    chords = [(F(1), 1, (72,)), (F(2), 1, (74,)), (F(2), 1, (76,)), (F(3), 1, (77,))]
    script = Script(0, 0, 0, 0)
    notes = unparse(["C,0.500", "C,0.500", "C,1.000", "C,1.000"], chords, script)
    assert [note.pitch for note in notes] == [72, 72, 76, 77]


def test_bare_chord_tones_choose_from_the_chord_in_stored_order():
    script = Script(1)
    assert unparse(["C,0.250"], [(0, 1, (67, 50, 64, 67))], script)[0].pitch == 62  # D3 becomes D4
    assert script.asked == [("pitch", [67, 50, 64, 67])]


def test_bare_scale_tones_over_a_major_chord():
    script = Script(7, 2)
    (note,) = unparse(["S,0.250"], [(0, 1, (60, 64, 79))], script)
    assert script.asked == [("scale_note", ["G", "A", "B", "C", "D", "E", "F#", "G"]), ("octave", [4, 4, 5])]
    assert note.pitch == 79


@pytest.mark.parametrize("raised", [0, 1])
def test_bare_scale_tones_over_other_chords_are_blue(raised):
    script = Script(raised, 3, 1)
    (note,) = unparse(["S,0.250"], OVER_D, script)
    names = ["D", "F", "G", "G#", "A", "C", "D"]
    if raised == 1:  # the second option is no
        names.remove("G#")
    assert script.asked == [("raised_fourth", [True, False]), ("scale_note", names), ("octave", [4, 4, 4])]
    assert spell(note.pitch) == f"{names[3]}4"


def test_bare_scale_tones_keep_their_names():
    chord = (60, 61, 64, 66, 68)  # the blues scale of D-
    (note,) = unparse(["S,0.250"], [(0, 1, chord)], Script(1, 0, 0))
    assert (note.pitch, spell(note.pitch)) == (61, "D-4")


@pytest.mark.parametrize("kind", ["A", "X"])
def test_other_bare_tones_are_neighbours_of_scale_tones(kind):
    script = Script(0, 0, 1)
    (note,) = unparse([f"{kind},0.250"], OVER_C, script)
    assert [asked for asked, _ in script.asked] == ["scale_note", "octave", "neighbour"]
    assert script.asked[-1][1] == [1, -1]
    assert spell(note.pitch) == "F#4"


def test_bare_tones_below_octave_4_are_put_there_after_the_step():
    # C4 less a semitone is B3, which becomes B4: the name is kept, not the place
    (note,) = unparse(["A,0.250"], [(0, 1, (60, 64, 67))], Script(3, 0, 1))
    assert spell(note.pitch) == "B4"
    (note,) = unparse(["S,0.250"], [(0, 1, (36, 40, 43))], Script(6, 1))
    assert spell(note.pitch) == "F#4"


def test_intervals_choose_among_candidates_but_the_note_before():
    script = Script(0, 1)
    notes = unparse(["C,0.250", "C,0.250,<P8,P1>"], OVER_C, script)
    assert script.asked == [("pitch", [60, 64, 67]), ("pitch", [64, 67, 72])]
    assert notes[1].pitch == 67


def test_the_smaller_interval_is_the_lower_end():
    script = Script(0, 0)
    unparse(["C,0.250", "C,0.250,<P-8,P8>"], OVER_C, script)
    assert script.asked[1] == ("pitch", [48, 52, 55, 64, 67, 72])


def test_scale_tones_of_an_interval_are_found_by_name():
    script = Script(0, 0)
    unparse(["C,0.250", "S,0.250,<P5,P1>"], [(0, 1, (58, 61, 65))], script)  # B- Dorian: no C#, no G#
    assert script.asked[1] == ("pitch", [72, 75, 77])


def test_approach_tones_of_an_interval_lie_a_semitone_from_chord_tones():
    script = Script(0, 0)
    unparse(["C,0.250", "X,0.250,<P5,P1>"], OVER_C, script)
    assert script.asked[1] == ("pitch", [61, 63, 65, 66])


def test_a_single_candidate_is_taken_without_asking():
    script = Script(0)
    notes = unparse(["C,0.250", "C,0.250,<m3,d-3>"], OVER_C, script)
    assert [note.pitch for note in notes] == [60, 60]  # even if it repeats
    assert script.asked == [("pitch", [60, 64, 67])]


def test_one_option_left_of_two_candidates_is_asked_for():
    script = Script(0, 0)
    notes = unparse(["C,0.250", "C,0.250,<M3,P1>"], OVER_C, script)
    assert script.asked[1] == ("pitch", [64])
    assert notes[1].pitch == 64


@pytest.mark.parametrize(("choice", "pitch"), [(0, 62), (1, 58)])
def test_without_a_candidate_a_whole_step_is_taken(choice, pitch):
    script = Script(0, choice)
    notes = unparse(["C,0.250", "C,0.250,<M3,m2>"], [(0, 1, (60,))], script)
    assert script.asked[1] == ("fallback", [2, -2])
    assert notes[1].pitch == pitch


def test_intervals_below_octave_3_are_put_there():
    notes = unparse(["C,0.250", "C,0.250,<P-15,P-15>", "C,0.250,<P-8,P-8>"], [(0, 1, (60,))], Script(0))
    assert [note.pitch for note in notes] == [60, 48, 48]


def test_rests_do_not_change_the_note_before():
    script = Script(2, 0)
    unparse(["C,0.250", "R,0.250", "C,0.250,<P8,m2>"], OVER_C, script)
    assert script.asked[1] == ("pitch", [72, 76, 79])


def test_the_note_before_is_left_out_by_name_not_by_pitch():
    chord = (60, 61, 64, 66, 68)
    script = Script(1, 0, 0, 0)  # D-4
    unparse(["S,0.250", "C,0.250,<m3,P1>"], [(0, 1, chord)], script)
    assert script.asked[-1] == ("pitch", [61, 64])  # C#4 is another name than D-4


@pytest.mark.parametrize(
    ("tokens", "chords", "message"),
    [
        (["C,0.250"], [], "chords is empty"),
        (["C,0.250"], [(0, 1, ())], "a chord has no pitches"),
        (["R,0.250", "C,0.250,<m2,P-4>"], OVER_C, r"tokens\[1\] is 'C,0.250,<m2,P-4>': an interval needs"),
        (["C,0.250", "C,0.250,<Z2,P-4>"], OVER_C, "interval 'Z2'"),
        (["C,0.250", "nonsense"], OVER_C, "token 'nonsense'"),
    ],
)
def test_what_cannot_be_unparsed(tokens, chords, message):
    with pytest.raises(ValueError, match=message):
        unparse(tokens, chords, lambda kind, options: 0)


@pytest.mark.parametrize("index", [-1, 2])
def test_choices_are_indices(index):
    with pytest.raises(ValueError, match=f"chooser returned {index} for 'round', expected 0 to 1"):
        prune_grammar(["C,0.250"], lambda kind, options: index)


def test_choices_may_be_numpy_integers_but_not_floats():
    assert prune_grammar(["C,0.250"], lambda kind, options: np.int64(1)) == ["C,0.500"]
    with pytest.raises(TypeError):
        prune_grammar(["C,0.250"], lambda kind, options: 1.0)


# --- prune_notes and clean_up_notes


def placed(*pitches):
    return [(F(i), F(1), pitch) for i, pitch in enumerate(pitches)]


@pytest.mark.parametrize(
    ("pitches", "kept"),
    [
        ([60, 60], [60]),
        ([60, 62, 62, 60], [60, 62, 62, 60]),  # pairs do not overlap
        ([60, 60, 60, 60, 60], [60, 60, 60]),
        ([60, None, 60, 60], [60, None, 60]),
        ([None, None, 60], [None, None, 60]),
        ([60, 72], [60, 72]),
        ([61, SpelledPitch("D-", 4)], [61, 61]),  # C#4 and D-4 differ
        ([SpelledPitch("C#", 4), 61], [61]),
        ([], []),
    ],
)
def test_prune_notes(pitches, kept):
    assert [note.pitch for note in prune_notes(placed(*pitches))] == kept


def test_prune_notes_takes_notes_in_order_of_offset():
    notes = [(F(2), F(1), 60), (F(0), F(1), 60), (F(1), F(1), 60), (F(2), F(1), 62)]
    assert prune_notes(notes) == [(0, 1, 60), (2, 1, 60), (2, 1, 62)]


def test_clean_up_gives_every_element_a_length():
    assert clean_up_notes([(0, 0, 60), (1, 0, None), (2, F(1, 12), 62)]) == [
        (0, F(1, 4), 60),
        (1, F(1, 4), None),
        (2, F(1, 12), 62),
    ]


def test_clean_up_drops_notes_that_begin_with_the_one_before():
    notes = [(0, 1, 60), (0, 1, 62), (0, 1, 64), (1, 1, 60), (1, 1, None), (1, 1, 62), (2, 1, 60)]
    assert [note.pitch for note in clean_up_notes(notes)] == [60, 60, None, 60]


@given(
    st.lists(
        st.sampled_from(["C,0.250", "S,0.333", "X,0.083", "R,0.500", "A,0.250,<A4,d-2>", "S,0.667,<P8,M-3>"])
    ),
    st.integers(0, 2**64),
)
@settings(max_examples=100, derandomize=True, deadline=None)
def test_every_seed_makes_a_solo_that_can_be_replayed(tokens, seed):
    tokens = ["C,0.250", *tokens]
    chords = [(0, 2, C_MAJOR), (F(7, 3), 1, D_MINOR)]
    choices = []
    seeded = random_chooser(seed)

    def recorder(kind, options):
        choices.append(seeded(kind, options))
        return choices[-1]

    notes = unparse(prune_grammar(tokens, recorder), chords, recorder)
    script = Script(*choices)
    assert unparse(prune_grammar(tokens, script), chords, script) == notes
    assert not script.indices
    assert [kind for kind, _ in script.asked[: len(tokens)]] == ["round"] * len(tokens)
    assert len(notes) == len(tokens)
    assert sum(note.length for note in notes) == notes[-1].offset
    assert all(note.pitch is None or note.pitch >= 48 for note in notes)


def test_random_chooser_is_fair_and_seeded():
    chooser = random_chooser(7)
    drawn = [chooser("pitch", (1, 2, 3)) for _ in range(3000)]
    assert {index: drawn.count(index) > 900 for index in (0, 1, 2)} == {0: True, 1: True, 2: True}
    again = random_chooser(7)
    assert [again("pitch", (1, 2, 3)) for _ in range(3000)] == drawn
    with pytest.raises(ValueError, match="seed is -1"):
        random_chooser(-1)


# --- chords as values


def test_chords_are_triples_that_know_their_velocities():
    chord = Chord(4, F(1, 2), [60, 64], (70, 80))
    assert chord == (F(4), F(1, 2), (60, 64))
    assert chord.velocities == (70, 80)
    assert chord.at(F(1)) == (1, F(1, 2), (60, 64))
    assert chord.at(F(1)).velocities == (70, 80)
    assert Chord(0, 1, (60,)).velocities == (90,)
    for twin in (copy.deepcopy(chord), pickle.loads(pickle.dumps(chord))):
        assert (twin, twin.velocities) == (chord, (70, 80))
    with pytest.raises(ValueError, match="velocities has 1 values, expected one for each of 2 pitches"):
        Chord(0, 1, (60, 64), (90,))
