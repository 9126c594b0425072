"""One line out of many notes: the skyline, the highest note wherever a note begins."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from rnnfast.music.score import Note

_TOGETHER = 16
"""Notes within 1/16 of a quarter note begin together: a chord as played by hand."""


def skyline(notes: Sequence[Note], ticks_per_quarter: int) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """Split notes into the top line and all the rest.

    Of notes that begin together the highest is in the line, unless it begins and ends under a higher note
    that still sounds: then it is an inner voice. Onsets and releases are left as they are, so that
    neighbours in the line may overlap as a legato player's do.

    The name and the idea are of Uitdenbogerd and Zobel, "Manipulation of Music for Melody Matching" (1998).

    Parameters
    ----------
    notes : sequence of Note
        Of one part or several, in any order.
    ticks_per_quarter : int
        The score's resolution.

    Returns
    -------
    line, rest : tuple of Note
        Both in order of onset.

    Examples
    --------
    >>> held, under, chord = Note(0, 960, 72), Note(480, 700, 60), Note(0, 960, 64)
    >>> line, rest = skyline([held, under, chord], 480)
    >>> [note.pitch for note in line], [note.pitch for note in rest]
    ([72], [64, 60])
    """
    line: list[Note] = []
    rest: list[Note] = []
    cover = None  # the highest note of the line that still sounds
    for together in group_onsets(notes, ticks_per_quarter):
        top = max(together, key=lambda note: (note.pitch, note.release))
        if cover is not None and cover.pitch > top.pitch and cover.release >= top.release:
            rest.extend(together)
            continue
        line.append(top)
        rest.extend(note for note in together if note is not top)
        if cover is None or cover.pitch <= top.pitch or cover.release <= top.onset:
            cover = top
    return tuple(line), tuple(rest)


def split_hands(notes: Sequence[Note], ticks_per_quarter: int) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """Split one polyphonic part, such as a piano's, into its tune and its accompaniment.

    As `skyline`, but the tune does not dive into the left hand where the right hand rests: notes more than an
    octave below the middle of the line, and nearer to the middle of the lowest notes, are accompaniment.

    Parameters
    ----------
    notes : sequence of Note
        In any order.
    ticks_per_quarter : int
        The score's resolution.

    Returns
    -------
    tune, accompaniment : tuple of Note
        Both in order of onset; the tune has at least one note if there is any.
    """
    line, rest = skyline(notes, ticks_per_quarter)
    if not rest:
        return line, rest
    bottoms = [min(note.pitch for note in group) for group in group_onsets(notes, ticks_per_quarter)]
    middle = statistics.median(note.pitch for note in line)
    floor = middle - max(12.0, (middle - statistics.median(bottoms)) / 2)
    high = [note for note in notes if note.pitch >= floor]
    low = [note for note in notes if note.pitch < floor]
    tune, inner = skyline(high, ticks_per_quarter)
    return tune, tuple(sorted((*inner, *low), key=lambda note: note.onset))


def group_onsets(notes: Sequence[Note], ticks_per_quarter: int) -> Iterator[list[Note]]:
    """Yield lists of notes that begin together, in order of onset."""
    tolerance = ticks_per_quarter // _TOGETHER
    group: list[Note] = []
    for note in sorted(notes, key=lambda note: (note.onset, note.pitch)):
        if group and note.onset - group[0].onset > tolerance:
            yield group
            group = []
        group.append(note)
    if group:
        yield group
