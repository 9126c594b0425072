"""Playing a score with a SoundFont's recorded instruments, through the library symusic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnfast.music.sound.sounding import Sounding
from rnnfast.music.sound.timbres import Samples

if TYPE_CHECKING:
    from symusic.core import ScoreSecond

_QUALITY = 4  # of symusic's interpolation, 0 to 6
_TICKS_PER_QUARTER = 480  # symusic wants to know, though all times are seconds


def render_soundfont(
    notes: Sounding, soundfont: str | os.PathLike[str], frames: int, sample_rate: int
) -> Samples:
    """Render notes with a SoundFont, as loud as they come.

    Parameters
    ----------
    notes : Sounding
        What to play.
    soundfont : path-like
        An .sf2 or .sf3 file.
    frames : int
        How many to return: longer sound is cut, shorter is followed by silence.
    sample_rate : int
        Frames a second.

    Returns
    -------
    mix : ndarray of float32, shape (2, frames)

    Raises
    ------
    ModuleNotFoundError
        symusic is not installed; the message names the extra that brings it.
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not a SoundFont, or has none of the instruments that the score asks for.
    """
    try:
        from symusic.core import Synthesizer
    except ModuleNotFoundError as error:
        message = f"a SoundFont needs symusic ({error}): pip install 'rnnfast[soundfont]'"
        raise ModuleNotFoundError(message, name=error.name) from error
    if not Path(soundfont).is_file():
        raise FileNotFoundError(f"soundfont {str(soundfont)!r} is not a file")
    try:
        synthesizer = Synthesizer(str(soundfont), sample_rate, _QUALITY)
    except (RuntimeError, ValueError, OSError) as error:
        raise ValueError(f"soundfont {str(soundfont)!r} cannot be read: {error}") from error
    mix = np.zeros((2, frames), dtype=np.float32)
    if not notes.velocity.any():
        return mix  # symusic refuses a score without notes
    sound = np.asarray(synthesizer.render(_as_symusic(notes), stereo=True))
    kept = min(frames, sound.shape[1])
    mix[:, :kept] = sound[:, :kept]
    if not mix.any():
        programs = sorted(set(notes.program.tolist()))
        raise ValueError(
            f"soundfont {str(soundfont)!r} stays silent: it has no instrument for the General MIDI "
            f"programs {programs} that the score asks for"
        )
    return mix


def _as_symusic(notes: Sounding) -> ScoreSecond:
    """Copy the notes: one track a part, and one more for a part's drums."""
    from symusic.core import NoteSecond, ScoreSecond, TrackSecond

    score = ScoreSecond(_TICKS_PER_QUARTER)
    for part in np.unique(notes.part):
        for drum in (False, True):
            members = np.flatnonzero((notes.part == part) & (notes.drum == drum) & (notes.velocity > 0))
            if not members.size:
                continue
            track = TrackSecond("", int(notes.program[members[0]]), drum)
            for i in members:
                start, seconds = float(notes.start[i]), float(notes.end[i] - notes.start[i])
                pitch, velocity = int(notes.pitch[i]), int(notes.velocity[i])
                track.notes.append(NoteSecond(start, seconds, pitch, velocity))
            score.tracks.append(track)
    return score
