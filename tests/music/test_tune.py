"""The text notation of tunes, and the tune that comes with the package: that it is made from its text, and is jazz."""

from __future__ import annotations

import contextlib
import itertools
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast.music.analysis.meter import find_bars
from rnnfast.music.corpus import Corpus
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Score
from rnnfast.music.tunes import NotationError, bundled_tune, make_midi, parse_tune, perform
from rnnfast.music.tunes.__main__ import main
from rnnfast.music.tunes.notation import parse_pitch
from rnnfast.music.tunes.tune import Tune

HEAD = """\
title Two bars
tempo 140
key F
swing 2/3
part melody 65 Sax
part chords 0 Piano
part bass 32 Bass
chord F7 F2 Eb3 A3 D4
chord Bb7 Bb2 D3 Ab3 C4
"""
BAR = "1 | F7 | r G5 (A4 C5 Eb5) D5/2 | F2 A2 C3 B2 | 1- 2& 4"


@pytest.fixture(scope="module")
def tune() -> Tune:
    return parse_tune(bundled_tune().with_suffix(".txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def score() -> Score:
    return read_midi(bundled_tune())


def quarters(score: Score, part: int) -> list[tuple[Fraction, Fraction, int]]:
    return [
        (score.quarters(note.onset), score.quarters(note.release - note.onset), note.pitch)
        for note in score.parts[part].notes
    ]


# The notation


def test_a_bar_becomes_notes_in_time() -> None:
    score = perform(parse_tune(HEAD + BAR))
    third = Fraction(1, 3)
    assert quarters(score, 0) == [
        (2 * third, third, 79),
        (1, third, 69),
        (4 * third, third, 72),
        (5 * third, third, 75),
        (2, 2, 74),
    ]


@pytest.mark.parametrize(
    ("melody", "expected"),
    [
        ("C4 D4 E4/4 F4/2", [(0, "2/3", 60), ("2/3", "1/3", 62), (1, 1, 64), (2, 2, 65)]),
        ("r C4/4 D4 E4/2", [("2/3", 1, 60), ("5/3", "1/3", 62), (2, 2, 64)]),
        ("C4/4. D4 r/2", [(0, "5/3", 60), ("5/3", "1/3", 62)]),
        (
            "(C4 D4 E4) r/4 (r F4 r) r/8 r/8",
            [(0, "1/3", 60), ("1/3", "1/3", 62), ("2/3", "1/3", 64), ("7/3", "1/3", 65)],
        ),
        ("Bb-1/1", [(0, 4, 10)]),
        ("r/1", []),
    ],
)
def test_lengths_and_swing(melody: str, expected: list[tuple[int | str, int | str, int]]) -> None:
    score = perform(parse_tune(f"{HEAD}1 | F7 | {melody} | F2/1 | 1-"))
    assert quarters(score, 0) == [
        (Fraction(onset), Fraction(length), pitch) for onset, length, pitch in expected
    ]


def test_straight_eighths_without_swing() -> None:
    score = perform(parse_tune(HEAD.replace("swing 2/3\n", "") + "1 | F7 | C4 D4 r/2. | F2/1 | 1-"))
    assert [onset for onset, _, _ in quarters(score, 0)] == [0, Fraction(1, 2)]


def test_comping_is_held_or_short_and_anticipates_a_change() -> None:
    text = HEAD + "1 | F7 Bb7 | r/1 | F2/1 | 1- 2& 4&-\n2 | F7 | r/1 | F2/1 | 3"
    roots = [note for note in quarters(perform(parse_tune(text)), 1) if note[2] in (41, 46)]
    assert roots == [
        (0, Fraction(5, 3), 41),
        (Fraction(5, 3), Fraction(1, 3), 46),  # the & before beat three already has its chord
        (Fraction(11, 3), Fraction(1, 3), 41),  # and the & before the bar line the next bar's
        (6, Fraction(2, 3), 41),
    ]


def test_settings_reach_the_score() -> None:
    score = perform(parse_tune(HEAD + BAR))
    assert score.name == "Two bars"
    assert score.tempos == ((0, 428_571),)
    assert score.time_signatures == ((0, 4, 4),)
    assert score.keys == ((0, "F"),)
    assert [(part.name, part.program) for part in score.parts] == [("Sax", 65), ("Piano", 0), ("Bass", 32)]


@pytest.mark.parametrize(
    ("name", "pitch"), [("C4", 60), ("Eb5", 75), ("F#3", 54), ("Cb4", 59), ("C-1", 0), ("G9", 127)]
)
def test_pitch_names(name: str, pitch: int) -> None:
    assert parse_pitch(name) == pitch


@pytest.mark.parametrize("name", ["H4", "c4", "C", "4", "C10", "Cbb4", "G#9", "Cb-1", "", "r"])
def test_no_pitch_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}'"):
        parse_pitch(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + BAR.replace("r G5", "r"),
            r"line 10: bar 1, melody: a triplet begins off the beat, after 1/2",
        ),
        (
            HEAD + BAR.replace("D5/2", "D5"),
            r"line 10: bar 1, melody: the lengths sum to 5/2 quarter notes, expected 4",
        ),
        (
            HEAD + BAR.replace("B2 ", ""),
            r"line 10: bar 1, bass: the lengths sum to 3 quarter notes, expected 4",
        ),
        (HEAD + BAR.replace("G5", "H5"), r"line 10: bar 1, melody: 'H5' is not a pitch"),
        (HEAD + BAR.replace("D5/2", "D5/3"), r"line 10: bar 1, melody: 'D5/3' has an unknown length"),
        (HEAD + BAR.replace("C5 Eb5)", "C5)"), r"line 10: bar 1, melody: the triplet \(A4 C5\) has 2 notes"),
        (HEAD + BAR.replace("(A4", "A4"), r"line 10: bar 1, melody: 'Eb5\)' is not a pitch"),
        (HEAD + BAR.replace("F7", "F9"), r"line 10: bar 1, chords: 'F9' has no voicing"),
        (HEAD + BAR.replace("F7", ""), r"line 10: bar 1, chords: there is no chord symbol"),
        (HEAD + BAR.replace("2&", "2&&"), r"line 10: bar 1, comping: '2&&' is not a beat"),
        (
            HEAD + BAR.replace(" 4", " 5"),
            r"line 10: bar 1, comping: '5' lies beyond the bar's 4 quarter notes",
        ),
        (HEAD + BAR.replace(" 4", " 2"), r"line 10: bar 1, comping: '2' comes after a later beat"),
        (HEAD + BAR + "\n3" + BAR[1:], r"line 11: bar 3 stands where bar 2 should"),
        (HEAD + BAR + " | 7", r"line 10: bar 1 has 6 fields, expected 5"),
        (HEAD + BAR + "\ntempo 90", r"line 11: the setting 'tempo' comes after the first bar"),
        (HEAD + "tempo fast\n" + BAR, r"line 10: tempo is 'fast'"),
        (HEAD + "tempo\n" + BAR, r"line 10: the setting 'tempo' has no value"),
        (HEAD + "mood blue\n" + BAR, r"line 10: unknown setting 'mood'"),
        (HEAD + "meter 4/5\n" + BAR, r"line 10: meter is '4/5'"),
        (HEAD + "key H\n" + BAR, r"line 10: key is 'H'"),
        (HEAD + "swing 1/1\n" + BAR, r"line 10: swing is '1/1'"),
        (HEAD + "part drums 0 Kit\n" + BAR, r"line 10: part is for 'drums'"),
        (HEAD + "part bass 128 Bass\n" + BAR, r"line 10: part bass has program '128'"),
        (HEAD + "chord F7 F2\n" + BAR, r"line 10: chord F7 is voiced twice"),
        (HEAD + "chord C7\n" + BAR, r"line 10: chord C7 has no pitches"),
        (HEAD.replace("part bass 32 Bass\n", "") + BAR, r"no `part` line for bass"),
        (HEAD, r"the tune has no bars"),
    ],
)
def test_errors_name_line_and_bar(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=f"^{message}"):
        parse_tune(text)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_a_notation_error_or_a_tune(data: st.DataObject) -> None:
    characters = list(HEAD + BAR)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(characters) - 1))
        characters[place] = data.draw(st.sampled_from(list("|/()#&-. r0123459ABb\nx²")))
    with contextlib.suppress(NotationError):
        perform(parse_tune("".join(characters)))


# Making MIDI files


def test_the_shipped_midi_file_is_made_from_its_text(tmp_path: Path) -> None:
    make_midi(bundled_tune().with_suffix(".txt"), tmp_path / "made.mid")
    assert (tmp_path / "made.mid").read_bytes() == bundled_tune().read_bytes()


def test_the_maker_writes_beside_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "two.txt"
    source.write_text(HEAD + BAR)
    assert main([str(source)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "two.mid")
    assert len(read_midi(tmp_path / "two.mid").parts) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.txt", b"tempo 1", "line 1: tempo is '1'"),
        ("bad.txt", b"\xff\xfe", "is not UTF-8 text"),
        ("bad.mid", (HEAD + BAR).encode(), "the text would be overwritten"),
    ],
)
def test_the_maker_reports_errors_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    assert main([str(source)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_maker_reports_a_missing_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.txt")]) == 2
    assert "none.txt" in capsys.readouterr().err


# The bundled tune: that it is good to learn from, and jazz


def test_form(tune: Tune, score: Score) -> None:
    bars = find_bars(score)
    assert len(bars) == len(tune.bars) == 64
    assert not bars[0].is_pickup
    assert [part.name for part in score.parts] == ["Alto Sax", "Piano", "Bass"]
    assert 130 <= tune.tempo <= 150
    assert len({bar.melody for bar in tune.bars}) == 64
    assert all(bar.melody for bar in tune.bars)


def test_the_grid_is_thirds_of_a_beat(score: Score) -> None:
    for part in range(3):
        for onset, length, _ in quarters(score, part):
            assert (onset * 3).denominator == 1
            assert (length * 3).denominator == 1
            assert length > 0


def test_ranges(score: Score) -> None:
    low_and_high = [
        (min(n.pitch for n in part.notes), max(n.pitch for n in part.notes)) for part in score.parts
    ]
    melody, chords, bass = low_and_high
    assert 55 <= melody[0] <= melody[1] <= 80  # an alto saxophone's own range ends at 80
    assert 39 <= chords[0] <= chords[1] <= 67
    assert 28 <= bass[0] <= bass[1] <= 55


def test_the_melody_is_one_line_that_breathes(score: Score) -> None:
    melody = quarters(score, 0)
    gaps = [later[0] - (note[0] + note[1]) for note, later in itertools.pairwise(melody)]
    assert min(gaps) >= 0
    phrases = "".join("." if gap >= 1 else "-" for gap in gaps).split(".")
    assert len(phrases) >= 20
    assert max(len(phrase) for phrase in phrases) <= 40
    sounding = sum(length for _, length, _ in melody) / (4 * 64)
    assert 0.7 <= sounding <= 0.85


def test_the_line_moves_as_lines_do(score: Score) -> None:
    melody = quarters(score, 0)
    steps = [abs(later[2] - note[2]) for note, later in itertools.pairwise(melody)]
    assert 0.45 <= sum(1 <= step <= 2 for step in steps) / len(steps) <= 0.7
    assert sum(step == 0 for step in steps) / len(steps) <= 0.02
    assert sum(step >= 8 for step in steps) / len(steps) <= 0.05
    for first, second, third in zip(melody, melody[1:], melody[2:], strict=False):
        within_a_phrase = second[0] == first[0] + first[1] and third[0] == second[0] + second[1]
        if within_a_phrase and abs(second[2] - first[2]) >= 7:
            assert (second[2] - first[2]) * (third[2] - second[2]) <= 0, "a wide leap turns back"


def test_chord_tones_stand_on_the_beats(tune: Tune) -> None:
    on_beat, off_beat = [], []
    for bar in tune.bars:
        share = tune.bar_length / len(bar.chords)
        for tone in bar.melody:
            chord = {pitch % 12 for pitch in tune.voicings[bar.chords[int(tone.onset // share)]]}
            (on_beat if tone.onset.denominator == 1 else off_beat).append(tone.pitch % 12 in chord)
    assert sum(on_beat) / len(on_beat) >= 0.65
    assert sum(off_beat) / len(off_beat) <= sum(on_beat) / len(on_beat) - 0.1


def test_voices_lead_by_step(tune: Tune) -> None:
    symbols = [symbol for bar in tune.bars for symbol in bar.chords]
    moves = []
    for before, after in itertools.pairwise(symbols):
        if before != after:
            upper = zip(sorted(tune.voicings[before][1:]), sorted(tune.voicings[after][1:]), strict=True)
            moves.extend(abs(a - b) for a, b in upper)
    assert sum(moves) / len(moves) <= 2
    assert max(moves) <= 7


def test_the_bass_walks_from_root_to_root(tune: Tune) -> None:
    roots = [
        bar.bass[0].pitch % 12 == tune.voicings[bar.chords[0]][0] % 12 or bar.bass[0].pitch % 12 == 0
        for bar in tune.bars
    ]
    assert all(roots)  # or the fifth, C, where F7 stands over its dominant
    arrivals = [
        abs(bar.bass[-1].pitch - following.bass[0].pitch) for bar, following in itertools.pairwise(tune.bars)
    ]
    assert sum(step in (1, 2) for step in arrivals) / len(arrivals) >= 0.7


def test_what_the_corpus_builder_reads_in_it(tune: Tune) -> None:
    corpus = Corpus.from_midi(bundled_tune())
    assert corpus.arrangement.melody.name == "Alto Sax"
    assert str(corpus.key) == "F major"
    tokens = [token for measure in corpus.measures for token in measure.tokens]
    assert len(corpus.measures) == 64
    assert 400 <= len(tokens) <= 500
    assert 60 <= len(corpus.vocabulary) <= 100
    written = [tuple(symbol.removesuffix("b9") for symbol in bar.chords) for bar in tune.bars[:-1]]
    recognised = [tuple(symbol.name for symbol in bar) for bar in corpus.symbols[:-1]]
    assert recognised == written
