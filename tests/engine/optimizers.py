"""Every optimiser with every option and schedule, and what the specification has for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnfast import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearWarmup,
    OptimizerState,
    RMSprop,
    StepDecay,
    reference,
)
from rnnfast.reference import learning_rate

OPTIMIZERS = {
    "Adam": Adam(),
    "Adam with decay": Adam(0.05, 0.5, 0.75, 1e-3, decay=0.1, weight_decay=0.1),
    "Adam in Keras' form": Adam(0.05, epsilon=1e-3, keras_epsilon=True, decay=0.1),
    "Adam without memory": Adam(beta1=0.0, beta2=0.0, epsilon=1e-7, keras_epsilon=True),
    "AdamW": AdamW(0.02, weight_decay=0.3),
    "AdamW in Keras' form": AdamW(CosineDecay(0.05, 8), epsilon=1e-3, keras_epsilon=True),
    "SGD": SGD(0.1),
    "SGD with decay": SGD(0.1, decay=0.5, weight_decay=0.1),
    "SGD with momentum": SGD(StepDecay(0.1, 2, 0.5), momentum=0.9),
    "SGD by Nesterov": SGD(0.1, momentum=0.5, nesterov=True, weight_decay=0.1),
    "RMSprop": RMSprop(0.01, 0.9, 1e-3),
    "RMSprop in Keras' form": RMSprop(ExponentialDecay(0.01, 0.7), 0.9, 1e-3, keras_epsilon=True),
    "RMSprop centered": RMSprop(0.01, 0.8, 1e-2, centered=True, weight_decay=0.1),
    "RMSprop with all": RMSprop(
        LinearWarmup(0.01, 3, 0.001), 0.7, 1e-2, keras_epsilon=True, momentum=0.5, centered=True
    ),
}

SCHEDULES = {
    "inverse time": InverseTimeDecay(0.1, 0.3),
    "exponential": ExponentialDecay(0.1, 0.97),
    "step": StepDecay(0.1, 7, 0.3),
    "cosine": CosineDecay(0.1, 60, 0.01),
    "warmup": LinearWarmup(0.1, 20, 0.02),
    "warmup, cosine": LinearWarmup(CosineDecay(0.1, 50), 30),
    "no warmup": LinearWarmup(StepDecay(0.1, 3), 0),
}


def reference_rate(rate: Any) -> Any:
    """The same learning rate as a number or as a function of the step."""
    match rate:
        case InverseTimeDecay(initial, decay):
            return lambda t: learning_rate.inverse_time(t, initial, decay)
        case ExponentialDecay(initial, factor):
            return lambda t: learning_rate.exponential(t, initial, factor)
        case StepDecay(initial, every, factor):
            return lambda t: learning_rate.step(t, initial, every, factor)
        case CosineDecay(initial, steps, final_rate):
            return lambda t: learning_rate.cosine(t, initial, steps, final_rate)
        case LinearWarmup(then, steps, start):
            after = as_function(reference_rate(then))
            return lambda t: learning_rate.warmup(t, steps, start, after(0), after)
    return rate


def as_function(rate: Any) -> Callable[[int], float]:
    return rate if callable(rate) else lambda t: rate


def rate_at(optimizer: Any, step: int) -> float:
    """By the specification."""
    return learning_rate.inverse_time(
        step, as_function(reference_rate(optimizer.learning_rate))(step), optimizer.decay
    )


def to_reference(optimizer: Any) -> Any:
    """The same optimiser of the specification."""
    fields = {name: getattr(optimizer, name) for name in optimizer.__dataclass_fields__}
    fields["learning_rate"] = reference_rate(optimizer.learning_rate)
    return getattr(reference.optimizer, type(optimizer).__name__)(**fields)


def run(
    optimizer: Any, p: NDArray[Any], gradients: Any, state: OptimizerState | None = None, **options: Any
) -> NDArray[Any]:
    """What becomes of a copy of p by one update for each gradient."""
    parameters = {"p": p.copy()}
    state = optimizer.initial_state(parameters) if state is None else state
    before = state.steps
    for g in gradients:
        optimizer.step(parameters, {"p": g}, state, **options)
    assert state.steps == before + len(gradients)
    return parameters["p"]


def gradients_of_all_sizes(n: int, steps: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Parameters (n,), and a gradient for each step, from 1e-4 to 1e2."""
    r = np.random.default_rng(n)
    p = r.normal(size=n).astype(dtype)
    return p, (10.0 ** r.uniform(-4, 2, (steps, n)) * r.choice([-1, 1], (steps, n))).astype(dtype)
