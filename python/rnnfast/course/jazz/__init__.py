"""The jazz exercise: an LSTM learns a solo, and plays a new one over the same chords.

The cells of the exercise that use these names run after only their imports have changed: load the data, build,
compile and fit the model, predict, write the music, listen to it. The network is a `rnnfast.LanguageModel`; layers
own the weights, so that `music_inference_model` plays what `djmodel` learned. There is no graph: the bodies of the
functions that students fill in with symbolic tensors do not run here.

    X, Y, n_values, indices_values, chords = load_music_utils("tune.mid")
    LSTM_cell, densor = LSTM(64, return_state=True), Dense(n_values, activation="softmax")
    model = djmodel(30, LSTM_cell, densor, Reshape((1, n_values)))
    model.compile(Adam(lr=0.01, decay=0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit([X, a0, c0], list(Y), epochs=100, verbose=0)
    generate_music(music_inference_model(LSTM_cell, densor, Ty=50), indices_values, chords)
"""

from rnnfast.course.jazz.building import create_model, djmodel, music_inference_model
from rnnfast.course.jazz.layers import LSTM, Dense, Reshape
from rnnfast.course.jazz.models import InferenceModel, TrainingModel
from rnnfast.course.jazz.optimizers import Adam
from rnnfast.course.jazz.solo import generate_music, mid2wav, predict_and_sample
from rnnfast.music.exercise import load_music_utils

__all__ = [
    "LSTM",
    "Adam",
    "Dense",
    "InferenceModel",
    "Reshape",
    "TrainingModel",
    "create_model",
    "djmodel",
    "generate_music",
    "load_music_utils",
    "mid2wav",
    "music_inference_model",
    "predict_and_sample",
]
