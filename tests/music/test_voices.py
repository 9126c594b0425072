"""The faithful reading of one part: chords, grid, voices, rests."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast.music.elements import Chord, Element
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part
from rnnfast.music.voices import (
    MAX_POLYPHONY,
    deal_voices,
    find_rests,
    gather_chords,
    quantise,
    read_chords,
    read_melody,
)

F = Fraction
TICKS = 96  # chords are gathered within 6 ticks


def part(*notes: tuple[int, int, int]) -> Part:
    return Part(0, 0, "", None, tuple(Note(onset, release, pitch) for onset, release, pitch in notes))


def gathered(*notes: tuple[int, int, int], ticks: int = TICKS) -> list[list[int]]:
    return [[note.pitch for note in group] for group in gather_chords(part(*notes).notes, ticks)]


@pytest.mark.parametrize(
    ("notes", "groups"),
    [
        ([(0, 96, 60), (6, 102, 64)], [[60, 64]]),
        ([(0, 96, 60), (7, 96, 64)], [[60], [64]]),
        ([(0, 96, 60), (0, 103, 64)], [[60], [64]]),
        ([(0, 96, 67), (1, 96, 60), (2, 96, 64)], [[67, 60, 64]]),  # in order of onset, not of pitch
        ([(0, 96, 60), (5, 96, 64), (10, 96, 67)], [[60, 64], [67]]),  # distances count from the first
        ([(0, 96, 60), (0, 200, 50), (1, 96, 64)], [[60, 64], [50]]),  # one in between is passed over
        # 62 ends with 60 and with 64: gathered by the first, and once more by the second
        ([(0, 90, 60), (0, 100, 64), (0, 95, 62)], [[60, 62], [64, 62]]),
        ([(0, 90, 60), (0, 95, 62), (0, 100, 64)], [[60, 62], [64]]),
    ],
)
def test_gather_chords(notes, groups):
    assert gathered(*notes) == groups


def test_the_tolerance_is_a_sixteenth_of_a_quarter_whatever_the_ticks():
    assert gathered((0, 50, 60), (1, 50, 64), ticks=16) == [[60, 64]]
    assert gathered((0, 50, 60), (1, 50, 64), ticks=15) == [[60], [64]]


def test_a_chord_lasts_from_its_last_note_to_the_first_one_s_end():
    (chord,) = read_chords(part((90, 135, 67), (96, 141, 60)), TICKS, rests=True)
    assert chord == (F(1), F(1, 3), (67, 60))  # 135 - 96 ticks; 45 would be half a quarter
    assert chord.velocities == (90, 90)


@pytest.mark.parametrize(
    ("value", "snapped"),
    [
        ("0", "0"),
        ("0.3", "1/3"),
        ("0.27", "1/4"),
        ("7/24", "1/4"),  # as far from 1/4 as from 1/3
        ("1/8", "0"),  # as far from 0 as from 1/4
        ("1/6", "1/4"),
        ("5/12", "1/3"),  # as far from 1/3 as from 1/2
        ("17/24", "2/3"),
        ("476.66", "1430/3"),
        ("-1/16", "0"),
    ],
)
def test_quantise(value, snapped):
    assert quantise(F(value)) == F(snapped)


@given(st.fractions(min_value=0, max_value=600, max_denominator=960))
@settings(max_examples=300, derandomize=True)
def test_quantise_takes_the_nearest_and_then_the_smaller(value):
    grid = [F(k, parts) for parts in (4, 3) for k in range(int(value * parts) - 1, int(value * parts) + 3)]
    nearest = min(abs(point - value) for point in grid)
    assert quantise(value) == min(point for point in grid if abs(point - value) == nearest)


def test_onset_and_length_are_snapped_each_for_itself():
    (one,) = read_melody(part((30, 30 + 45, 60)), TICKS, rests=False)
    assert (one.offset, one.length) == (F(1, 3), F(1, 2))


def test_notes_are_put_in_order_of_their_snapped_onsets():
    line = read_melody(part((96, 120, 60), (97, 400, 62), (98, 130, 64)), TICKS, rests=False)
    assert [(element.offset, element.pitches) for element in line] == [(1, (60,)), (1, (62,)), (1, (64,))]


def test_voices_take_what_fits_in_order():
    items = [Chord(F(o), F(n), (60,)) for o, n in [(0, 4), (1, 1), (2, 1), (2, 4), (4, 1), (5, 1), (6, 1)]]
    voices = deal_voices(items)
    assert [[int(item.offset) for item in voice] for voice in voices] == [[0, 4, 5, 6], [1, 2], [2]]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=40))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_no_voice_overlaps_itself_and_nothing_is_lost(spans):
    items = sorted((Chord(F(o, 4), F(n, 4), (60,)) for o, n in spans), key=lambda item: item.offset)
    voices = deal_voices(items)
    assert sorted(item for voice in voices for item in voice) == sorted(items)
    for voice in voices:
        assert all(a.offset + a.length <= b.offset for a, b in itertools.pairwise(voice))
    together = max(
        (sum(a.offset <= b.offset < a.offset + a.length or a is b for a in items) for b in items), default=0
    )
    assert len(voices) <= together


def test_rests_fill_the_gaps_of_a_voice_from_the_beginning():
    voice = [Element(F(1), F(1), (60,)), Element(F(2), F(1, 3), (60, 64)), Element(F(90), F(1), (60,))]
    assert find_rests(voice) == [(0, 1, ()), (F(7, 3), 90 - F(7, 3), ())]
    assert find_rests([Element(F(0), F(1), (60,))]) == []


def test_rests_come_from_the_first_voice_alone():
    notes = [(96, 384, 60), (192, 288, 72), (480, 576, 60), (480, 500, 76)]
    line = read_melody(part(*notes), TICKS, rests=True)
    assert line == [
        (0, 1, ()),
        (1, 3, (60,)),
        (2, 1, (72,)),
        (4, 1, ()),
        (5, 1, (60,)),  # before the other voice's note of the same onset
        (5, F(1, 4), (76,)),
    ]
    assert [element for element in line if element.pitches] == read_melody(part(*notes), TICKS, rests=False)


def test_a_rest_may_lie_under_a_note_of_another_voice():
    line = read_melody(part((0, 96, 60), (48, 192, 72), (288, 384, 60)), TICKS, rests=True)
    assert line == [(0, 1, (60,)), (F(1, 2), F(3, 2), (72,)), (1, 2, ()), (3, 1, (60,))]


@pytest.mark.parametrize(("rests", "length"), [(True, F(1, 4)), (False, F(0))])
def test_lengths_of_zero_in_the_two_variants(rests, length):
    short = part((0, 5, 60), (0, 5, 64))
    assert [chord.length for chord in read_chords(short, TICKS, rests=rests)] == [length]
    assert [element.length for element in read_melody(short, TICKS, rests=rests)] == [F(1, 4)]


def test_chords_of_all_voices_without_single_notes():
    notes = [(0, 384, 48), (0, 96, 60), (0, 96, 64), (96, 192, 62), (192, 288, 65), (192, 288, 69)]
    assert read_chords(part(*notes), TICKS, rests=True) == [(0, 1, (60, 64)), (2, 1, (65, 69))]


def test_more_notes_than_hands_can_play_are_refused():
    crowd = part(*((0, 1000 * i + 1000, 60) for i in range(MAX_POLYPHONY + 2)))
    with pytest.raises(ValueError, match="more than 256 notes begin at tick 0"):
        read_melody(crowd, TICKS, rests=True)
    pile = part(*((100 * i, 10**6, 60) for i in range(MAX_POLYPHONY + 2)))
    with pytest.raises(ValueError, match="more than 256 notes sound at quarter"):
        read_melody(pile, TICKS, rests=True)


def test_voices_of_the_exercise_s_parts(data_dir):
    score = read_midi(data_dir / "metheny.mid")

    def sizes(number: int) -> list[int]:
        groups = gather_chords(score.parts[number].notes, score.ticks_per_quarter)
        items = [
            Chord(
                quantise(score.quarters(group[0].onset)),
                quantise(score.quarters(group[0].release - group[-1].onset)) or F(1, 4),
                [note.pitch for note in group],
            )
            for group in groups
        ]
        return [len(voice) for voice in deal_voices(sorted(items, key=lambda item: item.offset))]

    assert sizes(5) == [1024, 82]
    assert len(sizes(0)) == 5
