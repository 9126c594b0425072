"""What is drawn under the rules of bars keeps them, as a checker that knows no automaton finds, in every mode."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel
from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Measure
from rnnfast.music.grammar import Token, chord_at, parse_token
from rnnfast.music.harmony import classify, interval_semitones
from rnnfast.music.playing import bar_rules
from rnnfast.music.playing.bar_rules import MAX_QUOTE, BarRules, compile_rules
from rnnfast.music.playing.bar_table import MAX_REST, Rules, bar_kinds
from rnnfast.music.playing.drawing import draw_bars, draw_freely
from rnnfast.music.tunes import bundled_tune

from .scores import block_chords, make_part, make_score, melody
from .tune_players import random_player, swing_tune

ALL = Rules()


def waltzing() -> Corpus:
    """Two bars of 3/4, two of 4/4, and so on, with chords over which some types have no pitch."""
    lengths = [3, 3, 4, 4] * 6
    bars = list(zip(itertools.accumulate(lengths, initial=0), lengths, strict=False))
    meters = [(start, length, 4) for start, length in bars]
    tones = [60, 64, 67, 71, 70, 65, 62, 66, 69, 72, 63, 61]
    line = [
        (start + beat, 0.5 + (beat + start) % 3 % 2 * 0.5, tones[(5 * start + 7 * beat) % 12])
        for start, length in bars
        for beat in range(length)
    ]
    chords = [(60, 64, 67), (62, 65, 69, 72), (55, 59, 62, 65), (60, 61, 62, 63, 64, 65, 66)]
    backing = [
        (start, length, pitch) for bar, (start, length) in enumerate(bars) for pitch in chords[bar % 4]
    ]
    return Corpus.from_score(
        make_score(make_part(0, line, "Flute", 73), make_part(1, backing, "Piano", 0), meters=meters)
    )


def etude() -> Corpus:
    """Sixteenths without a rest: bars longer than a quotation may be."""
    pitches = [60 + (7 * i + i * i // 5) % 13 for i in range(16 * 12)]
    changes = [(60, 64, 67), (65, 69, 72), (67, 71, 74, 77)] * 4
    parts = (
        make_part(0, melody(pitches, length=0.25), "Violin", 40),
        make_part(1, block_chords(changes), "Piano", 0),
    )
    return Corpus.from_score(make_score(*parts))


CORPORA = {
    "bundled": Corpus.from_midi(bundled_tune()),
    "swing": Corpus.from_score(swing_tune(bars=16)),
    "waltzing": waltzing(),
    "etude": etude(),
}


def rules_of(corpus: Corpus, bars: int, vocabulary: Sequence[str] | None = None) -> BarRules:
    words = [parse_token(word) for word in vocabulary or corpus.vocabulary]
    kinds = bar_kinds(sources_of(corpus, bars), words, corpus.register)
    rules = compile_rules(words, kinds, corpus.measures, corpus.register)
    assert rules is not None
    return rules


def sources_of(corpus: Corpus, bars: int) -> list[Measure]:
    return [corpus.measures[i % len(corpus.measures)] for i in range(bars)]


class Checker:
    """Tells by looking at words alone what a solo over a tune must keep."""

    def __init__(self, corpus: Corpus, rules: Rules) -> None:
        self.corpus, self.rules = corpus, rules
        self.bars = {measure.tokens for measure in corpus.measures if set(map(len, _pitches(measure))) != {0}}
        self.rhythms = {_rhythm(map(parse_token, measure.tokens)) for measure in corpus.measures}
        self.beginnings = {rhythm[:size] for rhythm in self.rhythms for size in range(len(rhythm) + 1)}
        size = MAX_QUOTE + 1
        self.runs = {corpus.tokens[i : i + size] for i in range(len(corpus.tokens) - size + 1)}
        self.register = range(corpus.register[0], corpus.register[1] + 1)

    @cache  # noqa: B019 - it lives as long as the tests
    def types(self, chord: tuple[int, ...]) -> set[str]:
        return {classify(pitch, chord) for pitch in self.register}

    def check_bar(self, bar: Sequence[Token], source: Measure, *, is_last: bool) -> None:
        """All that a bar must keep by itself."""
        onsets = list(itertools.accumulate((word.length for word in bar), initial=Fraction(0)))
        assert all(word.length > 0 for word in bar)
        if is_last:
            assert bar[-1].type == "C"
            assert onsets[-2] <= source.length / 2 < onsets[-1] <= source.length
        else:
            assert onsets[-1] == source.length
        notes = [word for word in bar if word.type != "R"]
        if self.rules.grammar:
            assert [i for i, word in enumerate(notes) if word.interval is None] in ([], [0])
            assert not notes or notes[0].interval is None
            assert not any(a.type == b.type == "R" for a, b in itertools.pairwise(bar))
        if self.rules.rhythm:
            assert _rhythm(bar) in (self.beginnings if is_last else self.rhythms)
        if self.rules.novelty:
            assert tuple(map(str, bar)) not in self.bars
        self.check_melody(zip(onsets, bar, strict=False), source)

    def check_melody(self, timed: Iterable[tuple[Fraction, Token]], source: Measure) -> None:
        reach = set(self.register)  # pitches that the note before may have
        for onset, word in timed:
            if word.type == "R":
                continue
            if self.rules.melody:
                assert word.type in self.types(chord_at(source.chords, source.start + onset).pitches)
            down, up = sorted(map(interval_semitones, word.interval)) if word.interval else (-128, 128)
            reach = {p for p in self.register if any(down <= p - before <= up for before in reach)}
            assert reach or not self.rules.reach

    def check_solo(self, solo: Sequence[Sequence[Token]]) -> None:
        """All that the bars of a solo must keep, and all that they must keep together."""
        sources = sources_of(self.corpus, len(solo))
        for number, (bar, source) in enumerate(zip(solo, sources, strict=True), start=1):
            self.check_bar(bar, source, is_last=number == len(solo))
        words = [word for bar in solo for word in bar]
        if self.rules.grammar:
            assert words[0].type != "R"
            silences = [
                sum(word.length for word in group)
                for is_rest, group in itertools.groupby(words, lambda word: word.type == "R")
                if is_rest
            ]
            assert max(silences, default=Fraction(0)) <= MAX_REST
        if self.rules.melody:
            assert not any(a.type in "AX" and b.type == "R" for a, b in itertools.pairwise(words))
        if self.rules.runs:
            texts = tuple(map(str, words))
            assert not any(texts[i : i + MAX_QUOTE + 1] in self.runs for i in range(len(texts)))


def _rhythm(words: Iterable[Token]) -> tuple[tuple[Fraction, bool], ...]:
    return tuple((word.length, word.type == "R") for word in words)


def _pitches(measure: Measure) -> list[tuple[int, ...]]:
    return [element.pitches for element in measure.elements]


@pytest.mark.parametrize("name", CORPORA)
def test_ten_thousand_first_bars_keep_the_rules(name: str) -> None:
    corpus = CORPORA[name]
    rules = rules_of(corpus, 2)
    assert rules.rules == ALL
    model = random_player(corpus.vocabulary)
    begin = rules.constraint.at(rules.after_line[rules.constraint.start, 0])
    drawn = model.generate(rules.most_words, constraint=begin, num_streams=10_000, seed=3)
    bars = {tuple(row[row >= 0].tolist()) for row in drawn}
    assert len(bars) > 100
    checker = Checker(corpus, ALL)
    for bar in bars:
        words = [rules.words[number] for number in bar]
        checker.check_bar(words, corpus.measures[0], is_last=False)
        assert words[0].type != "R"


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("bars", [1, 2, 40])
def test_solos_keep_the_rules(name: str, temperature: float, bars: int) -> None:
    corpus = CORPORA[name]
    rules = rules_of(corpus, bars)
    assert rules.rules == ALL
    kinds = bar_kinds(sources_of(corpus, bars), rules.words, corpus.register)
    for seed in range(3):
        model = LanguageModel(len(corpus.vocabulary), 8, seed=seed)
        solo = list(draw_bars(model, rules, kinds, prompt=[0, 1], temperature=temperature, seed=seed))
        Checker(corpus, ALL).check_solo(solo)


@pytest.mark.parametrize(
    "left_out", [{"rhythm"}, {"rhythm", "reach"}, {"melody", "reach"}, {"novelty", "runs"}]
)
def test_what_is_left_out_leaves_the_other_rules(left_out: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_rules, "_GIVING_WAY", (left_out,))
    corpus = CORPORA["bundled"]
    rules = rules_of(corpus, 200)
    kinds = bar_kinds(sources_of(corpus, 200), rules.words, corpus.register)
    weights = [30.0 if word.type == "R" else 1.0 for word in rules.words]
    player = random_player(corpus.vocabulary, weights)
    solo = list(draw_bars(player, rules, kinds, prompt=(), temperature=1.0, seed=1))
    Checker(corpus, Rules(**dict.fromkeys(left_out, False))).check_solo(solo)


def test_a_model_that_knows_the_tune_by_heart_does_not_play_it(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = CORPORA["etude"]
    model = LanguageModel(len(corpus.vocabulary), 32, seed=1)
    model.fit(corpus.indices[np.newaxis], epochs=200, optimizer=Adam(0.01))

    def solo(left_out: set[str]) -> list[tuple[Token, ...]]:
        monkeypatch.setattr(bar_rules, "_GIVING_WAY", (left_out,))
        rules = rules_of(corpus, 12)
        kinds = bar_kinds(sources_of(corpus, 12), rules.words, corpus.register)
        return list(draw_bars(model, rules, kinds, prompt=(), temperature=0.3, seed=1))

    checker = Checker(corpus, ALL)
    checker.check_solo(solo(set()))
    for left_out in ({"novelty"}, {"runs"}):
        with pytest.raises(AssertionError):
            checker.check_solo(solo(left_out))


def test_types_without_a_pitch_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = CORPORA["waltzing"]
    vocabulary = ["C,1.000", *(f"{kind},{length}.000,<d5,P1>" for kind in "CSAX" for length in (1, 2))]
    monkeypatch.setattr(bar_rules, "_GIVING_WAY", ({"rhythm"},))
    rules = rules_of(corpus, 24, vocabulary)
    checker = Checker(corpus, Rules(rhythm=False))
    chords = {chord.pitches for measure in corpus.measures for chord in measure.chords}
    assert {"X" in checker.types(chord) for chord in chords} == {True, False}
    kinds = bar_kinds(sources_of(corpus, 24), rules.words, corpus.register)
    player = random_player(vocabulary, [1.0 + 9 * (word[0] == "X") for word in vocabulary])
    solo = list(draw_bars(player, rules, kinds, prompt=(), temperature=1.0, seed=1))
    checker.check_solo(solo)
    assert any(word.type == "X" for bar in solo for word in bar)


@pytest.mark.parametrize(
    ("vocabulary", "kept"),
    [
        (
            ["C,1.000", "S,1.500,<d5,P1>", "C,0.500,<d5,P1>", "C,1.000,<d5,P1>"],
            Rules(rhythm=False, runs=False),
        ),
        (["C,1.000", "C,1.000,<P22,P18>"], Rules(rhythm=False, runs=False, reach=False)),
        (["C,0.500"], Rules(False, False, False, False, False, False)),
    ],
)
def test_rules_give_way_one_after_another(vocabulary: list[str], kept: Rules) -> None:
    corpus = CORPORA["swing"]
    rules = rules_of(corpus, 4, vocabulary)
    assert rules.rules == kept
    kinds = bar_kinds(sources_of(corpus, 4), rules.words, corpus.register)
    solo = list(draw_bars(random_player(vocabulary), rules, kinds, prompt=(), temperature=1.0, seed=1))
    Checker(corpus, kept).check_solo(solo)


def test_no_rest_is_too_long_in_a_long_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus.from_score(
        make_score(make_part(0, melody([60, 64, 67, 62, 65, 69] * 8), "Song"), meters=[(0, 6, 4)])
    )
    vocabulary = ["C,1.000", "C,1.000,<d5,P1>", "R,5.000", "R,4.000", "R,3.000"]
    monkeypatch.setattr(bar_rules, "_GIVING_WAY", ({"rhythm", "reach"},))
    rules = rules_of(corpus, 50, vocabulary)
    kinds = bar_kinds(sources_of(corpus, 50), rules.words, corpus.register)
    solo = list(draw_bars(random_player(vocabulary), rules, kinds, prompt=(), temperature=1.0, seed=1))
    Checker(corpus, Rules(rhythm=False, reach=False)).check_solo(solo)
    assert Token("R", Fraction(4)) in itertools.chain(*solo)


@pytest.mark.parametrize("word", ["C,0.750", "C,71.000", "C,0.000", "R,1.000", "C,0.000000001"])
def test_words_that_fill_no_solo_have_no_rules(word: str) -> None:
    corpus = CORPORA["swing"]
    words = [parse_token(word)]
    kinds = bar_kinds(sources_of(corpus, 4), words, corpus.register)
    assert compile_rules(words, kinds, corpus.measures, corpus.register) is None


def test_freely_the_words_are_the_models_own() -> None:
    corpus = CORPORA["bundled"]
    model = LanguageModel(len(corpus.vocabulary), 8, seed=2)
    words = [parse_token(word) for word in corpus.vocabulary]
    kinds = bar_kinds(sources_of(corpus, 6), words, corpus.register)
    said = [words[token] for token in model.generate(100, prompt=[3], temperature=0.9, seed=5)[0]]
    for bar, kind in zip(
        draw_freely(model, words, kinds, prompt=[3], temperature=0.9, seed=5), kinds, strict=True
    ):
        assert sum(word.length for word in bar) == kind.length
        ends = list(itertools.accumulate(word.length for word in said))
        fit = sum(end <= kind.length for end in ends)
        assert list(bar[: fit - 1]) == said[: fit - 1]  # the last may have been held
        said = said[fit + (kind.length not in ends) :]
