"""Reading a tune from plain text: a lead sheet a person can write, one bar a line.

The notation is explained at the head of the tune that comes with the package, ``forget_gate_blues.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from rnnfast.music.tunes.tune import ROLES, Bar, Hit, Instrument, Tone, Tune

_EIGHTH, _TRIPLET, _QUARTER, _WHOLE = Fraction(1, 2), Fraction(1, 3), Fraction(1), Fraction(4)
_PITCH = re.compile(r"([A-G])(#|b)?(-1|[0-9])")
_LENGTH = re.compile(r"(1|2|4|8)(\.?)")
_HIT = re.compile(r"([1-9][0-9]?)(&?)(-?)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_KEY = re.compile(r"[A-G]|[CF]#|[ABCDEG]b|[A-G]m|[ACDFG]#m|[ABE]bm")


class NotationError(ValueError):
    """A tune's text breaks the notation; the message names the line, and the bar where there is one."""


def parse_tune(text: str) -> Tune:
    """Read a tune from its text.

    Parameters
    ----------
    text : str
        Settings, then one bar a line; see ``forget_gate_blues.txt`` for the notation.

    Returns
    -------
    Tune

    Raises
    ------
    NotationError
        A bar does not sum to its length, a word is unknown, a setting is missing; it names line and bar.

    Examples
    --------
    >>> tune = parse_tune('''
    ... part melody 65 Sax
    ... part chords 0 Piano
    ... part bass 32 Bass
    ... chord F7 F2 Eb3 A3 D4
    ... 1 | F7 | (A4 C5 Eb5) G5/4 D5/2 | F2 A2 C3 B2 | 1- 2&
    ... ''')
    >>> [tone.pitch for tone in tune.bars[0].melody]
    [69, 72, 75, 79, 74]
    """
    tune = Tune()
    for number, line in _lines(text):
        try:
            if "|" in line:
                tune.bars.append(_parse_bar(line, tune))
            else:
                _parse_setting(line, tune)
        except ValueError as error:
            raise NotationError(f"line {number}: {error}") from None
    missing = [role for role in ROLES if role not in tune.instruments]
    if missing:
        raise NotationError(f"no `part` line for {', '.join(missing)}: melody, chords and bass are needed")
    if not tune.bars:
        raise NotationError("the tune has no bars: expected lines such as `1 | F7 | C5/1 | F2/1 | 1-`")
    return tune


def parse_pitch(name: str) -> int:
    """MIDI pitch of a name such as ``C4`` (60), ``Eb5`` or ``F#3``.

    Raises
    ------
    ValueError
        Where it is no such name, or lies outside of MIDI's 0 to 127.
    """
    match = _PITCH.fullmatch(name)
    if not match:
        raise ValueError(
            f"{name!r} is not a pitch: expected a letter A to G, `#` or `b` if altered, an octave, as Eb5"
        )
    letter, accidental, octave = match.groups()
    pitch = _SEMITONES[letter] + {"#": 1, "b": -1, None: 0}[accidental] + 12 * (int(octave) + 1)
    if not 0 <= pitch <= 127:
        raise ValueError(f"{name!r} is MIDI pitch {pitch}, expected 0 to 127 (C-1 to G9)")
    return pitch


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, numbered from 1, without their comments."""
    for number, line in enumerate(text.splitlines(), start=1):
        content = re.sub(r"(^|\s)#(\s.*)?$", "", line).strip()
        if content:
            yield number, content


def _parse_setting(line: str, tune: Tune) -> None:
    keyword, _, value = line.partition(" ")
    value = value.strip()
    if keyword not in _SETTINGS:
        raise ValueError(
            f"unknown setting {keyword!r}: expected one of {', '.join(_SETTINGS)}, or a bar with `|`"
        )
    if not value:
        raise ValueError(f"the setting {keyword!r} has no value")
    if tune.bars:
        raise ValueError(f"the setting {keyword!r} comes after the first bar; settings come first")
    _SETTINGS[keyword](value, tune)


def _set_title(value: str, tune: Tune) -> None:
    tune.title = value


def _set_tempo(value: str, tune: Tune) -> None:
    if not value.isdecimal() or not 20 <= int(value) <= 400:
        raise ValueError(f"tempo is {value!r}, expected whole beats a minute, 20 to 400")
    tune.tempo = int(value)


def _set_meter(value: str, tune: Tune) -> None:
    match = re.fullmatch(r"([1-9][0-9]?)/(2|4|8|16)", value)
    if not match:
        raise ValueError(f"meter is {value!r}, expected beats/unit such as 4/4 or 6/8")
    tune.meter = (int(match[1]), int(match[2]))


def _set_key(value: str, tune: Tune) -> None:
    if not _KEY.fullmatch(value):
        raise ValueError(f"key is {value!r}, expected a name such as F, Bb or F#m")
    tune.key = value


def _set_swing(value: str, tune: Tune) -> None:
    match = re.fullmatch(r"([0-9]{1,2})/([1-9][0-9]?)", value)
    if not match or not Fraction(1, 2) <= Fraction(value) < 1:
        raise ValueError(f"swing is {value!r}, expected a fraction of a beat from 1/2 (straight) to below 1")
    tune.swing = Fraction(value)


def _set_part(value: str, tune: Tune) -> None:
    role, program, name = ([*value.split(maxsplit=2), "", ""])[:3]
    if role not in ROLES:
        raise ValueError(f"part is for {role!r}, expected one of {', '.join(ROLES)}")
    if not program.isdecimal() or int(program) > 127:
        raise ValueError(f"part {role} has program {program!r}, expected General MIDI's number, 0 to 127")
    tune.instruments[role] = Instrument(int(program), name)


def _set_chord(value: str, tune: Tune) -> None:
    symbol, *names = value.split()
    if not names:
        raise ValueError(f"chord {symbol} has no pitches")
    if symbol in tune.voicings:
        raise ValueError(f"chord {symbol} is voiced twice")
    tune.voicings[symbol] = tuple(parse_pitch(name) for name in names)


_SETTINGS: dict[str, Callable[[str, Tune], None]] = {
    "title": _set_title,
    "tempo": _set_tempo,
    "meter": _set_meter,
    "key": _set_key,
    "swing": _set_swing,
    "part": _set_part,
    "chord": _set_chord,
}


def _parse_bar(line: str, tune: Tune) -> Bar:
    fields = [part.strip() for part in line.split("|")]
    number = len(tune.bars) + 1
    if fields[0] != str(number):
        raise ValueError(f"bar {fields[0] or '(no number)'} stands where bar {number} should")
    if len(fields) != 5:
        raise ValueError(
            f"bar {number} has {len(fields)} fields, expected 5: number | chords | melody | bass | comping"
        )
    try:
        return Bar(
            chords=_parse_chords(fields[1], tune),
            melody=_parse_voice("melody", fields[2], _EIGHTH, tune.bar_length),
            bass=_parse_voice("bass", fields[3], _QUARTER, tune.bar_length),
            hits=_parse_hits(fields[4], tune.bar_length),
        )
    except ValueError as error:
        raise ValueError(f"bar {number}, {error}") from None


def _parse_chords(text: str, tune: Tune) -> tuple[str, ...]:
    symbols = tuple(text.split())
    if not symbols:
        raise ValueError("chords: there is no chord symbol")
    for symbol in symbols:
        if symbol not in tune.voicings:
            raise ValueError(
                f"chords: {symbol!r} has no voicing; add a line `chord {symbol} PITCHES` at the top"
            )
    return symbols


def _parse_voice(voice: str, text: str, default: Fraction, bar_length: Fraction) -> tuple[Tone, ...]:
    tones: list[Tone] = []
    position = Fraction(0)
    for word, length in _words(voice, text, default):
        if length == _TRIPLET and position % 1 == _EIGHTH:
            raise ValueError(f"{voice}: a triplet begins off the beat, after {position} quarter notes")
        if word != "r":
            try:
                tones.append(Tone(position, length, parse_pitch(word)))
            except ValueError as error:
                raise ValueError(f"{voice}: {error}") from None
        position += length
    if position != bar_length:
        raise ValueError(f"{voice}: the lengths sum to {position} quarter notes, expected {bar_length}")
    return tuple(tones)


def _words(voice: str, text: str, default: Fraction) -> Iterator[tuple[str, Fraction]]:
    """Pitch names or `r`, each with its length in quarter notes; `text` may hold triplets in parentheses."""
    for triplet, word in re.findall(r"\(([^()]*)\)|(\S+)", text):
        if word:
            name, slash, value = word.partition("/")
            yield name, _parse_length(voice, word, value) if slash else default
            continue
        names = triplet.split()
        if len(names) != 3:
            raise ValueError(f"{voice}: the triplet ({triplet}) has {len(names)} notes, expected 3")
        for name in names:
            yield name, _TRIPLET


def _parse_length(voice: str, word: str, value: str) -> Fraction:
    match = _LENGTH.fullmatch(value)
    if not match:
        raise ValueError(f"{voice}: {word!r} has an unknown length; expected /1, /2, /4 or /8, dotted as /4.")
    return _WHOLE / int(match[1]) * (Fraction(3, 2) if match[2] else 1)


def _parse_hits(text: str, bar_length: Fraction) -> tuple[Hit, ...]:
    hits: list[Hit] = []
    for word in text.split():
        match = _HIT.fullmatch(word)
        if not match:
            raise ValueError(f"comping: {word!r} is not a beat: expected such as 2, 2& or 2&-")
        onset = Fraction(int(match[1]) - 1) + (_EIGHTH if match[2] else 0)
        if onset >= bar_length:
            raise ValueError(f"comping: {word!r} lies beyond the bar's {bar_length} quarter notes")
        if hits and onset <= hits[-1].onset:
            raise ValueError(f"comping: {word!r} comes after a later beat")
        hits.append(Hit(onset, held=bool(match[3])))
    return tuple(hits)
