"""What the built-in synthesiser's instruments sound like: a timbre for each General MIDI family, and drums.

A tone is a sum of harmonic partials, none of them at or above half the sample rate, so that nothing aliases.
Struck and plucked strings fade, the high partials first; blown and bowed tones hold, with a slight vibrato.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_HELD = float("inf")
_INAUDIBLE = np.log(3e-4)  # -70 dB, where a fading tone is cut
_VIBRATO_CYCLES = 5  # a loop of about a second: about 5 Hz


@dataclass(frozen=True)
class Timbre:
    """An instrument's tone.

    Attributes
    ----------
    partials : tuple of float
        Strengths of the harmonics 1, 2, 3 ... of the pitch.
    decay : float
        Seconds in which middle C falls to 1/e; infinite for a tone that holds.
    damping : float
        How much faster each higher partial falls, in decays of the first.
    attack, release : float
        Seconds of the rise, and of the fall after the note's end.
    vibrato : float
        Cents up and down; only tones that hold have one.
    gain : float
        Loudness beside the others.
    """

    partials: tuple[float, ...]
    decay: float = _HELD
    damping: float = 0.0
    attack: float = 0.02
    release: float = 0.08
    vibrato: float = 0.0
    gain: float = 1.0

    @property
    def is_held(self) -> bool:
        """Whether the tone lasts as long as its note."""
        return self.decay == _HELD


_PIANO = Timbre((1, 0.45, 0.3, 0.18, 0.12, 0.08, 0.05, 0.03), 0.9, 0.35, attack=0.003, release=0.09)
_BELL = Timbre((1, 0, 0, 0.35, 0, 0, 0, 0, 0, 0.12), 0.8, 0.4, attack=0.002, release=0.25)
_ORGAN = Timbre((1, 0.7, 0.45, 0.35, 0, 0.2, 0, 0.15), attack=0.008, release=0.04, gain=0.7)
_GUITAR = Timbre((1, 0.85, 0.6, 0.35, 0.1, 0.25, 0.2, 0.1), 0.5, 0.3, attack=0.002, release=0.06)
_BASS = Timbre((1, 0.6, 0.3, 0.14, 0.06), 0.55, 0.6, attack=0.005, release=0.06, gain=1.2)
_STRINGS = Timbre(
    (1, 0.5, 0.33, 0.25, 0.2, 0.16, 0.12, 0.08, 0.05), attack=0.06, release=0.18, vibrato=6, gain=0.8
)
_BRASS = Timbre((1, 0.9, 0.75, 0.6, 0.42, 0.3, 0.2, 0.12, 0.06), attack=0.03, release=0.06, vibrato=3)
_REED = Timbre((1, 0.7, 0.6, 0.45, 0.28, 0.2, 0.14, 0.1, 0.06), attack=0.018, release=0.05, vibrato=5)
_PIPE = Timbre((1, 0.35, 0.12, 0.05), attack=0.035, release=0.07, vibrato=6)
_LEAD = Timbre((1, 0, 0.33, 0, 0.2, 0, 0.14, 0, 0.1), attack=0.008, release=0.06, gain=0.8)
_PAD = Timbre((1, 0.4, 0.25, 0.12, 0.06), attack=0.15, release=0.3, vibrato=4, gain=0.8)
_BLOCK = Timbre((1, 0.5, 0.4, 0.2), 0.08, 0.6, attack=0.001, release=0.05)

_FAMILIES = (
    _PIANO,
    _BELL,  # chromatic percussion
    _ORGAN,
    _GUITAR,
    _BASS,
    _STRINGS,
    _STRINGS,  # ensembles and choirs
    _BRASS,
    _REED,
    _PIPE,
    _LEAD,
    _PAD,
    _PAD,  # synthesiser effects
    _GUITAR,  # plucked instruments of the world
    _BLOCK,  # percussive
    _PAD,  # sound effects
)

_DEFAULT_DRUM = (1_000.0, 6_000.0, 0.04)
_DRUMS = {  # General MIDI key -> lowest and highest Hz of the noise, seconds to 1/e
    **dict.fromkeys((35, 36), (30.0, 110.0, 0.09)),  # bass drums
    **dict.fromkeys((38, 40), (180.0, 7_000.0, 0.07)),  # snares
    **dict.fromkeys((37, 39), (800.0, 5_000.0, 0.03)),  # side stick, clap
    **dict.fromkeys((41, 43, 45, 47, 48, 50), (70.0, 300.0, 0.12)),  # toms
    **dict.fromkeys((42, 44), (6_000.0, 15_000.0, 0.025)),  # closed hi-hats
    46: (6_000.0, 15_000.0, 0.18),  # open hi-hat
    **dict.fromkeys((51, 53, 59), (5_000.0, 14_000.0, 0.25)),  # rides
    **dict.fromkeys((49, 52, 55, 57), (3_000.0, 14_000.0, 0.4)),  # crashes
}


def timbre_of(program: int) -> Timbre:
    """Timbre of a General MIDI program, 0 to 127: one a family of eight."""
    return _FAMILIES[program // 8]


def frequency_of(pitch: int) -> float:
    """Hz of a MIDI pitch in equal temperament, A4 = 440.

    Examples
    --------
    >>> frequency_of(69), round(frequency_of(60), 2)
    (440.0, 261.63)
    """
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def source_tone(timbre: Timbre, pitch: int, frames: int, sample_rate: int) -> Samples:
    """Make the tone that all notes of one pitch are cut from, by `play`.

    Parameters
    ----------
    timbre : Timbre
        The instrument.
    pitch : int
        MIDI pitch.
    frames : int
        The longest that `play` will be asked for, its release included.
    sample_rate : int
        Frames a second.

    Returns
    -------
    tone : ndarray of float32
        From the attack on and as long as it is audible, `frames` at most; of a tone that holds, a loop.
    """
    if timbre.is_held:
        return _loop(timbre, pitch, sample_rate)
    decay = timbre.decay * 2 ** ((60 - pitch) / 24)
    audible = int(-_INAUDIBLE * decay * sample_rate) + 1
    time = np.arange(min(frames, audible)) / sample_rate
    partials = _partials(timbre, frequency_of(pitch), sample_rate)
    fade = np.exp(-time / decay).astype(np.float32)
    faster = np.exp(-time * timbre.damping / decay).astype(np.float32)
    return _ring(2 * np.pi * frequency_of(pitch) * time, partials, fade, faster)


def play(source: Samples, timbre: Timbre, frames: int, sample_rate: int) -> Samples:
    """Cut a note of `frames` out of its source, with its rise, and its fall after the end; a copy."""
    rise, fall = max(int(timbre.attack * sample_rate), 1), max(int(timbre.release * sample_rate), 1)
    length = frames + fall
    note = np.resize(source, length) if timbre.is_held else source[:length].copy()
    head, tail = note[:rise], note[frames:]
    head *= half_cosine(rise)[: head.size]
    tail *= half_cosine(fall)[::-1][: tail.size]
    return note


def drum_hit(key: int, sample_rate: int) -> Samples:
    """Make the burst of noise for a percussion key; its length does not depend on the note's."""
    low, high, decay = _DRUMS.get(key, _DEFAULT_DRUM)
    frames = int(-_INAUDIBLE * decay * sample_rate) + 1
    noise = np.random.default_rng(key).standard_normal(frames)
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(frames, 1 / sample_rate)
    spectrum[(hertz < low) | (hertz > high)] = 0
    burst = np.fft.irfft(spectrum, frames) * np.exp(-np.arange(frames) / (decay * sample_rate))
    rise = int(0.001 * sample_rate) + 1
    burst[:rise] *= half_cosine(rise)
    peak = np.max(np.abs(burst))
    return np.asarray(burst / peak if peak else burst, dtype=np.float32)


def _partials(timbre: Timbre, frequency: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Strengths of the partials below half the sample rate; the full set sums to the timbre's gain."""
    strengths = np.array(timbre.partials, dtype=np.float32) * (timbre.gain / sum(timbre.partials))
    return strengths[: max(int(np.ceil(sample_rate / 2 / frequency)) - 1, 0)]


def _loop(timbre: Timbre, pitch: int, sample_rate: int) -> Samples:
    """About one second that joins its own beginning: whole periods of the tone and of its vibrato."""
    frequency = frequency_of(pitch)
    cycles = max(round(frequency), 1)
    frames = round(cycles * sample_rate / frequency)
    turn = np.arange(frames) / frames
    deviation = frequency * (2 ** (timbre.vibrato / 1200) - 1)
    wobble = deviation / _VIBRATO_CYCLES * np.sin(2 * np.pi * _VIBRATO_CYCLES * turn)
    sharpest = frequency + deviation
    ones = np.ones(turn.size, dtype=np.float32)
    return _ring(2 * np.pi * cycles * turn + wobble, _partials(timbre, sharpest, sample_rate), ones, ones)


def _ring(phase: npt.NDArray[np.float64], partials: Samples, fade: Samples, faster: Samples) -> Samples:
    """Sum the partials: each is the one before, turned once more by `phase`, faded once more by `faster`."""
    turn = (np.cos(phase) + 1j * np.sin(phase)).astype(np.complex64)
    partial = turn * fade
    tone = np.zeros(phase.size, dtype=np.float32)
    for strength in partials:
        tone += strength * partial.imag
        partial *= turn
        partial *= faster
    return tone


def half_cosine(frames: int) -> Samples:
    """Rise from 0 to 1 with level ends."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / frames), dtype=np.float32)
