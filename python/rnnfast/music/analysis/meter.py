"""Where the bars of a score begin: time signatures, their changes, and a first bar that is only a pickup."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rnnfast.music.analysis.pickup import pickup_from_notes
from rnnfast.music.score import Score

MAX_BARS = 50_000
"""More bars than any piece has; a file that asks for more is damaged, and would cost gigabytes to lay out."""

_SHORTEST_BAR = Fraction(1, 4)
_LONGEST_BAR = Fraction(64)

_GRID = 8
"""Bar lines stand on multiples of 1/8 of a quarter note: all meters down to 32nds have theirs there."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, all positions in quarter notes from the beginning of the file.

    Attributes
    ----------
    number : int
        Full bars are counted from 1, as on paper; a pickup is bar 0.
    start, length : Fraction
        `length` is what lies between this bar line and the next, so less than the time signature's
        length in a pickup and in a bar that a new time signature cuts short.
    numerator, denominator : int
        The time signature in force.
    is_pickup : bool
        Whether it is an incomplete first bar.
    """

    number: int
    start: Fraction
    length: Fraction
    numerator: int = 4
    denominator: int = 4
    is_pickup: bool = False

    @property
    def end(self) -> Fraction:
        """Position of the next bar line."""
        return self.start + self.length

    @property
    def halves(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """The spans (start, end) in which harmony may change: two halves, or the whole bar where it has none.

        Bars of three beats and incomplete bars are not divided; five beats are 3 + 2, seven are 4 + 3.

        Examples
        --------
        >>> [float(start) for start, _ in Bar(1, Fraction(0), Fraction(4)).halves]
        [0.0, 2.0]
        >>> [float(start) for start, _ in Bar(1, Fraction(0), Fraction(3), 6, 8).halves]
        [0.0, 1.5]
        >>> len(Bar(1, Fraction(0), Fraction(3), 3, 4).halves)
        1
        """
        beats = count_beats(self.numerator, self.denominator)
        full = bar_length(self.numerator, self.denominator)
        if self.length != full or beats in (1, 3):
            return ((self.start, self.end),)
        middle = self.start + full * Fraction((beats + 1) // 2, beats)
        return ((self.start, middle), (middle, self.end))


def bar_length(numerator: int, denominator: int) -> Fraction:
    """Return the length of a full bar in quarter notes: 3 for 3/4 as for 6/8."""
    return Fraction(4 * numerator, denominator)


def count_beats(numerator: int, denominator: int) -> int:
    """Count the beats of a bar: in compound time (6/8, 9/8, 12/8 ...) three units make one beat."""
    is_compound = denominator >= 8 and numerator > 3 and numerator % 3 == 0
    return numerator // 3 if is_compound else numerator


def find_bars(score: Score, *, pickup: Fraction | int | None = None) -> tuple[Bar, ...]:
    """Lay out the bars of a score, from tick 0 to the end of its last note.

    A time signature always begins a bar, on the nearest thirty-second note. Where there is none, the score is
    in 4/4. Signatures that no music has (no beats, a bar longer than 64 quarter notes or shorter than 1/4, a
    bar with an odd sixty-fourth) are ignored as damage.

    Parameters
    ----------
    score : Score
        Of any length up to `MAX_BARS` bars.
    pickup : Fraction or int, optional
        Length of an incomplete first bar in quarter notes, a multiple of 1/8 or 1/12, 0 for none. By default
        `find_pickup` decides.

    Returns
    -------
    bars : tuple of Bar
        Without gaps; none for a score without notes.

    Raises
    ------
    ValueError
        If `pickup` is not within the first bar, or if the score would have more than `MAX_BARS` bars.

    Examples
    --------
    >>> from rnnfast.music.score import Note, Part, Score
    >>> notes = tuple(Note(480 * beat, 480 * beat + 480, 60) for beat in range(7))
    >>> score = Score(480, (Part(0, 0, "Waltz", None, notes),), time_signatures=((0, 3, 4),))
    >>> [(bar.number, float(bar.start), bar.is_pickup) for bar in find_bars(score, pickup=1)]
    [(0, 0.0, True), (1, 1.0, False), (2, 4.0, False)]
    """
    signatures = _signatures(score)
    pickup = find_pickup(score) if pickup is None else _check_pickup(pickup, signatures[0])
    end = _last_bar_line_after(score)
    bars = list(itertools.islice(_lay_out(signatures, pickup, end), MAX_BARS + 1))
    if len(bars) > MAX_BARS:
        raise ValueError(
            f"the score lasts {float(end):.0f} quarter notes, more than {MAX_BARS} bars: "
            "expected a piece of music, this is a damaged file"
        )
    return tuple(bars)


def find_pickup(score: Score) -> Fraction:
    """Return the length of the incomplete first bar in quarter notes, 0 where the first bar is a full one.

    MIDI files do not say it. In order: a file whose first note comes after tick 0 has counted its rests, so
    its first bar is full. A first time signature that holds for less than one bar of the next, or whose
    stretch is not a whole number of bars, leaves the incomplete bar at the start. Otherwise the notes
    decide, by `rnnfast.music.analysis.pickup.pickup_from_notes`.
    """
    onsets = [note.onset for part in score.parts for note in part.notes]
    if not onsets or score.quarters(min(onsets)) >= Fraction(1, 8):
        return Fraction(0)
    signatures = _signatures(score)
    length = bar_length(*signatures[0][1:])
    if len(signatures) == 1:
        return pickup_from_notes(score, length)
    stretch, following = signatures[1][0], bar_length(*signatures[1][1:])
    if stretch <= length < following:
        return Fraction(0)  # the signature itself is the short bar's own: `_lay_out` marks it
    return stretch % length


def _check_pickup(pickup: Fraction | int, signature: tuple[Fraction, int, int]) -> Fraction:
    if isinstance(pickup, bool) or not isinstance(pickup, int | Fraction):
        raise TypeError(f"pickup={pickup!r}: expected an integer or a Fraction of quarter notes")
    first = bar_length(*signature[1:])
    if not 0 <= pickup < first or (8 * pickup % 1 and 12 * pickup % 1):
        raise ValueError(
            f"pickup={pickup}: expected a multiple of 1/8 or 1/12 from 0 to less than {first}, "
            "the first bar's length in quarter notes"
        )
    return Fraction(pickup)


def _signatures(score: Score) -> list[tuple[Fraction, int, int]]:
    """Return the usable time signatures as (position in quarters, numerator, denominator), the first at 0."""
    usable = {
        Fraction(round(_GRID * score.quarters(tick)), _GRID): (numerator, denominator)
        for tick, numerator, denominator in sorted(score.time_signatures, key=lambda signature: signature[0])
        if denominator > 0 and _is_usable(bar_length(numerator, denominator))
    }
    signatures = [(position, *usable[position]) for position in sorted(usable)]
    if not signatures or signatures[0][0] >= 1:
        signatures.insert(0, (Fraction(0), 4, 4))
    signatures[0] = (Fraction(0), *signatures[0][1:])
    return signatures


def _is_usable(length: Fraction) -> bool:
    return _SHORTEST_BAR <= length <= _LONGEST_BAR and _GRID * length % 1 == 0


def _last_bar_line_after(score: Score) -> Fraction:
    """Return where bars may end: a release that hangs over by less than 1/8 asks for no new bar."""
    last_onset = max((note.onset for part in score.parts for note in part.notes), default=-1)
    return max(score.quarters(score.end) - Fraction(1, 8), score.quarters(last_onset + 1))


def _lay_out(
    signatures: Sequence[tuple[Fraction, int, int]], pickup: Fraction, end: Fraction
) -> Iterator[Bar]:
    """Yield bars up to `end`; each signature holds up to the next one's position."""
    changes = [position for position, _, _ in signatures[1:]]
    if not pickup and changes and changes[0] < bar_length(*signatures[1][1:]):
        pickup = changes[0] if changes[0] <= bar_length(*signatures[0][1:]) else pickup
    number = 0 if pickup else 1
    for (position, numerator, denominator), change in itertools.zip_longest(signatures, changes):
        start = position
        while start < end and (change is None or start < change):
            is_pickup = number == 0
            stop = start + (pickup if is_pickup else bar_length(numerator, denominator))
            stop = stop if change is None else min(stop, change)
            yield Bar(number, start, stop - start, numerator, denominator, is_pickup)
            start, number = stop, number + 1
