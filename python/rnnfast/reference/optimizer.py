"""SGD, RMSprop, Adam and AdamW over named parameters, and clipping of gradients.

An optimiser is its settings; what it remembers is a `State`, handed in and out. Parameters and gradients are
mappings name -> array with the same names and shapes; they are never changed, new ones are returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from rnnfast.reference._arrays import Floats
from rnnfast.reference.learning_rate import inverse_time

Parameters = dict[str, Floats]
LearningRate = float | Callable[[int], float]
"""A number, or a function of the step: see `learning_rate`."""


class State(NamedTuple):
    """Steps done; beta1^steps and beta2^steps, each kept as a product; running means and momentum.

    `m` and `v` are the means of the gradient and of its square, `momentum` the sum that momentum carries on; each is
    empty where an optimiser has no use for it.
    """

    steps: int = 0
    beta1_power: float = 1.0
    beta2_power: float = 1.0
    m: Mapping[str, Floats] = {}
    v: Mapping[str, Floats] = {}
    momentum: Mapping[str, Floats] = {}


@dataclass(frozen=True)
class SGD:
    """Gradient descent: p -= rate * g.

        g += weight_decay p        b = momentum b + g
        without momentum:               p -= rate * g
        with it:                        p -= rate * b
        Nesterov's (Sutskever 2013):    p -= rate * (g + momentum b)

    >>> parameters, state = SGD(0.5).update({"p": np.array([1.0])}, {"p": np.array([4.0])})
    >>> parameters["p"], state.steps
    (array([-1.]), 1)
    """

    learning_rate: LearningRate
    decay: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_common(self.learning_rate, self.decay, self.weight_decay)
        _check_fraction("momentum", self.momentum)

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        state = state or State()
        rate = _rate(self.learning_rate, self.decay, state.steps)

        new: Parameters = {}
        momentum: Parameters = {}
        for k, p in parameters.items():
            g = gradients[k] + self.weight_decay * p
            if self.momentum:
                momentum[k] = self.momentum * state.momentum.get(k, 0.0) + g
                g = g + self.momentum * momentum[k] if self.nesterov else momentum[k]
            new[k] = p - rate * g
        return new, State(state.steps + 1, momentum=momentum)


@dataclass(frozen=True)
class RMSprop:
    """RMSprop (Tieleman & Hinton 2012) in one of two forms that differ in where epsilon stands.

        g += weight_decay p        v = alpha v + (1 - alpha) g^2
        PyTorch:  u = g / (sqrt(v) + epsilon)        Keras:  u = g / sqrt(v + epsilon)
        centered (Graves 2013): m = alpha m + (1 - alpha) g, and v - m^2 for v in u
        p -= rate * u, or with momentum: b = momentum b + u and p -= rate * b

    >>> parameters, state = RMSprop(0.1, alpha=0.75).update({"p": np.zeros(2)}, {"p": np.array([-1e3, 1e-3])})
    >>> parameters["p"].round(4)
    array([ 0.2, -0.2])
    """

    learning_rate: LearningRate = 0.01
    alpha: float = 0.99
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_common(self.learning_rate, self.decay, self.weight_decay)
        _check_fraction("alpha", self.alpha)
        _check_fraction("momentum", self.momentum)
        _check_range("epsilon", self.epsilon, self.epsilon > 0, "more than 0")

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        state = state or State()
        rate = _rate(self.learning_rate, self.decay, state.steps)

        new: Parameters = {}
        m: Parameters = {}
        v: Parameters = {}
        momentum: Parameters = {}
        for k, p in parameters.items():
            g = gradients[k] + self.weight_decay * p
            spread = v[k] = self.alpha * state.v.get(k, 0.0) + (1 - self.alpha) * g**2
            if self.centered:
                m[k] = self.alpha * state.m.get(k, 0.0) + (1 - self.alpha) * g
                spread = np.maximum(v[k] - m[k] ** 2, 0)  # a variance that rounding left below zero
            outside, inside = (0.0, self.epsilon) if self.keras_epsilon else (self.epsilon, 0.0)
            u = g / (np.sqrt(spread + inside) + outside)
            if self.momentum:
                u = momentum[k] = self.momentum * state.momentum.get(k, 0.0) + u
            new[k] = p - rate * u
        return new, State(state.steps + 1, m=m, v=v, momentum=momentum)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), algorithm 1, in one of two forms that differ in where epsilon stands.

        g += weight_decay p
        m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
        PyTorch:  p -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
        Keras:    p -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float or function of the step
        More than 0; see `learning_rate`.
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        More than 0.
    keras_epsilon : bool
        Whether to take Keras' form.
    decay : float
        At least 0; see `learning_rate.inverse_time`.
    weight_decay : float
        At least 0.

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

    learning_rate: LearningRate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_common(self.learning_rate, self.decay, self.weight_decay)
        _check_fraction("beta1", self.beta1)
        _check_fraction("beta2", self.beta2)
        _check_range("epsilon", self.epsilon, self.epsilon > 0, "more than 0")

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        regularised = {k: gradients[k] + self.weight_decay * p for k, p in parameters.items()}
        return self._update(parameters, regularised, state or State())

    def _update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State
    ) -> tuple[Parameters, State]:
        beta1_power, beta2_power = state.beta1_power * self.beta1, state.beta2_power * self.beta2
        rate = _rate(self.learning_rate, self.decay, state.steps) / (1 - beta1_power)
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


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): p *= 1 - rate * weight_decay before its update.

    >>> parameters, _ = AdamW(0.5, weight_decay=0.5).update({"p": np.ones(1)}, {"p": np.zeros(1)})
    >>> parameters["p"]
    array([0.75])
    """

    weight_decay: float = 0.01

    def update(
        self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats], state: State | None = None
    ) -> tuple[Parameters, State]:
        """One step. No `state` starts afresh."""
        _check_gradients(parameters, gradients)
        state = state or State()
        keep = 1 - _rate(self.learning_rate, self.decay, state.steps) * self.weight_decay
        return self._update({k: keep * p for k, p in parameters.items()}, gradients, state)


Optimizer = SGD | RMSprop | Adam


def clip_by_value(gradients: Mapping[str, Floats], limit: float) -> Parameters:
    """Each element into [-limit, limit].

    >>> clip_by_value({"g": np.array([-3.0, 0.5])}, 1.0)["g"]
    array([-1. ,  0.5])
    """
    _check_range("clip_value", limit, limit > 0, "more than 0")
    return {k: np.clip(g, -limit, limit) for k, g in gradients.items()}


def clip_by_norm(
    gradients: Mapping[str, Floats], max_norm: float, keras: bool = False
) -> tuple[Parameters, float]:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), as PyTorch does; also give the norm before.

    Keras has no 1e-6 there.

    >>> clipped, norm = clip_by_norm({"a": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    >>> clipped["a"].round(6), norm
    (array([0.6]), 5.0)
    """
    _check_range("clip_norm", max_norm, max_norm > 0, "more than 0")
    norm = global_norm(gradients)
    divisor = norm if keras else norm + 1e-6
    factor = min(1.0, max_norm / divisor) if divisor else 1.0
    return {k: g * factor for k, g in gradients.items()}, norm


def global_norm(gradients: Mapping[str, Floats]) -> float:
    """Take the Euclidean norm of all elements of all gradients together."""
    return sqrt(sum(float((g**2).sum()) for g in gradients.values()))


def _check_range(name: str, value: float, fine: bool, expected: str) -> None:
    if not (fine and np.isfinite(value)):
        raise ValueError(f"{name} is {value}, expected a finite number, {expected}")


def _check_fraction(name: str, value: float) -> None:
    _check_range(name, value, 0 <= value < 1, "at least 0 and less than 1")


def _check_common(learning_rate: LearningRate, decay: float, weight_decay: float) -> None:
    if not callable(learning_rate):
        _check_range("learning_rate", learning_rate, learning_rate > 0, "more than 0")
    _check_range("decay", decay, decay >= 0, "at least 0")
    _check_range("weight_decay", weight_decay, weight_decay >= 0, "at least 0")


def _rate(learning_rate: LearningRate, decay: float, step: int) -> float:
    return inverse_time(step, learning_rate(step) if callable(learning_rate) else learning_rate, decay)


def _check_gradients(parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
    if parameters.keys() != gradients.keys():
        raise ValueError(
            f"gradients has names {sorted(gradients)}, expected {sorted(parameters)} as in parameters"
        )
    for k, p in parameters.items():
        if np.shape(gradients[k]) != np.shape(p):
            raise ValueError(f"gradients[{k!r}] has shape {np.shape(gradients[k])}, expected {np.shape(p)}")
