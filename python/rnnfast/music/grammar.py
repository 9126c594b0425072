"""The grammar of a solo: notes over chords become tokens, and tokens become notes over other chords.

A token is ``TYPE,LENGTH`` or ``TYPE,LENGTH,<UP,DOWN>``, such as ``S,0.250,<m2,P-4>``. TYPE says what the note
is to the chord under it: ``C`` chord tone, ``S`` scale tone, ``A`` approach tone, ``X`` none of these; ``R``
is a rest. LENGTH counts quarter notes. UP and DOWN are intervals from the note before, a minor third above
and below the note itself; the first note of a bar has none.

Every random decision of the way back is asked of a `Chooser`, so that a solo can be seeded, recorded and
replayed decision by decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from rnnfast.music.chooser import Chooser, pick, random_chooser
from rnnfast.music.elements import Chord, Element, Measure, PlacedNote
from rnnfast.music.harmony import (
    SpelledPitch,
    analyse_chord,
    blues_scale,
    check_pitches,
    classify,
    interval_range,
    interval_semitones,
    is_approach_tone,
    is_chord_tone,
    is_scale_tone,
    pitch_name,
    pitch_octave,
    spell,
)

__all__ = [
    "Chooser",
    "Chord",
    "Element",
    "Measure",
    "PlacedNote",
    "Token",
    "chord_at",
    "clean_up_notes",
    "format_length",
    "parse_length",
    "parse_token",
    "prune_grammar",
    "prune_notes",
    "random_chooser",
    "relabel",
    "tokenize",
    "unparse",
]

ChordLike = Chord | tuple[Any, Any, Sequence[int]]
NoteLike = PlacedNote | tuple[Any, Any, int | None]

_TOKEN = re.compile(r"([RCSAX]),(\d{1,9}(?:\.\d{1,9})?)(?:,<([^<>,]+),([^<>,]+)>)?")
_STEP = Fraction(1, 4)
_LOWEST_FREE_OCTAVE = 4
_LOWEST_NEAR_OCTAVE = 3


class Token(NamedTuple):
    """A token taken apart.

    Attributes
    ----------
    type : str
        ``"R"``, ``"C"``, ``"S"``, ``"A"`` or ``"X"``.
    length : Fraction
        In quarter notes, 0 or more.
    interval : tuple of (str, str) or None
        The names of the intervals (up, down) from the note before.
    """

    type: str
    length: Fraction
    interval: tuple[str, str] | None = None

    def __str__(self) -> str:
        text = f"{self.type},{format_length(self.length)}"
        return f"{text},<{','.join(self.interval)}>" if self.interval else text


def parse_token(text: str) -> Token:
    """Take a token apart.

    Raises
    ------
    ValueError
        `text` is not a token.
    TypeError
        `text` is not text.

    Examples
    --------
    >>> parse_token("S,0.333,<m2,P-4>")
    Token(type='S', length=Fraction(1, 3), interval=('m2', 'P-4'))
    """
    if not isinstance(text, str):
        raise TypeError(f"text is {text!r}, expected a token such as 'C,0.250'")
    match = _TOKEN.fullmatch(text)
    if not match:
        raise ValueError(
            f"token {text!r} is not one, expected TYPE,LENGTH or TYPE,LENGTH,<UP,DOWN>, TYPE one of R C S A X"
        )
    interval = (match[3], match[4]) if match[3] else None
    return Token(match[1], parse_length(match[2]), interval)


def parse_length(text: str) -> Fraction:
    """Return the exact length that three decimals stand for.

    Lengths are sums of quarters and thirds of a quarter note, so a text that some multiple of 1/12 prints is
    that multiple; any other text is the decimal that it says.

    Examples
    --------
    >>> [str(parse_length(text)) for text in ("0.333", "0.083", "0.25", "71.000", "0.125")]
    ['1/3', '1/12', '1/4', '71', '1/8']
    """
    decimal = Fraction(text)
    twelfth = Fraction(round(decimal * 12), 12)
    return twelfth if abs(twelfth - decimal) < Fraction(1, 2000) else decimal


def format_length(length: Fraction) -> str:
    """Return a length in a token's words: quarter notes with three decimals."""
    return f"{float(length):.3f}"


def chord_at(chords: Sequence[Chord], offset: Fraction) -> Chord:
    """Return the chord under `offset`: the last that begins by then, or the first where none does."""
    return next((chord for chord in reversed(chords) if chord.offset <= offset), chords[0])


def tokenize(elements: Iterable[Element], chords: Sequence[ChordLike]) -> tuple[str, ...]:
    """Put one bar of melody over chords into words.

    Parameters
    ----------
    elements : iterable of Element
        The bar's melody in order. Notes struck together are left out: the grammar knows single notes only.
    chords : sequence of (offset, length, MIDI pitches)
        The bar's chords in order, at least one. The first one also counts for what comes before it.

    Returns
    -------
    tokens : tuple of str

    Examples
    --------
    >>> melody = [Element(Fraction(0), Fraction(1), (64,)), Element(Fraction(1), Fraction(1, 3), (65,))]
    >>> tokenize(melody, [(0, 4, (60, 64, 67))])
    ('C,1.000', 'A,0.333,<d4,M-2>')
    """
    under = _as_chords(chords)
    tokens = []
    previous: int | None = None
    for offset, length, pitches in elements:
        if len(pitches) > 1:
            continue
        if not pitches:
            tokens.append(f"R,{format_length(length)}")
            continue
        token = f"{classify(pitches[0], chord_at(under, offset).pitches)},{format_length(length)}"
        tokens.append(token if previous is None else f"{token},{interval_range(previous, pitches[0])}")
        previous = pitches[0]
    return tuple(tokens)


def relabel(tokens: Iterable[str]) -> list[str]:
    """Make every approach tone and every other foreign tone a chord tone; lengths and intervals stay.

    Examples
    --------
    >>> relabel(["X,0.250", "A,0.250,<d4,M-2>", "S,0.250"])
    ['C,0.250', 'C,0.250,<d4,M-2>', 'S,0.250']
    """
    parsed = (parse_token(text) for text in tokens)
    return [str(token._replace(type="C") if token.type in "AX" else token) for token in parsed]


def prune_grammar(tokens: Iterable[str], chooser: Chooser) -> list[str]:
    """Round every length, rests included, to quarters of a quarter note: down, or up, as `chooser` says.

    A length that is a multiple already may still go up: 0.250 becomes 0.250 or 0.500.

    Parameters
    ----------
    tokens : iterable of str
        As the model predicts them.
    chooser : Chooser
        Asked for ``round``, (down, up), once a token, in order.

    Returns
    -------
    tokens : list of str

    Raises
    ------
    ValueError
        A token that is not one, or a choice that is not an option's index.

    Examples
    --------
    >>> prune_grammar(["C,0.333", "R,0.083"], lambda kind, options: 1)
    ['C,0.500', 'R,0.250']
    """
    pruned = []
    for text in tokens:
        token = parse_token(text)
        down = token.length - token.length % _STEP
        pruned.append(str(token._replace(length=pick(chooser, "round", (down, down + _STEP)))))
    return pruned


def unparse(tokens: Iterable[str], chords: Sequence[ChordLike], chooser: Chooser) -> list[PlacedNote]:
    """Turn tokens into notes over `chords`.

    Every element is placed at the end of its own length after the one before: the first begins at its own
    length, never at 0. The chord under a note is the last that begins by then, or the first.

    Parameters
    ----------
    tokens : iterable of str
        The first that is not a rest has no interval: an interval needs a note before it.
    chords : sequence of (offset, length, MIDI pitches)
        In order of offset, in quarter notes; at least one.
    chooser : Chooser
        Asked in the order of the tokens. A chord tone without interval: ``pitch``. A scale tone without
        interval: ``raised_fourth`` unless the chord is major, ``scale_note``, ``octave``. Any other without
        interval: the same, then ``neighbour``. With interval: ``pitch`` where several notes of the type lie
        within it, the note before left out; nothing where exactly one does; ``fallback`` where none does.

    Returns
    -------
    notes : list of (offset, length, MIDI pitch)
        One for each token; a rest has the pitch None.

    Raises
    ------
    ValueError
        No chords, a token that is not one, an interval without a note before it, or a choice that is not an
        option's index.

    Examples
    --------
    >>> for note in unparse(["C,0.250", "C,0.500,<P5,P1>"], [(0, 4, (60, 64, 67))], lambda kind, options: 0):
    ...     print(note.offset, note.length, note.pitch)
    1/4 1/4 60
    3/4 1/2 64
    """
    under = _as_chords(chords)
    notes: list[PlacedNote] = []
    now = Fraction(0)
    previous: int | None = None
    for index, text in enumerate(tokens):
        token = parse_token(text)
        now += token.length
        if token.type == "R":
            notes.append(PlacedNote(now, token.length, None))
            continue
        chord = chord_at(under, now).pitches
        if token.interval is None:
            previous = _free_pitch(token.type, chord, chooser)
        elif previous is not None:
            previous = _near_pitch(token.type, token.interval, previous, chord, chooser)
        else:
            raise ValueError(f"tokens[{index}] is {text!r}: an interval needs a note before it")
        notes.append(PlacedNote(now, token.length, previous))
    return notes


def _free_pitch(kind: str, chord: tuple[int, ...], chooser: Chooser) -> int:
    if kind == "C":
        pitch = pick(chooser, "pitch", chord)
    else:
        pitch = _scale_pitch(chord, chooser)
        if kind != "S":
            pitch = int(pitch) + pick(chooser, "neighbour", (1, -1))
    return _at_least(pitch, _LOWEST_FREE_OCTAVE)


def _scale_pitch(chord: tuple[int, ...], chooser: Chooser) -> int:
    analysis = analyse_chord(chord)
    if analysis.quality == "major":
        names = analysis.scale
    else:
        names = blues_scale(chord, raised_fourth=pick(chooser, "raised_fourth", (True, False)))
    name = pick(chooser, "scale_note", (*names, names[0]))
    return SpelledPitch(name, pick(chooser, "octave", [pitch_octave(pitch) for pitch in chord]))


def _near_pitch(
    kind: str, interval: tuple[str, str], previous: int, chord: tuple[int, ...], chooser: Chooser
) -> int:
    low, high = sorted(interval_semitones(name) for name in interval)
    fits = {"C": is_chord_tone, "S": is_scale_tone}.get(kind, is_approach_tone)
    candidates = [pitch for pitch in range(previous + low, previous + high + 1) if fits(pitch, chord)]
    if len(candidates) > 1:
        others = [pitch for pitch in candidates if spell(pitch) != spell(previous)]
        pitch = pick(chooser, "pitch", others)
    elif candidates:
        pitch = candidates[0]
    else:
        pitch = int(previous) + pick(chooser, "fallback", (2, -2))
    return _at_least(pitch, _LOWEST_NEAR_OCTAVE)


def _at_least(pitch: int, octave: int) -> int:
    """Move a note below `octave` into it, its name kept."""
    return pitch if pitch_octave(pitch) >= octave else SpelledPitch(pitch_name(pitch), octave)


def prune_notes(notes: Iterable[NoteLike]) -> list[PlacedNote]:
    """Leave out the second note of a pair that repeats the first.

    In order of offset the list falls into fixed pairs, the first two, the next two, and so on. Where both are
    notes with the same name and octave, the second goes. Notes of different pairs are not compared, and a
    rest protects its partner.

    Parameters
    ----------
    notes : iterable of (offset, length, MIDI pitch)
        A rest has the pitch None.

    Returns
    -------
    notes : list of (offset, length, MIDI pitch)

    Examples
    --------
    >>> [note.pitch for note in prune_notes([(0, 1, 60), (1, 1, 60), (2, 1, 60), (3, 1, None), (4, 1, 60)])]
    [60, 60, None, 60]
    """
    ordered = _as_notes(notes)
    kept = []
    for first, second in zip(ordered[::2], [*ordered[1::2], None], strict=False):
        kept.append(first)
        if second is not None and not _same_name(first, second):
            kept.append(second)
    return kept


def _same_name(first: PlacedNote, second: PlacedNote) -> bool:
    if first.pitch is None or second.pitch is None:
        return False
    return spell(first.pitch) == spell(second.pitch)


def clean_up_notes(notes: Iterable[NoteLike]) -> list[PlacedNote]:
    """Give what has no length a quarter of a quarter note; keep only the first of notes that begin together.

    Parameters
    ----------
    notes : iterable of (offset, length, MIDI pitch)
        A rest has the pitch None; rests are not left out.

    Returns
    -------
    notes : list of (offset, length, MIDI pitch)
        In order of offset.

    Examples
    --------
    >>> [(str(note.length), note.pitch) for note in clean_up_notes([(0, 0, 60), (0, 1, 64), (1, 1, None)])]
    [('1/4', 60), ('1', None)]
    """
    ordered = _as_notes(notes)
    audible = [note._replace(length=note.length or _STEP) for note in ordered]
    return [
        note
        for before, note in zip([None, *audible], audible, strict=False)
        if before is None or note.pitch is None or before.offset != note.offset
    ]


def _as_chords(chords: Iterable[ChordLike]) -> list[Chord]:
    """Return plain triples as chords; ValueError where there are none."""
    found = [
        Chord(Fraction(offset), Fraction(length), check_pitches(pitches))
        for offset, length, pitches in chords
    ]
    if not found:
        raise ValueError("chords is empty, expected at least one chord: without it no note has a type")
    return found


def _as_notes(notes: Iterable[NoteLike]) -> list[PlacedNote]:
    """Return plain triples as notes, in order of offset; those that begin together keep their order."""
    placed = (PlacedNote(Fraction(offset), Fraction(length), pitch) for offset, length, pitch in notes)
    return sorted(placed, key=lambda note: note.offset)
