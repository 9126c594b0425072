"""Playing a written tune: swing, voicings and accents turn bars into a `Score`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from rnnfast.music.score import Note, Part, Score
from rnnfast.music.tunes.tune import ROLES, Bar, Hit, Tone, Tune

TICKS_PER_QUARTER = 480
"""Divisible by the lengths of the notation (halves and thirds of a beat) and customary."""

_MICROSECONDS_A_MINUTE = 60_000_000
_HALF = Fraction(1, 2)


def perform(tune: Tune) -> Score:
    """Turn a written tune into notes with times and loudness.

    Parameters
    ----------
    tune : Tune
        As `parse_tune` gives it.

    Returns
    -------
    Score
        Three parts in the order melody, chords, bass, on channels 0, 1 and 2, with 480 ticks a quarter note.
    """
    notes = {"melody": list(_melody(tune)), "chords": list(_chords(tune)), "bass": list(_bass(tune))}
    return Score(
        ticks_per_quarter=TICKS_PER_QUARTER,
        parts=tuple(_part(tune, number, role, notes[role]) for number, role in enumerate(ROLES)),
        tempos=((0, round(_MICROSECONDS_A_MINUTE / tune.tempo)),),
        time_signatures=((0, *tune.meter),),
        keys=((0, tune.key),),
        name=tune.title,
    )


def _part(tune: Tune, number: int, role: str, notes: Sequence[tuple[Fraction, Fraction, int, int]]) -> Part:
    """Make a part of notes (onset, end, pitch, velocity), times in quarter notes as written."""
    instrument = tune.instruments[role]
    return Part(
        number=number,
        track=number + 1,
        name=instrument.name,
        program=instrument.program,
        notes=tuple(
            Note(_tick(onset, tune.swing), _tick(end, tune.swing), pitch, velocity, channel=number)
            for onset, end, pitch, velocity in notes
        ),
    )


def _tick(position: Fraction, swing: Fraction) -> int:
    """Ticks of a written position; only the eighth off the beat moves, triplets are where they are."""
    beat, within = divmod(position, 1)
    return round((beat + (swing if within == _HALF else within)) * TICKS_PER_QUARTER)


def _placed(tune: Tune, bars: Sequence[Sequence[Tone]]) -> list[tuple[Fraction, Tone]]:
    """Tones with their onsets counted from the tune's start."""
    return [(i * tune.bar_length + tone.onset, tone) for i, tones in enumerate(bars) for tone in tones]


def _melody(tune: Tune) -> Iterator[tuple[Fraction, Fraction, int, int]]:
    placed = _placed(tune, [bar.melody for bar in tune.bars])
    for i, (onset, tone) in enumerate(placed):
        neighbours = [other.pitch for _, other in placed[max(i - 1, 0) : i + 2] if other is not tone]
        yield onset, onset + tone.length, tone.pitch, _melody_velocity(onset, tone.pitch, neighbours)


def _melody_velocity(onset: Fraction, pitch: int, neighbours: Sequence[int]) -> int:
    """Boppers lean on the eighths off the beat and on the tops of the line."""
    off_beat = onset % 1 == _HALF
    peak = all(pitch > other for other in neighbours)
    return 82 + 8 * off_beat + 14 * peak


def _bass(tune: Tune) -> Iterator[tuple[Fraction, Fraction, int, int]]:
    """Walk, stronger on the even beats as the hi-hat would be."""
    for onset, tone in _placed(tune, [bar.bass for bar in tune.bars]):
        yield onset, onset + tone.length, tone.pitch, 92 if tone.onset % 2 == 1 else 84


def _chords(tune: Tune) -> Iterator[tuple[Fraction, Fraction, int, int]]:
    for i, bar in enumerate(tune.bars):
        following = tune.bars[i + 1].chords[0] if i + 1 < len(tune.bars) else bar.chords[-1]
        ends = [hit.onset for hit in bar.hits[1:]] + [tune.bar_length]
        for hit, next_onset in zip(bar.hits, ends, strict=True):
            start = i * tune.bar_length
            end = next_onset if hit.held else min(hit.onset + _HALF, next_onset)
            for pitch in tune.voicings[_symbol_at(hit, bar, following, tune.bar_length)]:
                yield start + hit.onset, start + end, pitch, 62 if hit.held else 70


def _symbol_at(hit: Hit, bar: Bar, following: str, bar_length: Fraction) -> str:
    """Find the chord that a hit plays: an eighth right before a change belongs to what comes."""
    share = bar_length / len(bar.chords)
    changes = itertools.chain(
        zip(itertools.count(), bar.chords, strict=False), [(len(bar.chords), following)]
    )
    sounding = hit.onset + (_HALF if hit.onset % 1 == _HALF else 0)
    return [symbol for i, symbol in changes if i * share <= sounding][-1]
