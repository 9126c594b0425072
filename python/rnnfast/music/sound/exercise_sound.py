"""The deliberately crude renderer of the known jazz exercise, kept so that its sound can be compared."""

from __future__ import annotations

import math
import os

import numpy as np
import numpy.typing as npt

from rnnfast.music.score import Note, Score
from rnnfast.music.sound.sounding import MAX_SECONDS, sounding_notes
from rnnfast.music.sound.wav import write_wav

SAMPLE_RATE = 44_100
"""Frames a second of all that `render_exercise` makes."""

_BEATS_A_MINUTE = 130  # whatever the score's own tempo is
_CONCERT_PITCH = 500.0  # Hz of A4
_GAIN = 10 ** (-20 / 20)
_SHORTENED, _FADE_IN, _FADE_OUT = 50, 30, 100  # milliseconds


def render_exercise(
    score: Score, path: str | os.PathLike[str] | None = None, *, seconds: float | None = None
) -> npt.NDArray[np.float32]:
    """Render as the exercise's own converter does, faults included; `synth.render` is the good one.

    Every tick counts as a whole number of milliseconds, rounded up, at 130 beats a minute: at 1,024 ticks a
    quarter note that is 1.024 s a quarter, 2.2 times too slow. Notes are plain sines with A4 at 500 Hz, 50 ms
    shorter than written (those that have nothing left are silent), faded over 100 ms at the end and 30 ms
    at the start, added up and clipped. What lies beyond the file's true length is cut off.

    Parameters
    ----------
    score : Score
        What to play.
    path : path-like, optional
        A WAV file to write, 16 bits, mono.
    seconds : float, optional
        The file's true length. By default a quarter note more than the end of the last note, which is where
        the exercise ends its tracks.

    Returns
    -------
    samples : ndarray of float32, shape (frames,)

    Raises
    ------
    ValueError
        `seconds` is negative or more than half an hour, or `score` is one that `sounding_notes` refuses.
    OSError
        The file cannot be written.
    """
    if seconds is None:
        seconds = score.seconds(score.end + score.ticks_per_quarter)
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"seconds is {seconds:g}, expected 0 to {MAX_SECONDS}: too long to render")
    sounding_notes(score)  # refuses what no renderer can play
    samples = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    tick = math.ceil(60_000 / _BEATS_A_MINUTE / score.ticks_per_quarter)
    for note in (note for part in score.parts for note in part.notes):
        _overlay(samples, note, tick)
    np.clip(samples, -1.0, 1.0, out=samples)
    if path is not None:
        write_wav(samples, path, SAMPLE_RATE)
    return samples


def _overlay(samples: npt.NDArray[np.float32], note: Note, tick: int) -> None:
    """Add a note to `samples`; `tick` is the milliseconds that a tick counts."""
    start = _frames(note.onset * tick)
    whole = _frames((note.release - note.onset) * tick - _SHORTENED)
    length = min(whole, samples.size - start)
    if length <= 0:
        return
    frame = np.arange(length)
    tone = _GAIN * np.sin(2 * np.pi * _CONCERT_PITCH * 2 ** ((note.pitch - 69) / 12) / SAMPLE_RATE * frame)
    tone *= np.clip((whole - frame) / min(_frames(_FADE_OUT), whole), 0, 1)
    tone *= np.clip(frame / min(_frames(_FADE_IN), whole), 0, 1)
    samples[start : start + length] += tone.astype(np.float32)


def _frames(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE // 1000
