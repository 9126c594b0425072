"""Piano rolls: notes over time, wrapped into lines of bars as a score is, with chord symbols above them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from rnnfast.music.analysis.meter import Bar, find_bars
from rnnfast.music.roll_figure import METADATA, Layer, PlotNote, Roll, save_roll
from rnnfast.music.score import Score

KIND_NAMES = {"C": "chord tone", "S": "scale tone", "A": "approach tone", "X": "other"}
"""What the letters of `piano_roll`'s `kinds` mean; the legend shows these words."""

MAX_BARS = 1024
"""The longest music that `piano_roll` draws; a picture of more could hardly be opened."""

_KIND_COLOURS = {"C": "#235789", "S": "#4fa3a5", "A": "#e9a23b", "X": "#c1443c"}
_PART_COLOURS = ("#235789", "#b0bac8", "#8a6f9e", "#4fa3a5", "#e9a23b", "#c1443c", "#6b8f4e", "#7d7468")
_ACCOMPANIMENT_COLOUR = "#ccd3dd"


def piano_roll(
    music: Score | Sequence[PlotNote],
    path: str | os.PathLike[str],
    *,
    kinds: Sequence[str] | None = None,
    accompaniment: Sequence[PlotNote] = (),
    chords: Sequence[tuple[Fraction | float, str]] = (),
    bars: Sequence[Bar] | None = None,
    bars_per_row: int = 8,
    title: str | None = None,
) -> None:
    """Draw notes as a piano roll. The same input gives the same bytes.

    Parameters
    ----------
    music : Score or sequence of (onset, length, pitch)
        What to draw. Of a `Score` every part but drums gets a colour and a place in the legend. Of bare
        notes, onset and length are quarter notes and pitch is MIDI's.
    path : path-like
        The picture; its suffix chooses the format: .png, .svg or .pdf.
    kinds : sequence of str, optional
        One letter for each bare note, a key of `KIND_NAMES`: chord tone, scale tone, approach tone or other.
    accompaniment : sequence of (onset, length, pitch), optional
        Drawn pale, behind.
    chords : sequence of (onset, text), optional
        Chord symbols, onsets in quarter notes.
    bars : sequence of Bar, optional
        By default a score's own bars, and 4/4 for bare notes.
    bars_per_row : int, default 8
        Where to wrap.
    title : str, optional
        By default a score's own name.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed; the message names the extra that brings it.
    ValueError
        There is nothing to draw, or too much of it (`MAX_BARS`), or an argument is out of range.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "roll.png"
    ...     piano_roll([(0, 2, 60), (2, 2, 64)], path, kinds="CS", chords=[(0, "C")])
    ...     path.read_bytes()[1:4]
    b'PNG'
    """
    picture_format = _picture_format(path)
    if isinstance(music, Score):
        if kinds is not None:
            raise ValueError("kinds is for bare notes; a Score is coloured by part")
        layers = _part_layers(music)
        bars = find_bars(music) if bars is None else bars
        title = music.name if title is None else title
    else:
        layers = _kind_layers(_checked(music, "music"), kinds)
    if accompaniment:
        behind = _checked(accompaniment, "accompaniment")
        layers.insert(0, Layer("accompaniment", _ACCOMPANIMENT_COLOUR, behind))
    roll = _plan(layers, chords, bars, bars_per_row, title or "")
    try:
        save_roll(roll, path, picture_format)
    except ModuleNotFoundError as error:
        message = f"a piano roll needs matplotlib ({error}): pip install 'rnnfast[plot]'"
        raise ModuleNotFoundError(message, name=error.name) from error


def _picture_format(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in METADATA:
        raise ValueError(f"path {str(path)!r} ends in {suffix!r}, expected .png, .svg or .pdf")
    return suffix


def _part_layers(score: Score) -> list[Layer]:
    """One layer a part, the first part in front."""
    parts = [part for part in score.parts if not part.is_drums]
    layers = []
    for part, colour in zip(parts, itertools.cycle(_PART_COLOURS), strict=False):
        notes = [
            (score.quarters(note.onset), score.quarters(max(note.release - note.onset, 0)), note.pitch)
            for note in part.notes
        ]
        layers.append(Layer(part.name or f"part {part.number}", colour, notes))
    return layers[::-1]


def _kind_layers(notes: Sequence[PlotNote], kinds: Sequence[str] | None) -> list[Layer]:
    """One layer a kind of note, chord tones in front, or one layer for all."""
    if kinds is None:
        return [Layer("", _KIND_COLOURS["C"], notes)]
    if len(kinds) != len(notes):
        raise ValueError(f"kinds has {len(kinds)} letters for {len(notes)} notes, expected one each")
    by_kind: dict[str, list[PlotNote]] = {kind: [] for kind in reversed(KIND_NAMES)}
    for note, kind in zip(notes, kinds, strict=True):
        if kind not in by_kind:
            raise ValueError(f"kinds has {kind!r}, expected letters of {', '.join(KIND_NAMES)}")
        by_kind[kind].append(note)
    return [Layer(KIND_NAMES[kind], _KIND_COLOURS[kind], its) for kind, its in by_kind.items()]


def _checked(notes: Sequence[PlotNote], name: str) -> Sequence[PlotNote]:
    for onset, length, pitch in notes:
        if not (math.isfinite(onset) and onset >= 0 and math.isfinite(length) and length >= 0):
            raise ValueError(f"{name}: onset {onset}, length {length}, expected finite numbers from 0 on")
        if not 0 <= pitch <= 127:
            raise ValueError(f"{name}: pitch {pitch}, expected MIDI's 0 to 127")
    return notes


def _plan(
    layers: list[Layer],
    chords: Sequence[tuple[Fraction | float, str]],
    bars: Sequence[Bar] | None,
    bars_per_row: int,
    title: str,
) -> Roll:
    layers = [layer for layer in layers if layer.notes]
    if not layers:
        raise ValueError("music has no notes to draw (drums are not drawn)")
    if bars_per_row < 1:
        raise ValueError(f"bars_per_row is {bars_per_row}, expected 1 or more")
    if bars is None:
        bars = _common_time(max(onset + length for layer in layers for onset, length, _ in layer.notes))
    if not 1 <= len(bars) <= MAX_BARS:
        raise ValueError(f"there are {len(bars)} bars to draw, expected 1 to {MAX_BARS}")
    pitches = [pitch for layer in layers for _, _, pitch in layer.notes]
    return Roll(
        layers=layers,
        chords=[(float(onset), text) for onset, text in chords],
        rows=[bars[i : i + bars_per_row] for i in range(0, len(bars), bars_per_row)],
        lowest=min(pitches) - 2,
        highest=max(pitches) + 2,
        title=title,
    )


def _common_time(end: Fraction | float) -> list[Bar]:
    """Lay out bars of 4/4 up to `end`, and no more than it takes to see that there are too many."""
    count = min(max(math.ceil(end / 4), 1), MAX_BARS + 1)
    return [Bar(i + 1, Fraction(4 * i), Fraction(4)) for i in range(count)]
