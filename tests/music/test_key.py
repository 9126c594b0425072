"""The key: as written, or by the notes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from rnnfast.music.analysis.key import Key, find_key
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Score

from .scores import make_part, make_score, melody, random_scores

MAJOR = [0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0]
HARMONIC_MINOR = [0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 0]


@pytest.mark.parametrize(
    ("name", "key", "source"),
    [
        ("midi/foster_jeanie.mid", "F major", "notes"),
        ("midi/joplin_maple_leaf_rag.mid", "Ab major", "notes"),
        ("midi/nottingham_cuckoos_nest.mid", "D major", "notes"),
        ("metheny.mid", "G major", "file"),
    ],
)
def test_real_files(data_dir: Path, name: str, key: str, source: str) -> None:
    found = find_key(read_midi(data_dir / name))
    assert (str(found), found.source) == (key, source)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("scale", "mode"), [(MAJOR, "major"), (HARMONIC_MINOR, "minor")])
def test_a_scale_is_heard_in_its_key(tonic: int, scale: list[int], mode: str) -> None:
    found = find_key(make_score(make_part(0, melody([60 + tonic + step for step in scale]))))
    assert (found.tonic, found.mode, found.source) == (tonic, mode, "notes")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Bb", "Bb major"),
        ("F#m", "F# minor"),
        ("Cb", "B major"),
        ("C", "E major"),
        ("Am", "E major"),
        ("H", "E major"),
    ],
)
def test_a_written_key_counts_unless_it_is_the_default_and_wrong(written: str, key: str) -> None:
    score = make_score(make_part(0, melody([64 + step for step in MAJOR])), keys=[(0, written)])
    assert str(find_key(score)) == key


def test_a_written_c_that_fits_counts() -> None:
    score = make_score(make_part(0, melody([60 + step for step in MAJOR])), keys=[(0, "C")])
    assert find_key(score) == Key(0, "major", "file")


def test_drums_and_silence_are_in_c() -> None:
    assert str(find_key(make_score())) == "C major"
    assert str(find_key(make_score(make_part(0, melody([38, 42, 46]), drums=True)))) == "C major"


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (Key(0, "major"), "C Db D Eb E F F# G Ab A Bb B"),
        (Key(8, "major"), "C Db D Eb E F Gb G Ab A Bb B"),
        (Key(4, "major"), "C C# D D# E F F# G G# A A# B"),
        (Key(7, "minor"), "C Db D Eb E F Gb G Ab A Bb B"),
    ],
)
def test_chords_are_spelled_to_fit_the_key(key: Key, names: str) -> None:
    assert [key.spell(pitch_class) for pitch_class in range(12)] == names.split()


def test_scales_and_signatures() -> None:
    assert Key(9, "minor").scale == (9, 11, 0, 2, 4, 5, 7)
    assert [Key(tonic, "major").fifths for tonic in (0, 7, 5, 10, 6, 1)] == [0, 1, -1, -2, 6, -5]
    assert Key(4, "minor").fifths == 1


@settings(max_examples=40, derandomize=True, deadline=None)
@given(random_scores())
def test_any_score_has_a_key(score: Score) -> None:
    assert str(find_key(score)).endswith(("major", "minor"))
