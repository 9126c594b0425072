"""Names of pitches and intervals, qualities and scales of chords, and what a note is to the chord under it.

Names are those of the jazz exercise: `-` is flat, octave 4 begins at middle C, and a MIDI pitch is always
spelled C C# D E- E F F# G G# A B- B. Whether a note belongs to a scale is decided by name, so the spelling
matters: C# is not in B- Dorian, which has D-.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Final, Literal, NamedTuple

LETTERS: Final = "CDEFGAB"
PITCH_NAMES: Final = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")

_Degrees = Sequence[tuple[int, int]]  # (letters, semitones) above the tonic

_LETTER_SEMITONES: Final = (0, 2, 4, 5, 7, 9, 11)
_TONICS: Final = ("B", "B-", "A", "G#", "G", "F#", "F", "E", "E-", "D", "D-", "C")
_MAJOR: Final[_Degrees] = ((0, 0), (1, 2), (2, 4), (3, 5), (4, 7), (5, 9), (6, 11))
_DORIAN: Final[_Degrees] = ((0, 0), (1, 2), (2, 3), (3, 5), (4, 7), (5, 9), (6, 10))
_BLUES: Final[_Degrees] = ((0, 0), (2, 3), (3, 5), (4, 7), (6, 10))
_RAISED_FOURTH: Final = (3, 6)

_STACK: Final = (2, 4, 6, 1, 3, 5)  # letters above a root: third, fifth, seventh, ninth, eleventh, thirteenth
_QUALITIES: Final[dict[tuple[int | None, int | None], str]] = {
    (4, None): "major",
    (3, None): "minor",
    (4, 7): "major",
    (3, 7): "minor",
    (4, 8): "augmented",
    (3, 6): "diminished",
}
_PERFECT: Final = (0, 3, 4)
_INTERVAL: Final = re.compile(r"(P|M|m|A+|d+)(-?)([1-9]\d{0,2})")
_NAME: Final = re.compile(r"[A-G](#*|-*)")

NoteType = Literal["C", "S", "A", "X"]
"""What a note is to its chord: chord tone, scale tone, approach tone or none of them."""


class SpelledPitch(int):
    """A MIDI pitch that remembers its name: D-4 is 61, which is spelled C#4 by default.

    It is equal to the plain integer; arithmetic gives plain integers, spelled by default again.

    Parameters
    ----------
    name : str
        Letter and accidentals, such as ``"D-"`` or ``"F##"``.
    octave : int
        The octave of the letter: C-4 is 59, one semitone below C4.

    Examples
    --------
    >>> SpelledPitch("D-", 4) == 61, spell(SpelledPitch("D-", 4)), spell(61)
    (True, 'D-4', 'C#4')
    """

    name: str
    octave: int

    def __new__(cls, name: str, octave: int) -> SpelledPitch:
        """Place `name` in `octave`."""
        self = super().__new__(cls, 12 * (octave + 1) + _semitone(name))
        self.name, self.octave = name, octave
        return self

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]
        return self.name, self.octave


class ChordAnalysis(NamedTuple):
    """What `analyse_chord` finds.

    Attributes
    ----------
    quality : str
        ``"major"``, ``"minor"``, ``"augmented"``, ``"diminished"`` or ``"other"``.
    tonic : str
        The first note of the scale; not always the root of the chord.
    scale : tuple of str
        The seven names of the tonic's major scale where the quality is major, of its Dorian scale otherwise.
    """

    quality: str
    tonic: str
    scale: tuple[str, ...]


def pitch_name(pitch: int) -> str:
    """Return a pitch's name without its octave.

    Examples
    --------
    >>> pitch_name(61), pitch_name(SpelledPitch("D-", 4))
    ('C#', 'D-')
    """
    return pitch.name if isinstance(pitch, SpelledPitch) else PITCH_NAMES[pitch % 12]


def pitch_octave(pitch: int) -> int:
    """Return the number of the octave that a pitch's name stands in; middle C is C4."""
    return pitch.octave if isinstance(pitch, SpelledPitch) else pitch // 12 - 1


def spell(pitch: int) -> str:
    """Return a pitch's name with its octave, such as ``"E-4"``."""
    return f"{pitch_name(pitch)}{pitch_octave(pitch)}"


def analyse_chord(pitches: Iterable[int]) -> ChordAnalysis:
    """Name a chord's quality and the scale that fits it best.

    The root is the note above which thirds are stacked best, the first in stored order on a tie. The tonic is
    the one whose scale holds most of the chord's pitch classes, the highest pitch class on a tie.

    Parameters
    ----------
    pitches : iterable of int
        MIDI pitches in stored order, at least one.

    Returns
    -------
    quality, tonic, scale : ChordAnalysis

    Raises
    ------
    ValueError
        No pitches, or one outside 0 to 127.

    Examples
    --------
    >>> analyse_chord([60, 64, 67])
    ChordAnalysis(quality='major', tonic='G', scale=('G', 'A', 'B', 'C', 'D', 'E', 'F#'))
    >>> quality, tonic, scale = analyse_chord([62, 65, 69, 60, 64])
    >>> quality, tonic
    ('minor', 'G')
    """
    chord = check_pitches(pitches)
    return _analyse(chord)


@lru_cache(maxsize=1024)
def _analyse(chord: tuple[int, ...]) -> ChordAnalysis:
    quality = _quality(chord)
    degrees = _MAJOR if quality == "major" else _DORIAN
    tonic = _best_tonic(chord, degrees)
    return ChordAnalysis(quality, tonic, _spell_scale(tonic, degrees))


def _quality(chord: Sequence[int]) -> str:
    classes: dict[int, list[int]] = {}  # letter -> its pitch classes, both in stored order
    for pitch in chord:
        classes.setdefault(LETTERS.index(PITCH_NAMES[pitch % 12][0]), []).append(pitch % 12)
    root = _root(list(classes))
    steps = [classes.get((root + above) % 7, []) for above in (0, 2, 4)]
    if not steps[1] or any(len(set(step)) > 1 for step in steps):
        return "other"
    third, fifth = ((step[0] - steps[0][0]) % 12 if step else None for step in steps[1:])
    return _QUALITIES.get((third, fifth), "other")


def _root(letters: Sequence[int]) -> int:
    """Return the letter on which the others stand best as third, fifth, seventh, ninth, and so on."""

    def stacked(root: int) -> float:
        return sum(1 / (6 + i) for i, above in enumerate(_STACK) if (root + above) % 7 in letters)

    return max(letters, key=stacked)


def _best_tonic(chord: Iterable[int], degrees: _Degrees) -> str:
    classes = {pitch % 12 for pitch in chord}

    def held(tonic: str) -> int:
        return len(classes & {(_semitone(tonic) + semitones) % 12 for _, semitones in degrees})

    return max(_TONICS, key=held)


def _spell_scale(tonic: str, degrees: _Degrees) -> tuple[str, ...]:
    first, pitch_class = LETTERS.index(tonic[0]), _semitone(tonic)
    names = []
    for steps, semitones in degrees:
        letter = (first + steps) % 7
        accidental = (pitch_class + semitones - _LETTER_SEMITONES[letter] + 6) % 12 - 6
        names.append(LETTERS[letter] + ("#" * accidental or "-" * -accidental))
    return tuple(names)


def blues_scale(pitches: Iterable[int], *, raised_fourth: bool) -> tuple[str, ...]:
    """Return the blues scale that fits a chord best: the scale from which a bare scale tone is drawn.

    Parameters
    ----------
    pitches : iterable of int
        MIDI pitches of the chord, at least one.
    raised_fourth : bool
        Whether the raised fourth is one of the notes; it does not take part in the search for the tonic.

    Returns
    -------
    names : tuple of str
        Five or six names, ascending from the tonic.

    Examples
    --------
    >>> blues_scale([67, 62, 58, 57, 65], raised_fourth=True)
    ('G', 'B-', 'C', 'C#', 'D', 'F')
    """
    tonic = _best_tonic(check_pitches(pitches), _BLUES)
    degrees = sorted((*_BLUES, _RAISED_FOURTH), key=lambda degree: degree[1]) if raised_fourth else _BLUES
    return _spell_scale(tonic, degrees)


def classify(pitch: int, chord: Iterable[int]) -> NoteType:
    """Say what a note is to the chord under it.

    Parameters
    ----------
    pitch : int
        MIDI pitch; its name counts for ``"S"``.
    chord : iterable of int
        MIDI pitches of the chord in stored order.

    Returns
    -------
    type : str
        The first that applies: ``"C"`` a chord tone; ``"S"`` its name is in the chord's scale; ``"A"`` an
        approach tone, a semitone from a chord tone; ``"X"`` anything else.

    Examples
    --------
    >>> [classify(pitch, (60, 64, 67)) for pitch in (72, 69, 63, 70)]
    ['C', 'S', 'A', 'X']
    """
    notes = check_pitches(chord)
    if is_chord_tone(pitch, notes):
        return "C"
    if is_scale_tone(pitch, notes):
        return "S"
    return "A" if is_approach_tone(pitch, notes) else "X"


def is_chord_tone(pitch: int, chord: Iterable[int]) -> bool:
    """Whether the chord has this pitch class."""
    return any((pitch - tone) % 12 == 0 for tone in chord)


def is_scale_tone(pitch: int, chord: Iterable[int]) -> bool:
    """Whether the chord's scale has this name."""
    return pitch_name(pitch) in _analyse(tuple(chord)).scale


def is_approach_tone(pitch: int, chord: Iterable[int]) -> bool:
    """Whether the pitch class is one semitone above or below one of the chord's."""
    return any((pitch - tone) % 12 in (1, 11) for tone in chord)


def interval_range(previous: int, note: int) -> str:
    """Return the last field of a note's token: where the note may lie, seen from the one before it.

    Parameters
    ----------
    previous, note : int
        MIDI pitches.

    Returns
    -------
    text : str
        ``"<UP,DOWN>"``: the intervals from `previous` to a minor third above and below `note`.

    Examples
    --------
    >>> interval_range(62, 60), interval_range(60, 60)
    ('<m2,P-4>', '<m3,m-3>')
    """
    steps = _staff_position(note) - _staff_position(previous)
    semitones = int(note) - int(previous)
    return f"<{interval_name(steps + 2, semitones + 3)},{interval_name(steps - 2, semitones - 3)}>"


def _staff_position(pitch: int) -> int:
    return 7 * pitch_octave(pitch) + LETTERS.index(pitch_name(pitch)[0])


def interval_name(steps: int, semitones: int) -> str:
    """Name an interval, downward ones with `-` before the number.

    Parameters
    ----------
    steps : int
        Letters apart, counted through octaves: 0 is a unison, -4 a fifth down.
    semitones : int
        Size, upward positive. It may contradict `steps`: C# down to D-- is a second up.

    Examples
    --------
    >>> [interval_name(1, 2), interval_name(-3, -5), interval_name(0, -1), interval_name(3, 6)]
    ['M2', 'P-4', 'd1', 'A4']
    """
    distance = abs(steps)
    size = semitones if steps == 0 else abs(semitones) if steps * semitones >= 0 else -abs(semitones)
    excess = size - _standard_size(distance)
    if excess > 0:
        quality = "A" * excess
    elif distance % 7 in _PERFECT:
        quality = "d" * -excess or "P"
    else:
        quality = "d" * (-excess - 1) or ("m" if excess else "M")
    return f"{quality}{'-' if steps < 0 else ''}{distance + 1}"


def interval_semitones(name: str) -> int:
    """Return the signed size of a named interval: the inverse of `interval_name`.

    Raises
    ------
    ValueError
        `name` is not an interval's name.

    Examples
    --------
    >>> [interval_semitones(name) for name in ("m2", "P-4", "d1", "dd5")]
    [1, -5, -1, 5]
    """
    match = _INTERVAL.fullmatch(name)
    if not match:
        raise ValueError(
            f"interval {name!r} is not one, expected a quality and a number, such as 'm2' or 'P-4'"
        )
    quality, sign, distance = match[1], -1 if match[2] else 1, int(match[3]) - 1
    perfect = distance % 7 in _PERFECT
    if perfect == (quality in ("M", "m")) and quality[0] not in "Ad":
        raise ValueError(
            f"interval {name!r} does not exist: unisons, fourths, fifths and octaves are perfect, "
            "the others are major or minor"
        )
    diminished = -len(quality) - (not perfect)
    excess = {"A": len(quality), "d": diminished, "P": 0, "M": 0, "m": -1}[quality[0]]
    return sign * (_standard_size(distance) + excess)


def _standard_size(distance: int) -> int:
    """Return the semitones of a perfect or major interval over so many letters."""
    octaves, rest = divmod(distance, 7)
    return 12 * octaves + _LETTER_SEMITONES[rest]


def check_pitches(pitches: Iterable[int]) -> tuple[int, ...]:
    """Return a chord's pitches as a tuple of plain integers; ValueError where they are none."""
    chord = tuple(pitches)
    if not chord:
        raise ValueError("a chord has no pitches, expected at least one")
    for pitch in chord:
        if not isinstance(pitch, Integral):
            raise TypeError(f"a chord has the pitch {pitch!r}, expected an integer")
        if not 0 <= pitch <= 127:
            raise ValueError(f"a chord has the pitch {pitch}, expected 0 to 127, as MIDI counts")
    return tuple(int(pitch) for pitch in chord)


def _semitone(name: str) -> int:
    """Return a name's semitones above the C of its octave."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"pitch name {name!r} is not one, expected a letter A to G with # or - (flat)")
    return _LETTER_SEMITONES[LETTERS.index(name[0])] + name.count("#") - name.count("-")
