"""Recognised chords, checked against lead sheets, the bundled tune's own page, and chords of known names."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from rnnfast.music.analysis.chord_templates import CHORDS, QUALITIES, score_chords
from rnnfast.music.analysis.chords import ChordSymbol, recognise_chords
from rnnfast.music.analysis.detect import arrange
from rnnfast.music.analysis.key import Key
from rnnfast.music.analysis.meter import find_bars
from rnnfast.music.analysis.pitch_weights import weigh_pitches
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Score
from rnnfast.music.tunes import bundled_tune

from .scores import Timed, block_chords, make_part, make_score, melody, random_scores

C_MAJOR = Key(0, "major")


def recognise(score: Score, key: Key | None = None) -> list[list[ChordSymbol]]:
    return [list(bar) for bar in recognise_chords(arrange(score), find_bars(score), key)]


def names(score: Score, key: Key | None = None) -> list[str]:
    return [" ".join(chord.name for chord in bar) for bar in recognise(score, key)]


def accompanied(backing: list[Timed], tune: list[Timed] | None = None) -> Score:
    line = melody([72], length=16) if tune is None else tune
    return make_score(make_part(0, line, "Melody"), make_part(1, backing, "Chords"))


@pytest.mark.parametrize("quality", list(QUALITIES))
@pytest.mark.parametrize("root", [0, 6, 11])
def test_every_chord_is_recognised_in_root_position(quality: str, root: int) -> None:
    pitches = [36 + root, *(60 + root + step for step in QUALITIES[quality])]
    (bar,) = recognise(accompanied(block_chords([pitches]), [(0, 4, 84 + root)]), C_MAJOR)
    assert [(chord.root, chord.quality) for chord in bar] == [(root, quality)]
    assert bar[0].pitches == tuple(48 + root + step for step in QUALITIES[quality])


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ((52, 55, 60), "C"),  # first inversion
        ((36, 64, 70, 74), "C7"),  # rootless ninth over its bass
        ((41, 57, 63, 67), "F7"),
        ((45, 60, 64, 67), "Am7"),
        ((48, 57, 64, 67), "C6"),  # the same notes: the bass decides
        ((36, 43, 48), "C"),  # a power chord
        ((50, 53, 57, 60, 64), "Dm7"),  # with its ninth
    ],
)
def test_inversions_and_jazz_voicings(pitches: tuple[int, ...], name: str) -> None:
    assert names(make_score(make_part(0, block_chords([pitches]))), C_MAJOR) == [name]


def test_two_chords_in_a_bar() -> None:
    backing = block_chords([(50, 53, 57, 60), (43, 53, 59, 62)], length=2) + block_chords(
        [(48, 52, 55)], start=4
    )
    chords = recognise(accompanied(backing, melody([74, 71, 72, 67], length=2)))
    assert [[chord.name for chord in bar] for bar in chords] == [["Dm7", "G7"], ["C"]]
    assert [(chord.onset, chord.length) for bar in chords for chord in bar] == [(0, 2), (2, 2), (4, 4)]


def test_an_arpeggio_is_one_chord() -> None:
    pattern = [48, 55, 52, 55] * 2 + [47, 55, 53, 55] * 2
    assert names(accompanied(melody(pattern, length=0.5), melody([76, 74], length=4))) == ["C", "G7"]


def test_a_walking_bass_does_not_change_the_chord() -> None:
    comping = block_chords([(57, 60, 63)]) + melody([41, 45, 48, 50])
    assert names(accompanied(comping, melody([72, 69, 65, 72]))) == ["F7"]


def test_bars_without_chords_keep_the_last_one_for_two_bars() -> None:
    score = accompanied(block_chords([(43, 59, 62, 65)]), melody([67, 65, 62, 59, *[64, 60, 67, 72] * 4]))
    chords = recognise(score, C_MAJOR)
    assert [bar[0].name for bar in chords] == ["G7", "G7", "G7", "C", "C"]
    assert [bar[0].source for bar in chords] == ["accompaniment", "held", "held", "melody", "melody"]


def test_before_the_first_chord_the_melody_implies_one() -> None:
    score = accompanied(block_chords([(48, 52, 55)], start=4), melody([67, 71, 74, 67, 72, 76, 79, 72]))
    chords = recognise(score, C_MAJOR)
    assert [(bar[0].name, bar[0].source) for bar in chords] == [("G", "melody"), ("C", "accompaniment")]


@pytest.mark.parametrize(
    ("tune", "key", "expected"),
    [
        ([60, 64, 67, 72, 65, 69, 72, 69, 67, 65, 62, 59, 72, 67, 64, 60], C_MAJOR, ["C", "F", "G7", "C"]),
        (
            [57, 60, 64, 69, 62, 65, 69, 65, 64, 68, 71, 74, 69, 64, 60, 57],
            Key(9, "minor"),
            ["Am", "Dm", "E7", "Am"],
        ),
    ],
)
def test_a_melody_alone_implies_its_chords(tune: list[int], key: Key, expected: list[str]) -> None:
    chords = recognise(make_score(make_part(0, melody(tune))), key)
    assert [bar[0].name for bar in chords] == expected
    assert {bar[0].source for bar in chords} == {"melody"}


def test_where_nothing_sounds_the_tonic_or_the_last_chord_stands() -> None:
    score = make_score(make_part(0, [*melody([67, 71, 74, 67], start=4), (24, 4, 72)]))
    chords = recognise(score, C_MAJOR)
    assert [(bar[0].name, bar[0].source) for bar in chords[:3]] == [
        ("C", "key"),
        ("G", "melody"),
        ("G", "held"),
    ]


def test_foster_has_the_chords_of_its_lead_sheet(data_dir: Path) -> None:
    golden = json.loads((data_dir / "golden_foster.json").read_text())["foster_jeanie.mid"]["rests"]["bars"]
    chords = recognise(read_midi(data_dir / "midi/foster_jeanie.mid"))
    assert len(golden) == 34
    for number, bar in golden.items():
        written = [{pitch % 12 for pitch in chord["midi"]} for chord in bar["chords"]]
        heard = [{pitch % 12 for pitch in chord.pitches} for chord in chords[int(number)]]
        assert heard == [chord for chord, _ in itertools.groupby(written)]


def test_the_first_strain_of_maple_leaf_rag(data_dir: Path) -> None:
    chords = names(read_midi(data_dir / "midi/joplin_maple_leaf_rag.mid"))
    assert chords[1:5] == ["Ab", "Eb7", "Ab", "Eb7"]
    assert chords[7:11] == ["Abm", "Abm", "Ddim7", "Ab"]


def test_cuckoos_nest(data_dir: Path) -> None:
    chords = names(read_midi(data_dir / "midi/nottingham_cuckoos_nest.mid"))
    assert chords[1:9] == ["D", "Em A", "C", "Em A7", "D", "Em A7", "D A7", "D"]


def test_most_chords_of_the_bundled_tune_are_those_on_its_page() -> None:
    source = bundled_tune().with_suffix(".txt").read_text(encoding="utf-8")
    lines = [line.split("|") for line in source.splitlines()]
    pages = {int(line[0]): line[1].split() for line in lines if len(line) > 3 and line[0].strip().isdigit()}
    right = total = 0
    score = read_midi(bundled_tune())
    for number, bar in enumerate(recognise(score), start=1):
        written = pages[number] * (2 // len(pages[number]))
        heard = [chord.name for chord in bar] * (2 // len(bar))
        # The page has ninths and alterations that a symbol of four notes leaves out.
        right += sum(page.startswith(name.rstrip("67")) for page, name in zip(written, heard, strict=True))
        total += 2
    assert total == 128
    assert right / total > 0.9


def test_chords_fill_every_bar(data_dir: Path) -> None:
    score = read_midi(data_dir / "metheny.mid")
    bars = find_bars(score)
    for bar, chords in zip(bars, recognise_chords(arrange(score), bars), strict=True):
        assert chords[0].onset == bar.start
        assert sum(chord.length for chord in chords) == bar.length
        assert all(0 <= pitch <= 127 for chord in chords for pitch in chord.pitches)


def test_pitch_weights_count_time_loudness_and_the_downbeat() -> None:
    backing = [(0, 2, 48), (1, 4, 64)]  # C from the first downbeat, E over the second bar line
    arrangement = arrange(make_score(make_part(0, melody([80], length=8), "Melody"), make_part(1, backing)))
    spans = [(Fraction(0), Fraction(4)), (Fraction(4), Fraction(8)), (Fraction(8), Fraction(12))]
    found = weigh_pitches(arrangement, spans, melody_share=0)
    loudness = 90 / 127
    assert found.weights[0, [0, 4]] == pytest.approx([1.5 * 2 * loudness, 3 * loudness])
    assert found.weights[1, [0, 4]] == pytest.approx([0, 1 * loudness])
    assert found.is_accompanied.tolist() == [True, True, False]
    assert found.first_bass.tolist() == [48, 64, -1]
    assert found.lowest.tolist() == [48, 64, -1]
    assert weigh_pitches(arrangement, spans[2:], melody_share=1).lowest.tolist() == [-1]


def test_a_long_note_weighs_in_every_bar_that_it_fills() -> None:
    arrangement = arrange(make_score(make_part(0, [(0.5, 10, 60)]), make_part(1, melody([48], length=12))))
    spans = [(Fraction(start), Fraction(start + 4)) for start in (0, 4, 8)]
    found = weigh_pitches(arrangement, spans, melody_share=1)
    assert found.weights[:, 0] == pytest.approx(90 / 127 * np.array([3.5 + 1.5 * 4, 8, 6.5]))


def test_chords_are_scored_by_what_they_explain() -> None:
    weights = np.zeros(12)
    weights[[0, 4, 7, 10]] = 1
    scores = score_chords(weights, C_MAJOR.scale, (36,))
    assert CHORDS[int(scores.argmax())] == (0, "7")
    assert scores[CHORDS.index((0, "7"))] > scores[CHORDS.index((0, ""))] > scores[CHORDS.index((1, ""))]


def test_a_tension_costs_less_than_a_foreign_note() -> None:
    scores = []
    for extra in (2, 5):  # ninth and natural eleventh of C7
        weights = np.zeros(12)
        weights[[0, 4, 7, 10, extra]] = 1
        scores.append(score_chords(weights, C_MAJOR.scale)[CHORDS.index((0, "7"))])
    assert scores[0] - scores[1] == pytest.approx(0.6 / 5)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_any_score_has_chords_in_every_bar(score: Score) -> None:
    if all(part.is_drums for part in score.parts):
        return
    bars = find_bars(score)
    chords = recognise_chords(arrange(score), bars)
    assert len(chords) == len(bars)
    for bar, found in zip(bars, chords, strict=True):
        assert found[0].onset == bar.start
        assert sum(chord.length for chord in found) == bar.length
