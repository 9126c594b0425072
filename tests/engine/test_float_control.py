"""The floating-point control register is the caller's: after import, every call and exception, and in every callback.

A caller may have its own mode; then it gets that back, and results are those of round-to-nearest all the same.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

import rnnfast
from rnnfast import SGD, Adam, CosineDecay, LanguageModel, NonFiniteError, RMSprop, Sampler, _core

from .cases import assert_same_bits, make_gru, make_lstm, make_rnn, roughen, samples, snapshot

X86 = platform.machine() in ("x86_64", "AMD64")
STICKY = 0x3F if X86 else 0xFFFFFFFF << 32
"""Flags of what has happened, not of what shall: any arithmetic may set them. On aarch64 the whole of FPSR."""
DEFAULT = 0x1F80 if X86 else 0
ROUND_UP = 0x800 if X86 else 0x400000  # fesetround's argument


def control():
    return _core.float_control() & ~STICKY


def flushes_subnormals():
    x = np.array([np.finfo(np.float64).tiny])
    return (x / 2 == 0).any()


@contextmanager
def rounding(mode):
    """Round as fesetround(mode) says, in this thread; 0 is to nearest."""
    libm = ctypes.CDLL("libm.so.6")
    assert libm.fesetround(mode) == 0
    try:
        yield
    finally:
        libm.fesetround(0)


CALLERS_MODE = pytest.mark.parametrize("mode", [0, ROUND_UP], ids=["nearest", "upward"])

X, Y = samples()
LSTM = make_lstm(2, 3, 4, 5, np.float32)
ACTIVATIONS = LSTM.forward()
BACK = (LSTM.dh_out, LSTM.x, *ACTIVATIONS, *LSTM.weights, LSTM.dh_last, LSTM.dc_last)
RNN, GRU = make_rnn(2, 3, 4, 5, np.float32), make_gru(2, 3, 4, 5, np.float32)
RNN_ACTIVATIONS, GRU_ACTIVATIONS = RNN.forward(), GRU.forward()
ROWS, GRADIENT = LSTM.x[0], np.ascontiguousarray(LSTM.x[1])
DENSE_W, LOGITS = LSTM.W, np.linspace(-3, 3, 21, dtype=np.float32).reshape(3, 7)
TARGETS = np.array([0, -1, 6], np.int32)
NUMBERS = np.linspace(0.1, 87.4, 1001, dtype=np.float32)


def stepped(optimizer):
    parameters = {"p": NUMBERS.copy()}
    state = optimizer.initial_state(parameters)
    norm = optimizer.step(parameters, {"p": NUMBERS}, state, clip_norm=0.3)
    return [parameters["p"], norm, *(array for slot in state.slots.values() for array in slot.values())]


def stepped_layer():
    layer, optimizer = rnnfast.Dense(5, 7), Adam(0.01)
    gradients = {name: np.full_like(p, 0.3) for name, p in layer.parameters.items()}
    optimizer.step(layer, gradients, optimizer.initial_state(layer))
    return list(layer.parameters.values())


def clipped():
    g = NUMBERS.copy()
    return _core.clip_gradient(0.5, 0.3, g), g


TABLE = np.array([[1, 0], [1, -1]], np.int32)
NO_HISTORY = np.zeros(0, np.int32)


def draw_boundaries():
    """Where the draw between two tokens changes, as a multiple of 2^-53, for many temperatures."""
    logits = np.array([0, -0.25])
    boundaries = []
    for k in range(1, 40):
        sampler = Sampler(temperature=k / 64).native()
        low, high = 2**52, 2**53
        while low + 1 < high:
            middle = (low + high) // 2
            token = _core.draw(logits, np.array([middle / 2**53]), sampler, NO_HISTORY)[0]
            low, high = (low, middle) if token else (middle, high)
        boundaries.append(high)
    return boundaries


def filtered():
    sampler = Sampler(top_n_sigma=1.5, top_k=5, typical_p=0.9, top_p=0.8, min_p=0.05, temperature=0.7)
    return [_core.filter_logits(row, sampler.native(), NO_HISTORY) for row in LOGITS]


ONLINE = [np.arange(-7, -7 + np.prod(s)).reshape(s) / 8 for s in ((5, 3), (3, 3), (3,), (3, 5), (5,), (3,))]


def learnt_online():
    changed = [array.copy() for array in ONLINE]
    tokens = np.array([0, 1, 2, 3, 4, 0], np.int32)
    losses = _core.learn_online(*changed, tokens, tokens[::-1].copy(), np.array([4, 2]), 0.1, 0.5)
    return [*changed, losses]


def in_session():
    session = model().session(3)
    for seed in range(3):
        session.add(seed=seed)
    return session.step(20).tokens


def make_model():
    return LanguageModel(5, 6, num_layers=2, vocabulary="abcde")


ROUGH = snapshot(roughen(make_model()))


def model():
    rough = make_model()
    rough.set_parameters(ROUGH)
    return rough


def fitted(optimizer, **settings):
    trained = model()
    trained.fit(
        X, Y, epochs=2, batch_size=3, optimizer=optimizer, clip_norm=0.3, validation=(X, Y), **settings
    )
    return list(snapshot(trained).values())


# Compiled functions by name: their results depend on nothing but their arguments.
FUNCTIONS = {
    "exp": lambda: _core.exp(-NUMBERS),
    "log": lambda: _core.log(NUMBERS),
    "sigmoid": lambda: _core.sigmoid(-NUMBERS),
    "tanh": lambda: _core.tanh(NUMBERS / 64),
    "lstm_forward": lambda: LSTM.forward(),
    "lstm_backward": lambda: [g for g in _core.lstm_backward(*BACK).values() if g is not None],
    "rnn_forward": lambda: RNN.forward(),
    "rnn_backward": lambda: list(RNN.backward(*RNN_ACTIVATIONS).values()),
    "gru_forward": lambda: GRU.forward(),
    "gru_backward": lambda: list(GRU.backward(*GRU_ACTIVATIONS).values()),
    "dense_forward": lambda: _core.dense_forward(ROWS, DENSE_W, LSTM.b),
    "dense_backward": lambda: _core.dense_backward(ACTIVATIONS[2][0], ROWS, DENSE_W),
    "cross_entropy": lambda: _core.cross_entropy(LOGITS, TARGETS, 0.25),
    "softmax": lambda: _core.softmax(LOGITS),
    "squared_error": lambda: _core.squared_error(NUMBERS, NUMBERS[::-1].copy(), 0.3),
    "Dense": lambda: rnnfast.Dense(4, 20)(ROWS),
    "Embedding": lambda: rnnfast.Embedding(7, 5)(TARGETS),
    "draw": draw_boundaries,
    "filter_logits": filtered,
    "constraint_product": lambda: _core.constraint_product(TABLE, 0, TABLE, 0, 100),
    "learn_online": learnt_online,
    "parameter_shapes": lambda: [list(s) for s in _core.parameter_shapes(5, 6, 1, "gru", 0, False).values()],
    "optimizer_step": lambda: [*stepped(Adam(0.01, weight_decay=0.1)), *stepped(RMSprop(0.01, momentum=0.9))],
    "step_layers": stepped_layer,
    "learning_rate": lambda: [CosineDecay(0.1, 90).rate(t) for t in range(90)],
    "clip_gradient": clipped,
    "random_word": lambda: _core.random_word(1, 2, 3, 0) % 1024,
    "uniform": lambda: _core.uniform(9, 0.3, 1, 0),
    "orthonormal_rows": lambda: _core.orthonormal_rows(3, 5, 1, 0),
    "random_permutation": lambda: _core.random_permutation(9, 1, 0),
    "float_control": lambda: _core.float_control() * 0,
    "known_isas": lambda: len(_core.known_isas()),
    "available_isas": lambda: len(_core.available_isas()),
    "active_isa": lambda: len(_core.active_isa()),
    "available_processors": lambda: _core.available_processors(),
    "choose_threads": lambda: _core.choose_threads(0, 1e6),
    "set_isa": lambda: _core.set_isa(_core.active_isa()) or 0,
    "fit": lambda: fitted(Adam(0.01, decay=0.1)),
    "fit by SGD": lambda: fitted(SGD(0.1)),
    "predict": lambda: model().predict(X)[0],
    "step": lambda: model().step([1, 2])[0],
    "generate": lambda: model().generate(50, num_streams=3, temperature=0.7, top_p=0.9),
    "score": lambda: model().score(X).log_probabilities,
    "stream": lambda: list(model().stream(30, seed=1)),
    "session": in_session,
    "beam_search": lambda: [beam.tokens for beam in model().beam_search(4, 6)],
    "fit with two threads": lambda: fitted(Adam(0.01), num_threads=2),
    "generate with two threads": lambda: model().generate(50, num_streams=40, num_threads=2),
    "predict with two threads": lambda: model().predict(np.tile(X, (5, 1)), num_threads=2)[0],
    "parameters": lambda: list(LanguageModel(5, 17).parameters.values()),
}


def refused(call, *errors):
    def run():
        with pytest.raises(errors):
            call()

    return run


def saved_and_loaded(tmp_path):
    path = tmp_path / "model.safetensors"
    trained = LanguageModel(5, 6)
    trained.fit(X, Y, epochs=1)
    trained.save(path)
    LanguageModel.load(path)


def fit_until_not_finite():
    overflowing = LanguageModel(5, 6)
    overflowing.set_parameters({"dense.b": np.array([3e38, -3e38, 0, 0, 0])})
    overflowing.fit(X, np.ones_like(Y), epochs=1)


def generate_from_nan():
    fine = LanguageModel(5, 6)
    state = fine.initial_state(1)
    state.h[:] = np.nan
    fine.generate(3, state=state)


CALLS = {
    **FUNCTIONS,
    "evaluate": lambda: model().evaluate(X, Y),
    "initial_state": lambda: model().initial_state(3),
    "set_parameters": lambda: model().set_parameters({"dense.b": np.ones(5)}),
    "decode": lambda: model().decode([1, 2]),
    "fit without samples": refused(lambda: model().fit(X[:0], Y[:0], epochs=1), ValueError),
    "fit of other tokens": refused(lambda: model()._native.evaluate(X + 9, Y, 1), ValueError),
    "fit that overflows": refused(fit_until_not_finite, NonFiniteError),
    "generate from NaN": refused(generate_from_nan, NonFiniteError),
    "predict of another shape": refused(lambda: model().predict(X[0]), ValueError),
    "lstm_forward of another shape": refused(
        lambda: _core.lstm_forward(LSTM.x, LSTM.R, LSTM.R, LSTM.b, LSTM.h0, LSTM.c0), ValueError
    ),
    "LanguageModel without units": refused(lambda: LanguageModel(5, 0), ValueError),
    "set_isa to another": refused(lambda: rnnfast.set_isa("sse9"), ValueError),
    "show_config": rnnfast.show_config,
}


def test_no_public_call_is_forgotten():
    compiled = {name for name in dir(_core) if callable(getattr(_core, name)) and name.islower()}
    methods = {
        name for name, member in vars(LanguageModel).items() if callable(member) and not name.startswith("_")
    }
    tested = {call.split()[0] for call in CALLS} | {"save"}  # with load, below
    assert (compiled | methods) - tested == set()


@CALLERS_MODE
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_leaves_it_as_it_was(isa, call, mode):
    with rounding(mode):
        before = control()
        call()
        after, flushes = control(), flushes_subnormals()
    assert (after, flushes) == (before, False)


@CALLERS_MODE
def test_saving_and_loading_leave_it_as_it_was(tmp_path, mode):
    with rounding(mode):
        before = control()
        saved_and_loaded(tmp_path)
        after, flushes = control(), flushes_subnormals()
    assert (after, flushes) == (before, False)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_results_do_not_depend_on_the_callers_mode(isa, function):
    with rounding(ROUND_UP):
        upward = function()
    for got, want in zip(*map(flattened, (upward, function())), strict=True):
        assert_same_bits(got, want)


def flattened(result):
    return [np.asarray(part) for part in (result if isinstance(result, list | tuple) else [result])]


@CALLERS_MODE
def test_importing_leaves_it_as_it_was(mode):
    code = f"""
import ctypes
import numpy as np
ctypes.CDLL("libm.so.6").fesetround({mode})
import rnnfast
print(rnnfast._core.float_control() & ~{STICKY}, np.array([np.finfo(float).tiny])[0] / 2 == 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    rounds_up = 0x4000 if X86 else 0x400000
    assert done.stdout.split() == [str(DEFAULT | (rounds_up if mode else 0)), "False"], done.stderr


@CALLERS_MODE
def test_callbacks_see_the_callers_mode(mode):
    seen = []
    with rounding(mode):
        before = control()
        LanguageModel(5, 6).fit(
            X, Y, epochs=3, callbacks=[lambda *_: seen.append((control(), flushes_subnormals()))]
        )
        after = control()
    assert seen == [(before, False)] * 3
    assert after == before


@CALLERS_MODE
def test_an_exception_in_a_callback_leaves_it_as_it_was(mode):
    def fail(*_):
        raise KeyError

    with rounding(mode):
        before = control()
        with pytest.raises(KeyError):
            LanguageModel(5, 6).fit(X, Y, epochs=3, callbacks=[fail])
        after = control()
    assert after == before


@CALLERS_MODE
def test_the_progress_bar_sees_the_callers_mode(monkeypatch, mode):
    """It is shown from inside the native loop; an exception there ends the fit."""
    seen = []

    class Recorder:
        def __init__(self, *_):
            pass

        def update(self):
            seen.append((control(), flushes_subnormals()))
            raise KeyError

        def close(self):
            seen.append((control(), flushes_subnormals()))

    monkeypatch.setattr("rnnfast.progress.ProgressBar", Recorder)
    with rounding(mode):
        before = control()
        with pytest.raises(KeyError):
            LanguageModel(5, 64).fit(X, Y, epochs=10**7, progress=True)
        after = control()
    assert seen == [(before, False)] * 2
    assert after == before


MANY = np.zeros((1, 2_000_000), np.int32)
LONG_CALLS = {
    "fit": lambda: LanguageModel(5, 64).fit(X, Y, epochs=10**7),
    "generate": lambda: LanguageModel(5, 64).generate(10**7),
    "predict": lambda: LanguageModel(5, 64).predict(MANY),
    "evaluate": lambda: LanguageModel(5, 64).evaluate(MANY),
    "LanguageModel": lambda: LanguageModel(5, 2000),
}


@CALLERS_MODE
@pytest.mark.parametrize("call", LONG_CALLS.values(), ids=LONG_CALLS)
def test_a_signal_handler_sees_the_callers_mode(call, mode):
    """The handler runs inside the native loop, between two kernels."""
    seen = []

    def handle(*_):
        seen.append((control(), flushes_subnormals()))
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, handle)
    with rounding(mode):
        before = control()
        signal.setitimer(signal.ITIMER_REAL, 0.15)
        try:
            with pytest.raises(KeyboardInterrupt):
                call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        after = control()
    assert seen == [(before, False)]
    assert after == before
