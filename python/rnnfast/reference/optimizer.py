"""SGD and Adam over named parameters, the decay of their learning rate, and clipping of gradients.

An optimiser is its settings; what it remembers is a `State`, handed in and out. Parameters and gradients are
mappings name -> array with the same names and shapes; they are never changed, new ones are returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from rnnfast.reference._arrays import Floats

Parameters = dict[str, Floats]


class State(NamedTuple):
    """Steps done; beta1^steps and beta2^steps, each kept as a product; Adam's moments (empty for SGD)."""

    steps: int = 0
    beta1_power: float = 1.0
    beta2_power: float = 1.0
    m: Mapping[str, Floats] = {}
    v: Mapping[str, Floats] = {}


def decay(learning_rate: float, decay: float, step: int) -> float:
    """Give the learning rate at a step, learning_rate / (1 + decay * step); the first step is step 0.

    >>> decay(0.01, 0.01, 0), decay(0.01, 0.01, 100)
    (0.01, 0.005)
    """
    return learning_rate / (1 + decay * step)


@dataclass(frozen=True)
class SGD:
    """Gradient descent: p -= rate * g.

    >>> parameters, state = SGD(0.5).update({"p": np.array([1.0])}, {"p": np.array([4.0])})
    >>> parameters["p"], state.steps
    (array([-1.]), 1)
    """

    learning_rate: float
    decay: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.learning_rate, self.decay)

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        state = state or State()
        rate = decay(self.learning_rate, self.decay, state.steps)
        return {k: p - rate * gradients[k] for k, p in parameters.items()}, State(state.steps + 1)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), algorithm 1, in one of two forms that differ in where epsilon stands.

        m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
        PyTorch:  p -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
        Keras:    p -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float
        More than 0.
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        More than 0.
    keras_epsilon : bool
        Whether to take Keras' form.
    decay : float
        At least 0; see `decay`.

    Raises
    ------
    ValueError
        Where a number is outside its range.

    Examples
    --------
    The first step moves each parameter by the learning rate, whatever the size of its gradient:

    >>> parameters, state = Adam(0.1).update({"p": np.zeros(2)}, {"p": np.array([-1e3, 1e-3])})
    >>> parameters["p"].round(5)
    array([ 0.1, -0.1])
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.learning_rate, self.decay)
        _check_range("beta1", self.beta1, 0 <= self.beta1 < 1, "at least 0 and less than 1")
        _check_range("beta2", self.beta2, 0 <= self.beta2 < 1, "at least 0 and less than 1")
        _check_range("epsilon", self.epsilon, self.epsilon > 0, "more than 0")

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        state = state or State()
        beta1_power, beta2_power = state.beta1_power * self.beta1, state.beta2_power * self.beta2
        rate = decay(self.learning_rate, self.decay, state.steps) / (1 - beta1_power)
        root = sqrt(1 - beta2_power)

        new: Parameters = {}
        m: Parameters = {}
        v: Parameters = {}
        for k, p in parameters.items():
            g = gradients[k]
            m[k] = self.beta1 * state.m.get(k, 0.0) + (1 - self.beta1) * g
            v[k] = self.beta2 * state.v.get(k, 0.0) + (1 - self.beta2) * g**2
            if self.keras_epsilon:
                new[k] = p - rate * root * m[k] / (np.sqrt(v[k]) + self.epsilon)
            else:
                new[k] = p - rate * m[k] / (np.sqrt(v[k]) / root + self.epsilon)
        return new, State(state.steps + 1, beta1_power, beta2_power, m, v)


def clip_by_value(gradients: Mapping[str, Floats], limit: float) -> Parameters:
    """Each element into [-limit, limit].

    >>> clip_by_value({"g": np.array([-3.0, 0.5])}, 1.0)["g"]
    array([-1. ,  0.5])
    """
    _check_range("clip_value", limit, limit > 0, "more than 0")
    return {k: np.clip(g, -limit, limit) for k, g in gradients.items()}


def clip_by_norm(gradients: Mapping[str, Floats], max_norm: float) -> tuple[Parameters, float]:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), as PyTorch does; also give the norm before.

    >>> clipped, norm = clip_by_norm({"a": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    >>> clipped["a"].round(6), norm
    (array([0.6]), 5.0)
    """
    _check_range("clip_norm", max_norm, max_norm > 0, "more than 0")
    norm = global_norm(gradients)
    factor = min(1.0, max_norm / (norm + 1e-6))
    return {k: g * factor for k, g in gradients.items()}, norm


def global_norm(gradients: Mapping[str, Floats]) -> float:
    """Take the Euclidean norm of all elements of all gradients together."""
    return sqrt(sum(float((g**2).sum()) for g in gradients.values()))


def _check_range(name: str, value: float, fine: bool, expected: str) -> None:
    if not (fine and np.isfinite(value)):
        raise ValueError(f"{name} is {value}, expected a finite number, {expected}")


def _check_rate(learning_rate: float, decay: float) -> None:
    _check_range("learning_rate", learning_rate, learning_rate > 0, "more than 0")
    _check_range("decay", decay, decay >= 0, "at least 0")


def _check_gradients(parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
    if parameters.keys() != gradients.keys():
        raise ValueError(
            f"gradients has names {sorted(gradients)}, expected {sorted(parameters)} as in parameters"
        )
    for k, p in parameters.items():
        if np.shape(gradients[k]) != np.shape(p):
            raise ValueError(f"gradients[{k!r}] has shape {np.shape(gradients[k])}, expected {np.shape(p)}")
