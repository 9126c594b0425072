"""Pickups that only the notes show: whole bars are moved under the music, and found again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from rnnfast.music.analysis.meter import find_pickup
from rnnfast.music.analysis.pickup import pickup_from_notes
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part, Score

from .scores import block_chords, make_part, make_score, melody

C, F, G = (48, 52, 55), (53, 57, 60), (55, 59, 62)


def from_quarter(score: Score, start: Fraction) -> Score:
    """The score without what begins before `start`, which becomes tick 0."""
    first = int(start * score.ticks_per_quarter)
    parts = []
    for part in score.parts:
        moved = tuple(
            Note(note.onset - first, note.release - first, note.pitch, note.velocity, note.channel)
            for note in part.notes
            if note.onset >= first
        )
        if moved:
            parts.append(Part(len(parts), part.track, part.name, part.program, moved))
    return Score(score.ticks_per_quarter, tuple(parts), (), score.time_signatures)


@pytest.mark.parametrize("beats", [0, 1, 2])
def test_long_notes_and_chord_changes_tell_bar_lines(beats: int) -> None:
    bar = [(0, 2, 72), (2, 1, 76), (3, 1, 79)]
    tune = [(beats + 4 * k + onset, length, pitch) for k in range(8) for onset, length, pitch in bar]
    upbeat = melody([67] * beats)
    chords = block_chords([C, F, G, C] * 2, start=beats)
    assert find_pickup(make_score(make_part(0, upbeat + tune), make_part(1, chords))) == beats


@pytest.mark.parametrize(
    ("name", "length", "bar_line"),
    [("metheny.mid", 4, 0), ("midi/nottingham_cuckoos_nest.mid", 4, 1), ("midi/foster_jeanie.mid", 4, 0)],
)
@pytest.mark.parametrize("beats_cut", [0, 1, 2, 3, 5, 6])
def test_bar_lines_are_found_again_wherever_a_real_tune_begins(
    data_dir: Path, name: str, length: int, bar_line: int, beats_cut: int
) -> None:
    start = Fraction(16 + beats_cut)
    score = from_quarter(read_midi(data_dir / name), start)
    if min(note.onset for part in score.parts for note in part.notes) * 8 < score.ticks_per_quarter:
        assert find_pickup(score) == (bar_line - start) % length
    else:
        assert find_pickup(score) == 0  # nothing sounds at tick 0: the bars are taken as the file counts them


def test_even_notes_tell_nothing() -> None:
    score = make_score(make_part(0, melody([60] * 32)))
    assert pickup_from_notes(score, Fraction(4)) == 0


def test_three_bars_are_too_few() -> None:
    bar = [(0, 2, 72), (2, 1, 76), (3, 1, 79)]
    for bars, pickup in ((3, 0), (4, 1)):
        tune = [(1 + 4 * k + onset, length, pitch) for k in range(bars) for onset, length, pitch in bar]
        score = make_score(
            make_part(0, [(0, 1, 67), *tune[:-1]]),
            make_part(1, block_chords([C, F, G, C], start=1)[: 3 * bars]),
        )
        assert pickup_from_notes(score, Fraction(4)) == pickup


def test_drums_are_not_listened_to() -> None:
    even = make_part(0, melody([60] * 32))
    hits = [(1 + 4 * bar, 3, 36) for bar in range(8)]
    assert pickup_from_notes(make_score(even, make_part(1, hits)), Fraction(4)) == 1
    assert pickup_from_notes(make_score(even, make_part(1, hits, drums=True)), Fraction(4)) == 0
    assert pickup_from_notes(make_score(make_part(0, hits, drums=True)), Fraction(4)) == 0


def test_a_bar_off_the_grid_of_sixteenths_has_no_pickup() -> None:
    score = make_score(make_part(0, melody([60, 64, 67] * 4)))
    assert pickup_from_notes(score, Fraction(3, 8)) == 0
