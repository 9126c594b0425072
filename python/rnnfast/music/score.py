"""A MIDI file's content as plain values: the one type that reading, analysis, writing and sound share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

DEFAULT_TEMPO = 500_000
"""Microseconds a quarter note where a file names no tempo: 120 beats a minute, the MIDI standard's value."""

DRUM_CHANNEL = 9
"""The channel that General MIDI gives to percussion (counted from 0)."""


@dataclass(frozen=True, slots=True)
class Note:
    """One sounding note.

    Attributes
    ----------
    onset, release : int
        Start and end in ticks from the beginning of the file; ``release > onset`` does not always hold in files.
    pitch : int
        MIDI pitch, 0 to 127; 60 is middle C.
    velocity : int
        1 to 127.
    channel : int
        0 to 15; 9 is percussion.
    """

    onset: int
    release: int
    pitch: int
    velocity: int = 90
    channel: int = 0


@dataclass(frozen=True)
class Part:
    """A track that has at least one sounding note.

    Attributes
    ----------
    number : int
        Parts are counted from 0 in file order; tracks without notes have no number.
    track : int
        The track's own index in the file.
    name : str
        The track's name, "" where there is none.
    program : int or None
        The first General MIDI program (0 to 127) that the track chooses, None where it chooses none.
    notes : tuple of Note
        In order of onset, ties in file order.
    """

    number: int
    track: int
    name: str
    program: int | None
    notes: tuple[Note, ...]

    def __repr__(self) -> str:
        return f"<Part {self.number} {self.name!r}: {len(self.notes)} notes, program {self.program}>"

    @property
    def is_drums(self) -> bool:
        """Whether most of its notes are on the percussion channel."""
        return 2 * sum(note.channel == DRUM_CHANNEL for note in self.notes) > len(self.notes)


@dataclass(frozen=True)
class Score:
    """What a MIDI file says, on one time line of ticks.

    Attributes
    ----------
    ticks_per_quarter : int
        Ticks a quarter note, positive.
    parts : tuple of Part
    tempos : tuple of (int, int)
        (tick, microseconds a quarter note), ascending; empty means `DEFAULT_TEMPO`.
    time_signatures : tuple of (int, int, int)
        (tick, numerator, denominator), ascending; empty means 4/4.
    keys : tuple of (int, str)
        (tick, mido's key name such as "G" or "F#m"), ascending.
    name : str
        The file's own name, or a title; only for people to read.
    """

    ticks_per_quarter: int
    parts: tuple[Part, ...]
    tempos: tuple[tuple[int, int], ...] = ()
    time_signatures: tuple[tuple[int, int, int], ...] = ()
    keys: tuple[tuple[int, str], ...] = ()
    name: str = ""

    def __repr__(self) -> str:
        ticks = f"{self.end} ticks, {self.ticks_per_quarter} a quarter note"
        return f"<Score {self.name!r}: {len(self.parts)} parts, {ticks}>"

    @cached_property
    def end(self) -> int:
        """The tick at which the last note ends."""
        return max((note.release for part in self.parts for note in part.notes), default=0)

    def quarters(self, tick: int) -> Fraction:
        """Position of a tick in quarter notes, exact."""
        return Fraction(tick, self.ticks_per_quarter)

    def seconds(self, tick: float) -> float:
        """Position of a tick in seconds, by the tempo map."""
        return _integrate_tempo(self.tempos, self.ticks_per_quarter, tick)


def _integrate_tempo(tempos: Sequence[tuple[int, int]], ticks_per_quarter: int, tick: float) -> float:
    total, since, tempo = 0.0, 0, DEFAULT_TEMPO
    for start, value in tempos:
        if start >= tick:
            break
        total += (start - since) * tempo
        since, tempo = start, value
    return (total + (tick - since) * tempo) / (ticks_per_quarter * 1e6)
