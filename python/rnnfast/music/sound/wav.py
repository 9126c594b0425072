"""Writing samples as a WAV file: 16 bits, as every player reads."""

from __future__ import annotations

import os
import wave
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast._files import atomic_write

_FULL_SCALE = 32_767
_FRAMES_AT_ONCE = 1 << 18
_MAX_BYTES = 2**32 - 64  # the format counts its bytes in 32 bits


def write_wav(samples: npt.NDArray[np.floating[Any]], path: str | os.PathLike[str], sample_rate: int) -> None:
    """Write samples as 16-bit PCM.

    Parameters
    ----------
    samples : ndarray of float, shape (frames,) or (frames, channels)
        From -1 to 1; read, not changed.
    path : path-like
        Replaced only once the new file is complete.
    sample_rate : int
        Frames a second.

    Raises
    ------
    ValueError
        A sample is not a number or beyond full scale (nothing is clipped silently), or the shape is wrong.
    OSError
        The file cannot be written.
    """
    if samples.ndim not in (1, 2):
        raise ValueError(f"samples has shape {samples.shape}, expected (frames,) or (frames, channels)")
    frames, channels = samples.shape[0], 1 if samples.ndim == 1 else samples.shape[1]
    if 2 * frames * channels > _MAX_BYTES:
        raise ValueError(f"samples has {frames} frames of {channels} channels, a WAV file holds 4 GiB")
    with atomic_write(path) as file, wave.open(file, "wb") as output:
        output.setnchannels(channels)
        output.setsampwidth(2)
        output.setframerate(sample_rate)
        output.setnframes(frames)
        for start in range(0, frames, _FRAMES_AT_ONCE):
            output.writeframesraw(_to_int16(samples[start : start + _FRAMES_AT_ONCE]))


def _to_int16(samples: npt.NDArray[np.floating[Any]]) -> bytes:
    peak = np.max(np.abs(samples), initial=0.0)
    if not peak <= 1.0:  # also where it is NaN
        raise ValueError(f"samples reach {peak}, expected numbers from -1 to 1: a WAV file would clip them")
    return bytes(np.rint(samples * _FULL_SCALE).astype("<i2").data)
