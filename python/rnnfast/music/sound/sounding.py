"""When and how each note of a score sounds: what any synthesiser needs to know, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnfast.music.score import DEFAULT_TEMPO, DRUM_CHANNEL, Score

MAX_SECONDS = 30 * 60
"""The longest music that is rendered: longer is a damaged file far more often than a piece."""

MAX_NOTE_SECONDS = 6 * 3600
"""The most that all notes together may sound, for the same reason: 30 minutes of 12 voices."""

MAX_NOTES = 100_000
"""The most notes that are rendered: a dense piece of half an hour has a fifth of that."""

_PIANO = 0


@dataclass(frozen=True)
class Sounding:
    """The notes of a score as arrays of equal length, in the order of parts and notes.

    Attributes
    ----------
    start, end : ndarray of float64, shape (notes,)
        Seconds from the beginning of the file, ``end >= start``.
    pitch, velocity, part : ndarray of int64, shape (notes,)
    program : ndarray of int64, shape (notes,)
        General MIDI's, piano where a part names none.
    drum : ndarray of bool, shape (notes,)
        Whether the note is on the percussion channel.
    seconds : float
        When the last note ends.
    """

    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    pitch: npt.NDArray[np.int64]
    velocity: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    program: npt.NDArray[np.int64]
    drum: npt.NDArray[np.bool_]
    seconds: float


def sounding_notes(score: Score) -> Sounding:
    """Lay the notes of `score` on a time line of seconds, by its tempo map.

    Parameters
    ----------
    score : Score
        Its parts' notes may be in any order.

    Raises
    ------
    ValueError
        There are more notes than `MAX_NOTES`, the music is longer than `MAX_SECONDS`, its notes sound longer
        than `MAX_NOTE_SECONDS` in all, or a note is not MIDI's (a pitch beyond 127, a tick before 0).
    """
    count = sum(len(part.notes) for part in score.parts)
    if count > MAX_NOTES:
        raise ValueError(f"score has {count} notes, expected at most {MAX_NOTES} to render")
    rows = np.array(
        [
            (
                note.onset,
                note.release,
                note.pitch,
                note.velocity,
                number,
                part.program or _PIANO,
                note.channel,
            )
            for number, part in enumerate(score.parts)
            for note in part.notes
        ],
        dtype=np.int64,
    ).reshape(-1, 7)
    onset, release, pitch, velocity, part, program, channel = rows.T
    for name, values, low, high in (
        ("onset", onset, 0, 2**62),
        ("pitch", pitch, 0, 127),
        ("velocity", velocity, 0, 127),
        ("program", program, 0, 127),
    ):
        wrong = values[(values < low) | (values > high)]
        if wrong.size:
            raise ValueError(f"score: a note has {name} {wrong[0]}, expected {low} to {high}")
    start, end = tick_seconds(score, onset), tick_seconds(score, np.maximum(release, onset))
    seconds = float(end.max(initial=0.0))
    if seconds > MAX_SECONDS:
        raise ValueError(
            f"score lasts {seconds / 3600:.1f} hours, expected at most {MAX_SECONDS / 3600:g} to render"
        )
    total = float(np.sum(end - start))
    if total > MAX_NOTE_SECONDS:
        raise ValueError(
            f"score: its notes sound for {total / 3600:.0f} hours in all, expected at most "
            f"{MAX_NOTE_SECONDS // 3600}: notes that never end make a file too dense to render"
        )
    return Sounding(start, end, pitch, velocity, part, program, channel == DRUM_CHANNEL, seconds)


def tick_seconds(score: Score, ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Seconds of many ticks at once; `Score.seconds` is the same for one.

    Examples
    --------
    >>> score = Score(480, (), tempos=((0, 500_000), (960, 1_000_000)))
    >>> tick_seconds(score, np.array([480, 960, 1440])).tolist()
    [0.5, 1.0, 2.0]
    """
    changes = np.array([0, *(tick for tick, _ in score.tempos)], dtype=np.int64)
    tempos = np.array([DEFAULT_TEMPO, *(tempo for _, tempo in score.tempos)], dtype=np.float64)
    seconds_a_tick = tempos / (score.ticks_per_quarter * 1e6)
    at_change = np.concatenate([[0.0], np.cumsum(np.diff(changes) * seconds_a_tick[:-1])])
    section = np.searchsorted(changes, ticks, side="right") - 1
    return np.asarray(at_change[section] + (ticks - changes[section]) * seconds_a_tick[section])
