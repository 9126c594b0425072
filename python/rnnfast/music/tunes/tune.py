"""A tune as it is written: bars of melody, bass and chord symbols, before anyone plays it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

ROLES = ("melody", "chords", "bass")
"""Who plays in a tune."""


@dataclass(frozen=True, slots=True)
class Tone:
    """One written note of a bar.

    Attributes
    ----------
    onset, length : Fraction
        In quarter notes, the onset from the start of its bar, as written: before swing.
    pitch : int
        MIDI pitch, 60 is middle C.
    """

    onset: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A chord that the accompaniment strikes: onset in quarter notes from the bar's start; held or short."""

    onset: Fraction
    held: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar as written: chord symbols that share it equally, melody, bass line, comping."""

    chords: tuple[str, ...]
    melody: tuple[Tone, ...]
    bass: tuple[Tone, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Who plays a role: a General MIDI program (0 to 127) and the track's name."""

    program: int
    name: str


@dataclass
class Tune:
    """All that a tune's text says.

    Attributes
    ----------
    tempo : int
        Quarter notes a minute.
    meter : (int, int)
        Numerator and denominator.
    swing : Fraction
        Where in its beat an off-beat eighth sounds; 1/2 is straight.
    instruments : dict
        Role ("melody", "chords", "bass") -> `Instrument`.
    voicings : dict
        Chord symbol -> MIDI pitches as the accompaniment plays it.
    """

    title: str = ""
    tempo: int = 120
    meter: tuple[int, int] = (4, 4)
    key: str = "C"
    swing: Fraction = Fraction(1, 2)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    voicings: dict[str, tuple[int, ...]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    @property
    def bar_length(self) -> Fraction:
        """Quarter notes in a bar."""
        return Fraction(4 * self.meter[0], self.meter[1])
