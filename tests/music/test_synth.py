"""The built-in synthesiser, judged by numbers: peak, silence, length, timing, spectrum, clicks."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast.music.midi import read_midi
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.sound.exercise_sound import render_exercise
from rnnfast.music.sound.sounding import tick_seconds
from rnnfast.music.sound.synth import PEAK, TAIL, render
from rnnfast.music.sound.timbres import drum_hit, frequency_of, half_cosine, play, source_tone, timbre_of
from rnnfast.music.sound.wav import write_wav
from rnnfast.music.tunes import bundled_tune

RATE = 44_100
TICKS = 480  # a quarter note, half a second by default


def score_of(*notes: Note, program: int = 0, **changes: object) -> Score:
    return replace(Score(TICKS, (Part(0, 0, "", program, notes),)), **changes)  # type: ignore[arg-type]


def melody(pitches: Iterable[int], velocity: int = 90, channel: int = 0) -> list[Note]:
    """Quarter notes, each half a second, one after another."""
    return [Note(i * TICKS, (i + 1) * TICKS, pitch, velocity, channel) for i, pitch in enumerate(pitches)]


def loudest_hertz(samples: npt.NDArray[np.float32], sample_rate: int = RATE) -> float:
    """Frequency of the highest peak of the spectrum, finer than its bins by a parabola through three of them."""
    mono = samples if samples.ndim == 1 else samples.sum(axis=1)
    spectrum = np.log(np.abs(np.fft.rfft(mono * np.hanning(mono.size), 4 * mono.size)) + 1e-12)
    k = int(spectrum[1:-1].argmax()) + 1
    left, middle, right = spectrum[k - 1 : k + 2]
    return float((k + 0.5 * (left - right) / (left - 2 * middle + right)) * sample_rate / (4 * mono.size))


def cents(hertz: float, pitch: int) -> float:
    """How far from equal temperament with A4 = 440 Hz."""
    return float(1200 * np.log2(hertz / 440) - 100 * (pitch - 69))


def read_wav(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return data.reshape(-1, file.getnchannels()), file.getframerate()


# Length, silence, peak


def test_length_is_the_music_and_the_tail() -> None:
    samples = render(score_of(*melody([60, 64])))
    assert samples.shape == (round((1.0 + TAIL) * RATE), 2)
    assert samples.dtype == np.float32


def test_silence_stays_silence(tmp_path: Path) -> None:
    assert not render(Score(TICKS, ())).any()
    assert not render(score_of(*melody([60], velocity=0)), tmp_path / "silence.wav").any()
    data, _ = read_wav(tmp_path / "silence.wav")
    assert len(data) == round((0.5 + TAIL) * RATE)
    assert not data.any()


def test_before_the_first_note_and_after_the_last_there_is_silence() -> None:
    samples = render(score_of(Note(TICKS, 2 * TICKS, 60)))
    assert not samples[: RATE // 2].any()
    assert samples[RATE // 2 : RATE // 2 + 100].any()
    assert not samples[round(1.5 * RATE) :].any()


@pytest.mark.parametrize("voices", [1, 2, 10, 60])
@pytest.mark.parametrize("velocity", [1, 127])
def test_peak_is_one_decibel_below_full_scale(voices: int, velocity: int, tmp_path: Path) -> None:
    chord = [Note(0, TICKS, 30 + pitch, velocity) for pitch in range(voices)]
    samples = render(score_of(*chord), tmp_path / "chord.wav")
    assert np.abs(samples).max() == pytest.approx(PEAK, rel=1e-6)
    data, rate = read_wav(tmp_path / "chord.wav")
    assert rate == RATE
    assert np.abs(data).max() == round(PEAK * 32_767)
    np.testing.assert_array_equal(data, np.rint(samples * 32_767))


def test_velocity_is_loudness() -> None:
    samples = render(score_of(Note(0, TICKS, 60, 100), Note(2 * TICKS, 3 * TICKS, 60, 50)))
    loud, soft = samples[: RATE // 2], samples[RATE : RATE + RATE // 2]
    assert np.abs(loud).max() / np.abs(soft).max() == pytest.approx((100 / 50) ** 2, rel=1e-3)


def test_the_same_score_sounds_the_same() -> None:
    score = score_of(*melody([60, 64]), *melody([36, 42], channel=9))
    np.testing.assert_array_equal(render(score), render(score))


# Pitch and spectrum


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_every_family_plays_in_tune(program: int) -> None:
    pitches = [48, 60, 67, 79]
    samples = render(score_of(*melody(pitches), program=program))
    for i, pitch in enumerate(pitches):
        note = samples[round((i * 0.5 + 0.1) * RATE) : round((i * 0.5 + 0.45) * RATE)]
        assert abs(cents(loudest_hertz(note), pitch)) < 12


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 48_000])
def test_in_tune_at_other_sample_rates(sample_rate: int) -> None:
    samples = render(score_of(*melody([69])), sample_rate=sample_rate)
    assert len(samples) == round((0.5 + TAIL) * sample_rate)
    note = samples[sample_rate // 10 : sample_rate * 9 // 20]
    assert abs(cents(loudest_hertz(note, sample_rate), 69)) < 2


def test_nothing_aliases() -> None:
    """An organ's spectrum has its harmonics and nothing else, least of all their mirror images."""
    rate, pitch = 22_050, 100
    note = render(score_of(Note(0, 8 * TICKS, pitch), program=16), sample_rate=rate)[rate : 2 * rate, 0]
    spectrum = np.abs(np.fft.rfft(note * np.blackman(note.size)))
    hertz = np.fft.rfftfreq(note.size, 1 / rate)
    harmonic = frequency_of(pitch) * np.arange(1, 20)
    near = np.min(np.abs(hertz[:, None] - harmonic[None, harmonic < rate / 2]), axis=1) < 10
    assert spectrum[~near].max() < 1e-3 * spectrum.max()
    assert np.count_nonzero(harmonic < rate / 2) == 4
    assert spectrum[np.abs(hertz - harmonic[3]) < 10].max() > 0.1 * spectrum.max()


def test_a_pitch_above_half_the_sample_rate_is_silent() -> None:
    assert not render(score_of(Note(0, TICKS, 127)), sample_rate=8_000).any()


@pytest.mark.parametrize("program", [0, 16, 25, 33, 65])
def test_families_sound_different(program: int) -> None:
    others = [p for p in (0, 16, 25, 33, 65) if p != program]
    spectra = {
        p: np.abs(np.fft.rfft(render(score_of(*melody([60]), program=p))[:RATE, 0]))
        for p in (program, *others)
    }
    normal = {p: spectrum / np.linalg.norm(spectrum) for p, spectrum in spectra.items()}
    for other in others:
        assert normal[program] @ normal[other] < 0.99


def test_struck_strings_fade_and_reeds_hold() -> None:
    def late_share(program: int) -> float:
        samples = render(score_of(Note(0, 8 * TICKS, 60), program=program))[:, 0]
        early, late = samples[RATE // 4 : RATE // 2], samples[3 * RATE : 13 * RATE // 4]
        return float(np.abs(late).max() / np.abs(early).max())

    assert late_share(0) < 0.1
    assert late_share(65) > 0.8


def test_high_partials_fade_first() -> None:
    samples = render(score_of(Note(0, 8 * TICKS, 60)))[:, 0]

    def brightness(start: float) -> float:
        part = samples[round(start * RATE) : round((start + 0.25) * RATE)]
        power = np.abs(np.fft.rfft(part * np.hanning(part.size))) ** 2
        return float(power[np.fft.rfftfreq(part.size, 1 / RATE) > 400].sum() / power.sum())

    assert brightness(1.5) < 0.5 * brightness(0.0)


# Timing


def test_notes_begin_where_the_tempo_map_says() -> None:
    onsets = [0, 960, 2400, 3000]
    score = score_of(
        *(Note(onset, onset + 60, 84) for onset in onsets),
        program=115,  # a block of wood: short
        tempos=((480, 250_000), (1200, 1_000_000), (2880, 300_000)),
    )
    samples = np.abs(render(score)[:, 0])
    for onset in onsets:
        frame = round(score.seconds(onset) * RATE)
        before = samples[max(frame - RATE // 50, 0) : frame]
        assert before.max(initial=0) < 1e-3
        assert samples[frame : frame + RATE // 200].max() > 0.05


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 2_000_000)), max_size=6),
    st.lists(st.integers(0, 8000), min_size=1, max_size=10),
    st.integers(1, 960),
)
def test_many_ticks_are_as_one_by_one(tempos: list[tuple[int, int]], ticks: list[int], division: int) -> None:
    score = Score(division, (), tempos=tuple(sorted(tempos, key=lambda change: change[0])))
    expected = [score.seconds(tick) for tick in ticks]
    np.testing.assert_allclose(tick_seconds(score, np.array(ticks)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ticks", [-480, 0, 1, 10])
def test_very_short_notes_sound_for_a_moment(ticks: int) -> None:
    samples = render(score_of(Note(960, 960 + ticks, 60)))
    sounding = np.flatnonzero(samples.any(axis=1)) / RATE
    assert sounding[0] == pytest.approx(1.0, abs=0.002)
    assert sounding[-1] - 1.0 == pytest.approx(0.03 + timbre_of(0).release, abs=0.005)


# Clicks


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_notes_begin_and_end_without_clicks(program: int) -> None:
    """Nowhere, least of all at an onset or release, does the wave jump more than it does inside the tone."""
    pitch = 45
    samples = render(score_of(Note(TICKS, 3 * TICKS, pitch), program=program))[:, 0]
    timbre = timbre_of(program)
    source = source_tone(timbre, pitch, 2 * RATE, RATE)
    strengths = np.array(timbre.partials) / sum(timbre.partials) * timbre.gain
    scale = PEAK / np.abs(play(source, timbre, RATE, RATE)).max()
    slope = 2 * np.pi * frequency_of(pitch) / RATE * np.sum(strengths * np.arange(1, strengths.size + 1))
    assert np.abs(np.diff(samples)).max() <= 1.05 * scale * slope
    edges = np.abs(np.diff(samples))
    start, end = RATE // 2, 3 * RATE // 2
    assert edges[start - 5 : start + 5].max() < 0.02
    assert edges[end + round(timbre.release * RATE) - 5 :].max() < 0.02


def test_a_held_tone_loops_without_a_seam() -> None:
    timbre = timbre_of(65)
    for pitch in (30, 57, 69, 90):
        loop = source_tone(timbre, pitch, RATE, RATE)
        steps = np.abs(np.diff(np.concatenate([loop[-20:], loop[:20]])))
        assert steps.max() <= np.abs(np.diff(loop)).max() * 1.01


def test_the_very_end_is_silent_even_while_a_cymbal_rings() -> None:
    samples = render(score_of(Note(0, 10, 49, 127, channel=9)))
    assert np.abs(samples[-200:]).max() < 1e-3
    assert np.abs(samples[-RATE : -RATE // 2]).max() > 1e-3


def test_half_cosine_rises_from_zero_to_one() -> None:
    rise = half_cosine(100)
    assert rise[0] == 0
    assert np.all(np.diff(rise) > 0)
    assert rise[-1] == pytest.approx(1, abs=1e-3)


# Drums


@pytest.mark.parametrize("key", [0, 36, 38, 42, 46, 49, 51, 60, 127])
def test_drums_are_noise_not_tones(key: int) -> None:
    """A tone has nearly all of its energy in one bin of its spectrum, noise spreads it."""
    hit = drum_hit(key, RATE)
    power = np.abs(np.fft.rfft(hit * np.hanning(hit.size))) ** 2
    assert power.max() / power.sum() < 0.35
    assert np.abs(hit).max() == pytest.approx(1, rel=1e-5)


def test_a_drum_part_of_any_program_sounds_as_drums() -> None:
    bass_drum = render(score_of(*melody([36, 36, 36], channel=9), program=65))
    tone = render(score_of(*melody([36, 36, 36]), program=65))
    assert bass_drum.shape == tone.shape
    hit = drum_hit(36, RATE)
    first = bass_drum[: RATE // 4, 0] / np.abs(bass_drum[:, 0]).max()
    np.testing.assert_allclose(first[: hit.size], hit[: first.size], atol=0.02)


# Limits and errors


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([Note(0, TICKS * 10_000, 60)], r"score lasts 1\.4 hours, expected at most 0\.5"),
        (
            [Note(0, TICKS * 3_000, pitch) for pitch in range(20, 100)],
            r"sound for 33 hours in all, expected at most 6",
        ),
        ([Note(0, 10, 60)] * 100_001, "score has 100001 notes, expected at most 100000"),
        ([Note(0, 10, 128)], "a note has pitch 128, expected 0 to 127"),
        ([Note(-5, 10, 60)], "a note has onset -5"),
        ([Note(0, 10, 60, 200)], "a note has velocity 200"),
    ],
)
def test_what_cannot_be_rendered(notes: list[Note], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(score_of(*notes))


@pytest.mark.parametrize("sample_rate", [0, -44_100, 7_999, 96_001])
def test_sample_rates_out_of_range(sample_rate: int) -> None:
    with pytest.raises(ValueError, match=f"sample_rate is {sample_rate}, expected 8000 to 96000"):
        render(score_of(*melody([60])), sample_rate=sample_rate)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "old.wav"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=r"samples reach 1\.5"):
        write_wav(np.array([0.0, 1.5]), path, RATE)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.wav"]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.array([0.0, np.nan]), "samples reach nan"),
        (np.array([[0.0], [-1.001]]), "samples reach 1.001"),
        (np.zeros((2, 2, 2)), r"samples has shape \(2, 2, 2\)"),
        (np.float64(0.0) * np.zeros(()), r"samples has shape \(\)"),
    ],
)
def test_what_a_wav_file_cannot_hold(samples: npt.NDArray[np.float64], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_wav(samples, tmp_path / "bad.wav", RATE)


def test_wav_files_are_read_back(tmp_path: Path) -> None:
    ramp = np.linspace(-1, 1, 600_001)
    write_wav(ramp, tmp_path / "ramp.wav", 8_000)
    data, rate = read_wav(tmp_path / "ramp.wav")
    assert (data.shape, rate) == ((600_001, 1), 8_000)
    np.testing.assert_array_equal(data[:, 0], np.rint(ramp * 32_767))


# Whole pieces


def test_the_bundled_tune() -> None:
    score = read_midi(bundled_tune())
    samples = render(score, sample_rate=16_000)
    assert len(samples) == round((score.seconds(score.end) + TAIL) * 16_000)
    assert np.abs(samples).max() == pytest.approx(PEAK, rel=1e-6)
    solo = render(replace(score, parts=score.parts[:1]), sample_rate=16_000)
    for note in score.parts[0].notes[::20]:
        start, end = (round(score.seconds(tick) * 16_000) for tick in (note.onset, note.release))
        assert abs(cents(loudest_hertz(solo[start:end], 16_000), note.pitch)) < 40


def test_a_real_file_with_drums_and_many_parts(data_dir: Path) -> None:
    score = read_midi(data_dir / "metheny.mid")
    samples = render(score, sample_rate=8_000)
    assert np.abs(samples).max() == pytest.approx(PEAK, rel=1e-6)
    assert np.isfinite(samples).all()


# The exercise's own renderer


def exercise_score(*notes: Note) -> Score:
    return Score(1024, (Part(0, 0, "", None, notes),), tempos=((0, 461_538),))


def test_exercise_counts_a_tick_as_a_millisecond_and_tunes_to_500_hertz() -> None:
    samples = render_exercise(exercise_score(Note(1024, 2048, 69)), seconds=3.0)
    sounding = np.flatnonzero(samples) / RATE
    assert sounding[0] == pytest.approx(1.024, abs=0.001)
    assert sounding[-1] == pytest.approx(1.024 + 1.024 - 0.05, abs=0.001)
    assert loudest_hertz(samples[round(1.2 * RATE) : round(1.8 * RATE)]) == pytest.approx(500, abs=0.2)
    assert np.abs(samples).max() == pytest.approx(0.1, rel=1e-3)


def test_exercise_fades_in_and_out() -> None:
    samples = render_exercise(exercise_score(Note(0, 1024, 69)), seconds=2.0)
    assert np.abs(samples[: RATE // 1000]).max() < 0.005
    assert np.abs(samples[round(0.014 * RATE) : round(0.016 * RATE)]).max() == pytest.approx(0.05, rel=0.1)
    middle_of_fade = round((0.974 - 0.05) * RATE)
    assert np.abs(samples[middle_of_fade - 45 : middle_of_fade + 45]).max() == pytest.approx(0.05, rel=0.1)


def test_exercise_cuts_at_the_true_length(tmp_path: Path) -> None:
    score = exercise_score(*(Note(1024 * beat, 1024 * beat + 512, 60) for beat in range(8)))
    samples = render_exercise(score, tmp_path / "rendered.wav")
    true_seconds = 0.461538 * 8.5  # a quarter note after the last release
    assert len(samples) == round(true_seconds * RATE)
    data, rate = read_wav(tmp_path / "rendered.wav")
    assert (data.shape[1], rate) == (1, RATE)
    heard = np.count_nonzero(np.diff(np.flatnonzero(samples)) > RATE // 10) + 1
    assert heard == 4  # of eight notes: at 1.024 s a beat the others lie beyond the end


def test_exercise_clips_and_survives_short_notes() -> None:
    crowd = [Note(0, 1024, 60) for _ in range(30)]
    samples = render_exercise(exercise_score(*crowd, Note(0, 20, 90), Note(500, 500, 90), Note(600, 500, 90)))
    assert np.abs(samples).max() == 1.0
    assert np.count_nonzero(np.abs(samples) == 1.0) > 1000


def test_exercise_refuses_what_is_not_midi() -> None:
    with pytest.raises(ValueError, match="a note has onset -5"):
        render_exercise(exercise_score(Note(-5, 1024, 60)))


@pytest.mark.parametrize("seconds", [-1.0, 1e6, float("nan")])
def test_exercise_refuses_absurd_lengths(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds is"):
        render_exercise(exercise_score(Note(0, 1024, 60)), seconds=seconds)
