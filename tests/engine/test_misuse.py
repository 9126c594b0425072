"""What goes on around a running call: callers' arrays that change, other threads, signals, odd rounding modes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from rnnfast import SGD, Adam, LanguageModel, State, _core

from .cases import assert_same_parameters

V = 11


def tokens(N, T, V):
    return np.random.default_rng(0).integers(0, V, (N, T)).astype(np.int32)


ROUNDING = {"nearest": 0, "down": 0x400, "up": 0x800, "to zero": 0xC00}  # as fenv.h has them on x86


def test_a_callers_array_may_change_during_fit():
    X = tokens(20, 12, V)
    expected = LanguageModel(V, 8)
    expected.fit(X.copy(), epochs=5)
    model = LanguageModel(V, 8)
    model.fit(X, epochs=5, callbacks=[lambda epoch, history: X.fill(10**8)])
    assert_same_parameters(model, expected)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="rounding modes are set by glibc's numbers here"
)
@pytest.mark.parametrize("mode", ROUNDING)
def test_the_callers_rounding_mode_changes_no_bit(isa, mode):
    X = tokens(9, 7, V)

    def work():
        model = LanguageModel(V, 8, dtype="float64")
        model.fit(X, epochs=2, batch_size=4, validation=0.3)
        return model, model.evaluate(X)["loss"], model.predict(X)[0], model.generate(9)

    expected = work()
    math = ctypes.CDLL("libm.so.6")
    before = math.fegetround()
    math.fesetround(ROUNDING[mode])
    try:
        model, *results = work()
        assert math.fegetround() == ROUNDING[mode]
    finally:
        math.fesetround(before)
    assert_same_parameters(model, expected[0])
    for got, want in zip(results[1:], expected[2:], strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_file_saved_during_fit_is_of_one_moment(tmp_path):
    X = tokens(30, 10, V)
    model, twin = LanguageModel(V, 8, seed=2), LanguageModel(V, 8, seed=2)
    thread = threading.Thread(target=lambda: model.fit(X, epochs=400, batch_size=10))
    thread.start()
    paths = []
    while thread.is_alive() and len(paths) < 5:
        paths.append(tmp_path / f"{len(paths)}.model")
        model.save(paths[-1])
        time.sleep(0.003)
    thread.join()
    for path in paths:
        loaded = LanguageModel.load(path)
        _, (_, steps, *_), epochs = loaded._native.snapshot()
        assert -(-steps // 3) == epochs
        if steps % 3 == 0 and steps:  # between two epochs a twin can be brought to the same place
            twin = LanguageModel(V, 8, seed=2)
            twin.fit(X, epochs=epochs, batch_size=10)
            assert_same_parameters(loaded, twin)
    assert paths


def test_state_may_be_read_while_optimisers_change():
    X = tokens(4, 5, V)
    model = LanguageModel(V, 8)
    done = threading.Event()
    reader = threading.Thread(target=lambda: [model._native.snapshot() for _ in iter(done.is_set, True)])
    reader.start()
    for _ in range(100):
        model.fit(X, epochs=1, optimizer=Adam())
        model.fit(X, epochs=1, optimizer=SGD())
    done.set()
    reader.join(10)
    assert not reader.is_alive()


def test_a_signal_handler_that_uses_the_model_is_refused_not_waited_for():
    model = LanguageModel(V, 64)
    X = tokens(60, 30, V)

    def handler(number, frame):
        model.set_parameters({"dense.b": np.zeros(V)})

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)  # until it comes while the weights are held
        with pytest.raises(RuntimeError, match="at work"):
            model.fit(X, epochs=10_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    model.set_parameters({"dense.b": np.zeros(V)})


def set_for_ever(model):
    while True:
        model.set_parameters({"dense.b": np.zeros(V)})


def test_waiting_for_another_threads_call_can_be_interrupted():
    model = LanguageModel(V, 32)
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            model.generate(200_000)

    thread = threading.Thread(target=keep_busy)
    thread.start()
    time.sleep(0.05)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        begin = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            set_for_ever(model)
        assert time.perf_counter() - begin < 1.5
    finally:
        stop.set()
        thread.join()


def test_a_refused_fit_leaves_the_history():
    X = tokens(4, 5, V)
    model = LanguageModel(V, 8)
    history = model.fit(X, epochs=3)
    for wrong in ({"reduction": "x"}, {"batch_size": 0}, {"optimizer": Adam(1e39)}, {"epochs": -1}):
        with pytest.raises(ValueError, match=r"expected|infinite"):
            model.fit(X, **{"epochs": 3, **wrong})
        assert model.history is history
    assert len(history.loss) == 3


def test_numpys_true_stops():
    history = LanguageModel(V, 8).fit(tokens(4, 5, V), epochs=9, callbacks=[lambda *_: np.bool_(True)])
    assert len(history.loss) == 1


def test_clipping_hides_no_infinite_gradient(isa, dtype):
    g = np.array([0, np.inf, -3], dtype)
    assert _core.clip_gradient(1.0, None, g) == np.inf  # which is what fit asks


def test_construction_lets_other_threads_run_and_can_be_interrupted():
    ticks = []
    thread = threading.Thread(target=lambda: [ticks.append(time.sleep(0.005)) for _ in range(20)])
    thread.start()
    threading.Timer(0.15, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        LanguageModel(V, 2048)
    assert time.perf_counter() - begin < 1.5
    thread.join()
    assert len(ticks) == 20


def test_a_wide_vocabulary_can_be_interrupted_between_two_draws():
    model = LanguageModel(50_000, 4)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        model.generate(3, num_streams=1000, top_p=0.9)
    assert time.perf_counter() - begin < 1.5


def test_a_bad_environment_can_be_mended():
    code = (
        "import rnnfast\n"
        "try:\n    rnnfast.active_isa()\nexcept ValueError as error:\n    print(error)\n"
        "rnnfast.set_isa('scalar_fma')\nprint(rnnfast.active_isa())"
    )
    environment = {**os.environ, "RNNFAST_ISA": "sse9", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "RNNFAST_ISA is 'sse9'" in first
    assert second == "scalar_fma"


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (lambda s: State(s.h.tolist(), s.c, np.array([-1])), ValueError, "state.position has -1"),
        (lambda s: State(s.h * 1j, s.c, s.position), TypeError, "state.h has dtype complex64"),
        (lambda s: State(s.h, s.c, s.position + 0.5), TypeError, "state.position has dtype float64"),
        (lambda s: 3, TypeError, "state is a int"),
    ],
)
def test_states_that_are_none(state, error, message):
    model = LanguageModel(V, 4)
    with pytest.raises(error, match=message):
        model.predict([[1, 2]], state(model.initial_state()))


@pytest.mark.parametrize(
    "function", [_core.softmax, lambda x: _core.cross_entropy(x, np.zeros(3, np.int32), 1.0)]
)
def test_rows_without_columns_are_refused(function):
    with pytest.raises(ValueError, match="no columns"):
        function(np.empty((3, 0), np.float32))
