"""Optimisers: what to do with a gradient. They are settings only; what they remember lives in the model they train."""

from __future__ import annotations

from dataclasses import dataclass

from rnnfast import _core
from rnnfast._arguments import real


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: ``p -= lr * g``.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``.

    Examples
    --------
    >>> from rnnfast import SGD
    >>> SGD(0.1)
    SGD(learning_rate=0.1, decay=0.0)
    """

    learning_rate: float = 0.01
    decay: float = 0.0

    def __post_init__(self) -> None:
        self.native()

    def native(self) -> _core.OptimizerConfig:
        """The same settings, checked, for the native training loop."""
        rate, decay = real("learning_rate", self.learning_rate), real("decay", self.decay)
        return _core.OptimizerConfig("sgd", rate, 0.9, 0.999, 1e-8, False, decay)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), in PyTorch's form or in Keras'.

    With ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2`` and t updates so far, this one counted:
    ``p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)``.

    Parameters
    ----------
    learning_rate : float
        More than 0.
    beta1, beta2 : float
        At least 0, less than 1.
    epsilon : float
        More than 0. Keras' own default is 1e-7.
    keras_epsilon : bool
        Keras' form: ``p -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)``: epsilon is added before
        the bias correction.
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``.

    Examples
    --------
    >>> from rnnfast import Adam
    >>> Adam(0.01, decay=0.01).learning_rate
    0.01
    >>> Adam(-1)
    Traceback (most recent call last):
    ValueError: optimizer: learning_rate is -1.000000, expected more than 0
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0

    def __post_init__(self) -> None:
        self.native()

    def native(self) -> _core.OptimizerConfig:
        """The same settings, checked, for the native training loop."""
        return _core.OptimizerConfig(
            "adam",
            real("learning_rate", self.learning_rate),
            real("beta1", self.beta1),
            real("beta2", self.beta2),
            real("epsilon", self.epsilon),
            bool(self.keras_epsilon),
            real("decay", self.decay),
        )


Optimizer = SGD | Adam
