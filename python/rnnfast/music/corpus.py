"""A tune as a language: its bars' tokens, their vocabulary, the chords under them, and training windows."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnfast.music.analysis.chords import ChordSymbol, recognise_chords
from rnnfast.music.analysis.detect import Arrangement, arrange
from rnnfast.music.analysis.key import Key, find_key
from rnnfast.music.analysis.meter import Bar, find_bars
from rnnfast.music.analysis.rhythm import fill_bars
from rnnfast.music.elements import Chord, Element, Measure
from rnnfast.music.exercise import faithful_measures
from rnnfast.music.grammar import tokenize
from rnnfast.music.midi import read_midi
from rnnfast.music.score import DEFAULT_TEMPO, Part, Score
from rnnfast.music.windows import one_hot_windows, window_starts

MAX_SILENT_BARS = 2
"""Of a longer stretch of bars without melody so many are kept: a solo should not learn to be silent."""

VocabularyOrder = Literal["sorted", "first_seen"]
_Position = Fraction | float | None


@dataclass(frozen=True)
class Corpus:
    """What a model learns from one tune, and what improvising over it needs.

    Attributes
    ----------
    score : Score
        The whole file.
    arrangement : Arrangement
        Which part has the melody and which accompany.
    bars : tuple of Bar
        All bars of the file, by its time signatures.
    symbols : tuple of tuple of ChordSymbol
        The chords recognised in each of `bars`.
    key : Key
    measures : tuple of Measure
        The bars that are learned from, in order. Their numbers are those of `bars` (faithful: counted from
        0, four quarter notes each).
    vocabulary : tuple of str
        The distinct tokens.
    is_faithful : bool
        Whether the measures follow the jazz exercise's rules.
    """

    score: Score
    arrangement: Arrangement
    bars: tuple[Bar, ...]
    symbols: tuple[tuple[ChordSymbol, ...], ...]
    key: Key
    measures: tuple[Measure, ...]
    vocabulary: tuple[str, ...]
    is_faithful: bool

    @classmethod
    def from_midi(
        cls,
        path: str | os.PathLike[str],
        *,
        melody: int | str | None = None,
        chords: int | str | None = None,
        start: _Position = None,
        end: _Position = None,
        faithful: bool = False,
        rests: bool = True,
        vocabulary_order: VocabularyOrder = "sorted",
    ) -> Corpus:
        """Read a MIDI file and put its melody into words.

        By default every bar has the length that the time signatures give it, its tokens fill it exactly, and
        notes are classified against the chord recognised under them. Bars without melody are left out
        before the first note and after the last, and of a longer stretch between them but
        `MAX_SILENT_BARS`. ``faithful=True`` follows the rules of the jazz exercise instead, with its
        settings left to the arguments: bars of four quarter notes, chords of one part as they are played.

        Parameters
        ----------
        path : path-like
            A MIDI file of any type.
        melody, chords : int or str, optional
            A part's number (parts that have notes, from 0) or its track's name; found by features by default.
        start, end : number, optional
            Quarter notes from the beginning of the file. The bars that begin from `start` on and before `end`
            are read; faithful: the notes that begin from `start` to `end`, both included.
        faithful : bool
            Whether to follow the exercise's rules.
        rests : bool
            Whether rests are tokens. Without them a note lasts until the next one.
        vocabulary_order : {"sorted", "first_seen"}
            The order of the vocabulary.

        Returns
        -------
        corpus : Corpus

        Raises
        ------
        MidiError
            Where the file is damaged or no MIDI file.
        ValueError
            Where it has no melody (no notes, only drums, none in the region), an argument names no part or is
            out of range; the message says which, and lists the parts.
        TypeError
            Where an argument is of the wrong type.
        OSError
            Where the file cannot be opened.

        Examples
        --------
        >>> from rnnfast.music.tunes import bundled_tune
        >>> corpus = Corpus.from_midi(bundled_tune())
        >>> len(corpus.measures), corpus.measures[3].tokens[:2], [chord.name for chord in corpus.symbols[3]]
        (64, ('R,1.000', 'C,0.333'), ['Cm7', 'F7'])
        """
        return cls.from_score(
            read_midi(path),
            melody=melody,
            chords=chords,
            start=start,
            end=end,
            faithful=faithful,
            rests=rests,
            vocabulary_order=vocabulary_order,
        )

    @classmethod
    def from_score(
        cls,
        score: Score,
        *,
        melody: int | str | None = None,
        chords: int | str | None = None,
        start: _Position = None,
        end: _Position = None,
        faithful: bool = False,
        rests: bool = True,
        vocabulary_order: VocabularyOrder = "sorted",
    ) -> Corpus:
        """Put a score's melody into words: as `from_midi`, for a score that is already read."""
        if vocabulary_order not in ("sorted", "first_seen"):
            raise ValueError(f"vocabulary_order={vocabulary_order!r}: expected 'sorted' or 'first_seen'")
        if not isinstance(score, Score):
            raise TypeError(f"score is {score!r}, expected a Score; Corpus.from_midi reads a file")
        _check_region(start, end)
        arrangement = arrange(score, melody=melody, chords=chords)
        bars, key = find_bars(score), find_key(score)
        symbols = recognise_chords(arrangement, bars, key)
        if faithful:
            measures = faithful_measures(score, melody, chords, start, end, rests)
        else:
            measures = _full_measures(arrangement, bars, symbols, start, end, rests)
        tokens = dict.fromkeys(token for measure in measures for token in measure.tokens)
        vocabulary = tuple(sorted(tokens) if vocabulary_order == "sorted" else tokens)
        return cls(score, arrangement, bars, symbols, key, measures, vocabulary, faithful)

    def __repr__(self) -> str:
        sizes = f"{len(self.measures)} bars, {len(self.tokens)} tokens, {len(self.vocabulary)} values"
        return f"<Corpus {self.score.name!r}: {sizes}, {self.key}>"

    @property
    def chords(self) -> tuple[tuple[Chord, ...], ...]:
        """The chords under each measure, in quarter notes from the beginning of the file."""
        return tuple(measure.chords for measure in self.measures)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All measures' tokens in order."""
        return tuple(token for measure in self.measures for token in measure.tokens)

    @cached_property
    def indices(self) -> npt.NDArray[np.int32]:
        """The tokens as indices into the vocabulary: int32 (num_tokens,), a read-only view."""
        number = {token: index for index, token in enumerate(self.vocabulary)}
        indices = np.array([number[token] for token in self.tokens], dtype=np.int32)
        indices.flags.writeable = False
        return indices

    @property
    def tempo(self) -> int:
        """Microseconds a quarter note where the first measure begins."""
        start = self.measures[0].start * self.score.ticks_per_quarter
        return next((tempo for tick, tempo in reversed(self.score.tempos) if tick <= start), DEFAULT_TEMPO)

    @property
    def melody(self) -> Part:
        """The part that has the melody; its `program` is the instrument."""
        return self.arrangement.melody

    @property
    def accompaniment(self) -> tuple[Part, ...]:
        """The parts that accompany it; the melody's own part among them where it plays both."""
        return self.arrangement.accompaniment

    @property
    def register(self) -> tuple[int, int]:
        """The melody's lowest and highest MIDI pitch in the measures; in all of the file where they are silent."""
        learned = [p for measure in self.measures for element in measure.elements for p in element.pitches]
        pitches = learned or [note.pitch for note in self.melody.notes]
        return min(pitches), max(pitches)

    def windows(
        self, count: int = 60, length: int = 30, *, seed: int = 0, one_hot: bool = False
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Cut training windows: stretches of the corpus and, for each token of them, the token after it.

        The starts are those of the jazz exercise for the same seed. So are its two quirks: the first input of
        a window and its last target are empty, and the token at the start itself is never used.

        Parameters
        ----------
        count, length : int
            N windows of T tokens.
        seed : int
            0 to 2**32 - 1.
        one_hot : bool
            Whether to return the exercise's arrays instead of integers.

        Returns
        -------
        X, Y : ndarray
            New arrays. int32 (N, T) indices into the vocabulary, -1 where empty: ``X[:, 0]`` and
            ``Y[:, -1]``. With `one_hot` bool (N, T, V) and, time first, (T, N, V), all zero where empty.

        Raises
        ------
        ValueError, TypeError
            Where the corpus has no more than `length` tokens: `fitting_length` finds one that fits. Where an
            argument is out of range or of another type.
        """
        if hasattr(length, "__index__") and len(self.tokens) <= length:
            raise ValueError(
                f"length={length}: the corpus has {len(self.tokens)} tokens, expected more than a window: "
                f"pass length={self.fitting_length(length)}"
            )
        starts = window_starts(len(self.tokens), count, length, seed=seed)
        if one_hot:
            return one_hot_windows(self.indices, len(self.vocabulary), starts, length)
        tokens = self.indices[starts[:, None] + np.arange(1, length)]
        empty = np.full((count, 1), -1, dtype=np.int32)
        return np.hstack([empty, tokens]), np.hstack([tokens, empty])

    def fitting_length(self, longest: int = 30) -> int:
        """Return a length for `windows` that this corpus allows and that still leaves different windows.

        Parameters
        ----------
        longest : int
            What is wanted; returned where the corpus has half as many tokens again.

        Returns
        -------
        length : int
            Else two thirds of the corpus, at least 2.

        Raises
        ------
        ValueError
            Where the corpus has fewer than three tokens, from which nothing can be learned.
        """
        tokens = len(self.tokens)
        if tokens < 3:
            raise ValueError(
                f"the corpus has {tokens} tokens, expected at least 3 to learn from: a longer tune"
            )
        return max(2, min(longest, 2 * tokens // 3))


def _check_region(start: _Position, end: _Position) -> None:
    for name, value in (("start", start), ("end", end)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
            raise TypeError(f"{name}={value!r}: expected a number of quarter notes")
        if not math.isfinite(value) or value < 0:
            raise ValueError(
                f"{name}={value!r}: expected quarter notes from the beginning of the file, 0 or more"
            )
    if start is not None and end is not None and end <= start:
        raise ValueError(f"start={start}, end={end}: expected an end after the start, in quarter notes")


def _full_measures(
    arrangement: Arrangement,
    bars: Sequence[Bar],
    symbols: Sequence[tuple[ChordSymbol, ...]],
    start: _Position,
    end: _Position,
    rests: bool,
) -> tuple[Measure, ...]:
    """Return the measures of a region, each filled exactly by its tokens."""
    filled = fill_bars(arrangement.melody_line, bars, arrangement.score, rests=rests)
    region = [
        (bar, elements, chords)
        for bar, elements, chords in zip(bars, filled, symbols, strict=True)
        if (start is None or bar.start >= start) and (end is None or bar.start < end)
    ]
    most_silent = MAX_SILENT_BARS if rests else 0
    kept = [
        region[i] for i in _bars_to_keep([_has_notes(elements) for _, elements, _ in region], most_silent)
    ]
    if not kept:
        last = bars[-1].end
        raise ValueError(
            f"the melody {arrangement.melody.name!r} has no note in the bars from quarter note "
            f"{start or 0} to {last if end is None else end}; the file ends at {last}"
        )
    return tuple(_measure(bar, elements, chords) for bar, elements, chords in kept)


def _has_notes(elements: Iterable[Element]) -> bool:
    return any(element.pitches for element in elements)


def _bars_to_keep(has_notes: Sequence[bool], most_silent: int) -> list[int]:
    """Return the indices of the bars with notes, and of the first few silent ones of each gap between them."""
    last = max((i for i, notes in enumerate(has_notes) if notes), default=-1)
    kept: list[int] = []
    silent = most_silent  # nothing is kept before the first note
    for index, notes in enumerate(has_notes[: last + 1]):
        silent = 0 if notes else silent + 1
        if silent <= most_silent:
            kept.append(index)
    return kept


def _measure(bar: Bar, elements: tuple[Element, ...], symbols: Iterable[ChordSymbol]) -> Measure:
    chords = tuple(Chord(symbol.onset, symbol.length, symbol.pitches) for symbol in symbols)
    return Measure(bar.number, bar.start, bar.length, elements, chords, tokenize(elements, chords))
