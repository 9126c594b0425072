"""Recognising an incomplete first bar by the notes alone: it shifts all bar lines, and no file says so."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rnnfast.music.score import Note, Score

# The weights are rounded from a conditional logistic fit to 230 notated pieces (fiddle tunes, chorales,
# quartets) whose pickup is known. The margin keeps a file without clear evidence as it is written: of those with
# a pickup 55 % are found, 3 % get a wrong one and the others none; 85 % of those without one are read so.
_DURATION_WEIGHT = 4.0
_HARMONY_WEIGHT = 5.0
_ENDING_WEIGHT = 1.5
_ENTRY_WEIGHT = 1.0
_LATE_PENALTY = 3.0
_SIXTEENTH_PENALTY = 1.5
_MARGIN = 1.0

_CELLS = 4
"""Grid cells a quarter note: pickups are multiples of a sixteenth."""
_FEWEST_BARS = 4
"""Less music than this shows no meter."""
_BARS_HEARD = 128
"""How much of the piece is listened to: more changes nothing and a hostile file could be endless."""


def pickup_from_notes(score: Score, length: Fraction) -> Fraction:
    """Find the length of the incomplete first bar, in quarter notes, that explains the notes best.

    Every shift of the bar lines by a multiple of a sixteenth note is compared with no shift, by what
    listeners take for a bar line: long notes begin on it; harmony changes at it; the last bar ends in
    full; parts that were silent enter at it. Long pickups (over half a bar) and odd sixteenths need more
    evidence. Durations and harmony say most; see Temperley, "The Cognition of Basic Musical Structures"
    (2001).

    Parameters
    ----------
    score : Score
        Music that begins at tick 0, in one time signature. Percussion is not listened to.
    length : Fraction
        Length of a full bar in quarter notes.

    Returns
    -------
    pickup : Fraction
        0 where no shift is clearly better, or where there are fewer than four bars.
    """
    parts = [[_onset_cell(score, note) for note in part.notes] for part in score.parts if not part.is_drums]
    notes = [note for part in score.parts if not part.is_drums for note in part.notes]
    cells_a_bar = math.floor(length * _CELLS)
    if not notes or Fraction(cells_a_bar, _CELLS) != length or cells_a_bar < 2:
        return Fraction(0)
    if max(note.release for note in notes) < _FEWEST_BARS * length * score.ticks_per_quarter:
        return Fraction(0)
    duration = np.log(_mean_duration(score, notes, cells_a_bar) + 0.1)
    novelty = _harmonic_novelty(score, notes, cells_a_bar)
    ending = max(round(_CELLS * score.quarters(note.release)) for note in notes) % cells_a_bar
    support = _DURATION_WEIGHT * (duration - duration[0]) + _HARMONY_WEIGHT * (novelty - novelty[0])
    for shift in range(1, cells_a_bar):
        support[shift] += _ENDING_WEIGHT * (shift == ending)
        support[shift] += _ENTRY_WEIGHT * sum(min(cells) == shift for cells in parts) / len(parts)
        support[shift] -= _LATE_PENALTY * (2 * shift > cells_a_bar) + _SIXTEENTH_PENALTY * (shift % 2)
    best = int(np.argmax(support))
    return Fraction(best, _CELLS) if support[best] > _MARGIN else Fraction(0)


def _onset_cell(score: Score, note: Note) -> int:
    return round(_CELLS * score.quarters(note.onset))


def _mean_duration(score: Score, notes: list[Note], cells_a_bar: int) -> npt.NDArray[np.float64]:
    """Average over the bars, per position, the length in quarters of the longest note that begins there."""
    longest: dict[int, float] = defaultdict(float)
    for note in notes:
        cell = _onset_cell(score, note)
        longest[cell] = max(longest[cell], float(score.quarters(note.release - note.onset)))
    total = np.zeros(cells_a_bar)
    for cell, quarters in longest.items():
        total[cell % cells_a_bar] += min(quarters, cells_a_bar / _CELLS)
    return total / max(1.0, (max(longest) + 1) / cells_a_bar)


def _harmonic_novelty(score: Score, notes: list[Note], cells_a_bar: int) -> npt.NDArray[np.float64]:
    """Average over the bars, per position, how unlike (1 - cosine) the half bars before and after it are."""
    cells = cells_a_bar * _BARS_HEARD
    chroma = np.zeros((cells + 1, 12))
    for note in notes:
        first = _onset_cell(score, note)
        last = max(first + 1, round(_CELLS * score.quarters(note.release)))
        chroma[min(first, cells) + 1 : min(last, cells) + 1, note.pitch % 12] += 1
    heard = np.cumsum(chroma, axis=0)
    half = max(1, cells_a_bar // 2)
    middle = np.arange(half, cells - half)
    before, after = heard[middle] - heard[middle - half], heard[middle + half] - heard[middle]
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.divide(
        norms - np.sum(before * after, axis=1), norms, out=np.zeros_like(norms), where=norms > 0
    )
    positions, sounding = middle % cells_a_bar, norms > 0
    totals = np.bincount(positions, weights=change, minlength=cells_a_bar)
    counts = np.bincount(positions[sounding], minlength=cells_a_bar)
    return np.asarray(totals / np.maximum(counts, 1))
