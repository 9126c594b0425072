"""A solo keeps the tune's instruments, tempo and accompaniment, and gets out of the computer in three ways."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mido
import pytest

from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import PlacedNote
from rnnfast.music.improvisation import improvise
from rnnfast.music.midi import read_midi
from rnnfast.music.playing.dynamics import accent, playing_level
from rnnfast.music.score import DRUM_CHANNEL, Note
from rnnfast.music.solo import Solo

from .scores import make_part, make_score, melody
from .tune_players import random_player, swing_tune

TUNE = swing_tune()
CORPUS = Corpus.from_score(TUNE)
TICKS = TUNE.ticks_per_quarter


@pytest.fixture(scope="module")
def solo() -> Solo:
    return improvise(random_player(CORPUS.vocabulary), CORPUS, bars=12, seed=4)


def test_it_says_what_it_is(solo: Solo) -> None:
    assert len(solo) == 12
    assert solo.length == 48
    assert solo.tempo == 150
    assert solo.seconds == pytest.approx(48 * 0.4)
    assert repr(solo) == f"<Solo: 12 bars, {len(solo.notes)} notes, 19.2 s at 150 quarter notes a minute>"


def test_notes_are_those_of_the_first_part(solo: Solo) -> None:
    part = solo.to_score().parts[0]
    assert (part.name, part.program) == ("Solo", 66)
    placed = [(Fraction(n.onset, TICKS), Fraction(n.release - n.onset, TICKS), n.pitch) for n in part.notes]
    assert placed == [tuple(note) for note in solo.notes]


def test_the_accompaniment_is_the_tunes_own_looped(solo: Solo) -> None:
    names = [(part.name, part.program) for part in solo.score.parts[1:]]
    assert names == [("Piano", 4), ("Bass", 32), ("Drums", 0)]
    for source, copy in zip(TUNE.parts[1:], solo.score.parts[1:], strict=True):
        once = [(n.onset, n.release, n.pitch, n.velocity) for n in source.notes]
        chorus = 32 * TICKS
        again = [(on + chorus, off + chorus, pitch, v) for on, off, pitch, v in once if on < 16 * TICKS]
        assert [(n.onset, n.release, n.pitch, n.velocity) for n in copy.notes] == [*once, *again]
    channels = [{note.channel for note in part.notes} for part in solo.score.parts]
    assert channels == [{0}, {1}, {2}, {DRUM_CHANNEL}]


def test_what_rings_over_the_end_of_a_chorus_is_cut_there() -> None:
    score = swing_tune(bars=4)
    ringing = replace(score.parts[2], notes=(*score.parts[2].notes[:-1], Note(15 * TICKS, 40 * TICKS, 36)))
    corpus = Corpus.from_score(replace(score, parts=(*score.parts[:2], ringing)), end=16)
    solo = improvise(random_player(corpus.vocabulary), corpus, bars=8)
    bass = [note for note in solo.score.parts[2].notes if note.onset % (16 * TICKS) == 15 * TICKS]
    assert [(note.onset, note.release) for note in bass] == [
        (15 * TICKS, 16 * TICKS),
        (31 * TICKS, 32 * TICKS),
    ]


def test_a_lone_melody_gets_chords_and_a_bass() -> None:
    corpus = Corpus.from_score(make_score(make_part(0, melody([60, 64, 67, 72, 71, 67, 65, 62] * 3), "Song")))
    solo = improvise(random_player(corpus.vocabulary), corpus)
    assert [(part.name, part.program) for part in solo.score.parts] == [
        ("Solo", 65),
        ("Chords", 0),
        ("Bass", 32),
    ]
    chords, bass = solo.score.parts[1:]
    assert sorted({note.onset for note in chords.notes}) == sorted(
        chord.offset * 480 for chord in solo.chords
    )
    assert [note.pitch % 12 for note in bass.notes] == [chord.pitches[0] % 12 for chord in solo.chords]


def test_saving_writes_what_reading_reads(solo: Solo, tmp_path: Path) -> None:
    solo.save(tmp_path / "solo.mid")
    score = read_midi(tmp_path / "solo.mid")
    assert [part.notes for part in score.parts] == [part.notes for part in solo.score.parts]
    assert [part.program for part in score.parts] == [66, 4, 32, 0]
    assert score.tempos == ((0, 400_000),)
    solo.save(tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "solo.mid").read_bytes()


def test_no_note_in_the_file_is_stuck(solo: Solo, tmp_path: Path) -> None:
    solo.save(tmp_path / "solo.mid")
    for track in mido.MidiFile(tmp_path / "solo.mid").tracks:
        sounding: set[tuple[int, int]] = set()
        for message in track:
            if message.type == "note_on" and message.velocity:
                assert (message.channel, message.note) not in sounding
                sounding.add((message.channel, message.note))
            elif message.type in ("note_on", "note_off"):
                sounding.remove((message.channel, message.note))
        assert not sounding


def test_tempo_and_instrument_can_be_chosen(solo: Solo, tmp_path: Path) -> None:
    solo.save(tmp_path / "slow.mid", tempo=60, program=73)
    score = read_midi(tmp_path / "slow.mid")
    assert score.tempos == ((0, 1_000_000),)
    assert [part.program for part in score.parts] == [73, 4, 32, 0]
    assert solo.tempo == 150


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tempo": 0}, ValueError, "tempo is 0, expected 10 to 1000"),
        ({"tempo": float("inf")}, ValueError, "tempo is inf"),
        ({"tempo": "fast"}, TypeError, "tempo is 'fast'"),
        ({"program": 128}, ValueError, "program is 128, expected 0 to 127"),
        ({"program": "sax"}, TypeError, "program is 'sax'"),
    ],
)
def test_bad_choices_write_nothing(
    solo: Solo, tmp_path: Path, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        solo.save(tmp_path / "bad.mid", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_rendering_lasts_as_long_as_the_solo(tmp_path: Path) -> None:
    short = improvise(random_player(CORPUS.vocabulary), CORPUS, bars=2)
    short.render(tmp_path / "solo.wav", sample_rate=8000)
    with wave.open(str(tmp_path / "solo.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(short.seconds + 1.5, abs=0.1)
        assert any(file.readframes(8000))


def test_plotting_draws_chords_and_kinds(solo: Solo, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    solo.plot(tmp_path / "solo.svg")
    picture = (tmp_path / "solo.svg").read_text()
    assert solo.score.name == "Solo on test"
    assert picture.count("Solo on test") >= 1
    assert solo.symbols[0] == (0, CORPUS.symbols[0][0].name)
    assert [onset for onset, _ in solo.symbols] == [chord.offset for chord in solo.chords]


def test_accents_are_on_tops_and_off_beats_and_within_range() -> None:
    line = [PlacedNote(Fraction(i, 2), Fraction(1, 2), pitch) for i, pitch in enumerate((60, 64, 62, 60))]
    first, top, after, low = accent(line, 80)
    assert top > max(first, after, low)
    assert low > after
    assert accent(line, 127) == [112] * 4
    assert playing_level(()) == 84
    assert playing_level([Note(0, 1, 60, velocity) for velocity in (1, 2, 3)]) == 64
