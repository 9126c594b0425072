"""From the model that plays to music: values, a MIDI file, sound."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfast.course.jazz.models import InferenceModel
from rnnfast.music.chooser import random_chooser
from rnnfast.music.elements import Chord
from rnnfast.music.exercise import generate, solo_score
from rnnfast.music.midi import read_midi, write_midi
from rnnfast.music.score import Score
from rnnfast.music.sound.exercise_sound import render_exercise
from rnnfast.music.sound.synth import render

MUSIC = "output/my_music.midi"
SOUND = "output/rendered.wav"


def predict_and_sample(
    inference_model: InferenceModel,
    x_initializer: npt.ArrayLike | None = None,
    a_initializer: npt.ArrayLike | None = None,
    c_initializer: npt.ArrayLike | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Let the model play Ty values: always the likeliest, so the answer is always the same.

    Parameters
    ----------
    inference_model : InferenceModel
    x_initializer : (1, 1, n_values) one-hot, optional
        The value before the first; zeros, the default, for none.
    a_initializer, c_initializer : (1, n_a) float arrays, optional
        The states before it; zeros by default.

    Returns
    -------
    results : (Ty, n_values) float32
        One-hot values.
    indices : (Ty, 1) int64
        Their indices.

    Raises
    ------
    ValueError
        Where shapes do not fit.
    """
    n_a, n_values = inference_model.LSTM_cell.units, inference_model.densor.units
    given = x_initializer, a_initializer, c_initializer
    shapes = (1, 1, n_values), (1, n_a), (1, n_a)
    inputs = [
        np.zeros(shape) if array is None else np.asarray(array)
        for array, shape in zip(given, shapes, strict=True)
    ]
    if len(inputs[0]) != 1:
        raise ValueError(f"x_initializer has shape {inputs[0].shape}, expected {shapes[0]}")
    indices = np.array(inference_model.predict(inputs)).argmax(axis=-1)
    return np.eye(n_values, dtype=np.float32)[indices[:, 0]], indices


def generate_music(
    inference_model: InferenceModel,
    indices_values: Mapping[int, str],
    chords: Sequence[Sequence[Chord]],
    diversity: float = 0.5,
    *,
    seed: int = 0,
) -> Score:
    """Play the predicted values over the first sets of chords, and save that as output/my_music.midi.

    Parameters
    ----------
    inference_model : InferenceModel
    indices_values : dict of str
        The value of each index.
    chords : sequence of chord groups
        As `load_music_utils` returns them.
    diversity : float
        Not used, nor is it in the exercise.
    seed : int
        Decides what the exercise leaves to Python's unseeded random numbers: lengths rounded up or down, and
        which of the pitches that fit a value is played.

    Returns
    -------
    Score
        What was saved.

    Raises
    ------
    ValueError
        Fewer than 6 chord groups, or a value that is none.
    OSError
        The file cannot be written.
    """
    chooser = random_chooser(seed)
    _, indices = predict_and_sample(inference_model)
    print("Predicting new values for different set of chords.")
    sets = generate([indices_values[int(index)] for index in indices[:, 0]], chords, chooser)
    for number, solo_set in enumerate(sets, 1):
        print(
            f"Generated {solo_set.num_notes} sounds using the predicted values "
            f'for the set of chords ("{number}") and after pruning'
        )
    score = solo_score(sets)
    write_midi(score, _in_folder(MUSIC))
    print(f"Your generated music is saved in {MUSIC}")
    return score


def mid2wav(file: str | os.PathLike[str], *, faithful: bool = False) -> None:
    """Render a MIDI file as output/rendered.wav.

    Parameters
    ----------
    file : path-like
        A MIDI file.
    faithful : bool
        Sound as the exercise's own renderer does: 2.2 times too slow, and so cut off before the end, plain sines
        with A4 at 500 Hz. By default tempo and tuning are right, and there are instruments.

    Raises
    ------
    MidiError
        The file is no MIDI file.
    OSError
        A file cannot be read or written.
    """
    score = read_midi(file)
    renderer: Any = render_exercise if faithful else render
    renderer(score, _in_folder(SOUND))


def _in_folder(path: str) -> Path:
    """Make the path's folder, in the current one, where it is not there yet."""
    Path(path).parent.mkdir(exist_ok=True)
    return Path(path)
