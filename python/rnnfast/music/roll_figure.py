"""Drawing a piano roll with matplotlib; what is drawn was decided in `rnnfast.music.plot`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnfast._files import atomic_write
from rnnfast.music.analysis.meter import Bar, count_beats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PlotNote = tuple[Fraction | float, Fraction | float, int]
"""(onset, length, MIDI pitch), times in quarter notes."""

METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""The formats that can be written, and what each must leave out for the same roll to give the same bytes."""

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rnnfast",  # element names in an SVG are random otherwise
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
}
_DOTS_PER_INCH = 130

_INK, _FAINT_INK, _BAR_LINE, _BEAT_LINE, _SHADE = "#22262e", "#7b828e", "#aab0ba", "#e6e8ec", "#f5f6f8"
_PITCH_CLASSES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_BLACK_KEYS = (1, 3, 6, 8, 10)

# Inches.
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 13.0, 0.55, 0.25, 0.85, 0.3
_HEADING, _ROW_GAP = 0.28, 0.5
_SEMITONE, _LOWEST_ROW, _HIGHEST_ROW = 0.078, 1.0, 3.6


class Layer(NamedTuple):
    """Notes of one colour, and the words for them in the legend ("" for none)."""

    label: str
    colour: str
    notes: Sequence[PlotNote]


@dataclass(frozen=True)
class Roll:
    """All that is drawn.

    Attributes
    ----------
    layers : list of Layer
        From back to front.
    chords : list of (float, str)
        Chord symbols and where they stand, in quarter notes.
    rows : list of sequences of Bar
        The bars, wrapped.
    lowest, highest : int
        The first and last pitch that have a lane.
    title : str
    """

    layers: list[Layer]
    chords: list[tuple[float, str]]
    rows: list[Sequence[Bar]]
    lowest: int
    highest: int
    title: str


def save_roll(roll: Roll, path: str | os.PathLike[str], picture_format: str) -> None:
    """Draw `roll` and write it as `picture_format`, a key of `METADATA`."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Neither pyplot nor its state: a caller's figures, backend and style stay as they are.
    with style.context(["default", _STYLE]):
        figure = Figure(facecolor="white")
        FigureCanvasAgg(figure)
        _draw(roll, figure)
        with atomic_write(path) as file:
            figure.savefig(file, format=picture_format, dpi=_DOTS_PER_INCH, metadata=METADATA[picture_format])


def _draw(roll: Roll, figure: Figure) -> None:
    row_height = min(max((roll.highest - roll.lowest) * _SEMITONE, _LOWEST_ROW), _HIGHEST_ROW)
    height = _TOP + len(roll.rows) * (row_height + _ROW_GAP) + _BOTTOM
    figure.set_size_inches(_WIDTH, height)
    widest = max(float(row[-1].end - row[0].start) for row in roll.rows)
    for i, row in enumerate(roll.rows):
        width = (_WIDTH - _LEFT - _RIGHT) * float(row[-1].end - row[0].start) / widest
        bottom = height - _TOP - (i + 1) * row_height - i * _ROW_GAP
        box = (_LEFT / _WIDTH, bottom / height, width / _WIDTH, row_height / height)
        _draw_row(roll, row, figure.add_axes(box, facecolor="white"))
    _draw_heading(roll, figure, 1 - _HEADING / height)


def _draw_heading(roll: Roll, figure: Figure, y: float) -> None:
    from matplotlib.patches import Patch

    title = figure.text(_LEFT / _WIDTH, y, roll.title, size=15, weight="bold", color=_INK, va="center")
    title.set_parse_math(False)
    handles = [Patch(color=layer.colour, label=layer.label) for layer in reversed(roll.layers) if layer.label]
    if handles:
        figure.legend(
            handles=handles,
            loc="center right",
            bbox_to_anchor=(1 - _RIGHT / _WIDTH, y),
            ncols=len(handles),
            frameon=False,
            fontsize=9,
            labelcolor=_INK,
            handlelength=1.0,
            handleheight=0.8,
            borderaxespad=0.0,
        )


def _draw_row(roll: Roll, row: Sequence[Bar], axes: Axes) -> None:
    start, end = float(row[0].start), float(row[-1].end)
    axes.set_xlim(start, end)
    axes.set_ylim(roll.lowest - 0.5, roll.highest + 0.5)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(axis="both", length=0, pad=4)
    _draw_lanes(roll, axes)
    _draw_bar_lines(row, axes)
    for depth, layer in enumerate(roll.layers):
        notes = [note for note in layer.notes if note[0] < end and note[0] + note[1] > start]
        _draw_notes(notes, layer.colour, depth, axes)
    for onset, text in roll.chords:
        if start <= onset < end:
            _write_chord(onset, text, axes)


def _draw_lanes(roll: Roll, axes: Axes) -> None:
    """Shade the black keys' lanes and name some pitches on the axis."""
    lanes = range(roll.lowest, roll.highest + 1)
    for pitch in lanes:
        if pitch % 12 in _BLACK_KEYS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color=_SHADE, linewidth=0, zorder=0)
    named = (0, 4, 7) if len(lanes) <= 40 else (0,)
    ticks = [pitch for pitch in lanes if pitch % 12 in named]
    axes.set_yticks(ticks, [pitch_name(pitch) for pitch in ticks], size=7.5, color=_FAINT_INK)


def _draw_bar_lines(row: Sequence[Bar], axes: Axes) -> None:
    starts = [float(bar.start) for bar in row]
    for bar in row:
        for line in _beat_lines(bar):
            axes.axvline(line, color=_BEAT_LINE, linewidth=0.7, zorder=1)
    for line in [*starts, float(row[-1].end)]:
        axes.axvline(line, color=_BAR_LINE, linewidth=1.1, zorder=1, clip_on=False)
    numbers = [str(bar.number) for bar in row]
    axes.set_xticks(starts, numbers, size=7.5, color=_FAINT_INK, horizontalalignment="left")


def _beat_lines(bar: Bar) -> Iterator[float]:
    """Yield the positions of the beats inside a bar; a pickup's are counted back from its end."""
    beats = count_beats(bar.numerator, bar.denominator)
    beat = Fraction(4 * bar.numerator, bar.denominator) / beats
    position = bar.end - beat if bar.is_pickup else bar.start + beat
    while bar.start < position < bar.end:
        yield float(position)
        position += -beat if bar.is_pickup else beat


def _draw_notes(notes: Sequence[PlotNote], colour: str, depth: int, axes: Axes) -> None:
    from matplotlib.collections import PolyCollection

    boxes = []
    for onset, length, pitch in notes:
        left, right, bottom, top = float(onset), float(onset + length), pitch - 0.5, pitch + 0.5
        boxes.append([(left, bottom), (left, top), (right, top), (right, bottom)])
    axes.add_collection(
        PolyCollection(boxes, facecolors=colour, edgecolors="white", linewidths=0.6, zorder=2 + depth),
        autolim=False,
    )


def _write_chord(onset: float, text: str, axes: Axes) -> None:
    axes.annotate(
        text,
        (onset, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(1, 4),
        textcoords="offset points",
        size=9.5,
        weight="bold",
        color=_INK,
        parse_math=False,
    )


def pitch_name(pitch: int) -> str:
    """Name a MIDI pitch for people.

    Examples
    --------
    >>> pitch_name(60), pitch_name(70)
    ('C4', 'B♭4')
    """
    octave, pitch_class = divmod(pitch, 12)
    return f"{_PITCH_CLASSES[pitch_class]}{octave - 1}"
