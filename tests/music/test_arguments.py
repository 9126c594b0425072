"""What the music functions say where an argument is none of theirs, and how short their values print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnfast import LanguageModel
from rnnfast.music import (
    Corpus,
    bundled_tune,
    improvise,
    inspect_midi,
    parse_token,
    read_midi,
    write_midi,
)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_midi(bundled_tune())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": None}, "model is None, expected a LanguageModel"),
        ({"corpus": None}, "corpus is None, expected a Corpus"),
        ({"seed": 1.5}, "seed is 1.5, expected an integer"),
        ({"seed": None}, "seed is None, expected an integer"),
        ({"chooser": 3}, "chooser is 3, expected a function"),
        ({"freely": 1}, "freely is 1, expected True or False"),
        ({"faithful": "x"}, "faithful is 'x', expected True or False"),
    ],
)
def test_improvise(corpus: Corpus, arguments: dict[str, Any], message: str) -> None:
    model = LanguageModel(len(corpus.vocabulary), 2, seed=0, vocabulary=corpus.vocabulary)
    with pytest.raises(TypeError, match=message):
        improvise(**{"model": model, "corpus": corpus, **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"length": 2.5}, TypeError, "length is 2.5, expected an integer"),
        ({"count": None}, TypeError, "count is None, expected an integer"),
        ({"seed": -1}, ValueError, "seed is -1, expected 0 to"),
        ({"seed": 2**32}, ValueError, "seed is 4294967296, expected 0 to"),
    ],
)
def test_windows(corpus: Corpus, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        corpus.windows(**arguments)


def test_paths_and_scores(tmp_path: Path) -> None:
    path: Any = tmp_path / "w.mid"
    score: Any = read_midi(bundled_tune())
    nothing: Any = None
    for read in (read_midi, Corpus.from_midi):
        with pytest.raises(TypeError, match="path is None, expected the name of a MIDI file"):
            read(nothing)
    with pytest.raises(
        TypeError, match=r"score is .*w.mid.*, expected a Score; Corpus.from_midi reads a file"
    ):
        Corpus.from_score(path)
    with pytest.raises(TypeError, match=r"score is .*w.mid.*, expected a Score"):
        write_midi(path, score)
    with pytest.raises(TypeError, match="path is None, expected the name of a file"):
        write_midi(score, nothing)
    with pytest.raises(TypeError, match="text is None, expected a token"):
        parse_token(nothing)


def test_notes_that_never_end(tmp_path: Path) -> None:
    path = tmp_path / "stuck.mid"
    track = b"\x00\x90\x3c\x50" * 20 + b"\x00\xff\x2f\x00"
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 1, 0, 1, 0, 96])
    path.write_bytes(header + b"MTrk" + len(track).to_bytes(4, "big") + track)
    with pytest.raises(
        ValueError, match=r"stuck.mid: .*no notes that end \(20 note-ons without a note-off\)"
    ):
        read_midi(path)


def test_values_print_short(corpus: Corpus) -> None:
    assert repr(corpus) == "<Corpus 'Forget Gate Blues': 64 bars, 430 tokens, 92 values, F major>"
    for value in (corpus.score, corpus.melody, corpus.arrangement, inspect_midi(bundled_tune())):
        assert len(repr(value)) < 120
