"""A new solo over a tune's chords: the model says the words, the rules of melody turn them into notes."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from fractions import Fraction
from numbers import Real
from typing import NamedTuple

from rnnfast.model import LanguageModel
from rnnfast.music.analysis.meter import Bar
from rnnfast.music.chooser import Chooser, pick, random_chooser
from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Chord, Element, Measure
from rnnfast.music.exercise import BAR, SoloSet, generate, solo_score
from rnnfast.music.grammar import Token, chord_at, parse_token, tokenize
from rnnfast.music.playing.bar_rules import compile_rules
from rnnfast.music.playing.bar_table import bar_kinds
from rnnfast.music.playing.drawing import come_to_rest, draw_bars, draw_freely
from rnnfast.music.playing.line import Slot, place_pitches, token_motion
from rnnfast.music.playing.staging import stage
from rnnfast.music.solo import Solo

MAX_BARS = 1024
"""The longest solo that can be asked for."""

DEFAULT_BARS = 64
"""Without a number of bars a solo is as long as the tune, but no longer than this."""

_EXERCISE_TOKENS = 50


def improvise(
    model: LanguageModel,
    corpus: Corpus,
    *,
    bars: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    freely: bool = False,
    faithful: bool = False,
    chooser: Chooser | None = None,
) -> Solo:
    """Improvise over a tune's chord changes.

    The model hears a measure of the tune, then goes on by itself under the rules of bars, which are compiled into
    its sampler; nothing is drawn and rejected. Bars fill exactly; the solo begins with a note; no bar of the tune
    comes back as it is, nor any long run of its words; bars have the tune's rhythms; every note has a pitch of
    its type within the melody's register, foreign notes lead to another note, and the last note is a chord tone.
    Where a model's words, or a small tune, leave no solo that keeps all of this, or a large tune makes too large
    an automaton, long runs give way first, then rhythms, at last what would be a copy. Then every note gets the
    pitch that follows its word best. The tune's accompaniment plays on underneath, chorus after chorus.

    Parameters
    ----------
    model : LanguageModel
        It is only read. Where it has a vocabulary that is what its tokens mean: it may have
        learned from another tune. Otherwise they are the corpus' words.
    corpus : Corpus
        The tune.
    bars : int, optional
        1 to `MAX_BARS`. By default as many as the tune has, at most `DEFAULT_BARS`.
    temperature : float
        Divides the model's logits; 0 is greedy.
    seed : int
        Decides everything that is random, the model's draws too. 0 or more.
    freely : bool
        Leave out the rules: the model says what it will, and a word that does not fit into its bar any more is
        left out, the gap filled by a rest or by the note before it. So does a model that cannot fill bars.
    faithful : bool
        Do as the jazz exercise does: 50 greedy tokens from silence, played over every third of the corpus'
        bars, lengths rounded by chance, sets that overlap, 130 beats a minute.
    chooser : Chooser, optional
        Decides instead of the seed. Asked for ``start`` (the measures that the model may hear first), ``seed``
        (2**32 seeds of the model), ``entry`` (intervals into a bar, which the words do
        not tell), ``pitch`` (of the first note); faithful: as `rnnfast.music.exercise.generate` asks.

    Returns
    -------
    solo : Solo

    Raises
    ------
    ValueError
        An argument out of range; a model and a corpus that do not belong together; with `faithful`, `bars`,
        a temperature or `freely`, or a corpus of fewer than five bars.
    TypeError
        An argument of another type.
    """
    _check_types(model, corpus, freely, faithful, chooser)
    words = _words(model, corpus)
    _check_temperature(temperature)
    chooser = random_chooser(seed) if chooser is None else chooser
    if faithful:
        if bars is not None or temperature != 1 or freely:
            raise ValueError(
                "faithful=True is greedy and as long as it is: leave out bars, temperature and freely"
            )
        return _improvise_faithfully(model, corpus, words, chooser)
    form = _form(corpus)
    count = min(len(form), DEFAULT_BARS) if bars is None else _check_bars(bars)
    sources = [form[i % len(form)] for i in range(count)]
    drawn = _draw(model, corpus, words, sources, temperature, chooser, freely=freely)
    frames = list(_lay_out(drawn, sources))
    return stage(corpus, sources, tuple(_place_notes(frames, corpus, chooser)))


def _check_types(model: object, corpus: object, freely: object, faithful: object, chooser: object) -> None:
    if not isinstance(model, LanguageModel):
        raise TypeError(f"model is {model!r}, expected a LanguageModel")
    if not isinstance(corpus, Corpus):
        raise TypeError(f"corpus is {corpus!r}, expected a Corpus, as Corpus.from_midi returns it")
    for name, value in (("freely", freely), ("faithful", faithful)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}, expected True or False")
    if chooser is not None and not callable(chooser):
        raise TypeError(f"chooser is {chooser!r}, expected a function of a kind and options, or None")


def _words(model: LanguageModel, corpus: Corpus) -> tuple[str, ...]:
    words = tuple(corpus.vocabulary if model.vocabulary is None else model.vocabulary)
    if len(words) != model.vocab_size:
        raise ValueError(
            f"the model has {model.vocab_size} tokens and the corpus {len(words)} values, expected as many: "
            "a model of this corpus, or one that has a vocabulary"
        )
    return words


def _check_temperature(temperature: float) -> None:
    if isinstance(temperature, bool) or not isinstance(temperature, Real):
        raise TypeError(f"temperature is {temperature!r}, expected a number")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature is {temperature}, expected 0 (greedy) or more")


def _check_bars(bars: int) -> int:
    if isinstance(bars, bool) or not hasattr(bars, "__index__"):
        raise TypeError(f"bars is {bars!r}, expected an integer")
    if not 1 <= operator.index(bars) <= MAX_BARS:
        raise ValueError(f"bars is {bars}, expected 1 to {MAX_BARS}")
    return operator.index(bars)


def _form(corpus: Corpus) -> Sequence[Measure]:
    """Return the measures of a chorus: a pickup leads into the tune and is no bar of its form."""
    pickups = {(bar.start, bar.length) for bar in corpus.bars if bar.is_pickup}
    form = [measure for measure in corpus.measures if (measure.start, measure.length) not in pickups]
    return form or corpus.measures


def _draw(
    model: LanguageModel,
    corpus: Corpus,
    vocabulary: Sequence[str],
    sources: Sequence[Measure],
    temperature: float,
    chooser: Chooser,
    *,
    freely: bool,
) -> list[tuple[Token, ...]]:
    """Draw the words of every bar."""
    number = {word: index for index, word in enumerate(vocabulary)}
    starts = [bar.tokens for bar in corpus.measures if bar.tokens and number.keys() >= set(bar.tokens)]
    prompt = [number[word] for word in pick(chooser, "start", starts)] if starts else []
    seed = pick(chooser, "seed", range(2**32))
    words = [parse_token(word) for word in vocabulary]
    kinds = bar_kinds(sources, words, corpus.register)
    rules = None if freely else compile_rules(words, kinds, corpus.measures, corpus.register)
    if rules is None:
        drawn = draw_freely(model, words, kinds, prompt=prompt, temperature=temperature, seed=seed)
    else:
        drawn = draw_bars(model, rules, kinds, prompt=prompt, temperature=temperature, seed=seed)
    bars = list(drawn)
    return [*bars[:-1], come_to_rest(bars[-1], sources[-1].length)]


class _Frame(NamedTuple):
    """A bar of the solo before its notes have pitches."""

    start: Fraction
    length: Fraction
    chords: tuple[Chord, ...]
    timed: tuple[tuple[Fraction, Token], ...]  # each token with its offset


def _lay_out(drawn: Sequence[Sequence[Token]], sources: Sequence[Measure]) -> Iterator[_Frame]:
    start = Fraction(0)
    for tokens, source in zip(drawn, sources, strict=True):
        chords = tuple(chord.at(chord.offset - source.start + start) for chord in source.chords)
        timed = []
        now = start
        for token in tokens:
            timed.append((now, token))
            now += token.length
        yield _Frame(start, source.length, chords, tuple(timed))
        start += source.length


def _place_notes(frames: Sequence[_Frame], corpus: Corpus, chooser: Chooser) -> Iterator[Measure]:
    """Give every note its pitch."""
    slots = _slots(frames, corpus.measures, chooser)
    pitch_classes = {p % 12 for measure in corpus.measures for e in measure.elements for p in e.pitches}
    pitches = iter(place_pitches(slots, corpus.register, pitch_classes, chooser))
    for number, frame in enumerate(frames, start=1):
        elements = tuple(
            Element(offset, token.length, () if token.type == "R" else (next(pitches),))
            for offset, token in frame.timed
        )
        tokens = tokenize(elements, frame.chords)
        yield Measure(number, frame.start, frame.length, elements, frame.chords, tokens)


def _slots(frames: Sequence[_Frame], tune: Sequence[Measure], chooser: Chooser) -> list[Slot]:
    entries = _bar_entries(tune)
    words = [(offset, token, frame.chords) for frame in frames for offset, token in frame.timed]
    types = ["R", *(token.type for _, token, _ in words), "R"]
    slots = []
    for (offset, token, chords), before, after in zip(words, types, types[2:], strict=False):
        if token.type == "R":
            continue
        motion = token_motion(token)
        if motion is None:
            motion = pick(chooser, "entry", entries[before == "R"])
        slots.append(Slot(token, chord_at(chords, offset).pitches, after != "R", motion))
    return slots


def _bar_entries(tune: Sequence[Measure]) -> dict[bool, list[int]]:
    """Return the steps and leaps into a tune's bars, in semitones: those after a rest (True) and the others.

    Its words do not tell them: the first note of a bar has no interval.
    """
    entries: dict[bool, list[int]] = {True: [], False: []}
    before: Element | None = None
    for measure in tune:
        notes = [element for element in measure.elements if len(element.pitches) == 1]
        if before is not None and notes:
            is_after_rest = before.offset + before.length < notes[0].offset
            entries[is_after_rest].append(notes[0].pitches[0] - before.pitches[0])
        before = notes[-1] if notes else before
    return {is_after_rest: sorted(found) or [0] for is_after_rest, found in entries.items()}


def _improvise_faithfully(
    model: LanguageModel, corpus: Corpus, words: Sequence[str], chooser: Chooser
) -> Solo:
    predicted = model.generate(_EXERCISE_TOKENS, greedy=True)[0]
    sets = generate([words[token] for token in predicted], [(), *corpus.chords], chooser)
    measures = tuple(_bars_of_sets(sets))
    bars = tuple(Bar(measure.number, measure.start, measure.length) for measure in measures)
    return Solo(measures, bars, (), solo_score(sets))


def _bars_of_sets(sets: Sequence[SoloSet]) -> Iterator[Measure]:
    """Yield the exercise's solo as bars; behind the last set's chords the last one is still in the ear."""
    elements = sorted(
        Element(solo_set.start + note.offset, note.length, (int(note.pitch),))
        for solo_set in sets
        for note in solo_set.notes
        if note.pitch is not None
    )
    last = sets[-1].chords[-1]
    for index in range(int(elements[-1].offset // BAR) + 1):
        start = Fraction(index * BAR)
        own = tuple(element for element in elements if element.offset // BAR == index)
        if index < len(sets):
            chords = tuple(chord.at(start + chord.offset) for chord in sets[index].chords)
        else:
            chords = (last.at(start),)
        yield Measure(index + 1, start, Fraction(BAR), own, chords, tokenize(own, chords))
