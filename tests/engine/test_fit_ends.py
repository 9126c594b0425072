"""However a training run ends, it ends at a whole step: callbacks, exceptions, Ctrl-C, a loss that is not finite."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import numpy as np
import pytest

from rnnfast import SGD, Adam, LanguageModel, NonFiniteError, _core

from .cases import assert_same_parameters, assert_same_state, roughen, samples, snapshot

V = 5
PROMPT = 0.1
"""Seconds within which a long call must heed Ctrl-C."""
NOISE = 0.4
"""Seconds that a busy machine may add."""


def make(**options):
    return LanguageModel(V, 6, **{"seed": 1} | options)


def test_callbacks_are_told_the_epoch_and_the_history():
    X, Y = samples()
    model, seen = make(), []
    history = model.fit(
        X, Y, epochs=3, callbacks=[lambda epoch, h: seen.append((epoch, len(h.loss), h.steps, h))]
    )
    assert [entry[:3] for entry in seen] == [(0, 1, 1), (1, 2, 2), (2, 3, 3)]
    assert all(entry[3] is history for entry in seen)


@pytest.mark.parametrize("answer", [True, None, False, 1, "stop"])
def test_only_true_stops(answer):
    X, Y = samples()
    model, other = make(), make()
    history = model.fit(X, Y, epochs=4, callbacks=[lambda epoch, h: answer if epoch == 1 else None])
    assert len(history.loss) == (2 if answer is True else 4)
    other.fit(X, Y, epochs=len(history.loss))
    assert_same_parameters(model, other)


def test_all_callbacks_are_called_before_one_stops():
    X, Y = samples()
    seen = []
    make().fit(X, Y, epochs=3, callbacks=[lambda *_: True, lambda epoch, _: seen.append(epoch)])
    assert seen == [0]


def test_an_exception_of_a_callback_comes_through_after_a_whole_epoch():
    X, Y = samples()
    model, other = make(), make()

    def fail(epoch, history):
        if epoch == 1:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, epochs=5, batch_size=3, callbacks=[fail])
    assert len(model.history.loss) == 2
    other.fit(X, Y, epochs=2, batch_size=3)
    assert_same_parameters(model, other)
    for m in (model, other):  # and it may go on
        m.fit(X, Y, epochs=2, batch_size=3)
    assert_same_parameters(model, other)


def test_a_callback_may_read_the_model():
    X, Y = samples()
    model, losses = make(dtype="float64"), []
    history = model.fit(X, Y, epochs=3, callbacks=[lambda *_: losses.append(model.evaluate(X, Y)["loss"])])
    assert losses[:-1] == pytest.approx(history.loss[1:], rel=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_callback_may_change_the_parameters(layers):
    """The copies that backward reads must follow, too."""
    X, Y = samples()
    options = {"num_layers": layers, "dtype": "float64"}
    other = snapshot(roughen(make(**options), seed=4))
    inside, outside = make(**options), make(**options)
    inside.fit(
        X, Y, epochs=2, callbacks=[lambda epoch, _: inside.set_parameters(other) if epoch == 0 else None]
    )
    outside.fit(X, Y, epochs=1)
    outside.set_parameters(other)
    outside.fit(X, Y, epochs=1)
    assert_same_parameters(inside, outside)


def test_two_fits_at_once_are_refused():
    X, Y = samples()
    model, begun, refused = make(), threading.Event(), []

    def other():
        begun.wait(10)
        with pytest.raises(RuntimeError, match="fit: this model is being fitted already") as caught:
            model.fit(X, Y, epochs=1)
        refused.append(caught)

    thread = threading.Thread(target=other)
    thread.start()

    def wait(epoch, history):
        begun.set()
        thread.join(0.01)
        return bool(refused)

    model.fit(X, Y, epochs=1000, callbacks=[wait])
    thread.join(10)
    assert refused
    model.fit(X, Y, epochs=1)


HOPELESS = {"dense.b": np.array([3e38, -3e38, 0, 0, 0], np.float32)}
"""Against a target of 1 the loss is 6e38: infinite in float32."""


def test_a_loss_that_is_not_finite_names_epoch_and_step():
    X, Y = samples(N=4)
    model = make()
    model.fit(X, Y, epochs=1, optimizer=Adam())
    model.set_parameters(HOPELESS)
    before, state = snapshot(model), model._native.snapshot()[1]
    with pytest.raises(FloatingPointError, match=r"the loss is infinite at epoch 0, step 0"):
        model.fit(X, np.ones_like(Y), epochs=2, batch_size=2)
    assert_same_parameters(model, before)
    assert_same_state(model._native.snapshot()[1], state)
    assert model.history.loss == []


def test_the_epoch_is_counted_in_the_call():
    X, Y = samples(N=4)
    model = make()
    model.fit(X, Y, epochs=2)
    with pytest.raises(NonFiniteError, match=r"at epoch 3, step 0"):
        model.fit(
            X,
            np.ones_like(Y),
            epochs=5,
            batch_size=2,
            callbacks=[lambda epoch, _: model.set_parameters(HOPELESS) if epoch == 2 else None],
        )
    assert len(model.history.loss) == 3


def test_a_run_that_diverges_ends_with_the_last_whole_step():
    X, Y = samples(N=4)
    options = {"batch_size": 2, "shuffle": False, "optimizer": SGD(1e38)}
    model, other = make(), make()
    with pytest.raises(NonFiniteError) as caught:
        model.fit(X, Y, epochs=50, **options)
    epoch, step = map(int, re.search(r"at epoch (\d+), step (\d+)", str(caught.value)).groups())
    assert epoch + step > 0
    assert model.history.steps == 2 * epoch + step
    assert len(model.history.loss) == epoch
    other.fit(X, Y, epochs=epoch, **options)
    if step:
        other.fit(X[:2], Y[:2], epochs=1, **options)
    assert_same_parameters(model, other)


class Interrupt:
    """Ctrl-C after `delay` seconds, as a signal; `late` says how long the call went on after it."""

    def __init__(self, delay):
        self.delay = delay

    def __enter__(self):
        def send():
            time.sleep(self.delay)
            self.sent = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)

        self.before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.thread = threading.Thread(target=send)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.late = time.perf_counter() - self.sent if hasattr(self, "sent") else None
        self.thread.join()
        signal.signal(signal.SIGINT, self.before)


def test_ctrl_c_ends_a_long_fit_at_a_whole_step():
    X, Y = samples(N=60, T=30)
    model, other = (LanguageModel(V, 32, seed=1) for _ in range(2))
    interrupt = Interrupt(0.3)
    with pytest.raises(KeyboardInterrupt), interrupt:
        model.fit(X, Y, epochs=3000, batch_size=20)
    assert interrupt.late < PROMPT + NOISE
    steps = model.history.steps
    assert steps > 3

    epochs, rest = divmod(steps, 3)
    assert epochs == len(model.history.loss)
    other.fit(X, Y, epochs=epochs, batch_size=20)
    if rest:
        order = _core.random_permutation(60, 1, epochs)[: 20 * rest]
        other.fit(X[order], Y[order], epochs=1, batch_size=20, shuffle=False)
    assert_same_parameters(model, other)


@pytest.mark.parametrize("delay", [0.1, 0.4])
@pytest.mark.parametrize(("N", "T", "hidden"), [(64, 1000, 256), (20_000, 3, 320), (64, 100, 1024)])
def test_ctrl_c_gets_through_inside_one_huge_step(N, T, hidden, delay):
    X = np.zeros((N, T), np.int32)
    model = LanguageModel(V, hidden, seed=1)
    before = snapshot(model)
    interrupt = Interrupt(delay)
    with pytest.raises(KeyboardInterrupt), interrupt:
        model.fit(X, epochs=1)
    assert interrupt.late < PROMPT + NOISE
    assert model.history.steps == 0
    assert_same_parameters(model, before)


@pytest.mark.parametrize("call", ["generate", "predict", "evaluate"])
def test_ctrl_c_ends_other_long_calls(call):
    model = LanguageModel(V, 64)
    X = np.zeros((64, 20_000), np.int32)
    calls = {
        "generate": lambda: model.generate(10**7),
        "predict": lambda: model.predict(X),
        "evaluate": lambda: model.evaluate(np.repeat(X, 4, axis=0)),
    }
    interrupt = Interrupt(0.2)
    with pytest.raises(KeyboardInterrupt), interrupt:
        calls[call]()
    assert interrupt.late < PROMPT + NOISE


@pytest.mark.parametrize("call", ["fit", "generate", "predict"])
def test_other_threads_run_meanwhile(call):
    """A thread that ticks every millisecond would stand still if the call kept the interpreter."""
    model = LanguageModel(V, 64)
    X = np.zeros((32, 600), np.int32)
    calls = {
        "fit": lambda: model.fit(X, epochs=10),
        "generate": lambda: model.generate(300_000),
        "predict": lambda: model.predict(np.tile(X, (1, 40))),
    }
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    calls[call]()
    end = time.perf_counter()
    done.set()
    thread.join()
    assert end - begin > 0.05, "too quick to tell"
    assert sum(begin < t < end for t in ticks) > 10


def test_two_threads_generate_from_one_model():
    model = roughen(LanguageModel(V, 32))
    expected = [model.generate(2000, seed=s) for s in (1, 2)]
    got = [None, None]

    def run(k):
        got[k] = model.generate(2000, seed=k + 1)

    threads = [threading.Thread(target=run, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(got, expected)
