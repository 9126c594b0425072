"""What `rnnfast inspect` prints."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from rich.console import Console

from rnnfast.music.corpus import Corpus
from rnnfast.music.report import Inspection, inspect_corpus, inspect_midi
from rnnfast.music.report_page import render
from rnnfast.music.score import Score
from rnnfast.music.tunes import bundled_tune

from .scores import TICKS, block_chords, make_part, make_score, melody, random_scores


def page(inspection: Inspection, width: int = 80) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, color_system=None, force_terminal=False).print(render(inspection))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def words(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_joplin(data_dir: Path) -> None:
    inspection = inspect_midi(data_dir / "midi/joplin_maple_leaf_rag.mid")
    assert (inspection.title, inspection.key, inspection.is_key_written) == (
        "Maple Leaf Rag",
        "Ab major",
        False,
    )
    assert (inspection.meters, inspection.pickup, inspection.num_bars) == (((0, "2/4"),), Fraction(1, 2), 84)
    assert inspection.seconds == pytest.approx(109.6, abs=0.1)
    assert inspection.tempos == ((0.0, pytest.approx(92, abs=0.01)),)
    right, left = inspection.parts
    assert (right.name, right.instrument, right.num_notes, right.role) == (
        "Right hand",
        "grand piano",
        687,
        "melody",
    )
    assert (left.role, left.lowest, left.highest) == ("chords", 32, 73)
    assert len(inspection.chords) == 85
    lines = words(page(inspection))
    assert "meter 2/4, pickup of 1/2 quarter note" in lines
    assert "length 84 bars, 109.6 s" in lines
    assert "0 Right hand grand piano 687 C4-G#6 1.7 2.6 melody" in lines
    assert "1 Ab Eb7 Ab Eb7" in lines
    assert (
        f"to learn from 84 bars with {inspection.num_tokens} tokens, {inspection.num_values} distinct"
        in lines
    )


def test_nineteen_parts_fit_in_eighty_columns(data_dir: Path) -> None:
    inspection = inspect_midi(data_dir / "metheny.mid")
    assert [part.role for part in inspection.parts].count("drums") == 9
    lines = page(inspection)
    assert max(map(len, lines)) <= 80
    for part in inspection.parts:
        assert any(line.split()[:1] == [str(part.number)] and line.endswith(part.role) for line in lines)
    assert not any("…" in line for line in lines)


def test_the_options_are_passed_on() -> None:
    roles = [part.role for part in inspect_midi(bundled_tune(), melody="Piano", chords=2).parts]
    assert roles == ["line", "melody", "bass"]


def test_changes_of_meter_and_tempo() -> None:
    score = make_score(
        make_part(0, melody([60, 64, 67, 72] * 6, start=1)),
        meters=[(0, 4, 4), (8, 3, 4)],
        tempos=[(0, 500_000), (8 * TICKS, 1_000_000)],
    )
    inspection = inspect_corpus(Corpus.from_score(score))
    assert inspection.meters == ((1, "4/4"), (3, "3/4"))
    assert inspection.tempos == ((0.0, 120.0), (4.0, 60.0))
    assert inspection.seconds == 4 + 17
    lines = words(page(inspection))
    assert "meter 4/4, 3/4 from bar 3" in lines
    assert "tempo 120 quarter notes a minute at first, 1 changes, 60 to 120" in lines


def test_where_chords_come_from_is_marked() -> None:
    tune = make_part(0, melody([67, 71, 74, 67, *[72] * 4, *[72] * 4]), "Melody")
    chords = make_part(1, block_chords([(48, 52, 55)], start=4), "Chords")
    lines = words(page(inspect_corpus(Corpus.from_score(make_score(tune, chords)))))
    assert "1 (G) C %" in lines
    assert lines[-1] == "%: the chord before it still holds. (C): implied by the melody."


def test_names_are_not_markup() -> None:
    score = replace(make_score(make_part(0, melody([60, 62, 64, 65]), "[red]x[/]")), name="[bold]")
    lines = page(inspect_corpus(Corpus.from_score(score)))
    assert lines[0] == "[bold]"
    assert any("[red]x[/]" in line for line in lines)


def test_a_score_without_tempo_has_the_standard_one() -> None:
    inspection = inspect_corpus(Corpus.from_score(make_score(make_part(0, melody([60, 62, 64, 65])))))
    assert inspection.tempos == ((0.0, 120.0),)
    assert inspection.seconds == 2


@settings(max_examples=25, derandomize=True, deadline=None)
@given(random_scores())
def test_any_score_that_has_a_melody_can_be_printed(score: Score) -> None:
    if any(not part.is_drums for part in score.parts):
        inspection = inspect_corpus(Corpus.from_score(score))
        assert max(map(len, page(inspection))) <= 80


def test_a_solos_measures_are_printed_beside_its_tunes():
    tune = bundled_tune()
    lines = page(inspect_midi(tune, tune=tune))
    text = "\n".join(lines)
    assert any("chord tones" in line and line.count("73 %") == 2 for line in lines), text
    assert any("longest run" in line and line.rstrip().endswith("430") for line in lines), text
    assert any("bars copied" in line and "100 %" in line for line in lines), text
    assert any("differs in intervals" in line and " 0 %" in line for line in lines), text
