"""No long call keeps the interpreter's lock, whatever its phase: other Python threads run, and Ctrl-C ends it.

No time is judged. Each call would go on for long; it ends only because another thread could take the lock and give it
back many times, and then asked for the end.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from rnnfast import LanguageModel, constraints

V, H = 5, 256
TURNS = 200  # of about a millisecond
PATIENCE = 60  # seconds, after which the test fails rather than hangs

SHORT, LONG = np.zeros((2, 3), np.int32), np.zeros((64, 20_000), np.int32)
PROMPT = np.zeros(10**7, np.int32)


def slow_constraint():
    """Cycles whose lengths have no common factor: no set of live states comes back soon, and each takes some work."""
    primes, many, V = (2, 3, 5, 7, 11, 13), 2000, 500
    rows = np.full((sum(primes) + many, V), -1)
    first = 0
    for prime in primes:
        rows[first : first + prime, 0] = first + (np.arange(prime) + 1) % prime
        first += prime
    end = len(rows) - 1
    rows[first:end] = 0
    rows[first:end, -1] = end
    return constraints.from_table(rows, np.isin(np.arange(len(rows)), [*np.cumsum(primes) - 1, end]))


def cycle(length):
    return constraints.from_table((np.arange(length)[:, np.newaxis] + 1).repeat(64, 1) % length)


SLOW = slow_constraint()

CALLS = {
    "compile": lambda model, n: SLOW.native(10**6),
    "product": lambda model, n: cycle(1021) & cycle(1019),
    "fit": lambda model, n: model.fit(LONG[:, :1000], epochs=10**6, num_threads=n),
    "validation": lambda model, n: model.fit(SHORT, epochs=10**6, validation=(LONG, LONG), num_threads=n),
    "evaluate": lambda model, n: model.evaluate(LONG, num_threads=n),
    "predict": lambda model, n: model.predict(LONG, num_threads=n),
    "generate": lambda model, n: model.generate(10**7, num_streams=2, num_threads=n),
    "prompt": lambda model, n: model.generate(1, prompt=[PROMPT] * 2, num_threads=n),
    "score": lambda model, n: model.score(LONG, num_threads=n),
    "beam search": lambda model, n: model.beam_search(8 * n, 10**6),
    "session": lambda model, n: session(model, num_streams=n).step(10**7),
    "prompt of a session": lambda model, n: session(model, num_streams=n, prompt=PROMPT).step(),
    "removal": lambda model, n: session(model, num_streams=n, prompt=PROMPT).remove(n - 1),
    "state of a stream": lambda model, n: model.stream(prompt=[PROMPT] * n).state,
}


def session(model, num_streams, **options):
    session = model.session(num_streams)
    for _ in range(num_streams):
        session.add(**options)
    return session


@contextmanager
def ended_by_another_thread():
    """Within comes the one call, which must not end by itself."""
    over = threading.Event()

    def take_turns():
        for _ in range(TURNS):
            time.sleep(0.001)  # gives the lock back and takes it again
        if not over.is_set():
            signal.raise_signal(signal.SIGINT)

    def give_up(number, frame):
        raise TimeoutError("the call kept the interpreter's lock")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    thread = threading.Thread(target=take_turns)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        over.set()
        thread.join()


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_other_threads_run_during_a_call_and_can_end_it(call, num_threads):
    model = LanguageModel(V, H)
    with ended_by_another_thread():
        call(model, num_threads)


def test_other_threads_run_during_construction_and_can_end_it():
    with ended_by_another_thread():
        LanguageModel(V, 2048)
