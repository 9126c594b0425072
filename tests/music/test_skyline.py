"""One line out of many notes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings

from rnnfast.music.analysis.skyline import group_onsets, skyline, split_hands
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Score

from .scores import TICKS, block_chords, make_part, melody, random_scores


def pitches(notes: tuple[Note, ...]) -> list[int]:
    return [note.pitch for note in notes]


def test_the_top_note_of_chords_is_the_line() -> None:
    line, rest = skyline(make_part(0, block_chords([(60, 64, 67), (59, 62, 65)])).notes, TICKS)
    assert pitches(line) == [67, 65]
    assert sorted(pitches(rest)) == [59, 60, 62, 64]


def test_a_played_chord_need_not_begin_at_one_tick() -> None:
    line, _ = skyline((Note(0, 480, 60), Note(20, 480, 67), Note(30, 480, 64)), TICKS)
    assert pitches(line) == [67]
    assert [
        len(group) for group in group_onsets((Note(0, 1, 60), Note(30, 1, 61), Note(31, 1, 62)), TICKS)
    ] == [2, 1]


def test_inner_voices_under_a_held_note_are_left_out() -> None:
    line, rest = skyline(make_part(0, [(0, 4, 76), (1, 1, 64), (2, 1, 65), (4, 1, 74)]).notes, TICKS)
    assert pitches(line) == [76, 74]
    assert pitches(rest) == [64, 65]


def test_a_legato_line_that_falls_stays_whole() -> None:
    legato = make_part(0, [(i, 1.5, pitch) for i, pitch in enumerate([76, 74, 72, 71, 69])]).notes
    assert skyline(legato, TICKS) == (legato, ())


def test_a_note_under_another_that_outlasts_it_does_not_hide_the_first() -> None:
    line, rest = skyline(make_part(0, [(0, 4, 76), (1, 4, 64), (2, 1, 66)]).notes, TICKS)
    assert (pitches(line), pitches(rest)) == ([76, 64], [66])


def test_the_tune_does_not_dive_into_the_left_hand() -> None:
    right = melody([76, 79, 81, 79], length=2)
    left = [(i, 1, 43) for i in range(12)]
    tune, accompaniment = split_hands(make_part(0, right + left).notes, TICKS)
    assert pitches(tune) == [76, 79, 81, 79]
    assert pitches(accompaniment) == [43] * 12
    assert pitches(skyline(make_part(0, right + left).notes, TICKS)[0])[-4:] == [43] * 4


def test_one_line_is_not_split() -> None:
    line = make_part(0, melody([40, 52, 64, 76, 88])).notes
    assert split_hands(line, TICKS) == (line, ())


def test_a_real_piano_piece_in_one_part_is_split_at_the_hands(data_dir: Path) -> None:
    score = read_midi(data_dir / "midi/joplin_maple_leaf_rag.mid")
    right, left = (set(part.notes) for part in score.parts)
    top, _ = skyline(tuple(right), TICKS)
    tune, rest = split_hands(tuple(right) + tuple(left), TICKS)
    assert len(set(tune) & right) / len(tune) > 0.9
    assert len(set(tune) & set(top)) / len(top) > 0.9
    assert len(tune) + len(rest) == len(right) + len(left)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_no_note_is_lost(score: Score) -> None:
    notes = sorted(note for part in score.parts for note in map(_key, part.notes))
    for split in (skyline, split_hands):
        line, rest = split([note for part in score.parts for note in part.notes], score.ticks_per_quarter)
        assert sorted(map(_key, line + rest)) == notes
        assert bool(line) == bool(notes)


def _key(note: Note) -> tuple[int, int, int, int, int]:
    return note.onset, note.release, note.pitch, note.velocity, note.channel
