"""Recognising chords: a symbol such as "Gm7" and a closed voicing for every bar or half bar."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from rnnfast.music.analysis.chord_templates import CHORDS, QUALITIES, Floats, score_chords
from rnnfast.music.analysis.detect import Arrangement
from rnnfast.music.analysis.key import Key, find_key
from rnnfast.music.analysis.meter import Bar
from rnnfast.music.analysis.pitch_weights import SpanWeights, weigh_pitches

_MELODY_SHARE, _OWN_MELODY_SHARE = 0.25, 0.5
"""What a melody note weighs, compared with the accompaniment's; more where it is the top of its chords."""
_SPLIT_GAIN = 0.3
"""Two chords must explain a bar better than one by this score."""
_AUDIBLE = 0.1
"""Share of the sounding weight from which on a pitch class is heard as a note of the chord."""
_HELD_BARS = 2
"""For so many bars without accompaniment the last chord still rings in the ear."""

_DEGREE_PRIOR = (0.15, 0.05, 0.0, 0.08, 0.1, 0.06, -0.05)
"""How much more readily a melody is heard over the triads on the first to seventh degree of its key."""

Source = Literal["accompaniment", "held", "melody", "key"]


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A chord with its place.

    Attributes
    ----------
    onset, length : Fraction
        In quarter notes from the beginning of the file.
    root : int
        Pitch class, 0 to 11.
    quality : str
        A key of `rnnfast.music.analysis.chord_templates.QUALITIES`.
    name : str
        The symbol, such as "F7", "Gm7" or "Bb6", spelled to fit the key.
    source : str
        What it was heard in: "accompaniment"; "held", the last chord heard; "melody", implied by the tune;
        "key", the tonic where nothing sounds.
    """

    onset: Fraction
    length: Fraction
    root: int
    quality: str
    name: str
    source: Source = "accompaniment"

    @property
    def pitches(self) -> tuple[int, ...]:
        """A closed voicing in root position, MIDI pitches, its root in the octave below middle C."""
        return tuple(48 + self.root + step for step in QUALITIES[self.quality])


def recognise_chords(
    arrangement: Arrangement, bars: Sequence[Bar], key: Key | None = None
) -> tuple[tuple[ChordSymbol, ...], ...]:
    """Recognise the chords of every bar, two at most.

    Every pitch class weighs what it sounds in the accompaniment, louder and on the beat more, and a quarter
    of that in the melody (half where one part plays both). The chord is the template with most of the weight
    on its notes and least beside them; the bass note counts for its root. A bar has two chords where that
    explains it clearly better. A bar without accompaniment keeps the last chord heard for up to two bars;
    beyond that, before the first chord, and in a piece without accompaniment the melody implies one that
    fits the key.

    Parameters
    ----------
    arrangement : Arrangement
        Roles of the parts.
    bars : sequence of Bar
        Ascending, without gaps.
    key : Key, optional
        By default that of the score.

    Returns
    -------
    chords : tuple of tuple of ChordSymbol
        One tuple a bar, of one or two chords that fill it.

    Examples
    --------
    >>> from rnnfast.music.analysis.detect import arrange
    >>> from rnnfast.music.analysis.meter import find_bars
    >>> from rnnfast.music.score import Note, Part, Score
    >>> tune = Part(0, 1, "Melody", None, (Note(0, 3840, 72),))
    >>> comping = [(0, (43, 53, 58, 62)), (1920, (48, 52, 58, 64))]
    >>> notes = tuple(Note(t, t + 1920, pitch) for t, pitches in comping for pitch in pitches)
    >>> score = Score(480, (tune, Part(1, 2, "Piano", 0, notes)))
    >>> [[chord.name for chord in bar] for bar in recognise_chords(arrange(score), find_bars(score))]
    [['Gm7'], ['C7']]
    """
    if not bars:
        return ()
    key = find_key(arrangement.score) if key is None else key
    implied = _imply(arrangement, bars, key)
    chords: list[tuple[ChordSymbol, ...]] = []
    silent = _HELD_BARS  # before the first chord there is none to hold
    for bar, heard, guess in zip(bars, _hear(arrangement, bars, key), implied, strict=True):
        silent = 0 if heard else silent + 1
        if heard:
            chords.append(heard)
        elif chords and (silent <= _HELD_BARS or guess.source == "key"):
            last = chords[-1][-1]
            chords.append((_name((last.root, last.quality), bar.start, bar.end, key, "held"),))
        else:
            chords.append((guess,))
    return tuple(chords)


def _hear(arrangement: Arrangement, bars: Sequence[Bar], key: Key) -> Iterator[tuple[ChordSymbol, ...]]:
    """Yield every bar's one or two chords, none where the accompaniment is silent."""
    halves = [bar.halves for bar in bars]
    firsts = itertools.accumulate((len(spans) for spans in halves), initial=0)
    share = _OWN_MELODY_SHARE if arrangement.melody in arrangement.accompaniment else _MELODY_SHARE
    whole = weigh_pitches(arrangement, [(bar.start, bar.end) for bar in bars], melody_share=share)
    parts = weigh_pitches(arrangement, list(itertools.chain(*halves)), melody_share=share)
    for index, (bar, first) in enumerate(zip(bars, firsts, strict=False)):
        if not whole.is_accompanied[index]:
            yield ()
            continue
        own = range(first, first + len(halves[index]))
        is_divisible = all(_names_a_chord(parts.weights[half]) for half in own)
        pair = [_score(parts, half, key) for half in own if is_divisible]
        chosen = _choose(_score(whole, index, key), pair)
        spans = bar.halves if len(chosen) == 2 else ((bar.start, bar.end),)
        yield tuple(
            _name(CHORDS[int(np.argmax(scores))], *span, key, "accompaniment")
            for scores, span in zip(chosen, spans, strict=True)
        )


def _names_a_chord(weights: Floats) -> bool:
    """Tell whether half a bar has the three notes that make a chord, not just a bass that walks on."""
    return int(np.sum(weights > _AUDIBLE * weights.sum())) >= 3


def _score(spans: SpanWeights, span: int, key: Key) -> Floats:
    basses = (int(spans.first_bass[span]), int(spans.lowest[span]))
    return score_chords(spans.weights[span], key.scale, tuple(bass for bass in basses if bass >= 0))


def _choose(whole: Floats, halves: list[Floats]) -> list[Floats]:
    """Return the scores of two halves where they gain enough over one chord for both, else of the whole."""
    if len(halves) < 2 or np.argmax(halves[0]) == np.argmax(halves[1]):
        return [whole]
    one = int(np.argmax(whole))
    gain = sum(float(scores.max() - scores[one]) for scores in halves) / 2
    return halves if gain > _SPLIT_GAIN else [whole]


def _name(chord: tuple[int, str], start: Fraction, end: Fraction, key: Key, source: Source) -> ChordSymbol:
    root, quality = chord
    return ChordSymbol(start, end - start, root, quality, key.spell(root) + quality, source)


def _imply(arrangement: Arrangement, bars: Sequence[Bar], key: Key) -> list[ChordSymbol]:
    """Return the chord that the melody implies in each bar, the tonic where it is silent."""
    spans = weigh_pitches(arrangement, [(bar.start, bar.end) for bar in bars], melody_share=1.0)
    candidates = _diatonic_chords(key)
    rows = [CHORDS.index(chord) for chord, _ in candidates]
    priors = np.array([prior for _, prior in candidates])
    chords = []
    for bar, weights in zip(bars, spans.weights, strict=True):
        if weights.sum() > 0:
            best = int(np.argmax(score_chords(weights, key.scale)[rows] + priors))
            chords.append(_name(candidates[best][0], bar.start, bar.end, key, "melody"))
        else:
            chords.append(_name(candidates[0][0], bar.start, bar.end, key, "key"))
    return chords


def _diatonic_chords(key: Key) -> list[tuple[tuple[int, str], float]]:
    """Return the key's triads from the tonic up and its dominant seventh, each with its prior."""
    chords: list[tuple[tuple[int, str], float]] = []
    for degree, prior in enumerate(_DEGREE_PRIOR):
        root, third, fifth = (key.scale[(degree + above) % 7] for above in (0, 2, 4))
        steps = (0, (third - root) % 12, (fifth - root) % 12)
        quality = next(name for name, tones in QUALITIES.items() if tones == steps)
        chords.append(((root, quality), prior))
    dominant = (key.scale[4], "7")  # in minor too: the leading note is raised
    return [*chords, (dominant, _DEGREE_PRIOR[4])]
