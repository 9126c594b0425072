"""Schedules of the learning rate: a function of the step, computed natively."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast import (
    SGD,
    Adam,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LanguageModel,
    LinearWarmup,
    StepDecay,
)

from .cases import assert_same_bits, assert_same_parameters, samples
from .optimizers import SCHEDULES, as_function, reference_rate, run

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


@every_schedule
def test_rates_are_the_specifications(schedule):
    expected = as_function(reference_rate(schedule))
    for step in (*range(130), 1000):
        assert schedule.rate(step) == pytest.approx(expected(step), rel=1e-13, abs=1e-17), step


@every_schedule
def test_the_optimizer_takes_the_rate_of_its_step(dtype, schedule):
    """With the gradient 1 SGD subtracts the rate itself; so does a state that has come this far already."""
    g = np.ones((1, 1), dtype)
    parameters = {"p": np.zeros(1, dtype)}
    state = SGD(schedule).initial_state(parameters)
    for step in range(40):
        state.steps = step
        (got,) = run(SGD(schedule), parameters["p"], g, state)
        assert got == -dtype(schedule.rate(step))


def test_decay_is_inverse_time_decay():
    p, gradients = np.ones(5), np.ones((30, 5))
    assert_same_bits(
        run(Adam(0.01, decay=0.3), p, gradients), run(Adam(InverseTimeDecay(0.01, 0.3)), p, gradients)
    )
    assert not np.array_equal(run(Adam(0.01), p, gradients), run(Adam(0.01, decay=0.3), p, gradients))


def test_cosine_loses_no_digits_where_it_fades():
    """As 1 + cos(x) would: near the end the rate is a square."""
    schedule, steps = CosineDecay(1.0, 10**6), 10**6
    for left in (1, 2, 10, 1000, 333_333, 500_000, 999_999):
        exact = math.sin(math.pi / 2 * left / steps) ** 2
        assert schedule.rate(steps - left) == pytest.approx(exact, rel=1e-15, abs=0)


def test_a_long_exponential_decay():
    assert ExponentialDecay(0.1, 0.999999).rate(10**6) == pytest.approx(0.1 * 0.999999**10**6, rel=1e-9)
    assert ExponentialDecay(0.1, 0.5).rate(10**8) == 0
    assert StepDecay(0.1, 10**6, 0.5).rate(3 * 10**6) == 0.0125


@every_schedule
def test_fifty_epochs_twice_are_a_hundred_once(tmp_path, schedule):
    """Also through a file: the schedule goes on by the optimiser's steps, not by the call's."""
    X, Y = samples(N=4, T=3)
    make = lambda: LanguageModel(5, 3, seed=2)  # noqa: E731
    whole, parts = make(), make()
    whole.fit(X, Y, epochs=40, batch_size=2, optimizer=Adam(schedule))
    parts.fit(X, Y, epochs=25, batch_size=2, optimizer=Adam(schedule))
    parts.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    loaded.fit(X, Y, epochs=15, batch_size=2, optimizer=Adam(schedule))
    assert_same_parameters(loaded, whole)


WRONG = [
    (lambda: InverseTimeDecay(0.1, -1.0), ValueError, "decay is -1, expected at least 0"),
    (lambda: InverseTimeDecay(0.0, 1.0), ValueError, "learning_rate is 0, expected more than 0"),
    (lambda: InverseTimeDecay("x", 1.0), TypeError, "learning_rate is 'x', expected a number"),
    (lambda: ExponentialDecay(0.1, 1.1), ValueError, "factor is 1.1, expected more than 0 and at most 1"),
    (lambda: ExponentialDecay(0.1, 0.0), ValueError, "factor is 0, expected more than 0"),
    (lambda: ExponentialDecay(math.nan, 0.5), ValueError, "learning_rate is -?nan, expected more than 0"),
    (lambda: StepDecay(0.1, 0), ValueError, "every is 0, expected at least 1"),
    (lambda: StepDecay(0.1, 1.5), TypeError, "every is 1.5, expected an integer"),
    (lambda: StepDecay(0.1, 2, math.nan), ValueError, "factor is -?nan, expected"),
    (lambda: CosineDecay(0.1, 0), ValueError, "steps is 0, expected at least 1"),
    (lambda: CosineDecay(0.1, 9, 0.2), ValueError, "final_rate is 0.2, .* at most the learning rate"),
    (lambda: CosineDecay(0.1, 9, -0.2), ValueError, "final_rate is -0.2, expected at least 0"),
    (lambda: LinearWarmup(0.1, -1), ValueError, "warmup_steps is -1, expected at least 0"),
    (lambda: LinearWarmup(0.1, 9, 0.2), ValueError, "warmup_start is 0.2, .* at most the learning rate"),
    (lambda: LinearWarmup(0.1, 9, math.nan), ValueError, "warmup_start is -?nan, expected"),
    (lambda: LinearWarmup("x", 9), TypeError, "then is 'x', expected a number or a schedule"),
    (lambda: LinearWarmup(LinearWarmup(0.1, 9), 9), TypeError, "then is LinearWarmup.*without a warmup"),
    (lambda: CosineDecay(0.1, 9).rate(-1), ValueError, "step is -1, expected at least 0"),
    (lambda: CosineDecay(0.1, 9).rate(0.5), TypeError, "step is 0.5, expected an integer"),
    (
        lambda: Adam(CosineDecay(0.1, 9), decay=0.1),
        ValueError,
        "decay is 0.1, expected 0 where learning_rate is a sch",
    ),
    (lambda: Adam(CosineDecay), TypeError, "learning_rate is <class .*expected a number or a schedule"),
    (lambda: Adam(None), TypeError, "learning_rate is None, expected a number or a schedule"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
