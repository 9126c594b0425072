"""Training sequence models: it goes on where it stopped, ends at whole steps, and reads no padding."""

from __future__ import annotations

import math
import signal
import threading

import numpy as np
import pytest

from rnnfast import SGD, Adam, NonFiniteError, RMSprop, SequenceClassifier, SequenceRegressor, _core

N, T, D = 14, 6, 3
R = np.random.default_rng(0)
LENGTHS = R.integers(0, T + 1, N)
LENGTHS[:2] = T, 0
RAGGED = [R.normal(size=(n, D)) for n in LENGTHS]


def padded(fill):
    X = np.full((N, T, D), float(fill))
    for row, own in zip(X, RAGGED, strict=True):
        row[: len(own)] = own
    return X


def classifier(output="last", **options):
    return SequenceClassifier(3, 5, input_size=D, output=output, **options)


def classes(output):
    if output == "last":
        return np.arange(N) % 3
    return [np.arange(n) % 3 for n in LENGTHS]


def bits(model):
    return {name: p.tobytes() for name, p in model.parameters.items()}


@pytest.fixture(params=["last", "all"])
def output(request):
    return request.param


@pytest.mark.parametrize("optimizer", [Adam(0.01), SGD(0.1, momentum=0.9), RMSprop(0.01)], ids=repr)
def test_twice_three_epochs_are_six(output, optimizer):
    once, twice = (classifier(output, dropout=0.3, num_layers=2) for _ in range(2))
    settings = {"batch_size": 4, "optimizer": optimizer, "clip_norm": 1.0}
    whole = once.fit(RAGGED, classes(output), epochs=6, **settings)
    halves = [twice.fit(RAGGED, classes(output), epochs=3, **settings) for _ in range(2)]
    assert bits(once) == bits(twice)
    assert whole.loss == halves[0].loss + halves[1].loss
    assert whole.steps == 6 * math.ceil(N / 4)


def test_saved_and_loaded_it_goes_on(tmp_path, output):
    model = classifier(output, dropout=0.3, bidirectional=True, cell="gru")
    model.fit(RAGGED, classes(output), epochs=2, batch_size=4)
    model.save(tmp_path / "model")
    twin = SequenceClassifier.load(tmp_path / "model")
    assert bits(twin) == bits(model)
    assert twin.config == model.config
    for one in (model, twin):
        one.fit(RAGGED, classes(output), epochs=2, batch_size=4)
    assert bits(twin) == bits(model)


def test_padding_is_never_read(output):
    y = classes(output)
    wanted = classifier(output)
    wanted.fit(RAGGED, y, epochs=2, batch_size=5)
    if output == "all":
        y = np.array([[*own, *[7] * (T - len(own))] for own in y])
    for fill in (0, 99, np.nan, np.inf):
        model = classifier(output)
        model.fit(padded(fill), y, lengths=LENGTHS, epochs=2, batch_size=5)
        assert bits(model) == bits(wanted)
        np.testing.assert_array_equal(model.predict(padded(fill), lengths=LENGTHS), wanted.predict(RAGGED))


def test_tokens_behind_the_end_are_never_read(output):
    X = [np.arange(n) % 4 for n in LENGTHS]
    models = [SequenceClassifier(3, 5, vocab_size=4, output=output) for _ in range(2)]
    models[0].fit(X, classes(output), epochs=2)
    whole = np.full((N, T), 10**6)
    for row, own in zip(whole, X, strict=True):
        row[: len(own)] = own
    y = classes(output)
    if output == "all":
        y = np.array([[*own, *[-9] * (T - len(own))] for own in y])
    models[1].fit(whole, y, lengths=LENGTHS, epochs=2)
    assert bits(models[0]) == bits(models[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.uint32, np.int64, np.uint64])
def test_integers_of_any_size_are_the_same_integers(output, dtype):
    """Behind the ends, too, where -1 stands for nothing."""
    tokens = [np.arange(n) % 4 for n in LENGTHS]
    models = [SequenceClassifier(3, 5, vocab_size=4, output=output) for _ in range(2)]
    y = classes(output)
    models[0].fit(tokens, y, epochs=2)
    whole = np.full((N, T), 99, dtype)
    for row, own in zip(whole, tokens, strict=True):
        row[: len(own)] = own
    if output == "all":
        targets = np.full((N, T), 77, dtype)
        for row, own in zip(targets, y, strict=True):
            row[: len(own)] = own
    else:
        targets = y.astype(dtype)
    models[1].fit(whole, targets, lengths=LENGTHS, epochs=2)
    assert bits(models[0]) == bits(models[1])
    numbers = [SequenceRegressor(1, 5, vocab_size=4, output="all") for _ in range(2)]
    for model, kind in zip(numbers, (np.float64, dtype), strict=True):
        model.fit(tokens, [own[:, np.newaxis].astype(kind) for own in tokens], epochs=1)
    assert bits(numbers[0]) == bits(numbers[1])


@pytest.mark.parametrize("value", [2**32, 2**32 + 1, -(2**32), 2**63, 2**64 - 1], ids=str)
def test_integers_too_large_are_no_others(output, value):
    """None of them wraps around to a class, a token or -1."""
    X = [np.arange(n) % 4 for n in LENGTHS]
    model = SequenceClassifier(3, 5, vocab_size=4, output=output)
    large = np.full((N, T) if output == "all" else N, value, np.uint64 if value > 2**62 else np.int64)
    targets = [row[:n] for row, n in zip(large, LENGTHS, strict=True)] if output == "all" else large
    with pytest.raises(ValueError, match=f"y has .*{value}"):
        model.fit(X, targets, epochs=1)
    with pytest.raises(ValueError, match=f"X has .*{value}, expected -1 to 3"):
        model.predict(np.full((2, 3), value, large.dtype))


def test_measures_are_those_of_the_predictions(output):
    """By hand: the mean over the steps, or sequences, that count."""
    counts = np.arange(T) < LENGTHS[:, np.newaxis] if output == "all" else np.ones(N, bool)
    model, y = classifier(output), classes(output)
    probabilities = model.predict(RAGGED)[counts]
    flat = np.concatenate(y) if output == "all" else y
    measures = model.evaluate(RAGGED, y)
    at_target = probabilities[np.arange(len(flat)), flat]
    assert measures["loss"] == pytest.approx(-np.log(at_target).mean(), rel=1e-5)
    assert measures["accuracy"] == (probabilities.argmax(axis=-1) == flat).mean()

    regressor = SequenceRegressor(2, 4, input_size=D, output=output)
    numbers = [R.normal(size=(n, 2)) for n in LENGTHS] if output == "all" else R.normal(size=(N, 2))
    flat = np.concatenate(numbers) if output == "all" else numbers
    measures = regressor.evaluate(RAGGED, numbers)
    assert measures["loss"] == pytest.approx(
        np.square(regressor.predict(RAGGED)[counts] - flat).mean(), rel=1e-5
    )
    assert measures["rmse"] ** 2 == pytest.approx(measures["loss"])


def test_each_step_draws_its_own_dropout_and_each_epoch_its_own_order():
    stands_still = {"optimizer": SGD(1e-30), "epochs": 4, "shuffle": False}
    for dropout in (0.0, 0.5):
        losses = classifier(dropout=dropout).fit(RAGGED, classes("last"), **stands_still).loss
        assert len({round(loss, 5) for loss in losses}) == (4 if dropout else 1)


def test_each_epoch_is_shuffled_as_the_language_models(monkeypatch):
    """By the number of epochs begun, from 0."""
    drawn = []

    def drawing(*arguments):
        drawn.append(arguments)
        return random_permutation(*arguments)

    random_permutation = _core.random_permutation
    monkeypatch.setattr(_core, "random_permutation", drawing)
    model = classifier(seed=3)
    model.fit(RAGGED, classes("last"), epochs=2)
    model.fit(RAGGED, classes("last"), epochs=1)
    model.fit(RAGGED, classes("last"), epochs=1, shuffle=False)
    model.fit(RAGGED, classes("last"), epochs=1)
    assert drawn == [(N, 3, epoch) for epoch in (0, 1, 2, 4)]


def test_a_first_step_that_fails_has_moved_nothing():
    """Neither parameters and optimiser nor the random positions of shuffle and dropout."""
    models = [SequenceRegressor(1, 4, input_size=D, dropout=0.3) for _ in range(2)]
    y, settings = np.zeros((N, 1)), {"epochs": 2, "batch_size": 4}
    for model in models:
        model.fit(RAGGED, y, **settings)
    with pytest.raises(NonFiniteError, match="in epoch 0, step 0"):
        models[0].fit(RAGGED, y + 3e38, optimizer=SGD(0.1), **settings)
    for model in models:
        model.fit(RAGGED, y, **settings)
    assert bits(models[0]) == bits(models[1])


@pytest.mark.parametrize(
    ("inputs", "rate"),
    [({"input_size": D}, 0.5), ({"vocab_size": 4, "embedding_size": 2}, 0.5), ({"vocab_size": 4}, 0.0)],
    ids=repr,
)
def test_dropout_takes_from_inputs_but_not_from_one_hot_tokens(inputs, rate):
    model = SequenceClassifier(2, 3, dropout=0.5, **inputs)
    assert model._net.layers["recurrent"].config["input_dropout"] == rate


def test_a_prediction_does_not_depend_on_the_others(output):
    model = classifier(output)
    together = model.predict(RAGGED)
    for n, own in enumerate(RAGGED):
        alone = model.predict([own])
        assert alone[0].tobytes() == (together[n, : len(own)] if output == "all" else together[n]).tobytes()
        if output == "all":
            assert not together[n, len(own) :].any()
    if output == "last":
        np.testing.assert_allclose(together.sum(axis=-1), 1, rtol=1e-6)


def test_more_sequences_than_a_batch_of_predictions():
    X = R.normal(size=(150, 4, D))
    model = classifier()
    whole = model.predict(X)
    np.testing.assert_array_equal(whole[130:], model.predict(X[130:]))
    y = np.arange(150) % 3
    losses = [model.evaluate(X[part], y[part])["loss"] for part in (slice(0, 50), slice(50, 150))]
    assert model.evaluate(X, y)["loss"] == pytest.approx((50 * losses[0] + 100 * losses[1]) / 150)


def test_no_bit_depends_on_the_threads(output):
    models = [classifier(output) for _ in range(2)]
    for model, threads in zip(models, (1, 2), strict=True):
        model.fit(RAGGED, classes(output), epochs=2, batch_size=7, num_threads=threads)
    assert bits(models[0]) == bits(models[1])
    np.testing.assert_array_equal(models[0].predict(RAGGED, num_threads=2), models[0].predict(RAGGED))


def test_history_says_what_each_epoch_came_to(output):
    y, seen = classes(output), []
    model = classifier(output)
    history = model.fit(
        RAGGED,
        y,
        epochs=9,
        validation=(RAGGED, y),
        callbacks=[lambda epoch, h: seen.append((epoch, len(h.loss))), lambda epoch, h: epoch == 3],
    )
    assert seen == [(epoch, epoch + 1) for epoch in range(4)]
    assert len(history.loss) == len(history.validation_loss) == len(history.validation_accuracy) == 4
    measures = model.evaluate(RAGGED, y)
    assert measures["loss"] == history.validation_loss[-1]
    assert measures["accuracy"] == history.validation_accuracy[-1]
    assert history.loss[1] == pytest.approx(history.validation_loss[0])  # one step an epoch, of all
    assert history.tokens == 4 * (N if output == "last" else LENGTHS.sum())
    assert model.history is history


def test_a_regressor_has_no_accuracy():
    model = SequenceRegressor(2, 4, input_size=D)
    history = model.fit(RAGGED, R.normal(size=(N, 2)), epochs=2, validation=0.3)
    assert len(history.loss) == len(history.validation_loss) == 2
    assert not history.accuracy
    assert not history.validation_accuracy


def test_a_loss_that_is_not_finite_ends_it_at_a_whole_step():
    model = SequenceRegressor(1, 4, input_size=1, output="all")
    X, y = np.ones((6, 3, 1)), np.zeros((6, 3, 1))
    model.fit(X, y, epochs=1, batch_size=2)
    before = bits(model)
    y[-1] = 3e38
    with pytest.raises(NonFiniteError, match=r"in epoch 0, step \d"):
        model.fit(X, y, epochs=1, batch_size=2, shuffle=False)
    done = model.history.steps
    assert done == 2
    again = SequenceRegressor(1, 4, input_size=1, output="all")
    again.set_parameters(model.parameters)
    assert bits(model) != before
    assert bits(again) == bits(model)


def fit_until_interrupted(model, X, y, delay):
    signal.setitimer(signal.ITIMER_REAL, delay)
    model.fit(X, y, epochs=10**6, batch_size=10, shuffle=False)


def test_ctrl_c_ends_it_at_a_whole_step():
    """Wherever it comes: the parameters are those of as many steps as the history and the optimiser count."""
    X, y = R.normal(size=(20, 30, D)), np.arange(20) % 3
    for delay in np.linspace(0.005, 0.06, 12):
        model = classifier()
        old = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        try:
            with pytest.raises(KeyboardInterrupt):
                fit_until_interrupted(model, X, y, delay)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        steps = model.history.steps
        twin = classifier()
        if steps // 2:
            twin.fit(X, y, epochs=steps // 2, batch_size=10, shuffle=False)
        if steps % 2:
            twin.fit(X[:10], y[:10], epochs=1, shuffle=False)
        assert bits(twin) == bits(model)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_callback_that_fails_ends_it():
    def fail(epoch, history):
        raise KeyError(epoch)

    model = classifier()
    with pytest.raises(KeyError):
        model.fit(RAGGED, classes("last"), epochs=3, callbacks=[fail])
    assert len(model.history.loss) == 1
    model.fit(RAGGED, classes("last"), epochs=1)


def test_one_fit_runs_at_a_time():
    model = classifier()

    def again(epoch, history):
        model.fit(RAGGED, classes("last"), epochs=1)

    with pytest.raises(RuntimeError, match="another fit of this model is at work"):
        model.fit(RAGGED, classes("last"), epochs=1, callbacks=[again])


def test_it_trains_in_another_thread():
    model, twin = classifier(), classifier()
    worker = threading.Thread(target=lambda: model.fit(RAGGED, classes("last"), epochs=2))
    worker.start()
    worker.join()
    twin.fit(RAGGED, classes("last"), epochs=2)
    assert bits(model) == bits(twin)


def test_a_progress_bar(monkeypatch):
    drawn = []

    class Recorder:
        def __init__(self, epochs, shape, account, unit):
            drawn.append((epochs, shape, unit))
            self.account = account

        def update(self):
            drawn.append((self.account.epoch, self.account.step))

        def close(self):
            drawn.append("closed")

    monkeypatch.setattr("rnnfast.progress.ProgressBar", Recorder)
    classifier().fit(padded(0), classes("last"), epochs=1, batch_size=7, progress=True)
    assert drawn == [(1, (N, T, D), "nats a sequence"), (0, 1), (0, 2), "closed"]


def test_the_true_progress_bar_takes_its_account():
    classifier().fit(padded(0), classes("last"), epochs=2, batch_size=7, progress=True)


def test_setting_parameters_is_all_or_nothing():
    model = classifier()
    before = bits(model)
    with pytest.raises(ValueError, match=r"dense.b has shape \(2,\), expected \(3,\)"):
        model.set_parameters({"dense.W": np.zeros((5, 3)), "dense.b": np.zeros(2)})
    assert bits(model) == before
    model.set_parameters({"dense.b": [1, 2, 3]})
    assert model.parameters["dense.b"].tolist() == [1, 2, 3]
    assert model.num_parameters == sum(p.size for p in model.parameters.values())


BAD = {
    "both inputs": (
        lambda: SequenceClassifier(2, 3, input_size=1, vocab_size=1),
        ValueError,
        "input_size is 1 and vocab_size 1, expected one of them",
    ),
    "no input": (lambda: SequenceClassifier(2, 3), ValueError, "input_size is None and vocab_size None"),
    "embedded numbers": (
        lambda: SequenceRegressor(2, 3, input_size=1, embedding_size=2),
        ValueError,
        "embedding_size is 2 without vocab_size",
    ),
    "no classes": (
        lambda: SequenceClassifier(0, 3, input_size=1),
        ValueError,
        "num_classes is 0, expected at least 1",
    ),
    "output": (lambda: classifier("first"), ValueError, "output is 'first', expected 'last' or 'all'"),
    "cell": (lambda: classifier(cell="elman"), ValueError, "cell is 'elman', expected"),
    "dropout": (
        lambda: classifier(dropout=1),
        ValueError,
        "dropout is 1.0, expected at least 0 and less than 1",
    ),
    "dtype": (lambda: classifier(dtype="int8"), ValueError, "dtype is int8, expected float32"),
    "seed": (lambda: classifier(seed=-1), ValueError, "seed is -1, expected 0 to"),
    "width": (
        lambda: classifier().predict(np.zeros((2, 3, 9))),
        ValueError,
        r"X has shape \(2, 3, 9\), expected 3",
    ),
    "dimensions": (
        lambda: classifier().predict(np.zeros((2, 3))),
        ValueError,
        r"expected \(N, T, D\), or a list",
    ),
    "one of the list": (
        lambda: classifier().predict([np.zeros((2, 3)), np.zeros(3)]),
        ValueError,
        r"X\[1\] has shape \(3,\), expected \(T, 3\)",
    ),
    "nothing": (lambda: classifier().predict([]), ValueError, "X is empty"),
    "not a number": (
        lambda: classifier().predict([np.full((2, 3), np.nan)]),
        ValueError,
        r"X\[0, 0\] is not finite",
    ),
    "text": (lambda: classifier().predict([["a"]]), ValueError, r"X\[0\] has shape \(1,\)"),
    "tokens": (
        lambda: SequenceClassifier(2, 3, vocab_size=4).predict([[1, 4]]),
        ValueError,
        "X has 1 to 4, expected -1 to 3",
    ),
    "token floats": (
        lambda: SequenceClassifier(2, 3, vocab_size=4).predict(np.zeros((1, 2))),
        TypeError,
        "X has dtype float64, expected integers",
    ),
    "lengths": (
        lambda: classifier().predict(padded(0), lengths=np.full(N, T + 1)),
        ValueError,
        "lengths has 7 to 7, expected 0 to 6 = T",
    ),
    "lengths of a list": (
        lambda: classifier().predict(RAGGED, lengths=LENGTHS),
        ValueError,
        "lengths: X is a list of sequences, which have their own",
    ),
    "classes": (
        lambda: classifier().fit(RAGGED, np.full(N, 3), epochs=1),
        ValueError,
        "y has 3 to 3, expected -1 to 2",
    ),
    "classes' shape": (
        lambda: classifier().fit(RAGGED, np.zeros((N, 1), int), epochs=1),
        ValueError,
        r"y has shape \(14, 1\), expected \(14,\): a class a sequence",
    ),
    "steps' classes": (
        lambda: classifier("all").fit(RAGGED, [np.zeros(4, int)] * N, epochs=1),
        ValueError,
        "y has lengths 4, 4, 4, ..., expected the steps of X",
    ),
    "no class counts": (
        lambda: classifier().fit(RAGGED, np.full(N, -1), epochs=1),
        ValueError,
        "y has no target that counts",
    ),
    "numbers' shape": (
        lambda: SequenceRegressor(2, 3, input_size=D).fit(RAGGED, np.zeros((N, 3)), epochs=1),
        ValueError,
        r"y has shape \(14, 3\), expected \(14, 2\)",
    ),
    "numbers": (
        lambda: SequenceRegressor(1, 3, input_size=D).fit(RAGGED, np.full((N, 1), np.inf), epochs=1),
        ValueError,
        "y has numbers that are not finite",
    ),
    "epochs": (lambda: classifier().fit(RAGGED, classes("last"), epochs=-1), ValueError, "epochs is -1"),
    "batch_size": (
        lambda: classifier().fit(RAGGED, classes("last"), epochs=1, batch_size=0),
        ValueError,
        "batch_size is 0, expected at least 1",
    ),
    "optimizer": (
        lambda: classifier().fit(RAGGED, classes("last"), epochs=1, optimizer="adam"),
        TypeError,
        "optimizer is 'adam', expected an optimiser",
    ),
    "validation": (
        lambda: classifier().fit(RAGGED, classes("last"), epochs=1, validation=2),
        ValueError,
        r"validation is 2, expected \(X, y\) or a fraction",
    ),
    "callbacks": (
        lambda: classifier().fit(RAGGED, classes("last"), epochs=1, callbacks=[3]),
        TypeError,
        r"callbacks is \[3\], expected a sequence of functions",
    ),
    "clipping": (
        lambda: classifier().fit(RAGGED, classes("last"), epochs=1, clip_norm=0),
        ValueError,
        "clip_norm is 0",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("make", "y", "options", "what"),
    [
        (lambda: SequenceClassifier(2, 4, input_size=3), [-1, -1, -1, -1, -1, 0], {}, "train on"),
        (lambda: SequenceClassifier(2, 4, input_size=3), [0, -1, 1, -1, -1, -1], {}, "hold back"),
        (
            lambda: SequenceRegressor(1, 4, input_size=3, output="all"),
            np.zeros((6, 5, 1)),
            {"lengths": [0, 0, 0, 0, 0, 5]},
            "train on",
        ),
        (
            lambda: SequenceRegressor(1, 4, input_size=3, output="all"),
            np.zeros((6, 5, 1)),
            {"lengths": [5, 4, 3, 2, 1, 0]},
            "hold back",
        ),
    ],
)
def test_a_share_without_a_target_is_refused(make, y, options, what):
    model, X = make(), np.zeros((6, 5, 3))
    with pytest.raises(ValueError, match=f"validation is 0.1, which leaves no target that counts to {what}"):
        model.fit(X, y, epochs=1, validation=0.1, **options)
    model.fit(X, np.zeros_like(y), epochs=1)  # and nothing keeps it from that
