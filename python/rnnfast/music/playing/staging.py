"""A finished line put on stage: with the tune's instruments, tempo, meters and accompaniment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from rnnfast.music.analysis.meter import Bar, bar_length
from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Measure, PlacedNote
from rnnfast.music.playing.backing import accompany, resolution
from rnnfast.music.playing.dynamics import accent, playing_level
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.solo import Solo

_SAXOPHONE = 65
"""General MIDI's alto saxophone: the soloist where the melody has no instrument."""

_DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)


def stage(corpus: Corpus, sources: Sequence[Measure], measures: tuple[Measure, ...]) -> Solo:
    """Make a solo of a line.

    Parameters
    ----------
    corpus : Corpus
        The tune.
    sources : sequence of Measure
        The tune's measure under each of `measures`.
    measures : tuple of Measure
        The line, in bars from offset 0 on.

    Returns
    -------
    solo : Solo
        On the melody's instrument, at the tune's tempo.
    """
    ticks = resolution(corpus)
    bars = tuple(_bars(corpus, sources, measures))
    score = Score(
        ticks_per_quarter=ticks,
        parts=(_soloist(corpus, measures, ticks), *accompany(corpus, sources, ticks)),
        tempos=((0, corpus.tempo),),
        time_signatures=tuple(_time_signatures(bars, ticks)),
        keys=corpus.score.keys[:1] and ((0, corpus.score.keys[0][1]),),
        name=f"Solo on {corpus.score.name}" if corpus.score.name else "Solo",
    )
    return Solo(measures, bars, tuple(_symbols(corpus, sources, measures)), score)


def _bars(corpus: Corpus, sources: Sequence[Measure], measures: Sequence[Measure]) -> Iterator[Bar]:
    own = {(bar.start, bar.length): bar for bar in corpus.bars}
    for source, measure in zip(sources, measures, strict=True):
        bar = own.get((source.start, source.length), Bar(0, source.start, source.length))
        yield replace(bar, number=measure.number, start=measure.start, is_pickup=False)


def _soloist(corpus: Corpus, measures: Sequence[Measure], ticks_per_quarter: int) -> Part:
    notes = [
        PlacedNote(offset, length, pitches[0])
        for measure in measures
        for offset, length, pitches in measure.elements
        if pitches
    ]
    velocities = accent(notes, playing_level(corpus.melody.notes))
    program = corpus.melody.program
    return Part(
        number=0,
        track=1,
        name="Solo",
        program=_SAXOPHONE if program is None else program,
        notes=tuple(
            Note(
                round(offset * ticks_per_quarter),
                round((offset + length) * ticks_per_quarter),
                int(pitch or 0),
                velocity,
            )
            for (offset, length, pitch), velocity in zip(notes, velocities, strict=True)
        ),
    )


def _time_signatures(bars: Sequence[Bar], ticks_per_quarter: int) -> Iterator[tuple[int, int, int]]:
    before = None
    for bar in bars:
        signature = _signature(bar)
        if signature != before:
            yield round(bar.start * ticks_per_quarter), *signature
        before = signature


def _signature(bar: Bar) -> tuple[int, int]:
    """Return the bar's meter; where the bar is shorter than that, the meter that says so."""
    whole = bar.length / 4
    if bar.length == bar_length(bar.numerator, bar.denominator) or whole.denominator not in _DENOMINATORS:
        return bar.numerator, bar.denominator
    return whole.numerator, whole.denominator


def _symbols(
    corpus: Corpus, sources: Sequence[Measure], measures: Sequence[Measure]
) -> Iterator[tuple[Fraction, str]]:
    symbols = [symbol for bar in corpus.symbols for symbol in bar]
    for source, measure in zip(sources, measures, strict=True):
        for symbol in symbols:
            if source.start <= symbol.onset < source.start + source.length:
                yield symbol.onset - source.start + measure.start, symbol.name
