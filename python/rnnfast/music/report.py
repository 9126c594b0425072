"""What is found in a MIDI file, as plain data; `rnnfast.music.report_page` lays it out for a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rnnfast.music.analysis.chords import ChordSymbol
from rnnfast.music.analysis.detect import Role
from rnnfast.music.analysis.instruments import program_name
from rnnfast.music.analysis.meter import Bar
from rnnfast.music.corpus import Corpus
from rnnfast.music.measures import (
    CopyMeasures,
    Distances,
    LineMeasures,
    measure_copies,
    measure_corpus,
    measure_distances,
)
from rnnfast.music.score import DEFAULT_TEMPO, Score


@dataclass(frozen=True, slots=True)
class PartReport:
    """What was found in one part.

    Attributes
    ----------
    number : int
        What ``melody=`` and ``chords=`` call it.
    name, instrument : str
        The track's name and its General MIDI instrument, "drums" for percussion.
    num_notes : int
    lowest, highest : int
        MIDI pitches.
    polyphony : float
        Mean number of notes that sound together, where any does.
    density : float
        Onsets a quarter note, where it plays.
    coverage : float
        Share of the piece in which it plays.
    role : str
        "melody", "chords", "bass", "line" or "drums".
    """

    number: int
    name: str
    instrument: str
    num_notes: int
    lowest: int
    highest: int
    polyphony: float
    density: float
    coverage: float
    role: Role


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a MIDI file.

    Attributes
    ----------
    title : str
    parts : tuple of PartReport
    key : str
        Such as "Ab major".
    is_key_written : bool
        Whether a key signature says so; otherwise the notes do.
    meters : tuple of (int, str)
        Bar number and time signature, where it begins to hold.
    pickup : Fraction
        Length of an incomplete first bar in quarter notes, 0 for none.
    tempos : tuple of (float, float)
        Position in seconds and quarter notes a minute from there on.
    num_bars : int
        Full bars.
    quarters, seconds : float
        Length until the last note ends.
    chords : tuple of (int, tuple of ChordSymbol)
        Bar number and its chords, for every bar.
    num_measures, num_tokens, num_values : int
        The corpus that a model would learn from: bars, tokens, distinct tokens.
    line : LineMeasures
        What the melody is like over its chords.
    tune : TuneComparison or None
        How it compares with the tune that it was learned from, where one was named.
    """

    title: str
    parts: tuple[PartReport, ...]
    key: str
    is_key_written: bool
    meters: tuple[tuple[int, str], ...]
    pickup: Fraction
    tempos: tuple[tuple[float, float], ...]
    num_bars: int
    quarters: float
    seconds: float
    chords: tuple[tuple[int, tuple[ChordSymbol, ...]], ...]
    num_measures: int
    num_tokens: int
    num_values: int
    line: LineMeasures
    tune: TuneComparison | None

    def __repr__(self) -> str:
        return (
            f"<Inspection {self.title!r}: {len(self.parts)} parts, {self.key}, {self.num_bars} bars, "
            f"{self.seconds:.1f} s>"
        )


@dataclass(frozen=True, slots=True)
class TuneComparison:
    """A solo beside its tune.

    Attributes
    ----------
    title : str
    line : LineMeasures
        What the tune's melody is like.
    copies : CopyMeasures
        How much of the tune the solo copies.
    distances : Distances
        How differently the two use types, lengths, intervals, onsets and sequences.
    """

    title: str
    line: LineMeasures
    copies: CopyMeasures
    distances: Distances


def inspect_midi(
    path: str | os.PathLike[str],
    *,
    melody: int | str | None = None,
    chords: int | str | None = None,
    tune: str | os.PathLike[str] | None = None,
) -> Inspection:
    """Read a MIDI file and say what is in it.

    Parameters
    ----------
    path : path-like
        A MIDI file of any type.
    melody, chords : int or str, optional
        A part's number or its track's name; found by features by default.
    tune : path-like, optional
        The MIDI file that the first was learned from, to compare it with.

    Returns
    -------
    inspection : Inspection

    Raises
    ------
    MidiError
        Where the file is damaged or no MIDI file.
    ValueError
        Where it has no melody, or an argument names no part; the message lists the parts.
    OSError
        Where the file cannot be opened.

    Examples
    --------
    >>> from rnnfast.music.tunes import bundled_tune
    >>> inspection = inspect_midi(bundled_tune())
    >>> inspection.key, inspection.num_bars, [(part.name, part.role) for part in inspection.parts]
    ('F major', 64, [('Alto Sax', 'melody'), ('Piano', 'chords'), ('Bass', 'bass')])
    """
    corpus = Corpus.from_midi(path, melody=melody, chords=chords)
    return inspect_corpus(corpus, None if tune is None else Corpus.from_midi(tune))


def inspect_corpus(corpus: Corpus, tune: Corpus | None = None) -> Inspection:
    """Say what is in a file that is already read.

    Parameters
    ----------
    corpus : Corpus
        As `Corpus.from_midi` returns it.
    tune : Corpus, optional
        What it was learned from, to compare it with.

    Returns
    -------
    inspection : Inspection
    """
    score = corpus.score
    is_pickup = corpus.bars[0].is_pickup
    return Inspection(
        title=score.name,
        parts=tuple(_report_parts(corpus)),
        key=str(corpus.key),
        is_key_written=corpus.key.source == "file",
        meters=tuple(_meters(corpus.bars)),
        pickup=corpus.bars[0].length if is_pickup else Fraction(0),
        tempos=tuple(_tempos(score)),
        num_bars=len(corpus.bars) - is_pickup,
        quarters=float(score.quarters(score.end)),
        seconds=score.seconds(score.end),
        chords=tuple((bar.number, chords) for bar, chords in zip(corpus.bars, corpus.symbols, strict=True)),
        num_measures=len(corpus.measures),
        num_tokens=len(corpus.tokens),
        num_values=len(corpus.vocabulary),
        line=measure_corpus(corpus),
        tune=None if tune is None else _compare(corpus, tune),
    )


def _compare(corpus: Corpus, tune: Corpus) -> TuneComparison:
    return TuneComparison(
        title=tune.score.name,
        line=measure_corpus(tune),
        copies=measure_copies(corpus.measures, tune.measures),
        distances=measure_distances(corpus.measures, tune.measures),
    )


def _report_parts(corpus: Corpus) -> Iterator[PartReport]:
    for traits in corpus.arrangement.traits:
        part = traits.part
        yield PartReport(
            number=part.number,
            name=part.name,
            instrument="drums" if part.is_drums else program_name(part.program),
            num_notes=len(part.notes),
            lowest=traits.lowest,
            highest=traits.highest,
            polyphony=traits.polyphony,
            density=traits.density,
            coverage=traits.coverage,
            role=corpus.arrangement.role(part),
        )


def _meters(bars: Sequence[Bar]) -> Iterator[tuple[int, str]]:
    last = None
    for bar in bars:
        meter = f"{bar.numerator}/{bar.denominator}"
        if meter != last:
            yield bar.number, meter
        last = meter


def _tempos(score: Score) -> Iterator[tuple[float, float]]:
    tempos = list(score.tempos)
    if not tempos or tempos[0][0] > 0:
        tempos.insert(0, (0, DEFAULT_TEMPO))
    for tick, tempo in tempos:
        yield score.seconds(tick), 60e6 / tempo
