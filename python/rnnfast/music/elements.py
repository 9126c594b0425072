"""What lies between a file and its tokens: notes, rests, chords and bars in exact quarter notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

DEFAULT_VELOCITY = 90
"""The velocity of a generated note, and of a chord whose own velocities are not known."""


class Element(NamedTuple):
    """One thing in a voice: a note, several struck together, or a rest.

    Attributes
    ----------
    offset, length : Fraction
        In quarter notes; the offset counts from the beginning of the file.
    pitches : tuple of int
        MIDI pitches in the order in which they were struck; empty for a rest.
    """

    offset: Fraction
    length: Fraction
    pitches: tuple[int, ...]


class PlacedNote(NamedTuple):
    """One note or rest of a generated solo.

    Attributes
    ----------
    offset, length : Fraction
        In quarter notes.
    pitch : int or None
        MIDI pitch, a `rnnfast.music.harmony.SpelledPitch` where the name is given too; None for a rest.
    """

    offset: Fraction
    length: Fraction
    pitch: int | None


class _Triple(NamedTuple):
    offset: Fraction
    length: Fraction
    pitches: tuple[int, ...]


class Chord(_Triple):
    """A chord: unpacks and compares as (offset, length, pitches), and knows how hard each note was struck.

    Parameters
    ----------
    offset, length : Fraction
        In quarter notes.
    pitches : sequence of int
        MIDI pitches in the order in which they were struck.
    velocities : sequence of int, optional
        One a pitch, 1 to 127; `DEFAULT_VELOCITY` for all where they are not known.

    Examples
    --------
    >>> chord = Chord(Fraction(4), Fraction(1, 2), (60, 64, 67))
    >>> offset, length, pitches = chord
    >>> pitches, chord.velocities
    ((60, 64, 67), (90, 90, 90))
    """

    velocities: tuple[int, ...]

    def __new__(
        cls, offset: Fraction, length: Fraction, pitches: Sequence[int], velocities: Sequence[int] = ()
    ) -> Chord:
        """Check that there is a velocity for every pitch, or none at all."""
        if velocities and len(velocities) != len(pitches):
            raise ValueError(
                f"velocities has {len(velocities)} values, expected one for each of {len(pitches)} pitches"
            )
        self = super().__new__(cls, Fraction(offset), Fraction(length), tuple(pitches))
        self.velocities = tuple(velocities) or (DEFAULT_VELOCITY,) * len(pitches)
        return self

    def at(self, offset: Fraction) -> Chord:
        """Return the same chord at another offset."""
        return Chord(offset, self.length, self.pitches, self.velocities)


@dataclass(frozen=True)
class Measure:
    """One bar of a corpus.

    Attributes
    ----------
    number : int
        Counted from 0 at the beginning of the file.
    start, length : Fraction
        In quarter notes.
    elements : tuple of Element
        The melody: what begins in this bar, with its full length.
    chords : tuple of Chord
        The accompaniment's chords, in order of offset.
    tokens : tuple of str
        The melody in the grammar's words.
    """

    number: int
    start: Fraction
    length: Fraction
    elements: tuple[Element, ...]
    chords: tuple[Chord, ...]
    tokens: tuple[str, ...]
