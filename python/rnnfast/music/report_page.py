"""An inspection laid out for a terminal, with rich. Nothing else imports this module: the library needs no terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnnfast.music.analysis.chords import ChordSymbol
from rnnfast.music.analysis.detect import pitch_label
from rnnfast.music.measures import LineMeasures
from rnnfast.music.report import Inspection, PartReport, TuneComparison

_BARS_A_ROW = 4


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
    sections = [
        _summary(inspection),
        _part_table(inspection.parts),
        _measure_table(inspection.line, inspection.tune),
        _chord_chart(inspection.chords),
    ]
    legend = _legend(inspection.chords)
    return Group(
        Text(inspection.title, style="bold"),
        *(Padding(section, (0, 0, 1, 0)) for section in sections),
        *([Text(legend, style="dim")] if legend else []),
    )


def _summary(inspection: Inspection) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("key", inspection.key + ("" if inspection.is_key_written else " (by its notes)"))
    table.add_row("meter", _meter_text(inspection))
    table.add_row("tempo", _tempo_text(inspection.tempos))
    table.add_row("length", f"{_count(inspection.num_bars, 'bar')}, {inspection.seconds:.1f} s")
    table.add_row(
        "to learn from",
        f"{_count(inspection.num_measures, 'bar')} with {_count(inspection.num_tokens, 'token')}, "
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


def _measure_table(line: LineMeasures, tune: TuneComparison | None) -> Table:
    table = _plain_table()
    table.add_column("melody", no_wrap=True)
    table.add_column("this file" if tune else "", justify="right", no_wrap=True)
    if tune:
        table.add_column("the tune", justify="right", no_wrap=True)
    columns = [_line_cells(each) for each in (line, *([tune.line] if tune else []))]
    for name in columns[0]:
        table.add_row(name, *(cells[name] for cells in columns))
    if tune:
        table.add_row("longest run of the tune's tokens", str(tune.copies.longest_run))
        table.add_row("bars copied from the tune", _percent(tune.copies.copied_bars))
        distances = tune.distances
        for name, value in (
            ("note types", distances.types),
            ("lengths", distances.lengths),
            ("intervals", distances.intervals),
            ("onsets", distances.onsets),
        ):
            table.add_row(f"differs in {name} by", _percent(value))
    return table


def _line_cells(line: LineMeasures) -> dict[str, str]:
    """What is printed of a line's measures, by name."""
    return {
        "chord tones": _percent(line.chord_tones),
        "chord and scale tones": _percent(line.scale_tones),
        "range": f"{pitch_label(line.lowest)}-{pitch_label(line.highest)}",
        "notes a quarter": f"{line.density:.2f}",
        "repeated notes": _percent(line.repeated_notes),
        "distinct bars": _percent(line.distinct_bars),
        "full bars": _percent(line.full_bars),
        "overlapping or stuck notes": str(line.overlaps + line.stuck_notes),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


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
