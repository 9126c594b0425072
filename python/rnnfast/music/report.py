"""What is found in a MIDI file: plain data first, then a page for the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from rnnfast.music.analysis.chords import ChordSymbol
from rnnfast.music.analysis.detect import Role, pitch_label
from rnnfast.music.analysis.instruments import program_name
from rnnfast.music.analysis.meter import Bar
from rnnfast.music.corpus import Corpus
from rnnfast.music.score import DEFAULT_TEMPO, Score

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_BARS_A_ROW = 4


@dataclass(frozen=True, slots=True)
class PartReport:
    """What was found in one part.

    Attributes
    ----------
    number : int
        What ``melody=`` and ``chords=`` call it.
    name, instrument : str
        The track's name and its General MIDI instrument, "drums" for percussion.
    num_notes : int
    lowest, highest : int
        MIDI pitches.
    polyphony : float
        Mean number of notes that sound together, where any does.
    density : float
        Onsets a quarter note, where it plays.
    coverage : float
        Share of the piece in which it plays.
    role : str
        "melody", "chords", "bass", "line" or "drums".
    """

    number: int
    name: str
    instrument: str
    num_notes: int
    lowest: int
    highest: int
    polyphony: float
    density: float
    coverage: float
    role: Role


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a MIDI file.

    Attributes
    ----------
    title : str
    parts : tuple of PartReport
    key : str
        Such as "Ab major".
    is_key_written : bool
        Whether a key signature says so; otherwise the notes do.
    meters : tuple of (int, str)
        Bar number and time signature, where it begins to hold.
    pickup : Fraction
        Length of an incomplete first bar in quarter notes, 0 for none.
    tempos : tuple of (float, float)
        Position in seconds and quarter notes a minute from there on.
    num_bars : int
        Full bars.
    quarters, seconds : float
        Length until the last note ends.
    chords : tuple of (int, tuple of ChordSymbol)
        Bar number and its chords, for every bar.
    num_measures, num_tokens, num_values : int
        The corpus that a model would learn from: bars, tokens, distinct tokens.
    """

    title: str
    parts: tuple[PartReport, ...]
    key: str
    is_key_written: bool
    meters: tuple[tuple[int, str], ...]
    pickup: Fraction
    tempos: tuple[tuple[float, float], ...]
    num_bars: int
    quarters: float
    seconds: float
    chords: tuple[tuple[int, tuple[ChordSymbol, ...]], ...]
    num_measures: int
    num_tokens: int
    num_values: int


def inspect_midi(
    path: str | os.PathLike[str], *, melody: int | str | None = None, chords: int | str | None = None
) -> Inspection:
    """Read a MIDI file and say what is in it.

    Parameters
    ----------
    path : path-like
        A MIDI file of any type.
    melody, chords : int or str, optional
        A part's number or its track's name; found by features by default.

    Returns
    -------
    inspection : Inspection

    Raises
    ------
    MidiError
        Where the file is damaged or no MIDI file.
    ValueError
        Where it has no melody, or an argument names no part; the message lists the parts.
    OSError
        Where the file cannot be opened.

    Examples
    --------
    >>> from rnnfast.music.tunes import bundled_tune
    >>> inspection = inspect_midi(bundled_tune())
    >>> inspection.key, inspection.num_bars, [(part.name, part.role) for part in inspection.parts]
    ('F major', 64, [('Alto Sax', 'melody'), ('Piano', 'chords'), ('Bass', 'bass')])
    """
    return inspect_corpus(Corpus.from_midi(path, melody=melody, chords=chords))


def inspect_corpus(corpus: Corpus) -> Inspection:
    """Say what is in a file that is already read.

    Parameters
    ----------
    corpus : Corpus
        As `Corpus.from_midi` returns it.

    Returns
    -------
    inspection : Inspection
    """
    score = corpus.score
    is_pickup = corpus.bars[0].is_pickup
    return Inspection(
        title=score.name,
        parts=tuple(_report_parts(corpus)),
        key=str(corpus.key),
        is_key_written=corpus.key.source == "file",
        meters=tuple(_meters(corpus.bars)),
        pickup=corpus.bars[0].length if is_pickup else Fraction(0),
        tempos=tuple(_tempos(score)),
        num_bars=len(corpus.bars) - is_pickup,
        quarters=float(score.quarters(score.end)),
        seconds=score.seconds(score.end),
        chords=tuple((bar.number, chords) for bar, chords in zip(corpus.bars, corpus.symbols, strict=True)),
        num_measures=len(corpus.measures),
        num_tokens=len(corpus.tokens),
        num_values=len(corpus.vocabulary),
    )


def _report_parts(corpus: Corpus) -> Iterator[PartReport]:
    for traits in corpus.arrangement.traits:
        part = traits.part
        yield PartReport(
            number=part.number,
            name=part.name,
            instrument="drums" if part.is_drums else program_name(part.program),
            num_notes=len(part.notes),
            lowest=traits.lowest,
            highest=traits.highest,
            polyphony=traits.polyphony,
            density=traits.density,
            coverage=traits.coverage,
            role=corpus.arrangement.role(part),
        )


def _meters(bars: Sequence[Bar]) -> Iterator[tuple[int, str]]:
    last = None
    for bar in bars:
        meter = f"{bar.numerator}/{bar.denominator}"
        if meter != last:
            yield bar.number, meter
        last = meter


def _tempos(score: Score) -> Iterator[tuple[float, float]]:
    tempos = list(score.tempos)
    if not tempos or tempos[0][0] > 0:
        tempos.insert(0, (0, DEFAULT_TEMPO))
    for tick, tempo in tempos:
        yield score.seconds(tick), 60e6 / tempo


def render(inspection: Inspection) -> RenderableType:
    """Lay an inspection out for a terminal of 80 columns or more.

    Parameters
    ----------
    inspection : Inspection
        As `inspect_midi` returns it.

    Returns
    -------
    page : rich renderable
        For ``rich.console.Console().print(page)``.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    sections = [_summary(inspection), _part_table(inspection.parts), _chord_chart(inspection.chords)]
    legend = _legend(inspection.chords)
    return Group(
        Text(inspection.title, style="bold"),
        *(Padding(section, (0, 0, 1, 0)) for section in sections),
        *([Text(legend, style="dim")] if legend else []),
    )


def _summary(inspection: Inspection) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_row("key", inspection.key + ("" if inspection.is_key_written else " (by its notes)"))
    table.add_row("meter", _meter_text(inspection))
    table.add_row("tempo", _tempo_text(inspection.tempos))
    table.add_row("length", f"{inspection.num_bars} bars, {inspection.seconds:.1f} s")
    table.add_row(
        "to learn from",
        f"{inspection.num_measures} bars with {inspection.num_tokens} tokens, "
        f"{inspection.num_values} distinct",
    )
    return table


def _meter_text(inspection: Inspection) -> str:
    (_, first), *changes = inspection.meters
    texts = [first, *(f"{meter} from bar {number}" for number, meter in changes)]
    if len(texts) > 4:
        texts[3:] = [f"{len(texts) - 3} more changes"]
    if inspection.pickup:
        texts.append(f"pickup of {inspection.pickup} quarter note{'s'[: inspection.pickup > 1]}")
    return ", ".join(texts)


def _tempo_text(tempos: Sequence[tuple[float, float]]) -> str:
    speeds = [speed for _, speed in tempos]
    if len(set(speeds)) == 1:
        return f"{speeds[0]:.0f} quarter notes a minute"
    return (
        f"{speeds[0]:.0f} quarter notes a minute at first, "
        f"{len(speeds) - 1} changes, {min(speeds):.0f} to {max(speeds):.0f}"
    )


def _part_table(parts: Sequence[PartReport]) -> Table:
    from rich.text import Text

    table = _plain_table()
    table.add_column("part", justify="right", no_wrap=True)
    table.add_column("name", max_width=24)
    table.add_column("instrument")
    for heading in ("notes", "range", "polyphony", "density"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("role", no_wrap=True)
    for part in parts:
        is_drums = part.role == "drums"
        style = "bold" if part.role == "melody" else "dim" if is_drums else ""
        reach = "" if is_drums else f"{pitch_label(part.lowest)}-{pitch_label(part.highest)}"
        cells = (part.number, part.name, part.instrument, part.num_notes, reach)
        measures = (f"{part.polyphony:.1f}", f"{part.density:.1f}", part.role)
        # Text, not str: a track may be called "[red]".
        table.add_row(*(Text(str(cell)) for cell in (*cells, *measures)), style=style)
    return table


def _chord_chart(bars: Sequence[tuple[int, Sequence[ChordSymbol]]]) -> Table:
    table = _plain_table()
    table.add_column("bar", justify="right")
    for heading in ("chords", *[""] * (_BARS_A_ROW - 1)):
        table.add_column(heading, min_width=12)
    pickup = [_bar_text(chords) for number, chords in bars if number == 0]
    if pickup:
        table.add_row("0", *pickup)
    full = [(number, _bar_text(chords)) for number, chords in bars if number > 0]
    for first in range(0, len(full), _BARS_A_ROW):
        row = full[first : first + _BARS_A_ROW]
        table.add_row(str(row[0][0]), *(text for _, text in row))
    return table


def _plain_table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="underline")


def _bar_text(chords: Sequence[ChordSymbol]) -> str:
    marks = {"accompaniment": "{}", "held": "%", "melody": "({})", "key": "-"}
    return " ".join(marks[chord.source].format(chord.name) for chord in chords)


def _legend(bars: Sequence[tuple[int, Sequence[ChordSymbol]]]) -> str:
    sources = {chord.source for _, chords in bars for chord in chords}
    meanings = {
        "held": "%: the chord before it still holds.",
        "melody": "(C): implied by the melody.",
        "key": "-: nothing sounds.",
    }
    return "  ".join(meaning for source, meaning in meanings.items() if source in sources)
