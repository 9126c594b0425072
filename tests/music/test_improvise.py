"""Improvising keeps its promises with any model: full bars, no overlaps, fitting notes, one seed for all."""

from __future__ import annotations

import itertools
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast.music.chooser import random_chooser
from rnnfast.music.corpus import Corpus
from rnnfast.music.exercise import TEMPO, generate
from rnnfast.music.grammar import Token, chord_at
from rnnfast.music.harmony import classify
from rnnfast.music.improvisation import MAX_BARS, improvise
from rnnfast.music.playing.line import Slot, place_pitches
from rnnfast.music.solo import Solo
from rnnfast.music.tunes import bundled_tune

from .scores import block_chords, make_part, make_score, melody
from .tune_players import Recorded, random_player, recording, replaying, swing_tune

SWING = Corpus.from_score(swing_tune())
JIG = Corpus.from_score(
    make_score(
        make_part(0, melody([67, 69, 71, 72, 74, 76, 79] * 9, length=0.5), "Fiddle", 40),
        make_part(1, block_chords([(55, 59, 62), (60, 64, 67)] * 5, start=0.5, length=3), "Guitar", 25),
        meters=[(0, 1, 8), (0.5, 6, 8)],
    )
)
LONE = Corpus.from_score(make_score(make_part(0, melody([60, 62, 64, 65, 67, 65, 64, 62] * 4), "Song")))
CORPORA = {"swing": SWING, "jig": JIG, "lone": LONE}


def check_promises(solo: Solo, corpus: Corpus) -> None:
    """All that holds of every solo, whatever the model."""
    now = Fraction(0)
    for measure in solo.measures:
        assert measure.start == now
        for element in measure.elements:
            assert element.offset == now
            assert element.length > 0
            assert all(corpus.register[0] <= pitch <= corpus.register[1] for pitch in element.pitches)
            now += element.length
        assert now == measure.start + measure.length
        assert all(measure.start <= chord.offset < now for chord in measure.chords)
    line = solo.score.parts[0].notes
    assert all(note.onset < note.release for note in line)
    assert all(a.release <= b.onset for a, b in itertools.pairwise(line))
    assert solo.score.end <= solo.length * solo.score.ticks_per_quarter
    assert len({note.channel for note in line}) <= 1
    if solo.notes:
        last = solo.notes[-1]
        assert last.pitch is not None
        chords = next(m.chords for m in reversed(solo.measures) if m.start <= last.offset)
        assert classify(last.pitch, chord_at(chords, last.offset).pitches) == "C"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(CORPORA)),
    seed=st.integers(0, 2**64 - 1),
    temperature=st.sampled_from([0, 0.5, 1.0, 2.5]),
    bars=st.integers(1, 24),
    weights_seed=st.integers(0, 5),
    freely=st.booleans(),
)
def test_bars_are_full_and_notes_fit_whatever_the_model_says(
    name: str, seed: int, temperature: float, bars: int, weights_seed: int, freely: bool
) -> None:
    corpus = CORPORA[name]
    uniform = random_chooser(weights_seed)
    weights = [1 + uniform("weight", range(20)) ** 2 for _ in corpus.vocabulary]
    model = random_player(corpus.vocabulary, weights)
    solo = improvise(model, corpus, bars=bars, temperature=temperature, seed=seed, freely=freely)
    assert len(solo) == bars
    check_promises(solo, corpus)


def test_the_form_is_played_chorus_after_chorus_without_its_pickup() -> None:
    solo = improvise(random_player(JIG.vocabulary), JIG, bars=25)
    form = [measure for measure in JIG.measures if measure.length == 3]
    assert len(form) == len(JIG.measures) - 1
    for i, measure in enumerate(solo.measures):
        assert measure.length == 3
        expected = [chord.pitches for chord in form[i % len(form)].chords]
        assert [chord.pitches for chord in measure.chords] == expected
    assert [(bar.numerator, bar.denominator) for bar in solo.bars] == [(6, 8)] * 25
    assert solo.score.time_signatures == ((0, 6, 8),)


def test_one_seed_decides_everything() -> None:
    model = random_player(SWING.vocabulary)
    first, again, other = (improvise(model, SWING, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.notes != other.notes


@pytest.mark.parametrize("faithful", [False, True])
def test_a_recorded_run_can_be_replayed(faithful: bool) -> None:
    model = random_player(SWING.vocabulary)
    tape: Recorded = []
    solo = improvise(model, SWING, faithful=faithful, chooser=recording(random_chooser(5), tape))
    assert solo == improvise(model, SWING, faithful=faithful, seed=5)
    assert solo == improvise(model, SWING, faithful=faithful, seed=99, chooser=replaying(tape))
    kinds = {kind for kind, _ in tape}
    assert kinds <= ({"start", "seed", "entry", "pitch"} if not faithful else {kind for kind, _ in tape})
    assert kinds


def test_a_word_that_never_fits_still_gives_full_bars() -> None:
    solo = improvise(random_player(("C,0.750",)), SWING, bars=3)
    check_promises(solo, SWING)
    assert [element.length for element in solo.measures[0].elements] == [Fraction(3, 4)] * 4 + [Fraction(1)]


def test_the_last_bar_comes_to_rest_on_a_long_note() -> None:
    solo = improvise(random_player(("C,0.500",)), SWING, bars=2)
    lengths = [[element.length for element in measure.elements] for measure in solo.measures]
    assert lengths == [[0.5] * 8, [0.5] * 4 + [2]]


def test_what_a_bar_lacks_is_a_rest_where_it_is_long() -> None:
    solo = improvise(random_player(("C,1.500",)), SWING, bars=2)
    assert [(e.length, bool(e.pitches)) for e in solo.measures[0].elements] == [
        (1.5, True),
        (1.5, True),
        (1, False),
    ]


@pytest.mark.parametrize("word", ["C,71.000", "C,0.000", "R,0.000"])
def test_words_that_no_bar_can_hold_give_silence(word: str) -> None:
    solo = improvise(random_player((word,)), SWING, bars=2)
    assert [[(e.length, e.pitches) for e in m.elements] for m in solo.measures] == [[(4, ())]] * 2
    assert solo.notes == ()


def test_a_model_without_vocabulary_speaks_the_corpus() -> None:
    told, untold = (random_player(SWING.vocabulary, tells=tells) for tells in (True, False))
    assert improvise(told, SWING) == improvise(untold, SWING)


def test_a_model_of_another_tune_may_play_this_one() -> None:
    solo = improvise(random_player(JIG.vocabulary), SWING, bars=8)
    check_promises(solo, SWING)


def test_default_length_is_the_tune() -> None:
    assert len(improvise(random_player(SWING.vocabulary), SWING)) == len(SWING.measures) == 8


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bars": 0}, ValueError, f"bars is 0, expected 1 to {MAX_BARS}"),
        ({"bars": MAX_BARS + 1}, ValueError, "expected 1 to"),
        ({"bars": 2.5}, TypeError, "bars is 2.5, expected an integer"),
        ({"bars": True}, TypeError, "bars is True"),
        ({"temperature": -1}, ValueError, "temperature is -1, expected 0"),
        ({"temperature": float("nan")}, ValueError, "temperature is nan"),
        ({"temperature": "hot"}, TypeError, "temperature is 'hot', expected a number"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"faithful": True, "bars": 3}, ValueError, "leave out bars, temperature and freely"),
        ({"faithful": True, "freely": True}, ValueError, "leave out bars, temperature and freely"),
        ({"faithful": True, "temperature": 0.5}, ValueError, "leave out bars, temperature and freely"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        improvise(random_player(SWING.vocabulary), SWING, **options)  # type: ignore[arg-type]


def test_a_model_of_another_size_is_refused() -> None:
    with pytest.raises(
        ValueError, match=f"the model has 3 tokens and the corpus {len(SWING.vocabulary)} values"
    ):
        improvise(random_player(("C,1.000", "S,1.000", "R,1.000"), tells=False), SWING)


def test_faithful_needs_enough_bars() -> None:
    with pytest.raises(ValueError, match="chord groups"):
        improvise(random_player(SWING.vocabulary), Corpus.from_score(swing_tune(bars=4)), faithful=True)


def test_faithful_plays_greedy_tokens_in_five_overlapping_sets_at_130(data_dir: Path) -> None:
    corpus = Corpus.from_midi(data_dir / "metheny.mid", melody=5, chords=0, start=476, end=548, faithful=True)
    weights = [2.0 if word == "C,0.250" else 1.0 for word in corpus.vocabulary]
    solo = improvise(random_player(corpus.vocabulary, weights), corpus, seed=3, faithful=True)
    sets = generate(["C,0.250"] * 50, [(), *corpus.chords], random_chooser(3))
    expected = sorted(
        (s.start + note.offset, note.length, int(note.pitch)) for s in sets for note in s.notes if note.pitch
    )
    assert [(s.start, len(sets)) for s in sets] == [(4 * i, 5) for i in range(5)]
    assert [tuple(note) for note in solo.notes] == expected
    assert solo.score.tempos == ((0, TEMPO),)
    assert solo.tempo == pytest.approx(130, abs=1e-3)
    pitches = sorted(note.pitch for part in solo.score.parts for note in part.notes)
    in_chords = [pitch for s in sets for chord in s.chords for pitch in chord.pitches]
    assert pitches == sorted([*(pitch for _, _, pitch in expected), *in_chords])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_trained_model_gives_the_same_bytes_in_every_process(tmp_path: Path, temperature: float) -> None:
    script = f"""
import sys
from rnnfast import Adam, LanguageModel
from rnnfast.music.corpus import Corpus
from rnnfast.music.improvisation import improvise
from rnnfast.music.tunes import bundled_tune
corpus = Corpus.from_midi(bundled_tune())
model = LanguageModel(len(corpus.vocabulary), 16, vocabulary=corpus.vocabulary)
model.fit(*corpus.windows(), epochs=3, batch_size=32, optimizer=Adam(0.01), reduction="sequence")
improvise(model, corpus, bars=6, seed=7, temperature={temperature}).save(sys.argv[1])
"""
    written = []
    for hash_seed in ("0", "1"):
        path = tmp_path / f"{hash_seed}.mid"
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(filter(None, sys.path))}
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=environment)
        written.append(path.read_bytes())
    assert written[0] == written[1]


class TestLine:
    """`place_pitches`."""

    C7 = (48, 52, 55, 58)

    def line(
        self, *tokens: tuple[str, int], leads_on: bool = True, register: tuple[int, int] = (55, 79)
    ) -> list[int]:
        last = len(tokens) - 1
        slots = [
            Slot(Token(kind, Fraction(1, 2)), self.C7, leads_on and i < last, motion)
            for i, (kind, motion) in enumerate(tokens)
        ]
        return place_pitches(slots, register, range(12), lambda kind, options: 0)

    def test_types_and_contour_are_followed(self) -> None:
        kinds = "CSCSCAC"
        found = self.line(*zip(kinds, (0, 2, 2, 1, 2, -1, 1), strict=True))
        assert [classify(pitch, self.C7) for pitch in found] == list(kinds)
        assert all((b - a) * m > 0 for a, b, m in zip(found, found[1:], (2, 2, 1, 2, -1, 1), strict=False))

    @pytest.mark.parametrize("motion", [-7, -4, 4, 7])
    def test_an_approach_tone_resolves_by_a_semitone_wherever_the_tune_leapt(self, motion: int) -> None:
        found = self.line(("C", 0), ("A", 3), ("C", motion))
        assert classify(found[1], self.C7) == "A"
        assert abs(found[2] - found[1]) == 1

    def test_an_approach_tone_before_silence_is_a_chord_tone(self) -> None:
        assert [classify(p, self.C7) for p in self.line(("C", 0), ("A", 2), ("C", 2), leads_on=False)] == [
            "C"
        ] * 3

    def test_no_pitch_is_hammered_on(self) -> None:
        found = self.line(*[("C", 0)] * 12)
        assert all(len(set(found[i : i + 3])) > 1 for i in range(10))

    def test_a_line_that_only_climbs_turns_back_below_the_top(self) -> None:
        found = self.line(*[("C", 4)] * 20)
        assert max(found) <= 79
        assert min(found[10:]) < 79

    def test_the_type_gives_way_where_the_register_has_none(self) -> None:
        assert self.line(("S", 0), ("C", 0), register=(64, 64)) == [64, 64]

    def test_pitch_classes_that_the_tune_lacks_are_avoided(self) -> None:
        chord = (62, 66, 69)  # D major, whose derived scale is A major: it has a G sharp
        slots = [Slot(Token(kind, Fraction(1, 2)), chord, True, 2) for kind in "CSCSCSC"]
        found = place_pitches(slots, (57, 81), {2, 4, 6, 7, 9, 11, 1}, lambda kind, options: 0)
        assert not any(pitch % 12 == 8 for pitch in found)


def test_the_bundled_tune_is_improvised_on_in_well_under_a_second() -> None:
    corpus = Corpus.from_midi(bundled_tune())
    solo = improvise(random_player(corpus.vocabulary), corpus)
    assert len(solo) == 64
    check_promises(solo, corpus)
