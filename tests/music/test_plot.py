"""Piano rolls: what is planned, that it is on the picture, and that nothing global is touched."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfast.music import plot
from rnnfast.music.analysis.meter import Bar
from rnnfast.music.midi import read_midi
from rnnfast.music.plot import MAX_BARS, piano_roll
from rnnfast.music.roll_figure import Roll, _beat_lines, pitch_name
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.tunes import bundled_tune

NOTES = [(Fraction(i, 2), Fraction(1, 2), 60 + i) for i in range(24)]

matplotlib = pytest.importorskip(
    "matplotlib", reason="the extra 'plot' is not installed: PLOTS WERE NOT TESTED"
)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Roll]]:
    """The rolls that would be drawn."""
    rolls: list[Roll] = []
    monkeypatch.setattr(plot, "save_roll", lambda roll, path, picture_format: rolls.append(roll))
    return rolls


def pixels(path: Path) -> Any:
    from matplotlib.image import imread

    return np.rint(imread(path)[:, :, :3] * 255).astype(int)


def count_pixels(picture: Any, colour: str) -> int:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int(np.count_nonzero(np.all(picture == wanted, axis=2)))


# What is drawn


def test_bare_notes_are_wrapped_into_rows_of_bars(plans: list[Roll]) -> None:
    piano_roll(NOTES, "a.png", bars_per_row=2, title="Scale")
    (roll,) = plans
    assert [[bar.number for bar in row] for row in roll.rows] == [[1, 2], [3]]
    assert (roll.lowest, roll.highest) == (58, 85)
    assert roll.title == "Scale"
    assert [layer.notes for layer in roll.layers] == [NOTES]


def test_kinds_have_layers_and_chord_tones_are_in_front(plans: list[Roll]) -> None:
    piano_roll(NOTES[:4], "a.png", kinds="CSCA", accompaniment=[(0, 4, 40)], chords=[(Fraction(1), "F7")])
    (roll,) = plans
    assert [layer.label for layer in roll.layers] == [
        "accompaniment",
        "approach tone",
        "scale tone",
        "chord tone",
    ]
    assert [len(layer.notes) for layer in roll.layers] == [1, 1, 1, 2]
    assert roll.chords == [(1.0, "F7")]
    assert roll.lowest == 38


def test_a_score_is_drawn_by_part_in_its_own_bars(plans: list[Roll]) -> None:
    notes = tuple(Note(480 * beat, 480 * beat + 480, 60) for beat in range(6))
    drums = Part(
        1, 2, "Kit", None, tuple(Note(480 * beat, 480 * beat + 9, 36, channel=9) for beat in range(6))
    )
    lead = Part(0, 1, "Lead", 65, notes)
    other = Part(2, 3, "", None, notes)
    piano_roll(Score(480, (lead, drums, other), time_signatures=((0, 3, 4),), name="Waltz"), "a.png")
    (roll,) = plans
    assert [layer.label for layer in roll.layers] == ["part 2", "Lead"]
    assert [bar.length for bar in roll.rows[0]] == [3, 3]
    assert roll.title == "Waltz"


def test_a_pickup_counts_its_beats_back_from_its_end() -> None:
    assert list(_beat_lines(Bar(0, Fraction(0), Fraction(5, 2), is_pickup=True))) == [1.5, 0.5]
    assert list(_beat_lines(Bar(1, Fraction(4), Fraction(4)))) == [5.0, 6.0, 7.0]
    assert list(_beat_lines(Bar(1, Fraction(0), Fraction(3), 6, 8))) == [1.5]


def test_pitch_names() -> None:
    assert [pitch_name(pitch) for pitch in (0, 21, 60, 66, 127)] == ["C-1", "A0", "C4", "F♯4", "G9"]


# The picture


def test_the_colours_of_the_kinds_are_on_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "roll.png"
    piano_roll([(0, 2, 60), (2, 1, 64)], path, kinds="CS")
    picture = pixels(path)
    chord, scale, approach = (count_pixels(picture, plot._KIND_COLOURS[kind]) for kind in "CSA")
    assert chord > 1.5 * scale > 1000
    assert approach == 0


def test_a_note_lies_where_it_sounds(tmp_path: Path) -> None:
    """Its left and right edge are at its onset and end, and a higher note is higher."""
    path = tmp_path / "roll.png"
    piano_roll([(1, 2, 60), (5, 1, 72)], path, bars_per_row=2)
    blue = np.all(pixels(path) == [0x23, 0x57, 0x89], axis=2)
    left, right = 0.55 / 13, 1 - 0.25 / 13  # the row's edges, as shares of the picture's width
    columns = np.flatnonzero(blue.any(axis=0)) / blue.shape[1]
    quarters = (columns - left) / (right - left) * 8
    assert [quarters.min(), quarters.max()] == pytest.approx([1, 6], abs=0.03)
    assert not blue[
        :,
        (np.arange(blue.shape[1]) > (left + (right - left) * 3.05 / 8) * blue.shape[1])
        & (np.arange(blue.shape[1]) < (left + (right - left) * 4.95 / 8) * blue.shape[1]),
    ].any()
    middle = blue.shape[1] // 2
    low, high = np.flatnonzero(blue[:, :middle].any(axis=1)), np.flatnonzero(blue[:, middle:].any(axis=1))
    assert high.max() < low.min()


def test_a_note_across_the_end_of_a_row_goes_on_in_the_next(tmp_path: Path) -> None:
    path = tmp_path / "roll.png"
    piano_roll([(3, 2, 60)], path, bars_per_row=1)
    blue = np.all(pixels(path) == [0x23, 0x57, 0x89], axis=2)
    rows = np.flatnonzero(blue.any(axis=1))
    assert np.count_nonzero(np.diff(rows) > 20) == 1


def test_chord_symbols_are_written_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "roll.svg"
    piano_roll(
        NOTES, path, chords=[(0, "Gm7"), (4, r"$\frac{$"), (99, "never")], title=r"Two $\frac{$ & <chords>"
    )
    text = path.read_text()
    for word in ("Gm7", r"$\frac{$", r"Two $\frac{$ &amp; &lt;chords&gt;"):
        assert f"<!-- {word} -->" in text
    assert "never" not in text


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_the_same_input_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    pictures = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{suffix}"
        piano_roll(NOTES, path, kinds="CSAX" * 6, chords=[(0, "F7")], title="Twice")
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
    assert b"Date" not in pictures[0]
    assert pictures[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix.lower()])


def test_a_callers_style_neither_shows_nor_changes(tmp_path: Path) -> None:
    plain, styled = tmp_path / "plain.png", tmp_path / "styled.png"
    piano_roll(NOTES, plain)
    with matplotlib.rc_context({"axes.grid": True, "savefig.bbox": "tight", "font.family": "serif"}):
        before = dict(matplotlib.rcParams)
        piano_roll(NOTES, styled)
        assert dict(matplotlib.rcParams) == before
    assert plain.read_bytes() == styled.read_bytes()


def test_pyplot_is_never_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from rnnfast.music.plot import piano_roll; assert 'matplotlib' not in sys.modules;"
        f"piano_roll([(0, 1, 60)], {str(tmp_path / 'a.png')!r}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_the_bundled_tune(tmp_path: Path) -> None:
    path = tmp_path / "tune.png"
    piano_roll(read_midi(bundled_tune()), path)
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    assert width == 13 * 130
    assert 2_000 < height < 6_000


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"music": []}, "music has no notes to draw"),
        ({"music": Score(480, ())}, "music has no notes to draw"),
        ({"kinds": "CC"}, "kinds has 2 letters for 24 notes"),
        ({"kinds": "CSAZ" * 6}, "kinds has 'Z', expected letters of C, S, A, X"),
        ({"music": Score(480, ()), "kinds": "C"}, "kinds is for bare notes"),
        ({"bars_per_row": 0}, "bars_per_row is 0, expected 1 or more"),
        ({"bars": []}, "there are 0 bars to draw"),
        ({"music": [(0, 1, 128)]}, "music: pitch 128"),
        ({"music": [(-1, 1, 60)]}, "music: onset -1, length 1"),
        ({"music": [(0, float("nan"), 60)]}, "music: onset 0, length nan"),
        ({"accompaniment": [(0, float("inf"), 60)]}, "accompaniment: onset 0, length inf"),
        ({"music": [(10**12, 1, 60)]}, f"there are {MAX_BARS + 1} bars to draw, expected 1 to {MAX_BARS}"),
        ({"path": "roll.gif"}, "path 'roll.gif' ends in 'gif', expected .png, .svg or .pdf"),
        ({"path": "roll"}, "path 'roll' ends in ''"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        piano_roll(**({"music": NOTES, "path": tmp_path / "roll.png"} | arguments))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        piano_roll(NOTES, tmp_path / "none" / "roll.png")


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'rnnfast\[plot\]'"):
        piano_roll(NOTES, tmp_path / "roll.png")
    assert not list(tmp_path.iterdir())
