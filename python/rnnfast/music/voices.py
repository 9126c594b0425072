"""The exercise's reading of one part: chords gathered, snapped to a grid, dealt to voices, rests between.

Two variants of the exercise are known. The one with rests gives a length that the grid rounds to 0 a quarter
of a quarter note at once; the one without leaves chords at length 0. Everything else is common to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from rnnfast.music.elements import Chord, Element
from rnnfast.music.score import Note, Part

MAX_POLYPHONY = 256
"""The most notes that one part may strike, or hold, at once: work grows with its square."""

_SHORTEST = Fraction(1, 4)


def read_melody(part: Part, ticks_per_quarter: int, *, rests: bool) -> list[Element]:
    """Return a part as one line: its voices merged, and a rest in every gap of the first voice.

    The gaps of the other voices hold no rests, so a rest may lie under a note of another voice; it may cross
    bar lines too.

    Parameters
    ----------
    part : Part
        The melody, of any number of voices.
    ticks_per_quarter : int
        What the part's ticks are.
    rests : bool
        False leaves the rests out.

    Returns
    -------
    elements : list of Element
        In order of offset; of those that begin together the lower voice comes first.

    Raises
    ------
    ValueError
        More than `MAX_POLYPHONY` notes at once.
    """
    voices = [
        [Element(note.offset, note.length or _SHORTEST, note.pitches) for note in voice]
        for voice in deal_voices(_struck(part, ticks_per_quarter, rests))
    ]
    first, others = voices[:1], voices[1:]
    gaps = [find_rests(voice) for voice in first if rests]
    merged = [element for voice in (*first, *gaps, *others) for element in voice]
    return sorted(merged, key=lambda element: element.offset)


def read_chords(part: Part, ticks_per_quarter: int, *, rests: bool) -> list[Chord]:
    """Return a part's chords, two notes or more struck together; its single notes are left out.

    Parameters
    ----------
    part : Part
        The accompaniment, of any number of voices.
    ticks_per_quarter : int
        What the part's ticks are.
    rests : bool
        The variant: with rests no chord has length 0.

    Returns
    -------
    chords : list of Chord
        In order of offset; of those that begin together the lower voice comes first.

    Raises
    ------
    ValueError
        More than `MAX_POLYPHONY` notes at once.
    """
    voices = deal_voices(_struck(part, ticks_per_quarter, rests))
    chords = [chord for voice in voices for chord in voice if len(chord.pitches) > 1]
    return sorted(chords, key=lambda chord: chord.offset)


def _struck(part: Part, ticks_per_quarter: int, rests: bool) -> list[Chord]:
    """Return all notes and chords on the grid, in order of offset."""
    shortest = _SHORTEST if rests else Fraction(0)
    found = []
    for group in gather_chords(part.notes, ticks_per_quarter):
        offset = quantise(Fraction(group[0].onset, ticks_per_quarter))
        length = quantise(Fraction(group[0].release - group[-1].onset, ticks_per_quarter))
        pitches, velocities = [note.pitch for note in group], [note.velocity for note in group]
        found.append(Chord(offset, length or shortest, pitches, velocities))
    return sorted(found, key=lambda chord: chord.offset)


def gather_chords(notes: Sequence[Note], ticks_per_quarter: int) -> list[list[Note]]:
    """Group notes that begin and end together, both within a sixteenth of a quarter note of the first.

    A note joins the chord of every note before it that has not been gathered itself: it may join two.

    Parameters
    ----------
    notes : sequence of Note
        In order of onset.
    ticks_per_quarter : int
        What their ticks are.

    Returns
    -------
    groups : list of list of Note
        In order of their first notes; a note alone is a group of one.
    """
    gathered = [False] * len(notes)
    groups = []
    for i, first in enumerate(notes):
        if gathered[i]:
            continue
        group = [first]
        for j in range(i + 1, len(notes)):
            if 16 * (notes[j].onset - first.onset) > ticks_per_quarter:
                break
            if j - i > MAX_POLYPHONY:
                raise ValueError(
                    f"more than {MAX_POLYPHONY} notes begin at tick {first.onset}, expected a part for hands"
                )
            if 16 * abs(notes[j].release - first.release) <= ticks_per_quarter:
                group.append(notes[j])
                gathered[j] = True
        groups.append(group)
    return groups


def quantise(value: Fraction) -> Fraction:
    """Snap to the nearest multiple of 1/4 or of 1/3; the smaller one on a tie.

    Examples
    --------
    >>> [str(quantise(Fraction(value))) for value in ("0.3", "0.36", "1/8", "7/24")]
    ['1/3', '1/3', '0', '1/4']
    """
    candidates = (_nearest(value, 4), _nearest(value, 3))
    return min(candidates, key=lambda candidate: (abs(candidate - value), candidate))


def _nearest(value: Fraction, parts: int) -> Fraction:
    """Snap to the nearest multiple of 1/parts, down from half way."""
    return Fraction(-((1 - 2 * parts * value) // 2), parts)


def deal_voices(struck: Iterable[Chord]) -> list[list[Chord]]:
    """Deal notes and chords, in order of offset, each to the first voice that is silent by then.

    So no voice overlaps itself, and there are as many voices as things that sound at once.
    """
    voices: list[list[Chord]] = []
    for chord in struck:
        voice = next((voice for voice in voices if voice[-1].offset + voice[-1].length <= chord.offset), None)
        if voice is not None:
            voice.append(chord)
            continue
        if len(voices) == MAX_POLYPHONY:
            raise ValueError(
                f"more than {MAX_POLYPHONY} notes sound at quarter {chord.offset}, expected a part for hands"
            )
        voices.append([chord])
    return voices


def find_rests(voice: Iterable[Element]) -> list[Element]:
    """Return one rest for every gap between the elements of a voice, the first from offset 0."""
    rests = []
    end = Fraction(0)
    for element in voice:
        if element.offset > end:
            rests.append(Element(end, element.offset - end, ()))
        end = element.offset + element.length
    return rests
