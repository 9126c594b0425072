"""Optimisers: what to do with a gradient. Settings, which never change, and what is remembered from step to step.

In `LanguageModel.fit` the latter lives in the model. In a net of your own the optimiser keeps it:

>>> import numpy as np
>>> from rnnfast import GRU, Adam, Dense, mse
>>> optimizer, layers = Adam(0.03), [GRU(1, 8), Dense(8, 1)]
>>> x = np.random.default_rng(0).normal(size=(6, 32, 1))
>>> for _ in range(100):  # to add up what was read
...     h, _, of_gru = layers[0].forward(x)
...     y, of_dense = layers[1].forward(h)
...     loss, dy = mse(y, np.cumsum(x, axis=0))
...     gradients = [layers[1].backward(dy, of_dense)]
...     gradients.insert(0, layers[0].backward(gradients[0].dx, None, of_gru))
...     norm = optimizer.step(layers, gradients, clip_norm=1.0)
>>> loss < 0.1
True
>>> optimizer.state.steps
100

The same for arrays of your own, and with a state that you keep yourself:

>>> optimizer = Adam(0.1)
>>> parameters = {"p": np.array([1.0, -2.0])}
>>> state = optimizer.initial_state(parameters)
>>> for _ in range(300):
...     norm = optimizer.step(parameters, {"p": 2 * parameters["p"]}, state)  # the gradient of p . p
>>> bool(np.abs(parameters["p"]).max() < 1e-3)
True
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from rnnfast import _core
from rnnfast._arguments import real, thread_count
from rnnfast._interrupts import whole
from rnnfast._pickled import become, entry, settings_of, unpickling, without
from rnnfast.layers import Layer
from rnnfast.layers.net import Gradients, Layers, named_layers
from rnnfast.learning_rate import Schedule, native_rate
from rnnfast.optimizer_state import Arrays, OptimizerState, checked, initial_state, is_state_of, update


class Optimizer:
    """What all of them can do."""

    learning_rate: float | Schedule
    decay: float
    weight_decay: float

    # Not fields: two optimisers are equal where their settings are.
    _state: OptimizerState | None = None
    _layers: dict[str, ref[Layer]] | None = None  # that have been stepped by it, None: none, or arrays

    def __post_init__(self) -> None:
        self.native()

    @property
    def state(self) -> OptimizerState | None:
        """What it remembers of the parameters that it has stepped without a `state` of their own; None before.

        Live, to save or to look at. A `step` that is given a state neither reads nor changes this one.
        """
        return self._state

    def native(self) -> _core.OptimizerConfig:
        """The same settings, checked, for the native training loop."""
        rate = native_rate("learning_rate", self.learning_rate, self.decay)
        return _core.OptimizerConfig(
            type(self).__name__.lower(),
            rate,
            weight_decay=real("weight_decay", self.weight_decay),
            **self._settings(),
        )

    def _settings(self) -> dict[str, Any]:
        """Each optimiser's own."""
        raise NotImplementedError

    def initial_state(self, parameters: Layers | Arrays) -> OptimizerState:
        """What this optimiser remembers of `parameters` before their first update.

        Parameters
        ----------
        parameters : layer, sequence or mapping of layers; or name -> C-contiguous array of float32 or float64
            Of any shapes, all of one dtype.

        Returns
        -------
        state : OptimizerState
        """
        return initial_state(self.native(), parameters)

    def step(
        self,
        parameters: Layers | Arrays,
        gradients: Gradients | Sequence[Gradients] | Mapping[str, Gradients] | Arrays,
        state: OptimizerState | None = None,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        keras_clip_norm: bool = False,
        num_threads: int | None = None,
    ) -> float:
        """One update of `parameters`, in place, natively.

        Parameters
        ----------
        parameters : layer, sequence or mapping of layers; or name -> writeable C-contiguous float32 or float64 array
            Changed in place: all, or none where an error is raised.
        gradients : like parameters
            For each layer what its `backward` returned, or the ``parameters`` of that; or name -> array, with the
            names, shapes and dtype of `parameters`. Not changed.
        state : OptimizerState, optional
            From `initial_state`, `OptimizerState.load` or earlier steps; changed in place. None: the optimiser's own
            `state`, of one net: for another, make another optimiser or keep states yourself.
        clip_value, clip_norm, keras_clip_norm
            As in `LanguageModel.fit`; all gradients together are one.
        num_threads : int, optional
            None: as many as pay. No bit depends on it.

        Returns
        -------
        norm : float
            Global norm of the gradients before clipping: the square root of the sum of all their squares, in float64.

        Raises
        ------
        NonFiniteError
            (a FloatingPointError) For a gradient that is not finite, or whose square would not be.
        ValueError, TypeError
            For arrays that do not fit, or that share memory; without a state, for another net than before. Whatever is
            raised, nothing has changed; Ctrl-C comes before the step or after it.

        Examples
        --------
        >>> import numpy as np
        >>> from rnnfast import SGD
        >>> parameters = {"w": np.zeros(2)}
        >>> SGD(1.0).step(parameters, {"w": np.array([3.0, 4.0])})
        5.0
        >>> parameters["w"]
        array([-3., -4.])
        """
        own = self._own_state(parameters) if state is None else state
        with whole():
            norm = update(
                self.native(),
                parameters,
                gradients,
                own,
                clip_value=None if clip_value is None else real("clip_value", clip_value),
                clip_norm=None if clip_norm is None else real("clip_norm", clip_norm),
                keras_clip_norm=bool(keras_clip_norm),
                num_threads=thread_count(num_threads),
            )
            if state is None:  # the settings are frozen
                object.__setattr__(self, "_state", own)
                object.__setattr__(self, "_layers", _references(parameters))
        return norm

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: settings and a copy of the state, which may go on with other layers of that form."""
        kept = without(vars(self), ("_layers", "_state"))
        return kept if self._state is None else kept | {"_state": copy.deepcopy(self._state)}

    def __setstate__(self, state: Any) -> None:
        with unpickling(self):
            twin = settings_of(self, state, ("_state",))
            if "_state" in state:
                vars(twin)["_state"] = checked(twin.native(), entry(state, "_state", OptimizerState))
        become(self, twin)

    def _own_state(self, parameters: Layers | Arrays) -> OptimizerState:
        if self._state is None:
            return self.initial_state(parameters)
        is_other = self._layers is not None and self._layers != _references(parameters)
        if is_other or not is_state_of(self._state, parameters):
            raise ValueError(
                f"parameters are not those that this {type(self).__name__} has stepped before: make another "
                "optimiser for them, or pass state="
            )
        return self._state


def _references(parameters: Layers | Arrays) -> dict[str, ref[Layer]] | None:
    layers = named_layers(parameters)
    return None if layers is None else {name: ref(layer) for name, layer in layers.items()}


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or without, in PyTorch's form.

    ``p -= lr * g``; with momentum ``b = momentum * b + g`` and ``p -= lr * b``; Nesterov's (Sutskever et al. 2013)
    ``p -= lr * (g + momentum * b)``.

    Parameters
    ----------
    learning_rate : float or schedule
        More than 0, or a schedule such as `CosineDecay`.
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``. At least 0; 0 with a schedule.
    momentum : float
        At least 0, less than 1.
    nesterov : bool
        Look ahead; needs a momentum.
    weight_decay : float
        At least 0: ``weight_decay * p`` is added to the gradient, of every parameter, after clipping.

    Examples
    --------
    >>> from rnnfast import SGD
    >>> SGD(0.1, momentum=0.9).momentum
    0.9
    >>> SGD(0.1, nesterov=True)
    Traceback (most recent call last):
    ValueError: optimizer: momentum is 0, expected more than 0 with nesterov
    """

    learning_rate: float | Schedule = 0.01
    decay: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def _settings(self) -> dict[str, Any]:
        return {"momentum": real("momentum", self.momentum), "nesterov": bool(self.nesterov)}


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012), in PyTorch's form or in Keras'.

    With ``v = alpha v + (1 - alpha) g^2``: ``u = g / (sqrt(v) + epsilon)`` and ``p -= lr * u``; with momentum
    ``b = momentum * b + u`` and ``p -= lr * b``.

    Parameters
    ----------
    learning_rate : float or schedule
        More than 0, or a schedule such as `CosineDecay`. Keras' own default is 0.001.
    alpha : float
        At least 0, less than 1: Keras' `rho`, whose own default is 0.9.
    epsilon : float
        More than 0. Keras' own default is 1e-7.
    keras_epsilon : bool
        Keras' form: ``u = g / sqrt(v + epsilon)``. (Keras has the rate inside its momentum, too: the same where the
        rate is constant.)
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``. At least 0; 0 with a schedule.
    momentum : float
        At least 0, less than 1.
    centered : bool
        Divide by the standard deviation (Graves 2013): ``v - m^2`` stands for ``v`` in ``u``, with
        ``m = alpha m + (1 - alpha) g``.
    weight_decay : float
        At least 0: ``weight_decay * p`` is added to the gradient, of every parameter, after clipping.

    Examples
    --------
    The first step is as long for a large gradient as for a small one:

    >>> import numpy as np
    >>> from rnnfast import RMSprop
    >>> parameters = {"p": np.zeros(2)}
    >>> norm = RMSprop(0.1, alpha=0.75).step(parameters, {"p": np.array([-1e3, 1e-3])})
    >>> parameters["p"].round(4)
    array([ 0.2, -0.2])
    """

    learning_rate: float | Schedule = 0.01
    alpha: float = 0.99
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    weight_decay: float = 0.0

    def _settings(self) -> dict[str, Any]:
        return {
            "alpha": real("alpha", self.alpha),
            "epsilon": real("epsilon", self.epsilon),
            "keras_epsilon": bool(self.keras_epsilon),
            "momentum": real("momentum", self.momentum),
            "centered": bool(self.centered),
        }


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), in PyTorch's form or in Keras'.

    With ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2`` and t updates so far, this one counted:
    ``p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or schedule
        More than 0, or a schedule such as `CosineDecay`.
    beta1, beta2 : float
        At least 0, less than 1.
    epsilon : float
        More than 0. Keras' own default is 1e-7.
    keras_epsilon : bool
        Keras' form: ``p -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)``: epsilon is added before
        the bias correction.
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``. At least 0; 0 with a schedule.
    weight_decay : float
        At least 0: ``weight_decay * p`` is added to the gradient, of every parameter, after clipping. See also `AdamW`.

    Examples
    --------
    >>> from rnnfast import Adam
    >>> Adam(0.01, decay=0.01).learning_rate
    0.01
    >>> Adam(-1)
    Traceback (most recent call last):
    ValueError: optimizer: learning_rate is -1, expected more than 0
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    decay: float = 0.0
    weight_decay: float = 0.0

    def _settings(self) -> dict[str, Any]:
        return {
            "beta1": real("beta1", self.beta1),
            "beta2": real("beta2", self.beta2),
            "epsilon": real("epsilon", self.epsilon),
            "keras_epsilon": bool(self.keras_epsilon),
        }


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): ``p *= 1 - lr * weight_decay`` before each update.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, keras_epsilon, decay
        As of `Adam`. ``lr`` in the decay is the rate of the step, in PyTorch's form and in Keras'.
    weight_decay : float
        At least 0, at most ``1 / learning_rate``; of every parameter. Keras' own default is 0.004.

    Examples
    --------
    A parameter without a gradient fades:

    >>> import numpy as np
    >>> from rnnfast import AdamW
    >>> parameters = {"p": np.ones(1)}
    >>> norm = AdamW(0.5, weight_decay=0.5).step(parameters, {"p": np.zeros(1)})
    >>> parameters["p"]
    array([0.75])
    """

    weight_decay: float = 0.01
