"""Bars: time signatures, their changes, and incomplete first bars."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from rnnfast.music.analysis.meter import MAX_BARS, Bar, bar_length, count_beats, find_bars, find_pickup
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part, Score

from .scores import TICKS, block_chords, make_part, make_score, melody, random_scores


def layout(bars: tuple[Bar, ...]) -> list[tuple[int, float, float]]:
    return [(bar.number, float(bar.start), float(bar.length)) for bar in bars]


def one_part(length: float, start: float = 0) -> Part:
    return make_part(0, melody(range(60, 72), start=start, length=length / 12))


def test_without_time_signature_bars_are_four_quarters() -> None:
    assert layout(find_bars(make_score(one_part(8)))) == [(1, 0, 4), (2, 4, 4)]


@pytest.mark.parametrize(
    ("numerator", "denominator", "length"),
    [
        (4, 4, 4),
        (3, 4, 3),
        (6, 8, 3),
        (5, 4, 5),
        (7, 8, Fraction(7, 2)),
        (2, 2, 4),
        (12, 8, 6),
        (5, 16, Fraction(5, 4)),
    ],
)
def test_bars_have_the_signatures_length(numerator: int, denominator: int, length: Fraction) -> None:
    bars = find_bars(make_score(one_part(24, start=1), meters=[(0, numerator, denominator)]))
    assert bar_length(numerator, denominator) == length
    assert {bar.length for bar in bars} == {length}
    assert bars[-2].end < 25 <= bars[-1].end


def test_signatures_change_and_cut_the_bar_before_them_short() -> None:
    score = make_score(one_part(20, start=1), meters=[(0, 4, 4), (6, 5, 4), (11, 3, 4)])
    assert layout(find_bars(score, pickup=0)) == [
        (1, 0, 4),
        (2, 4, 2),
        (3, 6, 5),
        (4, 11, 3),
        (5, 14, 3),
        (6, 17, 3),
        (7, 20, 3),
    ]
    assert [(bar.numerator, bar.denominator) for bar in find_bars(score)][1:4] == [(4, 4), (5, 4), (3, 4)]


def test_the_pickup_is_bar_0_and_bar_1_follows() -> None:
    bars = find_bars(make_score(one_part(9), meters=[(0, 3, 4)]), pickup=Fraction(1, 2))
    assert layout(bars)[:3] == [(0, 0, 0.5), (1, 0.5, 3), (2, 3.5, 3)]
    assert [bar.is_pickup for bar in bars][:2] == [True, False]


def test_a_pickup_may_have_a_signature_of_its_own() -> None:
    bars = find_bars(make_score(one_part(9), meters=[(0, 1, 4), (1, 4, 4)]))
    assert layout(bars) == [(0, 0, 1), (1, 1, 4), (2, 5, 4)]


def test_a_later_signature_off_the_bar_lines_shows_the_pickup() -> None:
    score = make_score(one_part(16), meters=[(0, 4, 4), (9, 3, 4)])
    assert find_pickup(score) == 1
    assert layout(find_bars(score))[:4] == [(0, 0, 1), (1, 1, 4), (2, 5, 4), (3, 9, 3)]


def test_a_rest_at_the_beginning_has_been_counted_by_the_file() -> None:
    tune = make_part(0, melody([67, 72, 76, 79] * 4, start=3))
    chords = make_part(1, block_chords([(48, 52, 55), (53, 57, 60), (55, 59, 62), (48, 52, 55)], start=4))
    assert find_pickup(make_score(tune, chords)) == 0


@pytest.mark.parametrize(
    ("name", "pickup", "meter", "num_bars"),
    [
        ("midi/foster_jeanie.mid", 0, (4, 4), 35),
        ("midi/joplin_maple_leaf_rag.mid", Fraction(1, 2), (2, 4), 85),
        ("midi/nottingham_cuckoos_nest.mid", 1, (4, 4), 17),
        ("metheny.mid", 0, (4, 4), 217),
    ],
)
def test_real_files(
    data_dir: Path, name: str, pickup: Fraction, meter: tuple[int, int], num_bars: int
) -> None:
    score = read_midi(data_dir / name)
    bars = find_bars(score)
    assert find_pickup(score) == pickup
    assert bars[0].is_pickup == bool(pickup)
    assert {(bar.numerator, bar.denominator) for bar in bars} == {meter}
    assert len(bars) == num_bars


@pytest.mark.parametrize(
    ("numerator", "denominator", "halves"),
    [
        (4, 4, [0, 2, 4]),
        (2, 4, [0, 1, 2]),
        (3, 4, [0, 3]),
        (6, 8, [0, 1.5, 3]),
        (9, 8, [0, 4.5]),
        (12, 8, [0, 3, 6]),
        (5, 4, [0, 3, 5]),
        (7, 4, [0, 4, 7]),
        (1, 4, [0, 1]),
    ],
)
def test_harmony_may_change_in_the_middle(numerator: int, denominator: int, halves: list[float]) -> None:
    bar = Bar(1, Fraction(0), bar_length(numerator, denominator), numerator, denominator)
    assert [0, *(float(end) for _, end in bar.halves)] == halves


def test_incomplete_bars_are_not_divided() -> None:
    assert Bar(0, Fraction(0), Fraction(2), 4, 4, is_pickup=True).halves == ((0, 2),)


def test_beats_of_simple_and_compound_meters() -> None:
    assert [count_beats(*meter) for meter in [(4, 4), (6, 8), (3, 8), (9, 8), (12, 8), (6, 4)]] == [
        4,
        2,
        3,
        3,
        4,
        6,
    ]


@pytest.mark.parametrize("meter", [(0, 4), (4, 0), (1, 64), (255, 1), (3, 64)])
def test_signatures_that_no_music_has_are_ignored(meter: tuple[int, int]) -> None:
    assert layout(find_bars(make_score(one_part(8), meters=[(0, *meter)]))) == [(1, 0, 4), (2, 4, 4)]


def test_an_empty_score_has_no_bars() -> None:
    assert find_bars(make_score()) == ()


def test_a_release_that_hangs_over_asks_for_no_new_bar() -> None:
    assert len(find_bars(make_score(make_part(0, [(0, 4.1, 60)])))) == 1
    assert len(find_bars(make_score(make_part(0, [(0, 4.5, 60)])))) == 2


@pytest.mark.parametrize(
    ("pickup", "message"),
    [(4, "from 0 to less than 4"), (-1, "pickup=-1"), (Fraction(1, 7), "multiple of 1/8 or 1/12")],
)
def test_impossible_pickups_are_refused(pickup: Fraction, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_bars(make_score(one_part(8)), pickup=pickup)


@pytest.mark.parametrize("pickup", [1.0, True, "1"])
def test_pickups_are_exact_numbers(pickup: object) -> None:
    with pytest.raises(TypeError, match="pickup="):
        find_bars(make_score(one_part(8)), pickup=pickup)  # type: ignore[arg-type]


def test_an_endless_file_is_refused() -> None:
    end = TICKS * 4 * (MAX_BARS + 2)
    score = Score(TICKS, (Part(0, 0, "", None, (Note(0, 1, 60), Note(end, end + 1, 60))),))
    with pytest.raises(ValueError, match=f"more than {MAX_BARS} bars"):
        find_bars(score)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_bars_cover_any_score_without_gaps(score: Score) -> None:
    bars = find_bars(score)
    notes = [note for part in score.parts for note in part.notes]
    assert bool(bars) == bool(notes)
    assert all(bar.length > 0 for bar in bars)
    assert all(before.end == after.start for before, after in itertools.pairwise(bars))
    assert all(after.number == before.number + 1 for before, after in itertools.pairwise(bars))
    if bars:
        assert bars[0].start == 0
        assert bars[0].number == (0 if bars[0].is_pickup else 1)
        assert bars[-1].end > score.quarters(max(note.onset for note in notes))
