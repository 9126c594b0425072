"""Problems of the public recurrent layers, for the tests of what they compute."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnfast import GRU, LSTM, RNN
from rnnfast.reference import stack

CELLS: dict[str, tuple[Any, dict[str, Any], stack.Cell]] = {
    "rnn-tanh": (RNN, {"nonlinearity": "tanh"}, "rnn_tanh"),
    "rnn-relu": (RNN, {"nonlinearity": "relu"}, "rnn_relu"),
    "gru-after": (GRU, {"reset_after": True}, "gru"),
    "gru-before": (GRU, {"reset_after": False}, "gru"),
    "lstm": (LSTM, {}, "lstm"),
    "lstm-projection": (LSTM, {"proj_size": -2}, "lstm"),
    "lstm-peephole-coupled": (LSTM, {"peephole": True, "coupled": True}, "lstm_coupled"),
}
"""Class, options (of which proj_size is added to H), and what the specification calls it."""

OTHER_OPTIONS: dict[str, tuple[Any, dict[str, Any], stack.Cell]] = {
    "lstm-peephole": (LSTM, {"peephole": True}, "lstm"),
    "lstm-coupled": (LSTM, {"coupled": True}, "lstm_coupled"),
    "lstm-peephole-coupled-projection": (
        LSTM,
        {"peephole": True, "coupled": True, "proj_size": -4},
        "lstm_coupled",
    ),
}
"""What the most tests leave out."""


@dataclass
class Problem:
    """A layer, what it is given, and the gradient on what it gives."""

    layer: Any
    cell: stack.Cell
    x: NDArray[Any]
    state: Any
    dy: NDArray[Any]
    dstate: Any
    lengths: list[int] | None = None
    reset: NDArray[np.bool_] | None = None
    training_step: int | None = None

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        return {name: value.astype(np.float64) for name, value in self.layer.parameters.items()}

    def forward(self, **changed: Any) -> Any:
        given = {"lengths": self.lengths, "reset": self.reset, "training_step": self.training_step}
        return self.layer.forward(self.x, self.state, **given | changed)

    def results(self, num_threads: int = 1) -> dict[str, NDArray[Any]]:
        """Everything that forward and backward give, by name."""
        y, state, workspace = self.forward(num_threads=num_threads)
        gradients = self.layer.backward(self.dy, self.dstate, workspace, num_threads=num_threads)
        named = {"y": y, **of_state("", state), **of_state("d", gradients.dstate), **gradients.parameters}
        return named if gradients.dx is None else {"dx": gradients.dx, **named}

    def specified(self) -> dict[str, NDArray[Any]]:
        """The same by the specification."""
        state, dstate = (stack.State(*arrays(s)) for s in (self.state, self.dstate))
        y, after, workspace = stack.forward(
            self.weights, self.x, self.cell, state, lengths=self.lengths, reset=self.reset, masks=self.masks()
        )
        gradients = stack.backward(self.dy, self.weights, self.cell, workspace, dstate)
        named = {"y": y, **of_state("", after), **of_state("d", gradients.dstate), **gradients.parameters}
        return named if gradients.dx is None else {"dx": gradients.dx, **named}

    def masks(self) -> Any:
        if self.training_step is None:
            return None
        rates, seed = (
            (self.layer.config[name] for name in ("dropout", "input_dropout")),
            self.layer.config["seed"],
        )
        return stack.dropout_masks(self.weights, *self.x.shape[:2], *rates, seed, self.training_step)

    def part(self, *, t: slice = slice(None), n: slice = slice(None), **changed: Any) -> Problem:
        """The same for some of its steps and samples."""
        some = {name: getattr(self, name)[t, n] for name in ("x", "dy")}
        some |= {name: like(getattr(self, name), lambda a: a[:, n]) for name in ("state", "dstate")}
        some["lengths"] = None if self.lengths is None else self.lengths[n]
        some["reset"] = None if self.reset is None else self.reset[t, n]
        return dataclasses.replace(self, **some | changed)


def arrays(state: Any) -> tuple[NDArray[Any], ...]:
    return state if isinstance(state, tuple) else (state,)


def like(state: Any, function: Any) -> Any:
    """The state with `function` of its arrays."""
    return tuple(map(function, state)) if isinstance(state, tuple) else function(state)


def of_state(prefix: str, state: Any) -> dict[str, NDArray[Any]]:
    return {prefix + name: a for name, a in zip("hc", arrays(state), strict=False) if a is not None}


def make(
    cell: str,
    T: int,
    N: int,
    D: int,
    H: int,
    dtype: Any,
    *,
    layers: int = 1,
    both: bool = False,
    tokens: bool = False,
    lengths: list[int] | None = None,
    reset: NDArray[np.bool_] | None = None,
    gain: float = 1.0,
    **options: Any,
) -> Problem:
    """Weights, biases too, that neither die nor explode.

    With a `gain` of 0.5 not even the worst case of errors explodes, which a derived bound assumes at every step.
    """
    r = np.random.default_rng([T, N, D, H, layers])
    kind, own, specified = (CELLS | OTHER_OPTIONS)[cell]
    if "proj_size" in own:
        own = own | {"proj_size": max(1, H + own["proj_size"])}
    layer = kind(D, H, layers, bidirectional=both, dtype=dtype, **own, **options)
    P = layer.output_size // (1 + both)
    alive = 1.0 if cell == "rnn-relu" else 0.0
    layer.set_parameters(
        {
            name: r.normal(size=p.shape) * (gain * len(p) ** -0.5 if p.ndim == 2 else 1)
            + alive * (p.ndim == 1)
            for name, p in layer.parameters.items()
        }
    )

    def normal(*shape: int) -> NDArray[Any]:
        return r.normal(size=shape).astype(dtype)

    def state() -> Any:
        h, c = (normal(layers * (1 + both), N, size) for size in (P, H))
        return (h, c) if kind is LSTM else h

    x = r.integers(-1, D, (T, N)).astype(np.int32) if tokens else normal(T, N, D)
    return Problem(layer, specified, x, state(), normal(T, N, layer.output_size), state(), lengths, reset)
