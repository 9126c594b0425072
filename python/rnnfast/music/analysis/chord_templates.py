"""The chords that can be recognised, and how well each explains what sounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "m7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "aug": (0, 4, 8),
    "7#5": (0, 4, 8, 10),
    "mMaj7": (0, 3, 7, 11),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
}
"""What follows the root in a symbol, and the chord's notes in semitones above the root."""

# Notes that colour a chord without changing it (ninths, elevenths, thirteenths), semitones above the root.
_TENSIONS: dict[str, tuple[int, ...]] = {
    "": (2,),
    "m": (2, 5),
    "7": (1, 2, 3, 6, 9),
    "maj7": (2, 6, 9),
    "m7": (2, 5, 9),
    "6": (2,),
    "m6": (2,),
    "m7b5": (2, 5),
    "7sus4": (2, 9),
}
# Rarer chords must fit better, by these shares of the sounding weight.
_RARITY: dict[str, float] = {
    "": 0.0,
    "m": 0.0,
    "7": 0.03,
    "maj7": 0.1,
    "m7": 0.04,
    "6": 0.15,
    "m6": 0.15,
    "m7b5": 0.06,
    "dim": 0.06,
    "dim7": 0.06,
    "aug": 0.08,
    "7#5": 0.22,
    "mMaj7": 0.22,
    "sus4": 0.12,
    "7sus4": 0.12,
}

_TONE_GAIN, _TENSION_COST, _FOREIGN_COST = 1.0, 0.4, 1.0
_MISSING_COST, _MISSING_FIFTH_COST = 0.15, 0.05
_MISSING_BELOW = 0.08
"""A chord tone with less of the sounding weight than this counts as missing."""

_BASS_ROOT, _BASS_TONE = 0.2, 0.05
_IN_KEY = 0.1

Floats = npt.NDArray[np.float64]


def _lay_out() -> tuple[list[tuple[int, str]], Floats, Floats]:
    """Return names, and per pitch class the gain a unit of weight and the cost if missing: (chords, 12)."""
    names = [(root, quality) for quality in QUALITIES for root in range(12)]
    gain = np.full((len(names), 12), -_FOREIGN_COST)
    missing = np.zeros((len(names), 12))
    for row, (root, quality) in enumerate(names):
        gain[row, [(root + step) % 12 for step in _TENSIONS.get(quality, ())]] = -_TENSION_COST
        for step in QUALITIES[quality]:
            gain[row, (root + step) % 12] = _TONE_GAIN
            missing[row, (root + step) % 12] = _MISSING_FIFTH_COST if step == 7 else _MISSING_COST
    return names, gain, missing


CHORDS, _GAIN, _MISSING = _lay_out()
"""Every (root pitch class, quality); a chord's index in it is its index in the scores."""

_IS_TONE = _GAIN == _TONE_GAIN
_RARITIES = np.array([_RARITY[quality] for _, quality in CHORDS])
_ROOTS = np.array([root for root, _ in CHORDS])


def score_chords(weights: Floats, scale: tuple[int, ...], basses: tuple[int, ...] = ()) -> Floats:
    """Score every chord by how well it explains what sounds.

    The share of the sounding weight on the chord's notes counts for it, that beside them against it,
    tensions less; missing notes, above all other than the fifth, and rare chords cost something; being in
    the key and having its root in the bass helps.

    Parameters
    ----------
    weights : ndarray, float64 (12,)
        Weight of each pitch class, not all zero.
    scale : tuple of int
        Pitch classes of the key.
    basses : tuple of int
        Pitches heard as the bass.

    Returns
    -------
    scores : ndarray, float64 (chords,)
        In the order of `CHORDS`; 1 is about a perfect fit.

    Examples
    --------
    >>> weights = np.zeros(12)
    >>> weights[[7, 11, 2, 5]] = 1
    >>> CHORDS[int(score_chords(weights, (0, 2, 4, 5, 7, 9, 11)).argmax())]
    (7, '7')
    """
    share = weights / weights.sum()
    scores = _GAIN @ share - _MISSING @ (share < _MISSING_BELOW) - _RARITIES
    scores += _IN_KEY * _IS_TONE[:, list(scale)].sum(axis=1) / _IS_TONE.sum(axis=1)
    for bass in basses:
        scores += np.where(bass % 12 == _ROOTS, _BASS_ROOT, _BASS_TONE * _IS_TONE[:, bass % 12])
    return np.asarray(scores)
