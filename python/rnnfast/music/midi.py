"""MIDI files: bytes in, a `Score` out, and back. The only module that knows mido."""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import mido

from rnnfast._files import atomic_write
from rnnfast.music.score import Note, Part, Score

MAX_BYTES = 4 * 2**20
"""The largest file that `read_midi` takes: forty times a long, dense one."""

MAX_QUARTERS = 100_000
"""The longest file that `read_midi` takes: 14 hours at 120 beats a minute."""

_KEYS = re.compile(r"[A-G]|[CF]#|[ABCDEG]b|[A-G]m|[ACDFG]#m|[ABE]bm")
_LONG_RUN = re.compile(rb"[\x80-\xff]{1025}")
_PARSER_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    mido.KeySignatureError,
)


class MidiError(ValueError):
    """The bytes are not a MIDI file that can be used; the message says what is wrong with them."""


class _Track(NamedTuple):
    number: int
    name: str
    events: list[tuple[int, Any]]  # (tick from the beginning of the file, mido message)


def read_midi(path: str | os.PathLike[str]) -> Score:
    """Read a Standard MIDI File of any type.

    Type 1: every track that has notes is a part. Type 0: every channel that has notes is a part. A type 2
    file holds independent sequences: they are laid one after another, each read like a type 0 file, so that
    a channel is one part throughout.

    A note-on pairs with the first later, still unused note-off of its channel and pitch; note-ons that never
    end are left out. Tempos and meters that mean nothing (zero, a meter beyond 64ths) are left out too.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    score : Score
        Without notes it has no parts: that is the caller's matter.

    Raises
    ------
    MidiError
        The file is empty, damaged, of another kind, timed in SMPTE frames, larger than `MAX_BYTES` or longer
        than `MAX_QUARTERS`, or none of its notes ends.
    OSError
        The file cannot be opened (FileNotFoundError, IsADirectoryError, ...).
    """
    try:
        file = _parse(_read_bytes(path))
        tracks = _tracks(file)
    except MidiError as error:
        raise MidiError(f"{os.fspath(path)}: {error}") from error.__cause__
    sources = tracks if file.type == 1 else _by_channel(tracks)
    voices = ((source, _pair(source.events)) for source in sources)
    sounding = [(source, notes) for source, notes in voices if notes]
    if not sounding and (begun := _count_beginnings(tracks)):
        raise MidiError(
            f"{os.fspath(path)}: the file has no notes that end ({begun} note-ons without a note-off)"
        )
    return Score(
        ticks_per_quarter=file.ticks_per_beat,
        parts=tuple(
            Part(number, source.number, source.name, _program(source), notes)
            for number, (source, notes) in enumerate(sounding)
        ),
        tempos=tuple((tick, m.tempo) for tick, m in _metas(tracks, "set_tempo") if m.tempo > 0),
        time_signatures=tuple(
            (tick, m.numerator, m.denominator)
            for tick, m in _metas(tracks, "time_signature")
            if m.numerator > 0 and m.denominator <= 64
        ),
        keys=tuple((tick, m.key) for tick, m in _metas(tracks, "key_signature")),
        name=_title(file.type, tracks) or Path(path).stem,
    )


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    if not isinstance(path, str | os.PathLike):  # open() would take a number as a file that is open already
        raise TypeError(f"path is {path!r}, expected the name of a MIDI file")
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MidiError(f"the file has more than {MAX_BYTES} bytes, expected a MIDI file of a piece of music")
    return data


def _parse(data: bytes) -> Any:
    """Parse `data` with mido, after the checks that mido does not make."""
    if not data:
        raise MidiError("the file is empty, expected a MIDI file")
    if not data.startswith(b"MThd"):
        raise MidiError(f"not a MIDI file: it begins with {data[:4]!r}, expected b'MThd'")
    if len(data) < 14:
        raise MidiError(f"damaged MIDI file: it ends after {len(data)} bytes, inside its header")
    kind, count, division = struct.unpack(">HHH", data[8:14])
    if kind > 2:
        raise MidiError(f"damaged MIDI file: its type is {kind}, expected 0, 1 or 2")
    if not 0 < division < 0x8000:
        what = "SMPTE frames" if division else "0 ticks a quarter note"
        raise MidiError(f"the file is timed in {what}, expected 1 to 32767 ticks a quarter note")
    if _LONG_RUN.search(data):
        # mido reads a number as long as the high bits go on: without a limit, in quadratic time.
        raise MidiError("damaged MIDI file: more than 1024 bytes in a row have the high bit set")
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except _PARSER_ERRORS as error:
        reason = str(error) or "it ends too early"
        raise MidiError(f"damaged MIDI file: {reason}") from error
    if len(file.tracks) != count:
        raise MidiError(f"damaged MIDI file: its header promises {count} tracks, it has {len(file.tracks)}")
    return file


def _tracks(file: Any) -> list[_Track]:
    """Every track on the file's one time line; those of a type 2 file one after another."""
    tracks: list[_Track] = []
    start = 0
    for index, track in enumerate(file.tracks):
        tick, events = start, []
        for message in track:
            tick += message.time
            events.append((tick, message))
        if tick > MAX_QUARTERS * file.ticks_per_beat:
            raise MidiError(
                f"track {index} is longer than {MAX_QUARTERS} quarter notes, expected a piece of music"
            )
        tracks.append(_Track(index, _printable(track.name), events))
        start = tick if file.type == 2 else 0
    return tracks


def _by_channel(tracks: list[_Track]) -> list[_Track]:
    """Regroup the events by channel; nameless, because such a file names the piece and not its channels."""
    channels: dict[int, _Track] = {}
    for track in tracks:
        for tick, message in track.events:
            if hasattr(message, "channel"):
                source = channels.setdefault(message.channel, _Track(track.number, "", []))
                source.events.append((tick, message))
    return [channels[channel] for channel in sorted(channels)]


def _pair(events: Iterable[tuple[int, Any]]) -> tuple[Note, ...]:
    notes: list[Note | None] = []
    waiting: dict[tuple[int, int], deque[tuple[int, int, int]]] = defaultdict(deque)
    for tick, message in events:
        if message.type not in ("note_on", "note_off"):
            continue
        key = message.channel, message.note
        if message.type == "note_on" and message.velocity > 0:
            waiting[key].append((len(notes), tick, message.velocity))
            notes.append(None)
        elif waiting[key]:
            position, onset, velocity = waiting[key].popleft()
            notes[position] = Note(onset, tick, message.note, velocity, message.channel)
    return tuple(note for note in notes if note is not None)


def _count_beginnings(tracks: list[_Track]) -> int:
    messages = (message for track in tracks for _, message in track.events)
    return sum(message.type == "note_on" and message.velocity > 0 for message in messages)


def _program(track: _Track) -> int | None:
    return next((int(m.program) for _, m in track.events if m.type == "program_change"), None)


def _metas(tracks: list[_Track], kind: str) -> list[tuple[int, Any]]:
    """All events of one kind, ascending; of several at one tick the last counts."""
    found = {tick: message for track in tracks for tick, message in track.events if message.type == kind}
    return sorted(found.items(), key=lambda item: item[0])


def _title(kind: int, tracks: list[_Track]) -> str:
    """Return the first track's name, unless it names one part among several."""
    if not tracks or (kind == 1 and any(message.type == "note_on" for _, message in tracks[0].events)):
        return ""
    return tracks[0].name


def _printable(text: str) -> str:
    """`text` without control characters; mido reads Latin-1, most of today's files are UTF-8."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return "".join(character for character in text if character.isprintable()).strip()


def write_midi(score: Score, path: str | os.PathLike[str]) -> None:
    """Write `score` as a type 1 file: a track of tempo, meter and key, then one track a part.

    Each part's track chooses its program on every channel that it uses; a part whose program is None
    chooses none. Every track ends one quarter note after the last event of the file. The same score gives
    the same bytes.

    Parameters
    ----------
    score : Score
        What to write; its parts' numbers and tracks are not: a part's place in the file is its place here.
    path : path-like
        Replaced only once the new file is complete.

    Raises
    ------
    ValueError
        A value of `score` that a MIDI file cannot hold.
    TypeError
        An argument, or a value of `score`, of another type.
    OSError
        The file cannot be written.
    """
    if not isinstance(score, Score):
        raise TypeError(f"score is {score!r}, expected a Score: write_midi(score, path)")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is {path!r}, expected the name of a file to write")
    _check(score)
    changes = (tick for events in (score.tempos, score.time_signatures, score.keys) for tick, *_ in events)
    end = max(score.end, *changes, 0) + score.ticks_per_quarter
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter, charset="utf-8")
    file.tracks.append(_track(_conductor_events(score), score.name, end))
    file.tracks.extend(_track(_part_events(part), part.name, end) for part in score.parts)
    with atomic_write(path) as output:
        file.save(file=output)


_Event = tuple[int, int, Any]  # (tick, rank among the events of that tick, mido message)


def _conductor_events(score: Score) -> Iterator[_Event]:
    for tick, tempo in score.tempos:
        yield tick, 0, mido.MetaMessage("set_tempo", tempo=tempo)
    for tick, numerator, denominator in score.time_signatures:
        yield tick, 1, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
    for tick, key in score.keys:
        yield tick, 2, mido.MetaMessage("key_signature", key=key)


def _part_events(part: Part) -> Iterator[_Event]:
    if part.program is not None:
        for channel in sorted({note.channel for note in part.notes}):
            yield 0, 0, mido.Message("program_change", program=part.program, channel=channel)
    for note in part.notes:
        common = {"note": note.pitch, "channel": note.channel}
        yield note.onset, 2, mido.Message("note_on", velocity=note.velocity, **common)
        # What ends makes room for what begins, but a note of length 0 must not end before it begins.
        rank = 1 if note.release > note.onset else 3
        yield note.release, rank, mido.Message("note_off", velocity=0, **common)


def _track(events: Iterable[_Event], name: str, end: int) -> Any:
    track = mido.MidiTrack()
    if name:
        track.append(mido.MetaMessage("track_name", name=name))
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    return track


def _check(score: Score) -> None:
    _check_range("ticks_per_quarter", score.ticks_per_quarter, 1, 0x7FFF)
    last = (MAX_QUARTERS - 1) * score.ticks_per_quarter
    for tick, tempo in score.tempos:
        _check_range("tempos: tick", tick, 0, last)
        _check_range(f"tempos: microseconds a quarter note at tick {tick}", tempo, 1, 0xFFFFFF)
    for tick, numerator, denominator in score.time_signatures:
        _check_range("time_signatures: tick", tick, 0, last)
        _check_range(f"time_signatures: numerator at tick {tick}", numerator, 1, 255)
        if denominator not in (1, 2, 4, 8, 16, 32, 64):
            raise ValueError(
                f"score.time_signatures: denominator {denominator} at tick {tick}, expected 1, 2, .. 64"
            )
    for tick, key in score.keys:
        _check_range("keys: tick", tick, 0, last)
        if not _KEYS.fullmatch(key):
            raise ValueError(f"score.keys: {key!r} at tick {tick}, expected a key such as 'G', 'Bb' or 'F#m'")
    for part in score.parts:
        where = f"parts[{part.number}]"
        if part.program is not None:
            _check_range(f"{where}.program", part.program, 0, 127)
        for note in part.notes:
            _check_range(f"{where}: onset", note.onset, 0, last)
            _check_range(f"{where}: release of the note at tick {note.onset}", note.release, note.onset, last)
            _check_range(f"{where}: pitch at tick {note.onset}", note.pitch, 0, 127)
            _check_range(f"{where}: velocity at tick {note.onset}", note.velocity, 1, 127)
            _check_range(f"{where}: channel at tick {note.onset}", note.channel, 0, 15)


def _check_range(what: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, Integral):
        raise TypeError(f"score.{what} is {value!r}, expected an integer")
    if not low <= value <= high:
        raise ValueError(f"score.{what} is {value}, expected {low} to {high}: a MIDI file holds no other")
