"""A melody's rhythm on the grid, cut so that the notes and rests of every bar fill it exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from rnnfast.music.analysis.meter import Bar
from rnnfast.music.elements import Element
from rnnfast.music.score import Note, Score
from rnnfast.music.voices import quantise

SHORTEST = Fraction(1, 4)
"""Quarter notes: a shorter gap is how the note before it was articulated, no rest."""


class _Sounding(NamedTuple):
    release: Fraction  # as played
    end: Fraction  # the same on the grid
    pitch: int


def fill_bars(
    line: Sequence[Note], bars: Sequence[Bar], score: Score, *, rests: bool = True
) -> list[tuple[Element, ...]]:
    """Write a melody as bars of notes and rests that sum exactly to each bar's length.

    Every quarter note, counted from the bar line, is divided by 4 or by 3, whichever keeps its notes apart
    and is nearer to them (by 8 in meters of 32nds). Where two notes still meet the longer one stays. A note
    sounds as long as it was played, on the same grid, but not beyond the next note or the bar line. What is
    silent is a rest, unless it is shorter than 1/4: then the note before it lasts until the next one. A note
    that is held over a bar line is not struck again behind it, a rest follows: every note is the tune's own.

    Parameters
    ----------
    line : sequence of Note
        One line: what the melody plays, in order of onset.
    bars : sequence of Bar
        Ascending, without gaps. Notes outside them are left out.
    score : Score
        Whose ticks the notes have.
    rests : bool
        False fills every gap with the note before it, the first of a bar with the note after it.

    Returns
    -------
    bars : list of tuple of Element
        One tuple for each of `bars`; offsets count from the beginning of the file. Without a note it is one
        rest, or empty where there are to be no rests.

    Examples
    --------
    >>> from rnnfast.music.score import Part
    >>> line = (Note(0, 470, 60), Note(480, 700, 62), Note(960, 3000, 64))
    >>> score = Score(480, (Part(0, 0, "", None, line),))
    >>> bars = [Bar(1, Fraction(0), Fraction(4)), Bar(2, Fraction(4), Fraction(4))]
    >>> for bar in fill_bars(line, bars, score):
    ...     print([(str(length), pitches) for _, length, pitches in bar])
    [('1', (60,)), ('1/2', (62,)), ('1/2', ()), ('2', (64,))]
    [('4', ())]
    """
    grid = _Grid(bars, [score.quarters(note.onset) for note in line])
    placed: list[dict[Fraction, _Sounding]] = [{} for _ in bars]
    for note in line:
        onset, release = grid.snap(score.quarters(note.onset)), score.quarters(note.release)
        index = grid.bar(onset)
        if index is not None:
            candidate = _Sounding(release, grid.snap(release), note.pitch)
            placed[index][onset] = max(candidate, placed[index].get(onset, candidate))
    return [tuple(_fill(bar, notes, rests=rests)) for bar, notes in zip(bars, placed, strict=True)]


class _Grid:
    """Where notes may begin and end: each quarter note in 4 parts, or in 3 where its notes say so."""

    def __init__(self, bars: Sequence[Bar], onsets: Sequence[Fraction]) -> None:
        self._bars = bars
        self._starts = [bar.start for bar in bars]
        beats: dict[tuple[int, int], list[Fraction]] = defaultdict(list)
        for onset in onsets:
            index = self.bar(onset)
            if index is not None:
                position = onset - self._starts[index]
                beats[index, math.floor(position)].append(position)
        self._parts = {beat: _best_division(positions) for beat, positions in beats.items()}

    def bar(self, time: Fraction) -> int | None:
        """Return the index of the bar in which a time lies, None outside all bars."""
        index = bisect_right(self._starts, time) - 1
        return index if index >= 0 and time < self._bars[index].end else None

    def snap(self, time: Fraction) -> Fraction:
        """Return the nearest time on the grid; times outside all bars stay as they are."""
        index = self.bar(time)
        if index is None:
            return time
        bar, position = self._bars[index], time - self._starts[index]
        if 12 * bar.length % 1:
            position = _nearest(position, 8)  # neither fourths nor thirds of a quarter note meet the bar line
        elif parts := self._parts.get((index, math.floor(position))):
            position = _nearest(position, parts)
        else:
            position = quantise(position)
        return bar.start + min(position, bar.length)


def _best_division(positions: Sequence[Fraction]) -> int:
    def misfit(parts: int) -> tuple[int, Fraction]:
        snapped = [_nearest(position, parts) for position in positions]
        distances = (abs(there - here) for there, here in zip(snapped, positions, strict=True))
        return -len(set(snapped)), sum(distances, Fraction(0))

    return min((4, 3), key=misfit)


def _nearest(value: Fraction, parts: int) -> Fraction:
    return Fraction(round(value * parts), parts)


def _fill(bar: Bar, placed: Mapping[Fraction, _Sounding], *, rests: bool) -> Iterator[Element]:
    if not placed:
        if rests:
            yield Element(bar.start, bar.length, ())
        return
    shortest_rest = SHORTEST if rests else bar.length  # no gap beside a note is as long as the bar
    onsets = sorted(placed)
    now = onsets[0] if onsets[0] - bar.start >= shortest_rest else bar.start
    if now > bar.start:
        yield Element(bar.start, now - bar.start, ())
    for onset, following in zip(onsets, [*onsets[1:], bar.end], strict=True):
        note = placed[onset]
        end = max(note.end, onset + SHORTEST)
        if following - max(note.release, end) < shortest_rest:
            end = following
        yield Element(now, end - now, (note.pitch,))
        if end < following:
            yield Element(end, following - end, ())
        now = following
