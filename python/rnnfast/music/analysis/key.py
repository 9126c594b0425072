"""The key of a score: what its file says, or what its notes do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnfast.music.score import Score

# How well each pitch class fits a key, tonic first, as listeners rated it: Krumhansl and Kessler, "Tracing
# the Dynamic Changes in Perceived Tonal Organization" (1982).
_MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)

_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
_MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)

_LINE_OF_FIFTHS = (
    "Gb",
    "Db",
    "Ab",
    "Eb",
    "Bb",
    "F",
    "C",
    "G",
    "D",
    "A",
    "E",
    "B",
    "F#",
    "C#",
    "G#",
    "D#",
    "A#",
)
_C = _LINE_OF_FIFTHS.index("C")

_DOUBT = 0.2
"""A written "C", which programs write unasked, is doubted where another key correlates so much better."""


@dataclass(frozen=True, slots=True)
class Key:
    """A major or minor key.

    Attributes
    ----------
    tonic : int
        Pitch class, 0 to 11.
    mode : str
        "major" or "minor".
    source : str
        "file" where a key signature says so, "notes" where it was found by ear.

    Examples
    --------
    >>> str(Key(10, "minor")), Key(8, "major").spell(1), Key(4, "major").spell(1)
    ('Bb minor', 'Db', 'C#')
    """

    tonic: int
    mode: Literal["major", "minor"]
    source: Literal["file", "notes"] = "notes"

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes of the key (natural minor), tonic first."""
        steps = _MAJOR_SCALE if self.mode == "major" else _MINOR_SCALE
        return tuple((self.tonic + step) % 12 for step in steps)

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the key signature, -5 to 6."""
        major = self.tonic if self.mode == "major" else self.tonic + 3
        return (7 * major + 5) % 12 - 5

    def spell(self, pitch_class: int) -> str:
        """Return the name that a chord on a pitch class has in this key: "Ab" in Eb major, "G#" in E major.

        Names run from the key's flattened second to its raised fourth along the line of fifths, never with
        double or needless accidentals (Cb, E#).
        """
        lowest = self.fifths - 5
        place = lowest + (7 * pitch_class - lowest) % 12 + _C
        return _LINE_OF_FIFTHS[
            place + 12 if place < 0 else place - 12 if place >= len(_LINE_OF_FIFTHS) else place
        ]

    def __str__(self) -> str:
        return f"{self.spell(self.tonic)} {self.mode}"


def find_key(score: Score) -> Key:
    """Return the key of a score.

    The first key signature counts; "C" only where the notes do not clearly contradict, since most programs
    write it into every file. Without one, the key is that whose profile correlates best with the time for
    which each pitch class sounds (Krumhansl and Schmuckler).

    Parameters
    ----------
    score : Score
        Percussion is not listened to. Without notes the key is C major.

    Returns
    -------
    key : Key

    Examples
    --------
    >>> from rnnfast.music.score import Note, Part, Score
    >>> scale = tuple(Note(480 * i, 480 * i + 480, p) for i, p in enumerate((62, 64, 66, 67, 69, 71, 73, 74)))
    >>> str(find_key(Score(480, (Part(0, 0, "", None, scale),))))
    'D major'
    """
    correlations = _correlate(_sounding_time(score))
    best = int(np.argmax(correlations))
    found = Key(best % 12, "major" if best < 12 else "minor")
    written = _parse(score.keys[0][1]) if score.keys else None
    if written is None:
        return found
    if written.fifths == 0 and correlations[best] > _DOUBT + max(correlations[0], correlations[12 + 9]):
        return found
    return written


def _parse(name: str) -> Key | None:
    """Read a key as MIDI files name it, "G" or "Bbm"; None for anything else."""
    match = re.fullmatch(r"([A-G])([#b]?)(m?)", name)
    if not match:
        return None
    letter, accidental, minor = match.groups()
    tonic = _LINE_OF_FIFTHS.index(letter) - _C
    tonic += {"#": 7, "b": -7, "": 0}[accidental]
    return Key(7 * tonic % 12, "minor" if minor else "major", "file")


def _sounding_time(score: Score) -> npt.NDArray[np.float64]:
    """Add up, per pitch class, the ticks for which pitched notes sound."""
    time = np.zeros(12)
    for part in score.parts:
        if not part.is_drums:
            for note in part.notes:
                time[note.pitch % 12] += max(0, note.release - note.onset)
    return time


def _correlate(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlate with the 12 major and then the 12 minor profiles; all 0 where no pitch class stands out."""
    deviation = time - time.mean()
    norm = float(np.linalg.norm(deviation))
    if norm == 0:
        return np.zeros(24)
    profiles = np.array(
        [np.roll(profile, tonic) for profile in (_MAJOR_PROFILE, _MINOR_PROFILE) for tonic in range(12)]
    )
    profiles -= profiles.mean(axis=1, keepdims=True)
    return np.asarray(profiles @ deviation / (np.linalg.norm(profiles, axis=1) * norm))
