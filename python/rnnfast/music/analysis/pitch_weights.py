"""How much every pitch class weighs in given spans of time: what chords are recognised from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rnnfast.music.analysis.detect import Arrangement
from rnnfast.music.score import Note

_DOWNBEAT = 1.5
"""A note that begins with its span weighs this much more."""

_SLACK = Fraction(1, 8)
"""Hands are not exact: a note that begins or ends this close to a span's border does so at the border."""

_HELD_SPANS = 16
"""A note is the bass of at most so many spans; without a limit a hostile file could take hours."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpanWeights:
    """What sounds in `S` spans.

    Attributes
    ----------
    weights : ndarray, float64 (S, 12)
        Quarter notes of sound a pitch class, at full velocity.
    is_accompanied : ndarray, bool (S,)
        Whether a note of the accompaniment sounds in the span.
    first_bass, lowest : ndarray, int64 (S,)
        MIDI pitch of the accompaniment's lowest note where the span begins, and in all of it; -1 where none.
    """

    weights: Floats
    is_accompanied: npt.NDArray[np.bool_]
    first_bass: Integers
    lowest: Integers


def weigh_pitches(
    arrangement: Arrangement, spans: Sequence[tuple[Fraction, Fraction]], *, melody_share: float
) -> SpanWeights:
    """Weigh the pitch classes of each span by how long and how loud they sound.

    Parameters
    ----------
    arrangement : Arrangement
        Roles of the parts.
    spans : sequence of (Fraction, Fraction)
        Start and end in quarter notes, ascending, each beginning where the one before it ends.
    melody_share : float
        What a melody note weighs, compared with one of the accompaniment.

    Returns
    -------
    SpanWeights
        New arrays.
    """
    resolution = arrangement.score.ticks_per_quarter
    borders = np.array([float(spans[0][0]), *(float(end) for _, end in spans)])
    backing = _times(arrangement.accompaniment_notes, resolution, borders)
    tune = _times(arrangement.melody_line, resolution, borders)
    accompaniment = _weigh(*backing, borders)
    weights = accompaniment + melody_share * _weigh(*tune, borders)
    onsets, releases, pitches, _ = backing
    slack = float(_SLACK)
    starts = np.searchsorted(borders[:-1], onsets - slack)
    ends = np.searchsorted(borders[:-1], releases - slack)
    first, last = _span_range(onsets, releases, borders)
    return SpanWeights(
        weights,
        accompaniment.sum(axis=1) > 0,
        _lowest(starts, ends, pitches, len(spans)),
        _lowest(first, last + 1, pitches, len(spans)),
    )


def _times(
    notes: Sequence[Note], resolution: int, borders: Floats
) -> tuple[Floats, Floats, Integers, Floats]:
    """Return onsets and releases in quarter notes, pitches, and velocities from 0 to 1, of what is heard."""
    table = np.array([(n.onset, n.release, n.pitch, n.velocity) for n in notes], dtype=np.float64)
    onsets, releases, pitches, velocities = table.reshape(-1, 4).T
    onsets, releases = onsets / resolution, releases / resolution
    heard = (releases > onsets) & (releases > borders[0]) & (onsets < borders[-1])
    return onsets[heard], releases[heard], pitches[heard].astype(np.int64), velocities[heard] / 127


def _span_range(onsets: Floats, releases: Floats, borders: Floats) -> tuple[Integers, Integers]:
    """Return the first and last span in which each note sounds."""
    last_span = len(borders) - 2
    first = np.clip(np.searchsorted(borders, onsets, side="right") - 1, 0, last_span)
    last = np.clip(np.searchsorted(borders, releases, side="left") - 1, first, last_span)
    return first, last


def _weigh(onsets: Floats, releases: Floats, pitches: Integers, loudness: Floats, borders: Floats) -> Floats:
    """Add up loudness times time, span by span; `borders` (S + 1,) are the spans' ends."""
    weights = np.zeros((len(borders) - 1, 12))
    if not len(onsets):
        return weights
    first, last = _span_range(onsets, releases, borders)
    classes = pitches % 12
    nearest = borders[np.clip(np.searchsorted(borders, onsets - float(_SLACK)), 0, len(borders) - 1)]
    accent = np.where(np.abs(nearest - onsets) <= float(_SLACK), _DOWNBEAT, 1.0)
    head = np.maximum(0.0, np.minimum(releases, borders[first + 1]) - np.maximum(onsets, borders[first]))
    np.add.at(weights, (first, classes), loudness * accent * head)
    longer = last > first
    tail = np.maximum(0.0, np.minimum(releases, borders[-1]) - borders[last])
    np.add.at(weights, (last[longer], classes[longer]), (loudness * tail)[longer])
    # Spans that a note fills from end to end: its loudness switches on after the first and off at the last.
    switches = np.zeros((len(borders), 12))
    np.add.at(switches, (first + 1, classes), np.where(longer, loudness, 0.0))
    np.add.at(switches, (last, classes), np.where(longer, -loudness, 0.0))
    filled = np.cumsum(switches, axis=0)[:-1]
    # Adding and removing the same loudness leaves rounding errors, which must not sound.
    return weights + np.where(filled > 1e-9, filled, 0.0) * np.diff(borders)[:, None]


def _lowest(starts: Integers, ends: Integers, pitches: Integers, count: int) -> Integers:
    """Return the lowest pitch per span of the notes that cover spans `starts` to `ends` (exclusive)."""
    lowest = np.full(count, 128, dtype=np.int64)
    for held in range(_HELD_SPANS):
        sounding = (starts + held < ends) & (starts + held < count)
        np.minimum.at(lowest, (starts + held)[sounding], pitches[sounding])
    return np.where(lowest < 128, lowest, -1)
