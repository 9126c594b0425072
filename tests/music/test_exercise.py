"""The exercise's corpus, arrays and generator, against the golden files and against a second implementation."""

from __future__ import annotations

import hashlib
import json
import random
from fractions import Fraction

import numpy as np
import pytest

from rnnfast.music.chooser import random_chooser
from rnnfast.music.elements import Chord, PlacedNote
from rnnfast.music.exercise import (
    TEMPO,
    SoloSet,
    faithful_measures,
    generate,
    load_music_utils,
    solo_score,
)
from rnnfast.music.harmony import analyse_chord, pitch_name, pitch_octave, spell
from rnnfast.music.midi import read_midi, write_midi
from rnnfast.music.score import Note, Part, Score

from . import naive_generator

F = Fraction
VARIANTS = [pytest.param(True, "rests", id="90 values"), pytest.param(False, "no_rests", id="78 values")]


@pytest.fixture(scope="module")
def golden(data_dir):
    return json.loads((data_dir / "golden_metheny.json").read_text())


@pytest.fixture(scope="module")
def metheny(data_dir, golden):
    path = data_dir / "metheny.mid"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == golden["file"]["sha256"], (
        "not the golden file's input"
    )
    return path


# --- the exercise's own file


@pytest.mark.parametrize(("rests", "variant"), VARIANTS)
def test_tokens_of_every_bar(metheny, golden, rests, variant):
    start, end = golden["file"]["region_beats"]
    melody, chords = golden["file"]["melody_part"], golden["file"]["chord_part"]
    measures = faithful_measures(read_midi(metheny), melody, chords, start, end, rests)
    assert [" ".join(m.tokens) for m in measures] == golden[variant]["grammar_per_bar"]
    assert [m.number for m in measures] == list(range(119, 137))
    assert [(m.start, m.length) for m in measures] == [(476 + 4 * k, 4) for k in range(18)]
    for measure in measures:
        assert len(measure.elements) == len(measure.tokens)
        assert all(measure.start <= element.offset < measure.start + 4 for element in measure.elements)


@pytest.mark.parametrize(("rests", "variant"), VARIANTS)
def test_chords_of_every_bar(metheny, golden, rests, variant):
    groups = load_music_utils(metheny, rests=rests).chords
    assert len(groups) == golden["n_chord_groups_reported"]
    assert groups[0] == ()
    shortened = []
    for bar, (group, expected) in enumerate(zip(groups[1:], golden["chords_per_bar"], strict=True), start=1):
        assert len(group) == len(expected)
        for chord, facts in zip(group, expected, strict=True):
            assert chord.offset == F(facts["offset"])
            assert list(chord.pitches) == facts["midi"]
            assert [spell(pitch) for pitch in chord.pitches] == facts["names"]
            assert analyse_chord(chord.pitches).quality == facts["quality"]
            assert len(chord.velocities) == len(chord.pitches)
            assert all(1 <= velocity <= 127 for velocity in chord.velocities)
            if chord.length != F(facts["length"]):
                shortened.append((bar, chord.length, facts["length"]))
    assert shortened == ([] if rests else [(bar, 0, "1/4") for bar in (12, 14, 16)])


@pytest.mark.parametrize(("rests", "variant"), VARIANTS)
def test_arrays(metheny, golden, rests, variant):
    facts = golden[variant]
    X, Y, n_values, indices_values, _ = load_music_utils(metheny, rests=rests)
    corpus = " ".join(facts["grammar_per_bar"]).split()
    assert (len(corpus), n_values) == (facts["corpus_len"], facts["n_values"])
    assert indices_values == dict(enumerate(sorted(set(corpus))))
    assert (list(X.shape), list(Y.shape)) == (facts["X_shape"], facts["Y_shape"])
    assert X.dtype == Y.dtype == np.bool_
    assert X.sum() == Y.sum() == 60 * 29
    assert not X[:, 0].any()
    assert not Y[29].any()
    assert np.array_equal(X[:, 1:], Y[:-1].swapaxes(0, 1))
    for i, start in enumerate(facts["first_window_starts"]):
        assert [indices_values[int(index)] for index in X[i, 1:].argmax(1)] == corpus[start + 1 : start + 30]


def test_rests_are_all_that_the_variants_differ_in(golden):
    for with_rests, without in zip(
        golden["rests"]["grammar_per_bar"], golden["no_rests"]["grammar_per_bar"], strict=True
    ):
        assert [token for token in with_rests.split() if token[0] != "R"] == without.split()


def test_parts_may_be_named(metheny):
    by_name = load_music_utils(metheny, melody="Guitar", chords="Piano")
    assert np.array_equal(by_name.X, load_music_utils(metheny).X)


# --- any other file


@pytest.mark.parametrize(("rests", "variant"), [(True, "rests"), (False, "no_rests")])
def test_another_file_pairs_its_bars_by_number(data_dir, rests, variant):
    facts = json.loads((data_dir / "golden_foster.json").read_text())["foster_jeanie.mid"]
    score = read_midi(data_dir / "midi" / "foster_jeanie.mid")
    measures = faithful_measures(score, facts["melody_part"], facts["chord_part"], rests=rests)
    found = {
        str(measure.number): {
            "tokens": " ".join(measure.tokens),
            "chords": [
                {
                    "offset": str(chord.offset),
                    "midi": list(chord.pitches),
                    "quality": analyse_chord(chord.pitches).quality,
                }
                for chord in measure.chords
            ],
        }
        for measure in measures
    }
    assert found == facts[variant]["bars"]
    corpus = [token for measure in measures for token in measure.tokens]
    assert (len(corpus), len(set(corpus))) == (facts[variant]["n_tokens"], facts[variant]["n_values"])


@pytest.mark.parametrize("name", ["foster_jeanie", "joplin_maple_leaf_rag", "nottingham_cuckoos_nest"])
def test_real_files_without_settings(data_dir, name):
    path = data_dir / "midi" / f"{name}.mid"
    X, _, n_values, indices_values, chords = load_music_utils(path, melody=0, chords=1, start=None, end=None)
    assert X.shape == (60, 30, n_values)
    assert sorted(indices_values) == list(range(n_values))
    assert all(chords[1:])
    assert len(faithful_measures(read_midi(path))) == len(chords) - 1


def tune(melody: dict[int, int], chords: dict[int, tuple[int, ...]]) -> Score:
    """Quarter notes and half-note chords at the given quarters, one tick each quarter's hundredth."""
    line = tuple(Note(100 * q, 100 * q + 100, p) for q, p in melody.items())
    backing = tuple(Note(100 * q, 100 * q + 200, p, 60 + p % 10) for q, ps in chords.items() for p in ps)
    return Score(100, (Part(0, 1, "Tune", 0, line), Part(1, 2, "Pads", 0, backing)))


C, G7 = (48, 52, 55), (43, 47, 50, 53)


def test_bars_that_lack_melody_or_chords_are_left_out():
    score = tune({4: 72, 8: 74, 13: 76, 16: 72, 30: 60}, {0: C, 5: C, 12: G7, 16: (48,), 30: C})
    measures = faithful_measures(score, 0, 1, rests=False)
    assert [m.number for m in measures] == [1, 3, 7]
    assert measures[0].chords == ((5, 2, C),)
    assert measures[0].chords[0].velocities == (68, 62, 65)
    assert measures[-1].tokens == ("C,1.000",)  # the last bar stays


def test_the_region_includes_both_ends():
    score = tune(dict.fromkeys(range(24), 72), dict.fromkeys(range(0, 24, 2), C))
    measures = faithful_measures(score, 0, 1, start=2, end=8, rests=False)
    assert [(m.number, len(m.tokens), len(m.chords)) for m in measures] == [(0, 2, 1), (1, 4, 2), (2, 1, 1)]


def test_a_rest_belongs_to_the_bar_in_which_it_begins():
    score = tune({0: 72, 1: 74, 11: 76}, {0: C, 4: C, 8: C})
    assert [m.tokens for m in faithful_measures(score, 0, 1)] == [
        ("C,1.000", "S,1.000,<P4,m-2>", "R,9.000"),
        ("C,1.000",),
    ]


def test_melody_notes_struck_together_do_not_count():
    score = tune({0: 72, 1: 74, 4: 72}, {0: C, 4: C})
    both = Part(0, 1, "Tune", 0, (*score.parts[0].notes, Note(400, 500, 60)))
    measures = faithful_measures(Score(100, (both, score.parts[1])), 0, 1, rests=False)
    assert [m.number for m in measures] == [0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"melody": 7, "chords": 1}, "melody=7"),
        ({"melody": 0, "chords": "Organ"}, "chords='Organ'"),
        (
            {"melody": 0, "chords": 1, "start": 100},
            "no bar from quarter 100 to None has both melody 'Tune' and chords",
        ),
        ({"melody": 0, "chords": 0}, "no bar .*: 2 bars have melody, 0 have chords"),
    ],
)
def test_a_region_or_part_that_is_not_there(arguments, message):
    score = tune({0: 72, 1: 74, 4: 72}, {0: C, 4: C})
    with pytest.raises(ValueError, match=message):
        faithful_measures(score, **arguments)


def test_a_melody_alone_has_no_chords():
    score = tune({0: 72, 1: 74}, {})
    with pytest.raises(ValueError, match="no part beside its melody 'Tune'"):
        faithful_measures(Score(100, score.parts[:1]))


def test_too_short_a_tune_has_no_windows(tmp_path):
    write_midi(tune({0: 72, 1: 74, 4: 72}, {0: C, 4: C}), tmp_path / "short.mid")
    with pytest.raises(ValueError, match="the corpus has 4 tokens, expected more than 30"):
        load_music_utils(tmp_path / "short.mid", melody=0, chords=1, start=None, end=None)


# --- the generator


def spelled(notes):
    return [
        (float(offset), float(length), None if pitch is None else (pitch_name(pitch), pitch_octave(pitch)))
        for offset, length, pitch in notes
    ]


def is_major(pitches):
    return analyse_chord(pitches).quality == "major"


class Recorder:
    def __init__(self, chooser):
        self.chooser, self.decisions = chooser, []

    def __call__(self, kind, options):
        index = self.chooser(kind, options)
        self.decisions.append((kind, len(options), index))
        return index


def replay(decisions):
    """A chooser that repeats recorded decisions, and fails where it is asked anything else."""
    left = iter(decisions)

    def chooser(kind, options):
        number = options if isinstance(options, int) else len(options)
        expected_kind, expected_number, index = next(left)
        assert (kind, number) == (expected_kind, expected_number)
        return index

    return chooser, left


def check_against_naive(tokens, groups, seed):
    recorder = Recorder(random_chooser(seed))
    sets = generate(tokens, groups, recorder)

    chooser, left = replay(recorder.decisions)
    naive = naive_generator.generate(tokens, groups, is_major, chooser)
    assert next(left, None) is None, "the naive generator needs fewer decisions"
    assert [spelled(found.notes) for found in sets] == [notes for notes, _ in naive]
    assert [list(found.chords) for found in sets] == [[tuple(c) for c in chords] for _, chords in naive]

    chooser, left = replay(recorder.decisions)
    assert generate(tokens, groups, chooser) == sets
    assert next(left, None) is None
    return sets


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_solos_over_the_exercise_s_chords(metheny, seed, rests):
    utils = load_music_utils(metheny, rests=rests)
    rng = random.Random(seed)
    tokens = [rng.choice(list(utils.indices_values.values())) for _ in range(50)]
    sets = check_against_naive(tokens, utils.chords, seed)
    assert [found.start for found in sets] == [0, 4, 8, 12, 16]
    sounding = 51 - sum(token[0] == "R" for token in tokens)
    assert all(sounding - 25 <= found.num_notes <= sounding for found in sets)


@pytest.mark.parametrize("seed", range(20))
def test_solos_over_any_chords(seed):
    rng = random.Random(seed)
    groups = [()]
    for bar in range(9):
        offsets = sorted(F(rng.randrange(1, 48), 12) + 4 * bar for _ in range(rng.randrange(1, 4)))
        groups.append(
            [
                Chord(o, F(rng.randrange(0, 9), 4), rng.sample(range(36, 84), rng.randrange(1, 6)))
                for o in offsets
            ]
        )
    kinds = ["C", "S", "S", "A", "X", "R"]
    ends = ["m2", "P-4", "A4", "d-2", "P8", "M-3", "dd5", "d1", "P-8", "m10"]
    tokens = []
    for _ in range(50):
        kind, length = (
            rng.choice(kinds),
            rng.choice(["0.083", "0.250", "0.333", "0.500", "0.667", "1.000", "9.250"]),
        )
        near = kind != "R" and rng.random() < 0.6
        tokens.append(f"{kind},{length}" + (f",<{rng.choice(ends)},{rng.choice(ends)}>" if near else ""))
    sets = check_against_naive(tokens, groups, seed)
    assert len(sets) == 10 // 3 - 1


def test_a_chord_that_begins_after_the_first_note_moves_to_the_beginning():
    late = [Chord(F(511), F(1, 2), (60, 64, 67), (70, 71, 72))]
    groups = [(), *([late] * 5)]
    (only,) = generate(["R,0.250"], groups, lambda kind, options: 0)
    assert only.chords == ((0, F(1, 2), (60, 64, 67)),)
    assert only.chords[0].velocities == (70, 71, 72)
    assert only.notes == ((F(1, 4), F(1, 4), 60), (F(1, 2), F(1, 4), None))
    early = [Chord(F(508), F(1), (60,)), *late]
    (only,) = generate([], [(), *([early] * 5)], lambda kind, options: 0)
    assert [chord.offset for chord in only.chords] == [0, 3]


@pytest.mark.parametrize(("groups", "sets"), [(6, 1), (8, 1), (9, 2), (19, 5)])
def test_one_set_for_every_third_group_less_one(groups, sets):
    chords = [(), *([[Chord(F(0), F(1), (60, 64, 67))]] * (groups - 1))]
    assert len(generate(["C,0.250"], chords, lambda kind, options: 0)) == sets


def test_too_few_groups():
    with pytest.raises(ValueError, match="groups has 5 chord groups, expected 6 or more"):
        generate(["C,0.250"], [()] * 5, lambda kind, options: 0)


# --- the file


def test_layout_of_the_exercise_s_file(tmp_path):
    notes = (
        PlacedNote(F(1, 4), F(1, 4), 60),
        PlacedNote(F(1, 2), F(1), None),
        PlacedNote(F(3, 2), F(1, 2), 131),
    )
    chords = (Chord(F(0), F(1, 3), (48, 52), (33, 44)), Chord(F(10, 3), F(0), (50, 53)))
    score = solo_score([SoloSet(F(0), notes, chords), SoloSet(F(4), notes[:1], ())])

    assert score.ticks_per_quarter == 1024
    assert score.tempos == ((0, TEMPO),)
    assert round(60e6 / TEMPO, 3) == 130.0
    assert score.time_signatures == ((0, 4, 4),)
    (part,) = score.parts
    assert part.program is None
    assert part.notes == (
        Note(0, 341, 48, 33),
        Note(0, 341, 52, 44),
        Note(256, 512, 60, 90),
        Note(1536, 2048, 119, 90),  # 131 is no MIDI pitch: an octave down
        Note(3413, 3413, 50, 90),
        Note(3413, 3413, 53, 90),
        Note(4352, 4608, 60, 90),
    )
    path = tmp_path / "my_music.midi"
    write_midi(score, path)
    data = path.read_bytes()
    assert data.count(b"MTrk") == 2
    assert b"\x00\xff\x51\x03\x07\x0a\xe2" in data
    assert b"\xc0" not in data[60:], "no program change"
    assert read_midi(path).parts[0].notes == part.notes


@pytest.mark.parametrize(("pitch", "folded"), [(127, 127), (128, 116), (139, 127), (140, 116), (300, 120)])
def test_notes_above_the_range_come_down_by_octaves(pitch, folded):
    score = solo_score([SoloSet(F(0), (PlacedNote(F(0), F(1), pitch),), ())])
    assert score.parts[0].notes[0].pitch == folded
    assert (pitch - folded) % 12 == 0


def test_a_whole_solo_is_a_readable_file(metheny, tmp_path):
    utils = load_music_utils(metheny)
    tokens = list(utils.indices_values.values())[:50]
    score = solo_score(generate(tokens, utils.chords, random_chooser(0)))
    write_midi(score, tmp_path / "solo.mid")
    again = read_midi(tmp_path / "solo.mid")
    assert again.tempos == ((0, TEMPO),)
    assert len(again.parts[0].notes) == len(score.parts[0].notes)
