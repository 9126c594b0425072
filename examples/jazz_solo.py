"""A jazz solo: an LSTM learns the values of a tune, and plays new ones over its chords.

Usage: python jazz_solo.py [TUNE.mid MELODY CHORDS], where MELODY and CHORDS name its tracks. Needs the extra `plot`.
Writes loss.png, roll.png and output/my_music.midi, and the sound of it, output/rendered.wav.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from rnnfast import music
from rnnfast.course.jazz import (
    LSTM,
    Adam,
    Dense,
    Reshape,
    djmodel,
    generate_music,
    load_music_utils,
    mid2wav,
    music_inference_model,
    predict_and_sample,
)
from rnnfast.music.plot import piano_roll

tune, melody, accompaniment = sys.argv[1:] or (music.bundled_tune(), "Alto Sax", "Piano")
X, Y, n_values, indices_values, chords = load_music_utils(
    tune, melody=melody, chords=accompaniment, start=None, end=None
)
m, Tx, _ = X.shape
print(f"{m} windows of {Tx} values, of which {n_values} are different; {len(chords)} groups of chords")

n_a = 64
LSTM_cell = LSTM(n_a, return_state=True)
densor = Dense(n_values, activation="softmax")
model = djmodel(Tx, LSTM_cell, densor, Reshape((1, n_values)))
model.summary()

model.compile(
    Adam(lr=0.01, beta_1=0.9, beta_2=0.999, decay=0.01), loss="categorical_crossentropy", metrics=["accuracy"]
)
a0, c0 = np.zeros((m, n_a)), np.zeros((m, n_a))
history = model.fit([X, a0, c0], list(Y), epochs=100, verbose=0)
print(f"loss at epoch 1: {history.history['loss'][0]:.1f}, at epoch 100: {history.history['loss'][-1]:.1f}")
plt.plot(history.history["loss"])
plt.xlabel("epoch")
plt.ylabel(f"loss, summed over {Tx} outputs")
plt.savefig("loss.png")

inference_model = music_inference_model(LSTM_cell, densor, Ty=50)
results, indices = predict_and_sample(inference_model)
print("The first values played:", *(indices_values[int(index)] for index in indices[:8, 0]))

solo = generate_music(inference_model, indices_values, chords[:18], seed=1)  # as many as the exercise has
piano_roll(solo, "roll.png", title="A solo over the tune's first chords")
mid2wav("output/my_music.midi")
