"""Several threads in one call, and several calls at once: the same bits, errors that say what is wrong, and an end when
it is asked for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from rnnfast import Adam, LanguageModel, NonFiniteError, _core

from .cases import assert_same_parameters, samples, snapshot

CALLS = {
    "fit": lambda model, X, Y, n: model.fit(X, Y, epochs=1, num_threads=n),
    "evaluate": lambda model, X, Y, n: model.evaluate(X, Y, num_threads=n),
    "predict": lambda model, X, Y, n: model.predict(X, num_threads=n),
    "generate": lambda model, X, Y, n: model.generate(3, num_threads=n),
}


@pytest.mark.parametrize("num_threads", [2, 5])
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}, {"clip_value": 0.01}], ids=str)
def test_a_model_is_the_same_whatever_the_threads(isa, dtype, num_threads, clip):
    X, Y = samples(N=50, T=4, V=30)
    results = []
    for n in (1, num_threads):
        model = LanguageModel(30, 36, num_layers=2, seed=4, dtype=dtype)
        history = model.fit(
            X, Y, epochs=3, batch_size=40, optimizer=Adam(0.02), validation=(X, Y), num_threads=n, **clip
        )
        probabilities, state = model.predict(X, num_threads=n)
        tokens = model.generate(20, num_streams=7, num_threads=n)
        measures = model.evaluate(X, Y, num_threads=n)
        results.append((snapshot(model), history.loss, probabilities, state.h, tokens, measures))
    (weights, loss, probabilities, h, tokens, measures), other = results
    assert_same_parameters(weights, other[0])
    assert (loss, measures) == (other[1], other[5])
    for one, two in zip((probabilities, h, tokens), other[2:5], strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("wrong", "error"),
    [(0, ValueError), (-1, ValueError), (1025, ValueError), (1.5, TypeError), (True, ValueError)],
)
def test_a_wrong_number_is_refused_by_name_and_nothing_changes(call, wrong, error):
    X, Y = samples()
    model = LanguageModel(5, 6)
    before = snapshot(model)
    with pytest.raises(error, match=f"num_threads is {wrong}"):
        call(model, X, Y, wrong)
    assert_same_parameters(snapshot(model), before)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_environment_decides_where_the_caller_does_not(call, monkeypatch):
    X, Y = samples()
    model = LanguageModel(5, 6)
    monkeypatch.setenv("RNNFAST_NUM_THREADS", "2")
    assert _core.choose_threads(0, 1) == 2
    call(model, X, Y, None)
    before = snapshot(model)
    monkeypatch.setenv("RNNFAST_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="RNNFAST_NUM_THREADS is many, expected 1 to 1024"):
        call(model, X, Y, None)
    assert_same_parameters(snapshot(model), before)
    call(model, X, Y, 1)  # what the caller says comes first


def test_small_work_gets_one_thread_and_large_work_no_more_than_the_processors(monkeypatch):
    monkeypatch.delenv("RNNFAST_NUM_THREADS", raising=False)
    assert _core.choose_threads(0, 1e6) == 1
    assert _core.choose_threads(0, 1e18) == _core.available_processors() == len(os.sched_getaffinity(0))


def test_logits_that_allow_no_draw_name_their_stream_in_whichever_thread():
    model = LanguageModel(5, 6)
    state = model.initial_state(40)
    state.h[:, 33] = np.nan
    with pytest.raises(NonFiniteError, match="stream 33, step 0"):
        model.generate(4, state=state, num_threads=2)
    assert model.generate(4, num_streams=40, num_threads=2).shape == (40, 4)


def test_a_stream_that_fails_ends_the_others_soon():
    model = LanguageModel(5, 6)
    state = model.initial_state(2)
    state.h[:, 1] = np.nan
    begin = time.monotonic()
    with pytest.raises(NonFiniteError, match="stream 1, step 0"):
        model.generate(10**8, state=state, num_threads=2)
    assert time.monotonic() - begin < 20


def test_ctrl_c_ends_a_call_whose_first_thread_only_waits():
    model = LanguageModel(90, 64)
    prompts = [[1], np.zeros(10**8, np.int32)]
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.generate(1, prompt=prompts, num_threads=2)
    assert time.monotonic() - begin < 20
    timer.join()


def test_ctrl_c_ends_a_call_with_threads_at_a_whole_step():
    X, Y = samples(N=64, T=40, V=60)
    model = LanguageModel(60, 64)
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=10**6, num_threads=2)
    assert time.monotonic() - begin < 20
    timer.join()
    twin = LanguageModel(60, 64)
    twin.fit(X, Y, epochs=model.history.steps, num_threads=1)
    assert_same_parameters(snapshot(model), snapshot(twin))


def test_two_python_threads_train_two_models_with_threads_of_their_own():
    X, Y = samples(N=40, T=6, V=20)
    models = [LanguageModel(20, 40, seed=seed) for seed in range(2)]
    workers = [
        threading.Thread(target=model.fit, args=(X, Y), kwargs={"epochs": 20, "num_threads": 2})
        for model in models
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for seed, model in enumerate(models):
        twin = LanguageModel(20, 40, seed=seed)
        twin.fit(X, Y, epochs=20, num_threads=1)
        assert_same_parameters(snapshot(model), snapshot(twin))


FORK = """
import os, signal, warnings
import numpy as np
from rnnfast import LanguageModel
warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of a fork in a process with threads
X = np.arange(600, dtype=np.int32).reshape(40, 15) % 7
model = LanguageModel(7, 32)
model.fit(X, epochs=2, num_threads=2)
child = os.fork()
if child == 0:
    signal.alarm(60)
    model.fit(X, epochs=2, num_threads=2)
    twin = LanguageModel(7, 32)
    twin.fit(X, epochs=4, num_threads=1)
    same = all(np.array_equal(a, b) for a, b in zip(model.parameters.values(), twin.parameters.values()))
    os._exit(0 if same else 1)
model.fit(X, epochs=2, num_threads=2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_a_forked_child_works():
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120)


def test_no_thread_is_made_before_it_is_needed():
    code = (
        "import os, rnnfast; m = rnnfast.LanguageModel(9, 8); m.generate(5); m.fit([[1, 2, 3]], epochs=1);"
        "before = len(os.listdir('/proc/self/task')); m.generate(5, num_streams=4, num_threads=2);"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RNNFAST_NUM_THREADS"}
    count = "import os; print(len(os.listdir('/proc/self/task')))"
    run = [sys.executable, "-c"]
    made = subprocess.run([*run, code], env=environment, check=True, capture_output=True, text=True).stdout
    assert int(made) == 1
    plain = code.split("before =")[0] + count.removeprefix("import os; ")
    bare = "import os, numpy; print(len(os.listdir('/proc/self/task')))"
    assert subprocess.run([*run, plain], env=environment, check=True, capture_output=True).stdout == (
        subprocess.run([*run, bare], env=environment, check=True, capture_output=True).stdout
    )
