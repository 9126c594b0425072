"""Numbers about a line over chords, so that a solo can be compared with the tune that it was learned from."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Element, Measure
from rnnfast.music.grammar import chord_at, parse_token
from rnnfast.music.harmony import classify
from rnnfast.music.solo import Solo


@dataclass(frozen=True)
class LineMeasures:
    """What a line is like. Shares are 0 to 1, and 0 where there is nothing to share.

    Attributes
    ----------
    num_bars, num_notes : int
    chord_tones, chord_tone_time : float
        Share of the notes, and of the time they sound, that is the chord's.
    scale_tones, scale_tone_time : float
        The same for the chord's and its scale's notes together.
    lowest, highest : int
        MIDI pitches; 0 without notes.
    density : float
        Notes a quarter note.
    repeated_notes : float
        Share of the notes that have the pitch of the note before.
    distinct_bars : float
        Different bars over bars; of bars with notes, by onsets, lengths and pitches.
    full_bars : float
        Share of the bars whose notes and rests sum to the bar's length.
    overlaps : int
        Notes that begin before the one before them has ended.
    stuck_notes : int
        Notes that sound beyond the last bar line.
    """

    num_bars: int
    num_notes: int
    chord_tones: float
    chord_tone_time: float
    scale_tones: float
    scale_tone_time: float
    lowest: int
    highest: int
    density: float
    repeated_notes: float
    distinct_bars: float
    full_bars: float
    overlaps: int
    stuck_notes: int

    @property
    def pitch_range(self) -> int:
        """Semitones from the lowest to the highest note."""
        return self.highest - self.lowest


@dataclass(frozen=True)
class CopyMeasures:
    """How much of a line is the tune's.

    Attributes
    ----------
    longest_run : int
        Tokens in a row that the tune has in the same order.
    copied_bars : float
        Share of the bars with notes that are a bar of the tune: in tokens, or in onsets, lengths and pitches.
    """

    longest_run: int
    copied_bars: float


@dataclass(frozen=True)
class Distances:
    """How differently two lines are distributed: total variation distances, 0 (alike) to 1 (nothing in common).

    Attributes
    ----------
    types : float
        Of chord, scale, approach, other tones and rests.
    lengths : float
        Of notes and rests.
    intervals : float
        From note to note in semitones, up and down.
    onsets : float
        Of notes in their bars.
    pairs : float
        Of two tokens in a row, by type and length: what follows what.
    """

    types: float
    lengths: float
    intervals: float
    onsets: float
    pairs: float


def measure_line(measures: Sequence[Measure]) -> LineMeasures:
    """Measure a line.

    Parameters
    ----------
    measures : sequence of Measure
        In order, of a `Corpus` or a `Solo`; one alone for the numbers of a bar.

    Examples
    --------
    >>> from rnnfast.music.tunes import bundled_tune
    >>> found = measure_line(Corpus.from_midi(bundled_tune()).measures)
    >>> found.num_bars, found.full_bars, found.overlaps
    (64, 1.0, 0)
    """
    notes = list(_notes(measures))
    pitches = [note.pitches[0] for note in notes]
    kinds = [kind for measure in measures for kind in _kinds(measure)]
    times = [note.length for note in notes]
    sounding = [bar for bar in map(_content, measures) if bar]
    end = max((measure.start + measure.length for measure in measures), default=Fraction(0))
    return LineMeasures(
        num_bars=len(measures),
        num_notes=len(notes),
        chord_tones=_share(kind == "C" for kind in kinds),
        chord_tone_time=_time_share(kinds, times, "C"),
        scale_tones=_share(kind in "CS" for kind in kinds),
        scale_tone_time=_time_share(kinds, times, "CS"),
        lowest=min(pitches, default=0),
        highest=max(pitches, default=0),
        density=float(len(notes) / (sum(measure.length for measure in measures) or 1)),
        repeated_notes=_share(a == b for a, b in itertools.pairwise(pitches)),
        distinct_bars=len(set(sounding)) / max(len(sounding), 1),
        full_bars=_share(map(_is_full, measures)),
        overlaps=sum(a.offset + a.length > b.offset for a, b in itertools.pairwise(notes)),
        stuck_notes=sum(note.offset + note.length > end for note in notes),
    )


def measure_bars(measures: Iterable[Measure]) -> list[LineMeasures]:
    """Measure every bar that has notes by itself: between which numbers a tune moves."""
    return [measure_line([measure]) for measure in measures if _content(measure)]


def measure_corpus(corpus: Corpus) -> LineMeasures:
    """Measure the melody of a file over its chords."""
    return measure_line(corpus.measures)


def measure_solo(solo: Solo, corpus: Corpus) -> tuple[LineMeasures, CopyMeasures, Distances]:
    """Measure a solo, what it copies of its tune, and how far from it it is."""
    return (
        measure_line(solo.measures),
        measure_copies(solo.measures, corpus.measures),
        measure_distances(solo.measures, corpus.measures),
    )


def measure_copies(measures: Sequence[Measure], tune: Sequence[Measure]) -> CopyMeasures:
    """Measure how much of a line is copied from a tune."""
    own, its = ([token for bar in bars for token in bar.tokens] for bars in (measures, tune))
    contents, words = {_content(bar) for bar in tune}, {bar.tokens for bar in tune}
    sounding = [bar for bar in measures if _content(bar)]
    return CopyMeasures(
        longest_run=_longest_common_run(own, its),
        copied_bars=_share(_content(bar) in contents or bar.tokens in words for bar in sounding),
    )


def measure_distances(measures: Sequence[Measure], tune: Sequence[Measure]) -> Distances:
    """Measure how differently a line and a tune use types, lengths, intervals, onsets and sequences."""
    return Distances(
        types=_distance(*(_types(bars) for bars in (measures, tune))),
        lengths=_distance(*(_lengths(bars) for bars in (measures, tune))),
        intervals=_distance(*(_intervals(bars) for bars in (measures, tune))),
        onsets=_distance(*(_onsets(bars) for bars in (measures, tune))),
        pairs=_distance(*(_pairs(bars) for bars in (measures, tune))),
    )


def _notes(measures: Iterable[Measure]) -> Iterator[Element]:
    return (element for measure in measures for element in measure.elements if len(element.pitches) == 1)


def _kinds(measure: Measure) -> Iterator[str]:
    """Yield what every note of a measure is to the chord under it."""
    for note in _notes([measure]):
        yield classify(note.pitches[0], chord_at(measure.chords, note.offset).pitches)


def _content(measure: Measure) -> tuple[tuple[Fraction, Fraction, int], ...]:
    """Return what sounds in a measure, counted from its beginning."""
    return tuple(
        (note.offset - measure.start, note.length, int(note.pitches[0])) for note in _notes([measure])
    )


def _is_full(measure: Measure) -> bool:
    return sum(element.length for element in measure.elements) == measure.length


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found) if found else 0.0


def _time_share(kinds: Sequence[str], times: Sequence[Fraction], counted: str) -> float:
    total = sum(times)
    own = sum(time for kind, time in zip(kinds, times, strict=True) if kind in counted)
    return float(own / total) if total else 0.0


def _longest_common_run(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest stretch that two sequences share, by dynamic programming."""
    numbers = {token: i for i, token in enumerate(dict.fromkeys([*first, *second]))}
    target = np.array([numbers[token] for token in second], dtype=np.int64)
    ending = np.zeros(len(target) + 1, dtype=np.int64)  # of the common run that ends before each position
    longest = 0
    for token in first:
        ending[1:] = np.where(target == numbers[token], ending[:-1] + 1, 0)
        longest = max(longest, int(ending.max()))
    return longest


def _distance(first: Iterable[Hashable], second: Iterable[Hashable]) -> float:
    """Return the total variation distance of two samples' distributions."""
    a, b = Counter(first), Counter(second)
    if not a or not b:
        return float(bool(a) != bool(b))
    return sum(abs(a[key] / a.total() - b[key] / b.total()) for key in a.keys() | b.keys()) / 2


def _words(measures: Iterable[Measure]) -> list[tuple[str, Fraction]]:
    """Return type and length of every token."""
    parsed = (parse_token(token) for measure in measures for token in measure.tokens)
    return [(token.type, token.length) for token in parsed]


def _types(measures: Iterable[Measure]) -> list[str]:
    return [kind for kind, _ in _words(measures)]


def _lengths(measures: Iterable[Measure]) -> list[tuple[bool, Fraction]]:
    return [(kind == "R", length) for kind, length in _words(measures)]


def _pairs(measures: Iterable[Measure]) -> Iterator[Hashable]:
    return itertools.pairwise(_words(measures))


def _intervals(measures: Iterable[Measure]) -> list[int]:
    return [b.pitches[0] - a.pitches[0] for a, b in itertools.pairwise(_notes(measures))]


def _onsets(measures: Iterable[Measure]) -> list[Fraction]:
    return [offset for measure in measures for offset, _, _ in _content(measure)]
