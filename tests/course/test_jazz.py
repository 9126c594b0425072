"""The jazz exercise: its cells run with other imports alone, and the models are what they say."""

from __future__ import annotations

import inspect
import math
import wave

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel, course, music
from rnnfast.course import jazz

# The cells that use the exercise's functions, as they are written there but for the imports.
EXERCISE = """
import matplotlib.pyplot as plt
import numpy as np
from rnnfast.course.jazz import *

X, Y, n_values, indices_values, chords = load_music_utils('data/original_metheny.mid')
print('number of training examples:', X.shape[0])
print('Tx (length of sequence):', X.shape[1])
print('total # of unique values:', n_values)
print('shape of X:', X.shape)
print('Shape of Y:', Y.shape)
print('Number of chords', len(chords))

n_a = 64
n_values = 90
reshaper = Reshape((1, n_values))
LSTM_cell = LSTM(n_a, return_state = True)
densor = Dense(n_values, activation='softmax')

model = djmodel(Tx=30, LSTM_cell=LSTM_cell, densor=densor, reshaper=reshaper)
model.summary()

opt = Adam(lr=0.01, beta_1=0.9, beta_2=0.999, decay=0.01)
model.compile(optimizer=opt, loss='categorical_crossentropy', metrics=['accuracy'])

m = 60
a0 = np.zeros((m, n_a))
c0 = np.zeros((m, n_a))
history = model.fit([X, a0, c0], list(Y), epochs=100, verbose = 0)
print(f"loss at epoch 1: {history.history['loss'][0]}")
print(f"loss at epoch 100: {history.history['loss'][99]}")
plt.plot(history.history['loss'])

inference_model = music_inference_model(LSTM_cell, densor, Ty = 50)
inference_model.summary()

x_initializer = np.zeros((1, 1, n_values))
a_initializer = np.zeros((1, n_a))
c_initializer = np.zeros((1, n_a))
results, indices = predict_and_sample(inference_model, x_initializer, a_initializer, c_initializer)
print("np.argmax(results[12]) =", np.argmax(results[12]))
print("np.argmax(results[17]) =", np.argmax(results[17]))
print("list(indices[12:18]) =", list(indices[12:18]))

out_stream = generate_music(inference_model, indices_values, chords)
mid2wav('output/my_music.midi')
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_exercise(folder, data_dir, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    (folder / "data").mkdir()
    (folder / "data" / "original_metheny.mid").write_bytes((data_dir / "metheny.mid").read_bytes())
    cells = {}
    exec(compile(EXERCISE, "exercise", "exec"), cells)
    cells["plt"].close("all")
    return cells


def test_the_exercise_runs_with_other_imports(folder, data_dir, monkeypatch, capsys):
    cells = run_exercise(folder, data_dir, monkeypatch)
    printed = capsys.readouterr().out
    for line in (
        "number of training examples: 60",
        "Tx (length of sequence): 30",
        "total # of unique values: 90",
        "shape of X: (60, 30, 90)",
        "Shape of Y: (30, 60, 90)",
        "Number of chords 19",
        "Total params: 45,530",
        "Predicting new values for different set of chords.",
        "Your generated music is saved in output/my_music.midi",
    ):
        assert line in printed.splitlines()
    assert printed.count("Total params: 45,530") == 2
    assert printed.count("sounds using the predicted values for the set of chords") == 5

    loss = cells["history"].history["loss"]
    assert len(loss) == 100
    assert loss[0] == pytest.approx(29 * math.log(90), rel=0.01)
    assert loss[-1] < 10
    assert set(cells["history"].history) == {"loss", "accuracy"}

    results, indices = cells["results"], cells["indices"]
    assert (results.shape, indices.shape) == ((50, 90), (50, 1))
    np.testing.assert_array_equal(results.argmax(axis=1), indices[:, 0])
    np.testing.assert_array_equal(results.sum(axis=1), 1)
    assert len(set(indices[:, 0].tolist())) > 5, "a solo of few values"

    score = music.read_midi("output/my_music.midi")
    assert [len(part.notes) for part in score.parts] == [
        len(part.notes) for part in cells["out_stream"].parts
    ]
    assert dict(score.tempos) == {0: 461_538}
    with wave.open("output/rendered.wav") as sound:
        seconds = sound.getnframes() / sound.getframerate()
    assert seconds == pytest.approx(score.seconds(score.end) + 1.5, abs=0.01)


def make(n_values=5, n_a=8, Tx=6):
    layers = jazz.LSTM(n_a, return_state=True), jazz.Dense(n_values, activation="softmax")
    return jazz.djmodel(Tx, *layers, jazz.Reshape((1, n_values))), *layers


def draw(m=7, Tx=6, n_values=5, n_a=8):
    tokens = np.random.default_rng(0).integers(0, n_values, (m, Tx + 1))
    one_hot = np.eye(n_values)[tokens]
    X, Y = one_hot[:, :-1].copy(), one_hot[:, 1:].swapaxes(0, 1)
    X[:, 0] = 0
    return [X, np.zeros((m, n_a)), np.zeros((m, n_a))], list(Y)


def test_training_is_the_language_models():
    x, y = draw()
    model, LSTM_cell, densor = make()
    twin = LanguageModel(5, 8, seed=0)
    model.compile(jazz.Adam(lr=0.05, beta_1=0.8, beta_2=0.95, decay=0.01))
    optimizer = Adam(0.05, 0.8, 0.95, epsilon=1e-7, keras_epsilon=True, decay=0.01)
    history = model.fit(x, y, batch_size=4, epochs=3)
    expected = twin.fit(x[0], y, epochs=3, batch_size=4, optimizer=optimizer, reduction="sequence")
    assert history.history == {"loss": expected.sequence_loss}
    assert history.epoch == [0, 1, 2]
    for array, name in zip([*LSTM_cell.get_weights(), *densor.get_weights()], twin.parameters, strict=True):
        np.testing.assert_array_equal(array, twin.parameters[name])
    model.fit(x, y, batch_size=4, epochs=2)
    twin.fit(x[0], y, epochs=2, batch_size=4, optimizer=optimizer, reduction="sequence")
    np.testing.assert_array_equal(densor.get_weights()[0], twin.parameters["dense.W"])
    np.testing.assert_array_equal(np.array(model.predict(x)).swapaxes(0, 1), twin.predict(x[0])[0])


def test_layers_are_shared_both_ways():
    model, LSTM_cell, densor = make()
    player = jazz.music_inference_model(LSTM_cell, densor, Ty=6)
    x, y = draw()
    start = [np.zeros((1, 1, 5)), np.zeros((1, 8)), np.zeros((1, 8))]
    before = player.predict(start)
    model.compile(jazz.Adam(0.05))
    model.fit(x, y, epochs=20)
    after = player.predict(start)
    assert not np.allclose(before[0], after[0])

    fed = np.zeros((1, 6, 5))
    fed[0, 1:] = np.eye(5)[[p[0].argmax() for p in after[:-1]]]
    np.testing.assert_array_equal(np.array(model.predict([fed, *start[1:]])), np.array(after))

    densor.set_weights([np.zeros((8, 5)), np.zeros(5)])
    for probabilities in (*player.predict(start), *model.predict(x)):
        np.testing.assert_allclose(probabilities, 0.2, rtol=1e-6)


def test_states_are_inputs_of_a_prediction():
    model, *_ = make()
    (X, a0, c0), _ = draw()
    r = np.random.default_rng(1)
    a0, c0 = r.normal(size=a0.shape), r.normal(size=c0.shape)
    moved = np.array(model.predict([X, a0, c0])) - np.array(model.predict([X, 0 * a0, 0 * c0]))
    assert np.abs(moved[0]).max() > 0.01
    whole = np.array(model.predict([X, a0, c0]))
    one_by_one = np.concatenate(
        [model.predict([X[k : k + 1], a0[k : k + 1], c0[k : k + 1]]) for k in range(len(X))], axis=1
    )
    np.testing.assert_array_equal(whole, one_by_one)


def test_the_value_before_the_first_is_an_input():
    _, LSTM_cell, densor = make()
    LSTM_cell.set_weights([array * 5 for array in LSTM_cell.get_weights()])
    player = jazz.music_inference_model(LSTM_cell, densor, Ty=3)
    probabilities = [
        player.predict([x0, np.zeros((1, 8)), np.zeros((1, 8))])[0] for x0 in np.eye(5)[:, None, None]
    ]
    assert len({p.tobytes() for p in probabilities}) == 5


@pytest.mark.parametrize(
    ("sizes", "named", "steps"),
    [
        ((), {}, 100),
        ((7,), {}, 7),
        ((), {"Ty": 7}, 7),
        ((5, 8, 7), {}, 7),
        ((5, 8), {}, 100),
        ((), {"n_values": 5, "n_a": 8, "Ty": 7}, 7),
    ],
)
def test_both_signatures_of_the_model_that_plays(sizes, named, steps):
    _, LSTM_cell, densor = make()
    player = jazz.music_inference_model(LSTM_cell, densor, *sizes, **named)
    assert len(jazz.predict_and_sample(player)[1]) == steps


def test_create_model_has_its_layers():
    model = jazz.create_model(Tx=30, n_a=64, n_values=90)
    assert model.count_params() == 45_530
    assert [array.shape for array in model.LSTM_cell.get_weights()] == [(90, 256), (64, 256), (256,)]
    assert [array.shape for array in model.densor.get_weights()] == [(64, 90), (90,)]
    other = jazz.create_model(Tx=30, n_a=64, n_values=90, seed=1)
    assert not np.array_equal(other.densor.get_weights()[0], model.densor.get_weights()[0])


def test_summaries_go_where_they_are_sent(capsys):
    lines = []
    make()[0].summary(print_fn=lines.append)
    assert "Total params: 493" in lines
    assert capsys.readouterr().out == ""


def test_the_exercises_own_sound(folder, capsys):
    part = music.Part(0, 0, "", None, (music.Note(0, 1024, 60),))
    music.write_midi(music.Score(1024, (part,)), "one.mid")
    jazz.mid2wav("one.mid", faithful=True)
    with wave.open("output/rendered.wav") as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 44_100)
    jazz.mid2wav("one.mid")
    with wave.open("output/rendered.wav") as sound:
        assert sound.getnchannels() == 2


def test_a_seed_decides_the_solo(folder, data_dir, capsys):
    _, _, n_values, indices_values, chords = jazz.load_music_utils(data_dir / "metheny.mid")
    model = jazz.create_model(30, 16, n_values)
    player = jazz.music_inference_model(model.LSTM_cell, model.densor, Ty=50)
    scores = [jazz.generate_music(player, indices_values, chords, seed=seed) for seed in (1, 1, 2)]
    assert scores[0] == scores[1] != scores[2]


# --- errors


def test_a_model_is_compiled_before_it_learns():
    with pytest.raises(RuntimeError, match="compile the model first"):
        make()[0].fit(*draw())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"optimizer": "adam"}, TypeError, r"optimizer is 'adam', expected Adam\(...\)"),
        ({"loss": "mse"}, ValueError, "loss is 'mse', expected 'categorical_crossentropy'"),
        ({"metrics": ["auc"]}, ValueError, r"metrics is \['auc'\], expected \['accuracy'\] or none"),
    ],
)
def test_what_cannot_be_compiled(arguments, error, message):
    with pytest.raises(error, match=message):
        make()[0].compile(**{"optimizer": jazz.Adam()} | arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jazz.LSTM(0), ValueError, "units is 0, expected at least 1"),
        (lambda: jazz.LSTM(2.5), TypeError, "units is 2.5, expected an integer"),
        (lambda: jazz.Dense(5), ValueError, "activation is None, expected 'softmax'"),
        (lambda: jazz.Reshape((2, 5)), ValueError, r"target_shape is \(2, 5\), expected \(1, n_values\)"),
        (lambda: jazz.LSTM(3)(None, initial_state=[]), TypeError, "LSTM cannot be called: there is no graph"),
        (lambda: jazz.Adam(0.1, lr=0.1), TypeError, "learning_rate is given twice"),
        (lambda: jazz.Adam(lr=-1), ValueError, "learning_rate is -1, expected more than 0"),
        (lambda: jazz.create_model(0, 2, 3), ValueError, "Tx is 0, expected at least 1"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_layers_that_do_not_fit_are_left_as_they_were():
    LSTM_cell, densor = jazz.LSTM(8, return_state=True), jazz.Dense(5, activation="softmax")
    reshaper = jazz.Reshape((1, 5))
    for layers, error, message in [
        ((densor, LSTM_cell, reshaper), TypeError, "LSTM_cell is .*, expected a layer LSTM"),
        ((LSTM_cell, densor, densor), TypeError, "reshaper is .*, expected a layer Reshape"),
        ((jazz.LSTM(8), densor, reshaper), ValueError, "LSTM_cell has return_state=False, expected True"),
        ((LSTM_cell, densor, jazz.Reshape((1, 6))), ValueError, r"target_shape \(1, 6\), expected \(1, 5\)"),
        ((make(n_values=6)[1], densor, reshaper), ValueError, "LSTM is part of a model of other sizes"),
        ((LSTM_cell, make(n_a=9)[2], jazz.Reshape((1, 5))), ValueError, "Dense is part of a model of other"),
    ]:
        with pytest.raises(error, match=message):
            jazz.djmodel(6, *layers)
    with pytest.raises(ValueError, match="n_a is 9, expected 8 as the layer has units"):
        jazz.music_inference_model(LSTM_cell, densor, n_values=5, n_a=9, Ty=3)
    with pytest.raises(TypeError, match="Ty is given twice, by position and by name"):
        jazz.music_inference_model(LSTM_cell, densor, 3, Ty=3)
    with pytest.raises(TypeError, match="takes at most 5 arguments, 6 were given"):
        jazz.music_inference_model(LSTM_cell, densor, 5, 8, 3, 1)
    assert LSTM_cell.weights == densor.weights == ()


def test_arrays_that_do_not_fit_change_nothing():
    model, LSTM_cell, densor = make()
    model.compile(jazz.Adam())
    kept = [*LSTM_cell.get_weights(), *densor.get_weights()]
    (X, a0, c0), y = draw()
    for x, message in [
        ([X, a0], "inputs has 2 arrays, expected 3: X, a0, c0"),
        ([X[:, :5], a0, c0], r"X has shape \(7, 5, 5\), expected \(7, 6, 5\)"),
        ([X, a0[:6], c0], r"a0 has shape \(6, 8\), expected \(7, 8\)"),
        ([X, a0, c0 + 1], "a0 and c0 have other numbers than 0"),
        ([X + 0.5, a0, c0], "is not one-hot"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(x, y)
    with pytest.raises(ValueError, match="Y has shape"):
        model.fit([X, a0, c0], y[:5])
    with pytest.raises(ValueError, match="weights has the shapes"):
        densor.set_weights([np.zeros((8, 5))])
    player = jazz.music_inference_model(LSTM_cell, densor, Ty=3)
    with pytest.raises(ValueError, match=r"x_initializer has shape \(2, 1, 5\), expected \(1, 1, 5\)"):
        jazz.predict_and_sample(player, np.zeros((2, 1, 5)))
    for array, now in zip(kept, [*LSTM_cell.get_weights(), *densor.get_weights()], strict=True):
        np.testing.assert_array_equal(array, now)


def test_public_names():
    assert jazz is course.jazz
    for name in jazz.__all__:
        assert inspect.getdoc(getattr(jazz, name)), name
