"""The engine's specification in NumPy: every forward pass, gradient, update and draw, in float64, to be read.

What the C++ kernels compute is defined here, in the same order of gates and the same shapes, with nothing
done for speed: a loop over time, whole arrays per step, the equations in the order of the papers. The engine
is tested against these functions, and these functions against central differences.

Letters: `T` time steps, `N` batch, `D` input size, `H` hidden size, `V` vocabulary, `L` layers. Arrays are
time-major: `x` [T, N, D], `h` and `c` [T + 1, N, H] with the initial state in slot 0, `W` [D, G], `R` [H, G],
`b` [G] and `gates` [T, N, G] (LSTM: G = 4H in the order i f g o; GRU: 3H, r z n; basic RNN: H), `logits`
[T, N, V]. Only `model` takes tokens batch first, (N, T), as the engine does. Nothing is changed in place: state
and parameters go in, new ones come out. (The dinosaur exercise clips and updates in place, and so does `dinosaur`.)

The exercises that people learn recurrent networks from are here under their own names and shapes: `steps` (an
RNN, an LSTM and a GRU step by step) and `dinosaur` (names, letter by letter). A function that one of the two alone has
is here as well: `reference.lstm_forward` is `steps.lstm_forward`. Not so rnn_forward, rnn_backward and softmax, which
both have, and `dinosaur.model`: `reference.model` is the engine's.

Read in this order: `rnn`, `lstm`, `gru`, `lstm_variants`, `stack`, `dense`, `loss`, `optimizer`, `learning_rate`,
`model`; then `random`, `dropout`, `sampling` and `initialise`, which say what makes a run the same on every machine;
`sums` is the one order of summation that they share.
"""

from typing import Any

from rnnfast.reference import (
    dense,
    dinosaur,
    dropout,
    gru,
    initialise,
    learning_rate,
    loss,
    lstm,
    lstm_variants,
    model,
    optimizer,
    random,
    rnn,
    sampling,
    stack,
    steps,
    sums,
)

__all__ = [
    "dense",
    "dinosaur",
    "dropout",
    "gru",
    "initialise",
    "learning_rate",
    "loss",
    "lstm",
    "lstm_variants",
    "model",
    "optimizer",
    "random",
    "rnn",
    "sampling",
    "stack",
    "steps",
    "sums",
]

_IN_BOTH = set(steps.__all__) & set(dinosaur.__all__)


def __getattr__(name: str) -> Any:
    if name in _IN_BOTH:
        raise AttributeError(
            f"module 'rnnfast.reference' has no {name!r} of its own: take steps.{name} or dinosaur.{name}"
        )
    for exercise in (steps, dinosaur):
        if name in exercise.__all__:
            return getattr(exercise, name)
    raise AttributeError(f"module 'rnnfast.reference' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *steps.__all__, *dinosaur.__all__} - _IN_BOTH)
