"""Which part has the tune, and which accompany it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from rnnfast.music.analysis.detect import arrange, find_traits, pitch_label
from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.tunes import bundled_tune

from .scores import block_chords, make_part, make_score, melody, random_scores

TUNE = melody([67, 72, 76, 79, 77, 76, 74, 72] * 2)
CHORDS = block_chords([(48, 52, 55), (53, 57, 60), (55, 59, 62), (48, 52, 55)])
BASS = melody([36, 41, 43, 36], length=4)
DRUMS = [(beat, 0.1, 38) for beat in range(16)]


@pytest.mark.parametrize(
    ("name", "tune", "accompaniment"),
    [
        ("midi/foster_jeanie.mid", "Melody", ["Chords"]),
        ("midi/joplin_maple_leaf_rag.mid", "Right hand", ["Left hand"]),
        ("midi/nottingham_cuckoos_nest.mid", "Melody", ["Chords"]),
        ("metheny.mid", "Guitar", ["Piano", "Bass", "Organ", "String", "Synth Brass"]),
    ],
)
def test_real_files(data_dir: Path, name: str, tune: str, accompaniment: list[str]) -> None:
    arrangement = arrange(read_midi(data_dir / name))
    assert arrangement.melody.name == tune
    assert [part.name for part in arrangement.accompaniment] == accompaniment


def test_the_bundled_tune() -> None:
    arrangement = arrange(read_midi(bundled_tune()))
    assert [arrangement.role(part) for part in arrangement.score.parts] == ["melody", "chords", "bass"]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_roles_do_not_depend_on_names_programs_or_order(order: tuple[int, ...]) -> None:
    kinds = [
        (TUNE, False, "melody"),
        (CHORDS, False, "chords"),
        (BASS, False, "bass"),
        (DRUMS, True, "drums"),
    ]
    chosen = [kinds[i] for i in order]
    parts = [make_part(i, notes, drums=drums) for i, (notes, drums, _) in enumerate(chosen)]
    arrangement = arrange(make_score(*parts))
    assert [arrangement.role(part) for part in parts] == [role for _, _, role in chosen]


def test_a_name_decides_between_equal_lines() -> None:
    parts = [make_part(0, TUNE, "Counter"), make_part(1, TUNE, "Lead Vocal"), make_part(2, TUNE, "Strings")]
    assert arrange(make_score(*parts)).melody.name == "Lead Vocal"


def test_a_program_decides_between_nameless_lines() -> None:
    parts = [make_part(0, TUNE, program=33), make_part(1, TUNE, program=65), make_part(2, TUNE, program=50)]
    assert arrange(make_score(*parts)).melody.number == 1


def test_lines_accompany_where_nobody_plays_chords() -> None:
    lines = [make_part(i, melody([60 - 7 * i + step for step in (12, 14, 16, 17)])) for i in range(4)]
    arrangement = arrange(make_score(*lines))
    assert arrangement.melody.number == 0
    assert [part.number for part in arrangement.accompaniment] == [1, 2, 3]


def test_a_lone_piano_gives_its_top_line_to_the_melody() -> None:
    arrangement = arrange(make_score(make_part(0, TUNE + CHORDS)))
    assert arrangement.accompaniment == (arrangement.melody,)
    assert [note.pitch for note in arrangement.melody_line] == [pitch for _, _, pitch in TUNE]
    assert sorted(note.pitch for note in arrangement.accompaniment_notes) == sorted(p for _, _, p in CHORDS)


def test_a_piano_with_a_bass_accompanies_itself_too() -> None:
    piano, bass = make_part(0, TUNE + CHORDS, program=0), make_part(1, BASS, program=32)
    arrangement = arrange(make_score(piano, bass, make_part(2, DRUMS, drums=True)))
    assert arrangement.melody == piano
    assert arrangement.accompaniment == (piano, bass)


def test_a_lone_line_has_no_accompaniment() -> None:
    arrangement = arrange(make_score(make_part(0, TUNE)))
    assert arrangement.accompaniment == ()
    assert len(arrangement.melody_line) == len(TUNE)


SCORE = make_score(
    make_part(0, TUNE, "Melody", 73),
    make_part(1, CHORDS, "Piano", 0),
    make_part(2, BASS, "piano", 32),
    make_part(3, DRUMS, "Kit", drums=True),
)


@pytest.mark.parametrize(
    ("melody", "chords", "tune", "accompaniment"),
    [
        (1, None, 1, [1, 2]),
        (None, 2, 0, [2]),
        ("MELODY", 1, 0, [1]),
        ("0", "1", 0, [1]),
        (2, "melody", 2, [0]),
        (1, 1, 1, [1]),
        (None, 0, 1, [0]),
    ],
)
def test_parts_can_be_named(
    melody: int | str | None, chords: int | str | None, tune: int, accompaniment: list[int]
) -> None:
    arrangement = arrange(SCORE, melody=melody, chords=chords)
    assert arrangement.melody.number == tune
    assert [part.number for part in arrangement.accompaniment] == accompaniment


@pytest.mark.parametrize(
    ("melody", "message"),
    [
        (7, "melody=7: the file has parts 0 to 3: 0 'Melody' (flute, 16 notes, G4-G5), 1 'Piano'"),
        (-1, "melody=-1: the file has parts 0 to 3"),
        ("sax", "melody='sax': no part has that name, the file has parts 0 to 3: 0 'Melody'"),
        ("PIANO", "melody='PIANO': parts 1 and 2 have that name, give the number: 1 'Piano' (grand piano"),
        (3, "melody=3: part 3 'Kit' (drums, 16 notes) is drums, expected one with pitches: 0 'Melody'"),
    ],
)
def test_a_wrong_name_lists_the_parts(melody: int | str, message: str) -> None:
    with pytest.raises(ValueError, match="melody=") as error:
        arrange(SCORE, melody=melody)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("value", [1.0, True, ["Piano"]])
def test_a_part_is_named_by_number_or_text(value: object) -> None:
    with pytest.raises(TypeError, match=r"chords=.* expected a part's number or a track's name"):
        arrange(SCORE, chords=value)  # type: ignore[arg-type]


def test_only_drums_is_an_error_that_lists_them() -> None:
    with pytest.raises(ValueError, match=r"only drums, expected a melody: 0 'Kit' \(drums, 16 notes\)"):
        arrange(make_score(make_part(0, DRUMS, "Kit", drums=True)))


def test_no_notes_is_an_error() -> None:
    with pytest.raises(ValueError, match="no notes, expected a melody"):
        arrange(make_score())


def test_traits_measure_a_part() -> None:
    chords, tune = find_traits(make_score(make_part(0, CHORDS[:6]), make_part(1, TUNE)))
    assert (chords.lowest, chords.highest, chords.median) == (48, 60, 54)
    assert (chords.chord_share, chords.polyphony) == (1, 3)
    assert chords.coverage == 2 / 4  # of its stretches of four quarters
    assert (chords.density, tune.density) == (0.25, 1)
    assert (tune.chord_share, tune.polyphony) == (0, 1)


def test_pitches_are_labelled_for_people() -> None:
    assert [pitch_label(pitch) for pitch in (60, 70, 61, 0, 127)] == ["C4", "Bb4", "C#4", "C-1", "G9"]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_scores())
def test_any_score_has_a_melody_or_a_clear_error(score: Score) -> None:
    pitched = [part for part in score.parts if not part.is_drums]
    if not pitched:
        with pytest.raises(ValueError, match="expected a melody"):
            arrange(score)
        return
    arrangement = arrange(score)
    assert arrangement.melody in pitched
    assert len(arrangement.melody_line) >= 1
    assert not any(part.is_drums for part in arrangement.accompaniment)
    assert {arrangement.role(part) for part in score.parts} <= {"melody", "chords", "bass", "line", "drums"}


def test_a_part_of_empty_notes_is_still_measured() -> None:
    (traits,) = find_traits(Score(480, (Part(0, 0, "", None, (Note(0, 0, 60),)),)))
    assert traits.polyphony == 1
