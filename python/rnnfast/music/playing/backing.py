"""What sounds under a solo: the tune's own accompaniment, laid out bar by bar as the solo has its bars."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Chord, Measure
from rnnfast.music.score import DRUM_CHANNEL, Note, Part

_PIANO, _BASS = 0, 32  # General MIDI programs
_CHORD_VELOCITY, _BASS_VELOCITY = 62, 80
_BASS_OCTAVE = 36  # C2
_CHANNELS = tuple(channel for channel in range(1, 16) if channel != DRUM_CHANNEL)  # 0 is the soloist's
_FINEST = 24  # ticks a quarter note in which all lengths of the grammar are whole


class _Stretch(NamedTuple):
    start: Fraction
    end: Fraction
    shift: Fraction  # from the tune's time to the solo's


def resolution(corpus: Corpus) -> int:
    """Return ticks a quarter note in which the file's notes and the grammar's lengths are whole."""
    ticks = math.lcm(corpus.score.ticks_per_quarter, _FINEST)
    return ticks if ticks <= 0x7FFF else corpus.score.ticks_per_quarter


def accompany(corpus: Corpus, sources: Sequence[Measure], ticks_per_quarter: int) -> list[Part]:
    """Return the parts that accompany a solo.

    Parameters
    ----------
    corpus : Corpus
        The tune.
    sources : sequence of Measure
        The tune's measure under each bar of the solo. Bars that are neighbours in the tune are played on
        without a break; elsewhere notes end at the bar line.
    ticks_per_quarter : int
        Resolution of the result.

    Returns
    -------
    parts : list of Part
        The tune's accompanying parts and its drums with their programs, numbered from 1, on channels of their
        own. Where none of them sounds in these bars, a piano and a bass play the chords.
    """
    stretches = list(_stretches(sources))
    copies = [_copy(part, stretches, corpus, ticks_per_quarter) for part in _accompanying_parts(corpus)]
    parts = [part for part in copies if part.notes] or _play_chords(sources, ticks_per_quarter)
    return [_on_channel(part, number) for number, part in enumerate(parts, start=1)]


def _stretches(sources: Sequence[Measure]) -> Iterator[_Stretch]:
    """Yield what of the tune is played without a break."""
    now = Fraction(0)
    open_stretch: _Stretch | None = None
    for measure in sources:
        end = measure.start + measure.length
        if open_stretch is not None and measure.start == open_stretch.end:
            open_stretch = open_stretch._replace(end=end)
        else:
            if open_stretch is not None:
                yield open_stretch
            open_stretch = _Stretch(measure.start, end, now - measure.start)
        now += measure.length
    if open_stretch is not None:
        yield open_stretch


def _accompanying_parts(corpus: Corpus) -> Iterator[Part]:
    melody = corpus.arrangement.melody
    for part in corpus.score.parts:
        if part == melody and part in corpus.accompaniment:
            line = set(corpus.arrangement.melody_line)
            yield replace(part, notes=tuple(note for note in part.notes if note not in line))
        elif part in corpus.accompaniment or part.is_drums:
            yield part


def _copy(part: Part, stretches: Sequence[_Stretch], corpus: Corpus, ticks_per_quarter: int) -> Part:
    """Return a part with the notes of the stretches, moved to the solo's time and resolution."""
    notes = sorted(part.notes, key=lambda note: note.onset)
    onsets = [corpus.score.quarters(note.onset) for note in notes]
    copied = []
    for start, end, shift in stretches:
        for index in range(bisect_left(onsets, start), bisect_left(onsets, end)):
            release = min(corpus.score.quarters(notes[index].release), end)
            copied.append(
                replace(
                    notes[index],
                    onset=round((onsets[index] + shift) * ticks_per_quarter),
                    release=round((release + shift) * ticks_per_quarter),
                )
            )
    return replace(part, notes=tuple(copied), program=part.program if part.program is not None else _PIANO)


def _play_chords(sources: Sequence[Measure], ticks_per_quarter: int) -> list[Part]:
    piano: list[Note] = []
    bass: list[Note] = []
    now = Fraction(0)
    for measure in sources:
        for chord in measure.chords:
            onset, release = _place(chord, measure, now, ticks_per_quarter)
            piano.extend(Note(onset, release, pitch, _CHORD_VELOCITY) for pitch in chord.pitches)
            bass.append(Note(onset, release, _BASS_OCTAVE + chord.pitches[0] % 12, _BASS_VELOCITY))
        now += measure.length
    return [Part(1, 1, "Chords", _PIANO, tuple(piano)), Part(2, 2, "Bass", _BASS, tuple(bass))]


def _place(chord: Chord, measure: Measure, now: Fraction, ticks_per_quarter: int) -> tuple[int, int]:
    start = now + max(chord.offset - measure.start, Fraction(0))
    end = min(start + chord.length, now + measure.length)
    return round(start * ticks_per_quarter), round(end * ticks_per_quarter)


def _on_channel(part: Part, number: int) -> Part:
    channel = DRUM_CHANNEL if part.is_drums else _CHANNELS[(number - 1) % len(_CHANNELS)]
    notes = tuple(replace(note, channel=channel) for note in part.notes)
    return replace(part, number=number, track=number + 1, notes=notes)
