"""Sound: a score becomes samples and a WAV file, by a small additive synthesiser or by a SoundFont."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rnnfast.music.score import Score
from rnnfast.music.sound.soundfont import render_soundfont
from rnnfast.music.sound.sounding import Sounding, sounding_notes
from rnnfast.music.sound.timbres import Samples, drum_hit, half_cosine, play, source_tone, timbre_of
from rnnfast.music.sound.wav import write_wav

PEAK = 10 ** (-1 / 20)
"""The loudest sample of anything that sounds: -1 dB of full scale."""

TAIL = 1.5
"""Seconds after the last note's end, for it to fade."""

_FADE_OUT = 0.5  # seconds of the tail
_DRUM_GAIN = 0.5
_SHORTEST = 0.03  # seconds; a shorter note would be a click
_BASS_FAMILY = 4
_PLACES = (0.0, 0.35, -0.35, 0.2, -0.2, 0.5, -0.5)  # of the parts, from left (-1) to right (1)


def render(
    score: Score,
    path: str | os.PathLike[str] | None = None,
    *,
    sample_rate: int = 44_100,
    soundfont: str | os.PathLike[str] | None = None,
) -> Samples:
    """Turn a score into sound, at its own tempo, A4 = 440 Hz.

    Each part sounds like its General MIDI family, drums like drums; loudness follows velocity. However many
    notes sound at once, the loudest sample is 1 dB below full scale: nothing clips, silence stays silence.

    Parameters
    ----------
    score : Score
        What to play.
    path : path-like, optional
        A WAV file to write, 16 bits, stereo.
    sample_rate : int, default 44100
        Frames a second, 8000 to 96000.
    soundfont : path-like, optional
        A SoundFont (.sf2 or .sf3) to play with instead of the built-in instruments; needs the extra
        ``soundfont``.

    Returns
    -------
    samples : ndarray of float32, shape (frames, 2)
        Left and right. It lasts to the end of the last note and `TAIL` seconds more.

    Raises
    ------
    ValueError
        The music is too long to render, or the SoundFont cannot be read or has none of the instruments.
    ModuleNotFoundError
        A SoundFont is asked for and the extra is not installed; the message names it.
    OSError
        A file cannot be read or written.

    Examples
    --------
    >>> from rnnfast.music.score import Note, Part, Score
    >>> score = Score(480, (Part(0, 0, "Sax", 65, (Note(0, 480, 69),)),))
    >>> samples = render(score)
    >>> samples.shape, round(float(abs(samples).max()), 3)
    ((88200, 2), 0.891)
    """
    if not 8_000 <= sample_rate <= 96_000:
        raise ValueError(f"sample_rate is {sample_rate}, expected 8000 to 96000 frames a second")
    notes = sounding_notes(score)
    frames = round((notes.seconds + TAIL) * sample_rate)
    if soundfont is None:
        mix = _mix(notes, frames, sample_rate)
    else:
        mix = render_soundfont(notes, soundfont, frames, sample_rate)
    _fade_out(mix, sample_rate)
    _normalise(mix)
    samples = mix.T
    if path is not None:
        write_wav(samples, path, sample_rate)
    return samples


def _fade_out(mix: Samples, sample_rate: int) -> None:
    """Fade what still rings at the very end (a cymbal, say), in place."""
    fade = round(_FADE_OUT * sample_rate)
    mix[:, -fade:] *= half_cosine(fade)[::-1]


def _normalise(mix: Samples) -> None:
    """Bring the loudest sample of `mix` to `PEAK`, in place."""
    peak = max(float(mix.max(initial=0.0)), -float(mix.min(initial=0.0)))
    if peak > 0:
        mix *= PEAK / peak


def _mix(notes: Sounding, frames: int, sample_rate: int) -> Samples:
    """Add up all notes, pitch by pitch, so that only one source is in memory at a time; shape (2, frames)."""
    mix = np.zeros((2, frames), dtype=np.float32)
    start = np.rint(notes.start * sample_rate).astype(np.int64)
    length = np.rint(np.maximum(notes.end - notes.start, _SHORTEST) * sample_rate).astype(np.int64)
    loudness = (notes.velocity / 127.0) ** 2
    sides = np.array([_sides(part) for part in range(int(notes.part.max(initial=0)) + 1)])
    for members in _by_source(notes):
        strike = _striker(notes, members[0], int(length[members].max()), sample_rate)
        for i in members:
            centred = notes.drum[i] or notes.program[i] // 8 == _BASS_FAMILY
            gains = loudness[i] * (sides[0] if centred else sides[notes.part[i]])
            _add(mix, strike(int(length[i])), int(start[i]), gains)
    return mix


def _by_source(notes: Sounding) -> list[npt.NDArray[np.int64]]:
    """Group the notes, as indices, that are cut from the same source: a family's pitch, or a drum."""
    family = np.where(notes.drum, -1, notes.program // 8)
    order = np.lexsort((notes.pitch, family))
    changes = np.flatnonzero((np.diff(family[order]) != 0) | (np.diff(notes.pitch[order]) != 0)) + 1
    return [group for group in np.split(order, changes) if group.size]


def _striker(notes: Sounding, i: int, longest: int, sample_rate: int) -> Callable[[int], Samples]:
    """Prepare the source of note `i`; what is returned makes notes of so many frames, up to `longest`."""
    pitch = int(notes.pitch[i])
    if notes.drum[i]:
        hit = _DRUM_GAIN * drum_hit(pitch, sample_rate)
        return lambda frames: hit
    timbre = timbre_of(int(notes.program[i]))
    source = source_tone(timbre, pitch, longest + round(timbre.release * sample_rate), sample_rate)
    return lambda frames: play(source, timbre, frames, sample_rate)


def _sides(part: int) -> tuple[float, float]:
    """Gains of left and right for a part's place, of equal power everywhere."""
    angle = (_PLACES[part % len(_PLACES)] + 1) * np.pi / 4
    return float(np.cos(angle)), float(np.sin(angle))


def _add(mix: Samples, note: Samples, start: int, gains: npt.NDArray[np.float64]) -> None:
    """Add `note` to both sides from frame `start` on; what hangs over the end is cut."""
    end = min(start + note.size, mix.shape[1])
    for side, gain in zip(mix, gains, strict=True):
        side[start:end] += np.float32(gain) * note[: end - start]
