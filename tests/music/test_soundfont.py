"""Playing with a SoundFont, for real: with a tiny one that is made here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rnnfast.music.score import Note, Part, Score
from rnnfast.music.sound.synth import PEAK, TAIL, render

from .tiny_soundfont import tiny_soundfont

RATE = 44_100


@pytest.fixture
def soundfont(tmp_path: Path) -> Path:
    pytest.importorskip(
        "symusic", reason="the extra 'soundfont' is not installed: SoundFonts WERE NOT TESTED"
    )
    path = tmp_path / "tiny.sf2"
    path.write_bytes(tiny_soundfont())
    return path


def score_of(*notes: Note, program: int = 0) -> Score:
    return Score(480, (Part(0, 0, "", program, notes),), tempos=((0, 500_000), (960, 250_000)))


def hertz(samples: npt.NDArray[np.float32], sample_rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)), 8 * len(samples)))
    return float(spectrum.argmax() * sample_rate / (8 * len(samples)))


def test_pitch_and_time_follow_the_score(soundfont: Path, tmp_path: Path) -> None:
    score = score_of(Note(480, 960, 69), Note(960, 1920, 81), Note(2400, 2880, 57))
    samples = render(score, tmp_path / "out.wav", soundfont=soundfont)
    assert samples.shape == (round((2.0 + TAIL) * RATE), 2)
    assert np.abs(samples).max() == pytest.approx(PEAK, rel=1e-6)
    onset = np.flatnonzero(np.abs(samples[:, 0]) > 1e-3)[0] / RATE
    assert onset == pytest.approx(0.5, abs=0.01)
    for start, expected in ((0.5, 440.0), (1.0, 880.0), (1.75, 220.0)):
        sounding = samples[round((start + 0.05) * RATE) : round((start + 0.23) * RATE)]
        assert hertz(sounding) == pytest.approx(expected, rel=0.005)
    assert (tmp_path / "out.wav").stat().st_size == 44 + 4 * len(samples)


def test_the_sample_rate_does_not_change_the_pitch(soundfont: Path) -> None:
    samples = render(score_of(Note(0, 480, 69)), sample_rate=22_050, soundfont=str(soundfont))
    assert hertz(samples[1_000:10_000], 22_050) == pytest.approx(440.0, rel=0.005)


def test_silence_needs_no_instrument(soundfont: Path) -> None:
    assert not render(Score(480, ()), soundfont=soundfont).any()


@pytest.mark.parametrize(
    ("note", "program"), [(Note(0, 480, 69), 65), (Note(0, 480, 38, channel=9), 0)], ids=["program", "drums"]
)
def test_a_soundfont_without_the_instrument_says_so(soundfont: Path, note: Note, program: int) -> None:
    with pytest.raises(ValueError, match=rf"tiny\.sf2' stays silent: .* programs \[{program}\]"):
        render(score_of(note, program=program), soundfont=soundfont)


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_what_is_no_soundfont(soundfont: Path, damage: str) -> None:
    content = {"empty": b"", "text": b"not a SoundFont " * 99, "cut": soundfont.read_bytes()[:4_000]}[damage]
    soundfont.write_bytes(content)
    with pytest.raises(ValueError, match=r"tiny\.sf2' cannot be read: "):
        render(score_of(Note(0, 480, 69)), soundfont=soundfont)


def test_a_missing_file(soundfont: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.sf2' is not a file"):
        render(score_of(Note(0, 480, 69)), soundfont=soundfont.with_name("none.sf2"))


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "symusic.core", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'rnnfast\[soundfont\]'"):
        render(score_of(Note(0, 480, 69)), soundfont=tmp_path / "any.sf2")
