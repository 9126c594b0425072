"""The tune that comes with the package, and the notation it is written in.

``forget_gate_blues.txt`` is the source, ``forget_gate_blues.mid`` is made from it by
``python -m rnnfast.music.tunes``.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from rnnfast.music.midi import write_midi
from rnnfast.music.tunes.notation import NotationError, parse_tune
from rnnfast.music.tunes.performance import perform

__all__ = ["NotationError", "bundled_tune", "make_midi", "parse_tune", "perform"]


def bundled_tune() -> Path:
    """Path of the MIDI file that comes with the package: "Forget Gate Blues", 64 bars of jazz blues in F.

    Returns
    -------
    Path
        A file to read, not to change.

    Examples
    --------
    >>> bundled_tune().name
    'forget_gate_blues.mid'
    """
    return Path(str(resources.files(__name__) / "forget_gate_blues.mid"))


def make_midi(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Turn a tune's text into a MIDI file; the same text gives the same bytes.

    Parameters
    ----------
    source : path-like
        The text, UTF-8; ``forget_gate_blues.txt`` explains the notation.
    path : path-like
        The MIDI file to write.

    Raises
    ------
    NotationError
        Where the text breaks the notation; nothing is written then.
    OSError
        Where the text cannot be read or the file cannot be written.
    """
    try:
        text = Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NotationError(f"source {str(source)!r} is not UTF-8 text: {error}") from None
    write_midi(perform(parse_tune(text)), path)
