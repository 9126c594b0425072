"""The floating-point control register is the caller's: after every call and exception, and in every callback."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from rnnfast import LanguageModel, NonFiniteError, _core

from .cases import make_gru, make_lstm, make_rnn, samples

STICKY = 0x3F if platform.machine() in ("x86_64", "AMD64") else 0
"""Flags of what has happened, not of what shall: any arithmetic may set them."""


def control():
    return _core.float_control() & ~STICKY


def flushes_subnormals():
    x = np.array([np.finfo(np.float64).tiny])
    return (x / 2 == 0).any()


def fit_until_not_finite():
    X, Y = samples()
    model = LanguageModel(5, 6)
    model.set_parameters({"dense.b": np.array([3e38, -3e38, 0, 0, 0])})
    with pytest.raises(NonFiniteError):
        model.fit(X, np.ones_like(Y), epochs=1)


def generate_from_nan():
    model = LanguageModel(5, 6)
    state = model.initial_state(1)
    state.h[:] = np.nan
    with pytest.raises(NonFiniteError):
        model.generate(3, state=state)


X, Y = samples()
CALLS = {
    "exp": lambda: _core.exp(np.full(100, -87.4, np.float32)),
    "lstm": lambda: (case := make_lstm(2, 3, 4, 5, np.float32)).backward(*case.forward()),
    "rnn": lambda: (case := make_rnn(2, 3, 4, 5, np.float32)).backward(*case.forward()),
    "gru": lambda: (case := make_gru(2, 3, 4, 5, np.float32)).backward(*case.forward()),
    "softmax": lambda: _core.softmax(np.array([[0, -88.0]], np.float32)),
    "fit": lambda: LanguageModel(5, 6).fit(X, Y, epochs=2, validation=(X, Y)),
    "generate": lambda: LanguageModel(5, 6).generate(5),
    "predict": lambda: LanguageModel(5, 6).predict(X),
    "evaluate": lambda: LanguageModel(5, 6).evaluate(X, Y),
    "fit that fails": fit_until_not_finite,
    "generate that fails": generate_from_nan,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_leaves_it_as_it_was(isa, call):
    before = control()
    call()
    assert control() == before
    assert not flushes_subnormals()


def test_callbacks_see_the_callers_mode():
    before, seen = control(), []
    LanguageModel(5, 6).fit(
        X, Y, epochs=3, callbacks=[lambda *_: seen.append((control(), flushes_subnormals()))]
    )
    assert seen == [(before, False)] * 3


def test_an_exception_in_a_callback_leaves_it_as_it_was():
    before = control()

    def fail(*_):
        raise KeyError

    with pytest.raises(KeyError):
        LanguageModel(5, 6).fit(X, Y, epochs=3, callbacks=[fail])
    assert control() == before


@pytest.mark.parametrize("call", ["fit", "generate"])
def test_a_signal_handler_sees_the_callers_mode(call):
    """The handler runs inside the native loop, between two kernels."""
    import signal

    before, seen = control(), []
    model = LanguageModel(5, 64)

    def handle(*_):
        seen.append((control(), flushes_subnormals()))
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=10**7) if call == "fit" else model.generate(10**7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert seen == [(before, False)]
    assert control() == before
