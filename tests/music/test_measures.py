"""Numbers about lines: right on lines that can be counted by hand, and telling on real solos."""

from __future__ import annotations

import dataclasses
import statistics
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from rnnfast import Adam, LanguageModel
from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Chord, Element, Measure
from rnnfast.music.grammar import tokenize
from rnnfast.music.improvisation import improvise
from rnnfast.music.measures import (
    CopyMeasures,
    LineMeasures,
    measure_bars,
    measure_copies,
    measure_corpus,
    measure_distances,
    measure_line,
    measure_solo,
)
from rnnfast.music.solo import Solo
from rnnfast.music.tunes import bundled_tune

C_MAJOR = (60, 64, 67)


def measure(number: int, *notes: tuple[float, int | None]) -> Measure:
    """A bar of 4/4 over C major; a rest has the pitch None."""
    start = now = Fraction(4 * number)
    elements = []
    for length, pitch in notes:
        elements.append(Element(now, Fraction(length), () if pitch is None else (pitch,)))
        now += Fraction(length)
    chords = (Chord(start, Fraction(4), C_MAJOR),)
    return Measure(number, start, Fraction(4), tuple(elements), chords, tokenize(elements, chords))


LINE = [measure(0, (2, 60), (1, 62), (1, None)), measure(1, (1, 62), (2.5, 61), (0.5, 72))]


def test_a_line_is_counted_by_hand() -> None:
    found = measure_line(LINE)
    assert found == LineMeasures(
        num_bars=2,
        num_notes=5,
        chord_tones=2 / 5,
        chord_tone_time=2.5 / 7,
        scale_tones=4 / 5,
        scale_tone_time=4.5 / 7,
        lowest=60,
        highest=72,
        density=5 / 8,
        repeated_notes=1 / 4,
        distinct_bars=1.0,
        full_bars=1.0,
        overlaps=0,
        stuck_notes=0,
    )
    assert found.pitch_range == 12


def test_nothing_and_silence_have_numbers_too() -> None:
    for line in ([], [measure(0, (4, None))]):
        found = measure_line(line)
        assert (found.num_notes, found.chord_tones, found.density, found.distinct_bars) == (0, 0, 0, 0)
    assert measure_bars([measure(0, (4, None))]) == []


def test_faults_are_found() -> None:
    short = measure(0, (2, 60), (1, 62))
    assert measure_line([short, LINE[1]]).full_bars == 0.5
    late = replace(LINE[1], elements=(*LINE[1].elements[:-1], Element(Fraction(7), Fraction(2), (60,))))
    assert (measure_line([late]).overlaps, measure_line([late]).stuck_notes) == (1, 1)
    assert measure_line([LINE[0], replace(LINE[0], number=1)]).distinct_bars == 0.5


def test_copies_are_found() -> None:
    assert measure_copies(LINE, LINE) == CopyMeasures(longest_run=6, copied_bars=1.0)
    other = measure(0, (1, 67), (1, 67), (2, 67))
    assert measure_copies([other], LINE) == CopyMeasures(longest_run=0, copied_bars=0.0)
    assert measure_copies([other, measure(1, (2, 60), (1, 62), (1, None))], LINE).copied_bars == 0.5
    in_other_words = replace(LINE[0], tokens=("C,4.000",))
    assert measure_copies([in_other_words], LINE).copied_bars == 1
    with_other_notes = replace(other, tokens=LINE[0].tokens)
    assert measure_copies([with_other_notes], LINE) == CopyMeasures(longest_run=3, copied_bars=1.0)
    assert measure_copies([measure(0, (4, None))], LINE) == CopyMeasures(longest_run=0, copied_bars=0.0)


def test_distances_are_zero_to_oneself_and_one_to_a_stranger() -> None:
    assert set(dataclasses.astuple(measure_distances(LINE, LINE))) == {0}
    stranger = [measure(0, (0.25, 70), (3.75, 82))]
    distances = dataclasses.asdict(measure_distances(stranger, LINE))
    assert distances.pop("onsets") == pytest.approx(1 - 2 / 5)
    assert list(distances.values()) == pytest.approx([1.0] * 4)
    assert measure_distances([], LINE).types == 1


@pytest.fixture(scope="module")
def tune() -> Corpus:
    return Corpus.from_midi(bundled_tune())


SEEDS, BARS = range(20), 16


@pytest.fixture(scope="module")
def solos(tune: Corpus) -> dict[str, list[Solo]]:
    """Solos of a trained and of an untrained model, and what the trained one says without the rules of bars."""
    models = {name: LanguageModel(len(tune.vocabulary), 64, seed=0) for name in ("trained", "untrained")}
    optimizer = Adam(0.01, decay=0.01)
    models["trained"].fit(
        *tune.windows(), epochs=100, batch_size=32, optimizer=optimizer, reduction="sequence"
    )
    ways = {"trained": {}, "untrained": {}, "free": {"freely": True}}
    return {
        name: [
            improvise(models.get(name, models["trained"]), tune, bars=BARS, seed=seed, **way)
            for seed in SEEDS
        ]
        for name, way in ways.items()
    }


def test_solos_are_whole_and_new(tune: Corpus, solos: dict[str, list[Solo]]) -> None:
    for solo in solos["trained"]:
        line, copies, _ = measure_solo(solo, tune)
        assert (line.full_bars, line.overlaps, line.stuck_notes) == (1.0, 0, 0)
        assert line.distinct_bars > 0.9
        assert line.repeated_notes <= 0.03  # the tune repeats one note in 371
        assert copies.copied_bars < 0.5
        assert copies.longest_run < 24  # three bars' worth
    assert len({solo.notes for solo in solos["trained"]}) == len(SEEDS)


CHARACTER = ("chord_tones", "chord_tone_time", "scale_tones", "scale_tone_time", "density")


@pytest.mark.parametrize("name", CHARACTER)
def test_every_solo_is_within_what_the_tunes_own_bars_are(
    tune: Corpus, solos: dict[str, list[Solo]], name: str
) -> None:
    bars = [getattr(bar, name) for bar in measure_bars(tune.measures)]
    low, _, high = statistics.quantiles(bars, n=4)
    for solo in solos["trained"]:
        assert low <= getattr(measure_line(solo.measures), name) <= high


def test_a_solos_bars_span_as_many_semitones_as_the_tunes(tune: Corpus, solos: dict[str, list[Solo]]) -> None:
    own = statistics.mean(bar.pitch_range for bar in measure_bars(tune.measures))
    for solo in solos["trained"]:
        its = statistics.mean(bar.pitch_range for bar in measure_bars(solo.measures))
        assert its == pytest.approx(own, rel=0.25)
        line = measure_corpus(tune)
        found = measure_line(solo.measures)
        assert line.lowest <= found.lowest < found.highest <= line.highest


# Density is no matter of training: the rules give both the tune's rhythms.
@pytest.mark.parametrize("name", [*CHARACTER[:-1], "pitch_range"])
def test_training_brings_the_numbers_nearer_to_the_tune(
    tune: Corpus, solos: dict[str, list[Solo]], name: str
) -> None:
    target = getattr(measure_corpus(tune), name)
    error = {
        model: statistics.mean(abs(getattr(measure_line(solo.measures), name) - target) for solo in its)
        for model, its in solos.items()
    }
    assert error["trained"] < error["untrained"]


@pytest.mark.parametrize(
    ("name", "without", "share"),
    [
        ("types", "untrained", 0.6),
        ("intervals", "untrained", 0.95),
        ("pairs", "untrained", 0.6),
        ("lengths", "free", 0.9),
        ("onsets", "free", 0.4),
        ("pairs", "free", 0.9),
    ],
)
def test_training_and_rules_bring_the_distributions_nearer_to_the_tune(
    tune: Corpus, solos: dict[str, list[Solo]], name: str, without: str, share: float
) -> None:
    distance = {
        model: statistics.mean(getattr(measure_distances(solo.measures, tune.measures), name) for solo in its)
        for model, its in solos.items()
    }
    assert distance["trained"] < share * distance[without]


def test_a_saved_solo_measures_as_it_did(tune: Corpus, solos: dict[str, list[Solo]], tmp_path: Path) -> None:
    solo = solos["trained"][0]
    solo.save(tmp_path / "solo.mid")
    again = measure_corpus(Corpus.from_midi(tmp_path / "solo.mid", melody="Solo"))
    line = measure_line(solo.measures)
    assert (again.num_notes, again.lowest, again.highest) == (line.num_notes, line.lowest, line.highest)
    assert again.density == pytest.approx(line.density, rel=0.1)
    assert again.chord_tones == pytest.approx(line.chord_tones, abs=0.05)
