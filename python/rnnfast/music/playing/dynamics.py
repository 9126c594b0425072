"""How loud each note of a line is: a line without accents sounds typed, not played."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rnnfast.music.elements import PlacedNote
from rnnfast.music.score import Note

_PEAK, _OFF_BEAT, _FIRST, _SHORT = 10, 5, 4, -6
_SHORTEST_FULL = Fraction(1, 4)
_SOFTEST, _LOUDEST = 40, 112
_MIDDLE = 84


def accent(notes: Sequence[PlacedNote], level: int) -> list[int]:
    """Choose a velocity for every note.

    Tops of the line and notes off the beat are stronger, as is the first note after a rest; what passes
    quickly is softer.

    Parameters
    ----------
    notes : sequence of (offset, length, MIDI pitch)
        A line, in order of offset, offsets counted from a beat.
    level : int
        The velocity around which they lie.

    Returns
    -------
    velocities : list of int
        40 to 112.

    Examples
    --------
    >>> line = [PlacedNote(Fraction(i, 2), Fraction(1, 2), p) for i, p in enumerate((60, 64, 62))]
    >>> accent(line, 80)
    [84, 95, 80]
    """
    velocities = []
    for i, note in enumerate(notes):
        before, after = notes[i - 1] if i else None, notes[i + 1] if i + 1 < len(notes) else None
        is_first = before is None or before.offset + before.length < note.offset
        is_peak = all(
            other is not None
            and note.pitch is not None
            and other.pitch is not None
            and note.pitch > other.pitch
            for other in (before, after)
        )
        velocity = (
            level
            + _PEAK * is_peak
            + _OFF_BEAT * (note.offset % 1 != 0 and note.length >= _SHORTEST_FULL)
            + _FIRST * is_first
            + _SHORT * (note.length < _SHORTEST_FULL)
        )
        velocities.append(min(max(velocity, _SOFTEST), _LOUDEST))
    return velocities


def playing_level(notes: Sequence[Note]) -> int:
    """Return the middle of a part's velocities, within what leaves room for accents."""
    if not notes:
        return _MIDDLE
    return min(max(sorted(note.velocity for note in notes)[len(notes) // 2], 64), 92)
