"""Tokens, vocabularies and windows of real and made-up tunes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from rnnfast.music.corpus import MAX_SILENT_BARS, Corpus
from rnnfast.music.grammar import parse_token
from rnnfast.music.midi import MidiError, write_midi
from rnnfast.music.score import Score
from rnnfast.music.tunes import bundled_tune

from .scores import block_chords, make_part, make_score, melody, random_scores

FILES = [
    "midi/foster_jeanie.mid",
    "midi/joplin_maple_leaf_rag.mid",
    "midi/nottingham_cuckoos_nest.mid",
    "metheny.mid",
]


def assert_bars_are_full(corpus: Corpus) -> None:
    for measure in corpus.measures:
        assert sum(parse_token(token).length for token in measure.tokens) == measure.length


@pytest.fixture(scope="module")
def exercise(data_dir: Path) -> Corpus:
    return Corpus.from_midi(data_dir / "metheny.mid", melody=5, chords=0, start=476, end=548, faithful=True)


@pytest.fixture(scope="module")
def golden(data_dir: Path) -> Any:
    return json.loads((data_dir / "golden_metheny.json").read_text())


def test_the_faithful_corpus_is_the_exercises(exercise: Corpus, golden: Any) -> None:
    assert [" ".join(measure.tokens) for measure in exercise.measures] == golden["rests"]["grammar_per_bar"]
    assert (len(exercise.tokens), len(exercise.vocabulary)) == (275, 90)
    assert [[list(chord.pitches) for chord in bar] for bar in exercise.chords] == [
        [chord["midi"] for chord in bar] for bar in golden["chords_per_bar"]
    ]
    assert (exercise.melody.name, exercise.tempo, str(exercise.key)) == ("Guitar", 535_714, "G major")


def test_the_variant_without_rests(data_dir: Path, golden: Any) -> None:
    corpus = Corpus.from_midi(
        data_dir / "metheny.mid",
        melody="Guitar",
        chords="Piano",
        start=476,
        end=548,
        faithful=True,
        rests=False,
    )
    assert [" ".join(measure.tokens) for measure in corpus.measures] == golden["no_rests"]["grammar_per_bar"]
    assert (len(corpus.tokens), len(corpus.vocabulary)) == (193, 78)


def test_faithful_on_another_file(data_dir: Path) -> None:
    golden = json.loads((data_dir / "golden_foster.json").read_text())["foster_jeanie.mid"]["rests"]
    corpus = Corpus.from_midi(data_dir / "midi/foster_jeanie.mid", faithful=True)
    assert {str(m.number): " ".join(m.tokens) for m in corpus.measures} == {
        number: bar["tokens"] for number, bar in golden["bars"].items()
    }
    assert (len(corpus.tokens), len(corpus.vocabulary)) == (golden["n_tokens"], golden["n_values"])


def test_windows_of_the_exercise(exercise: Corpus, golden: Any) -> None:
    X, Y = exercise.windows(60, 30, seed=0)
    starts = golden["rests"]["first_window_starts"]
    assert X.shape == Y.shape == (60, 30)
    assert X.dtype == Y.dtype == np.int32
    for row, start in enumerate(starts):
        assert X[row].tolist() == [-1, *exercise.indices[start + 1 : start + 30]]
        assert Y[row].tolist() == [*exercise.indices[start + 1 : start + 30], -1]
    assert (X[:, 0] == -1).all()
    assert (Y[:, -1] == -1).all()
    assert len(starts) == 5


def test_one_hot_windows_say_the_same(exercise: Corpus) -> None:
    X, Y = exercise.windows(7, 20, seed=3)
    one_hot_X, one_hot_Y = exercise.windows(7, 20, seed=3, one_hot=True)
    assert one_hot_X.shape == (7, 20, 90)
    assert one_hot_Y.shape == (20, 7, 90)
    assert one_hot_X.dtype == one_hot_Y.dtype == np.bool_
    for integers, bits in ((X, one_hot_X), (Y, one_hot_Y.swapaxes(0, 1))):
        assert np.array_equal(np.where(bits.any(axis=2), bits.argmax(axis=2), -1), integers)


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_tokens_fill_every_bar(data_dir: Path, name: str, rests: bool) -> None:
    corpus = Corpus.from_midi(data_dir / name, rests=rests)
    assert_bars_are_full(corpus)
    assert (not any(token.startswith("R") for token in corpus.tokens)) == (not rests)
    assert [corpus.vocabulary[index] for index in corpus.indices] == list(corpus.tokens)
    lengths = {bar.number: bar.length for bar in corpus.bars}
    assert all(measure.length == lengths[measure.number] for measure in corpus.measures)


@pytest.mark.parametrize(
    ("name", "bars", "tokens", "register"),
    [
        ("midi/foster_jeanie.mid", 35, 98, (60, 77)),
        ("midi/joplin_maple_leaf_rag.mid", 84, 501, (63, 92)),
        ("midi/nottingham_cuckoos_nest.mid", 17, 112, (60, 78)),
    ],
)
def test_real_files_without_options(
    data_dir: Path, name: str, bars: int, tokens: int, register: tuple[int, int]
) -> None:
    corpus = Corpus.from_midi(data_dir / name)
    assert (len(corpus.measures), len(corpus.tokens), corpus.register) == (bars, tokens, register)


def test_bars_of_foster(data_dir: Path) -> None:
    corpus = Corpus.from_midi(data_dir / "midi/foster_jeanie.mid")
    by_number = {measure.number: " ".join(measure.tokens) for measure in corpus.measures}
    assert by_number[1].startswith("R,2.000 ")
    assert by_number[2] == "C,3.000 C,1.000,<P1,d-5>"  # C5 A4 over F
    assert (
        by_number[3] == "C,1.000 S,1.000,<M2,d-4> S,1.000,<m2,P-4> C,1.000,<m2,P-4>"
    )  # B-4 A4 G4 F4 over B-


def test_a_pickup_is_a_short_bar(data_dir: Path) -> None:
    first, second = Corpus.from_midi(data_dir / "midi/nottingham_cuckoos_nest.mid").measures[:2]
    assert (first.number, first.start, first.length, len(first.tokens)) == (0, 0, 1, 1)
    assert (second.number, second.start, second.length) == (1, 1, 4)


def test_the_bundled_tune() -> None:
    corpus = Corpus.from_midi(bundled_tune())
    assert_bars_are_full(corpus)
    assert len(corpus.measures) >= 48
    assert corpus.melody.program == 65
    assert [part.name for part in corpus.accompaniment] == ["Piano", "Bass"]
    assert Counter(token[0] for token in corpus.tokens).most_common(1)[0][0] == "C"


def test_a_region_is_read_in_whole_bars(data_dir: Path) -> None:
    corpus = Corpus.from_midi(data_dir / "metheny.mid", start=476, end=544)
    assert [measure.number for measure in corpus.measures] == list(range(120, 137))
    inner = Corpus.from_midi(data_dir / "metheny.mid", start=477.5, end=Fraction(485))
    assert [measure.number for measure in inner.measures] == [121, 122]


@pytest.mark.parametrize(
    ("numerator", "denominator", "lengths"),
    [(6, 8, [1.5, 1, 0.5]), (5, 4, [2, 1, 2]), (7, 8, [1.5, 1, 1]), (3, 16, [0.5, 0.25]), (2, 2, [4])],
)
def test_any_meter(numerator: int, denominator: int, lengths: list[float]) -> None:
    length = sum(lengths)
    onsets = [bar * length + sum(lengths[:i]) for bar in range(4) for i in range(len(lengths))]
    notes = [(onset, lengths[i % len(lengths)], 67 + i % 5) for i, onset in enumerate(onsets)]
    chords = block_chords([(48, 52, 55)] * 4, length=length)
    meter = [(0, numerator, denominator)]
    corpus = Corpus.from_score(make_score(make_part(0, notes), make_part(1, chords), meters=meter))
    assert [measure.length for measure in corpus.measures] == [Fraction(4 * numerator, denominator)] * 4
    assert [[float(parse_token(token).length) for token in m.tokens] for m in corpus.measures] == [
        lengths
    ] * 4


def test_meters_that_change() -> None:
    tune = make_part(0, melody([60, 62, 64, 65, 67] * 4))
    corpus = Corpus.from_score(make_score(tune, meters=[(0, 4, 4), (8, 5, 4), (13, 3, 4)]))
    assert [measure.length for measure in corpus.measures] == [4, 4, 5, 3, 3, 3]
    assert_bars_are_full(corpus)


def test_silence_is_capped_and_left_out_at_both_ends() -> None:
    tune = make_part(0, [(8, 1, 72), (40, 1, 74)], "Melody")
    chords = make_part(1, block_chords([(48, 52, 55)] * 20), "Chords")
    corpus = Corpus.from_score(make_score(tune, chords))
    assert [measure.number for measure in corpus.measures] == [3, 4, 5, 11]
    assert [measure.tokens for measure in corpus.measures[1:3]] == [("R,4.000",)] * MAX_SILENT_BARS


def test_chords_are_those_recognised() -> None:
    tune = make_part(0, melody([74, 77, 71, 72], length=2), "Melody")
    chords = make_part(1, block_chords([(50, 53, 57), (43, 59, 62, 65), (48, 52, 55)], length=2), "Chords")
    corpus = Corpus.from_score(make_score(tune, chords))
    assert [[symbol.name for symbol in bar] for bar in corpus.symbols] == [["Dm", "G7"], ["C"]]
    assert [[(c.offset, c.length, c.pitches) for c in bar] for bar in corpus.chords] == [
        [(0, 2, (50, 53, 57)), (2, 2, (55, 59, 62, 65))],
        [(4, 4, (48, 52, 55))],
    ]
    assert [token[0] for token in corpus.tokens] == ["C", "C", "S", "C"]  # only B is not in its chord


def test_a_lone_melody_is_learned_over_implied_chords() -> None:
    corpus = Corpus.from_score(make_score(make_part(0, melody([60, 64, 67, 72] * 2))))
    assert corpus.accompaniment == ()
    assert {symbol.source for bar in corpus.symbols for symbol in bar} == {"melody"}
    assert [token[0] for token in corpus.tokens] == ["C"] * 8


@pytest.mark.parametrize("file_type", [0, 1])
def test_midi_types(tmp_path: Path, file_type: int) -> None:
    mido = pytest.importorskip("mido")
    path = tmp_path / "tune.mid"
    tune = make_part(0, melody([72, 74, 76, 77]), "Melody")
    chords = make_part(1, block_chords([(48, 52, 55)]), "Chords")
    chords = replace(chords, notes=tuple(replace(note, channel=1) for note in chords.notes))
    write_midi(make_score(tune, chords), path)
    if file_type == 0:
        file = mido.MidiFile(path)
        file.tracks[:] = [mido.merge_tracks(file.tracks)]
        file.type = 0
        file.save(path)
    corpus = Corpus.from_midi(path)
    assert [element.pitches for measure in corpus.measures for element in measure.elements] == [
        (72,),
        (74,),
        (76,),
        (77,),
    ]
    assert [symbol.name for symbol in corpus.symbols[0]] == ["C"]


def test_the_order_of_the_vocabulary(data_dir: Path) -> None:
    path = data_dir / "midi/nottingham_cuckoos_nest.mid"
    by_name = Corpus.from_midi(path).vocabulary
    by_time = Corpus.from_midi(path, vocabulary_order="first_seen").vocabulary
    assert list(by_name) == sorted(by_time)
    assert list(by_time) == list(dict.fromkeys(Corpus.from_midi(path).tokens))


def test_indices_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Corpus.from_midi(bundled_tune()).indices[0] = 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": -1}, ValueError, "start=-1: expected quarter notes"),
        ({"end": float("nan")}, ValueError, "end=nan: expected quarter notes"),
        ({"start": 8, "end": 8}, ValueError, "start=8, end=8: expected an end after the start"),
        ({"start": "8"}, TypeError, "start='8': expected a number of quarter notes"),
        (
            {"start": 1000},
            ValueError,
            "'Alto Sax' has no note in the bars from quarter note 1000 to 256",
        ),
        ({"melody": 9}, ValueError, "melody=9: the file has parts 0 to 2: 0 'Alto Sax'"),
        (
            {"vocabulary_order": "random"},
            ValueError,
            "vocabulary_order='random': expected 'sorted' or 'first_seen'",
        ),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        Corpus.from_midi(bundled_tune(), **options)
    assert message in str(raised.value)


def test_unusable_files(tmp_path: Path) -> None:
    drums = tmp_path / "drums.mid"
    write_midi(make_score(make_part(0, [(0, 1, 38)], "Kit", drums=True)), drums)
    with pytest.raises(ValueError, match="only drums, expected a melody: 0 'Kit'"):
        Corpus.from_midi(drums)
    empty = tmp_path / "empty.mid"
    write_midi(make_score(), empty)
    with pytest.raises(ValueError, match="no notes, expected a melody"):
        Corpus.from_midi(empty)
    empty.write_bytes(b"MThd")
    with pytest.raises(MidiError):
        Corpus.from_midi(empty)
    with pytest.raises(FileNotFoundError):
        Corpus.from_midi(tmp_path / "nothing.mid")


def test_a_short_tune_says_which_windows_fit() -> None:
    corpus = Corpus.from_score(make_score(make_part(0, melody([60, 62, 64, 65] * 3))))
    with pytest.raises(ValueError, match=r"length=30: the corpus has 12 tokens, .*: pass length=8"):
        corpus.windows()
    X, Y = corpus.windows(5, corpus.fitting_length())
    assert X.shape == Y.shape == (5, 8)


@pytest.mark.parametrize(
    ("notes", "longest", "length"), [(3, 30, 2), (4, 30, 2), (12, 30, 8), (45, 30, 30), (60, 7, 7)]
)
def test_fitting_lengths(notes: int, longest: int, length: int) -> None:
    corpus = Corpus.from_score(
        make_score(make_part(0, melody([60 + i % 12 for i in range(notes)], length=4)))
    )
    assert corpus.fitting_length(longest) == length
    corpus.windows(3, length)


def test_two_tokens_are_too_few() -> None:
    corpus = Corpus.from_score(make_score(make_part(0, melody([60, 62], length=2))))
    with pytest.raises(ValueError, match="has 2 tokens, expected at least 3"):
        corpus.fitting_length()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_any_score_becomes_full_bars_or_a_clear_error(score: Score) -> None:
    if all(part.is_drums for part in score.parts):
        with pytest.raises(ValueError, match="expected a melody"):
            Corpus.from_score(score)
        return
    corpus = Corpus.from_score(score)
    assert_bars_are_full(corpus)
    assert len(corpus.tokens) > 0
    low, high = corpus.register
    assert 0 <= low <= high <= 127
