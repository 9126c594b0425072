"""Bars of notes and rests that fill exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from rnnfast.music.analysis.detect import arrange
from rnnfast.music.analysis.meter import Bar, find_bars
from rnnfast.music.analysis.rhythm import fill_bars
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Score

from .scores import Timed, make_part, make_score, random_scores

Third = Fraction(1, 3)


def fill(
    notes: list[Timed], *, rests: bool = True, bars: list[Bar] | None = None
) -> list[list[tuple[Fraction, int]]]:
    """(length, pitch) of everything in each bar, 0 for a rest."""
    part = make_part(0, notes)
    score = make_score(part)
    filled = fill_bars(part.notes, find_bars(score) if bars is None else bars, score, rests=rests)
    return [[(length, pitches[0] if pitches else 0) for _, length, pitches in bar] for bar in filled]


@pytest.mark.parametrize(
    ("notes", "bar"),
    [
        ([(0, 1, 60), (1, 1, 62), (2, 2, 64)], [(1, 60), (1, 62), (2, 64)]),
        ([(1, 1, 60), (3, 0.5, 62)], [(1, 0), (1, 60), (1, 0), (0.5, 62), (0.5, 0)]),
        ([(0, 0.8, 60), (1, 2.9, 62)], [(1, 60), (3, 62)]),  # articulation is no rest
        ([(0, 0.75, 60), (1, 3, 62)], [(0.75, 60), (0.25, 0), (3, 62)]),  # a sixteenth is one
        ([(0, 2, 60), (1, 3, 62)], [(1, 60), (3, 62)]),  # legato is cut at the next note
        ([(0, 0.05, 60)], [(0.25, 60), (3.75, 0)]),  # the shortest note
        ([(0.03, 1, 60), (0.98, 1, 62), (2.02, 1.9, 64)], [(1, 60), (1, 62), (2, 64)]),  # played by hand
        ([(3.97, 1, 62)], [(4, 0)]),  # so late that it is on the next bar line
    ],
)
def test_one_bar(notes: list[Timed], bar: list[tuple[float, int]]) -> None:
    assert fill(notes)[0] == bar


def test_swing_and_triplets_are_thirds_beside_sixteenths() -> None:
    swing = [(0, 0.6, 60), (0.65, 0.3, 62)]
    triplet = [(1, 0.3, 64), (1.34, 0.3, 65), (1.67, 0.3, 67)]
    sixteenths = [(2 + i / 4, 0.25, 70 + i) for i in range(4)]
    (bar,) = fill([*swing, *triplet, *sixteenths, (3, 1, 60)])
    assert [length for length, _ in bar] == [2 * Third, Third, Third, Third, Third, *[Fraction(1, 4)] * 4, 1]


def test_a_beat_is_divided_one_way_only() -> None:
    # Alone 0.29 would be at 1/4 and 0.64 at 2/3: together they are thirds.
    (bar,) = fill([(0, 0.25, 60), (0.29, 0.3, 62), (0.64, 0.3, 64), (1, 3, 65)])
    assert [length for length, _ in bar] == [Third, Third, Third, 3]


@pytest.mark.parametrize("together", [[(0, 0.05, 71), (0.06, 0.9, 72)], [(0, 0.95, 72), (0.06, 0.05, 71)]])
def test_of_two_notes_at_one_place_the_longer_stays(together: list[Timed]) -> None:
    assert fill([*together, (1, 3, 60)]) == [[(1, 72), (3, 60)]]


def test_notes_are_kept_apart_where_one_division_can() -> None:
    # Both are nearest to 1/3, but in four parts they are two notes.
    (bar,) = fill([(0, 0.3, 60), (0.34, 0.04, 62), (0.38, 0.5, 64), (1, 3, 65)])
    assert bar == [(0.25, 60), (0.25, 62), (0.5, 64), (3, 65)]


def test_no_grid_reaches_over_the_bar_line() -> None:
    bars = [Bar(0, Fraction(0), Fraction(5, 12), is_pickup=True), Bar(1, Fraction(5, 12), Fraction(4))]
    notes = [(0, 0.2, 60), (0.25, 0.1, 61), (0.41, 0.01, 62), (5 / 12, 1, 64)]  # 0.41 is nearest to 1/2
    assert fill(notes, bars=bars)[1][0] == (1, 64)


def test_a_note_over_the_bar_line_is_not_struck_again() -> None:
    assert fill([(3, 2, 60), (6, 2, 62)]) == [[(3, 0), (1, 60)], [(2, 0), (2, 62)]]


def test_bars_count_their_grid_from_their_own_bar_line() -> None:
    bars = [Bar(0, Fraction(0), Fraction(1, 2), is_pickup=True), Bar(1, Fraction(1, 2), Fraction(4))]
    filled = fill(
        [(0, 0.5, 60), (0.5, 1 / 3, 62), (5 / 6, 1 / 3, 64), (7 / 6, 1 / 3, 65), (1.5, 3, 67)], bars=bars
    )
    assert filled == [[(Fraction(1, 2), 60)], [(Third, 62), (Third, 64), (Third, 65), (3, 67)]]


def test_meters_of_thirty_seconds_have_a_finer_grid() -> None:
    bars = [Bar(1, Fraction(0), Fraction(3, 8), 3, 32), Bar(2, Fraction(3, 8), Fraction(3, 8), 3, 32)]
    assert fill([(0, 0.25, 60), (0.375, 0.125, 62)], bars=bars) == [
        [(Fraction(3, 8), 60)],
        [(Fraction(3, 8), 62)],
    ]


def test_without_rests_notes_fill_the_bars() -> None:
    notes = [(1, 0.5, 60), (2, 0.5, 62), (9, 1, 64)]
    assert fill(notes, rests=False) == [[(2, 60), (2, 62)], [], [(4, 64)]]


def test_notes_outside_the_bars_are_left_out() -> None:
    bars = [Bar(2, Fraction(4), Fraction(4))]
    assert fill([(0, 1, 60), (4, 1, 62), (9, 1, 64)], bars=bars) == [[(1, 62), (3, 0)]]


@pytest.mark.parametrize(
    "name",
    [
        "midi/foster_jeanie.mid",
        "midi/joplin_maple_leaf_rag.mid",
        "midi/nottingham_cuckoos_nest.mid",
        "metheny.mid",
    ],
)
def test_real_tunes_keep_their_notes(data_dir: Path, name: str) -> None:
    score = read_midi(data_dir / name)
    line = arrange(score).melody_line
    filled = fill_bars(line, find_bars(score), score)
    kept = [element.pitches[0] for bar in filled for element in bar if element.pitches]
    assert len(kept) > 0.95 * len(line)  # grace notes go
    if name != "metheny.mid":  # notated, not played: nothing goes, nothing moves
        assert kept == [note.pitch for note in line]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_every_bar_of_any_score_is_filled(score: Score) -> None:
    if all(part.is_drums for part in score.parts):
        return
    bars = find_bars(score)
    line = arrange(score).melody_line
    for bar, elements in zip(bars, fill_bars(line, bars, score), strict=True):
        now = bar.start
        for element in elements:
            assert element.offset == now
            assert element.length > 0
            assert (
                8 * element.length % 1 == 0 or 12 * element.length % 1 == 0
            )  # three decimals say it exactly
            now += element.length
        assert now == bar.end
