"""Random arguments for each function that can be checked: (random, sizes) -> arguments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rnnfast.course.checking.exercise import CHARACTERS, Arguments, Sizes
from rnnfast.reference import dinosaur, steps

Floats = NDArray[np.float64]
Random = np.random.Generator
Draw = Callable[[Random, Sizes], Arguments]

GATES = {"rnn": "", "lstm": "fico", "gru": "ruc"}


def normal(random: Random, shapes: dict[str, tuple[int, int]], scale: float = 1.0) -> dict[str, Floats]:
    """Draw a dictionary of arrays."""
    return {name: random.normal(size=shape) * scale for name, shape in shapes.items()}


# --- step by step


def cell_parameters(kind: str, random: Random, size: Sizes) -> dict[str, Floats]:
    """Draw the parameters of a cell and of its output layer."""
    n_a, n_x, n_y = size.n_a, size.n_x, size.n_y
    if kind == "rnn":
        shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "Wya": (n_y, n_a), "ba": (n_a, 1)}
    else:
        shapes = {f"W{gate}": (n_a, n_a + n_x) for gate in GATES[kind]} | {"Wy": (n_y, n_a)}
        shapes |= {f"b{gate}": (n_a, 1) for gate in GATES[kind]}
    return normal(random, shapes | {"by": (n_y, 1)})


def step(kind: str) -> Draw:
    """Draw the arguments of KIND_cell_forward."""

    def draw(random: Random, size: Sizes) -> Arguments:
        states = [random.normal(size=(size.n_a, size.m)) for _ in range(2 if kind == "lstm" else 1)]
        return random.normal(size=(size.n_x, size.m)), *states, cell_parameters(kind, random, size)

    return draw


def sequence(kind: str) -> Draw:
    """Draw the arguments of KIND_forward."""

    def draw(random: Random, size: Sizes) -> Arguments:
        x, a0 = random.normal(size=(size.n_x, size.m, size.T_x)), random.normal(size=(size.n_a, size.m))
        return x, a0, cell_parameters(kind, random, size)

    return draw


def step_back(kind: str) -> Draw:
    """Draw the arguments of KIND_cell_backward."""

    def draw(random: Random, size: Sizes) -> Arguments:
        arguments = step(kind)(random, size)
        cache = getattr(steps, f"{kind}_cell_forward")(*arguments)[-1]
        return *(random.normal(size=(size.n_a, size.m)) for _ in arguments[1:-1]), cache

    return draw


def sequence_back(kind: str) -> Draw:
    """Draw the arguments of KIND_backward.

    An LSTM's caches begin with a cell state of their own: with the zeros of lstm_forward the forget gate's
    gradient is zero at the first step, right or wrong.
    """

    def draw(random: Random, size: Sizes) -> Arguments:
        x, _, parameters = sequence(kind)(random, size)
        states = step(kind)(random, size)[1:-1]
        caches = []
        for t in range(size.T_x):
            *states, _, cache = getattr(steps, f"{kind}_cell_forward")(x[:, :, t], *states, parameters)
            caches.append(cache)
        return random.normal(size=(size.n_a, size.m, size.T)), (caches, x)

    return draw


def columns(random: Random, size: Sizes) -> Arguments:
    """Draw the argument of softmax and of sigmoid."""
    return (random.normal(size=(size.n_y, size.m)) * 3,)


# --- the dinosaurs


def letters(random: Random, size: Sizes) -> tuple[list[int | None], list[int]]:
    """Draw X and Y of a name."""
    indices = [int(index) for index in random.integers(1, size.n_y, size.T_x + 1)]
    return [None, *indices], [*indices, 0]


def name_parameters(random: Random, size: Sizes, scale: float = 1.0) -> dict[str, Floats]:
    """Draw the network's parameters."""
    n_a, n_x, n_y = size.n_a, size.n_x, size.n_y
    shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "Wya": (n_y, n_a), "b": (n_a, 1), "by": (n_y, 1)}
    return normal(random, shapes, scale)


def gradients_of(random: Random, parameters: dict[str, Floats], scale: float) -> dict[str, Floats]:
    """Draw gradients of the parameters' shapes."""
    return {f"d{name}": random.normal(size=v.shape) * scale for name, v in parameters.items()}


def sizes(random: Random, size: Sizes) -> Arguments:
    """Draw n_a, n_x and n_y."""
    return size.n_a, size.n_x, size.n_y


def letter(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of rnn_step_forward."""
    parameters = name_parameters(random, size)
    return parameters, random.normal(size=(size.n_a, 1)), random.normal(size=(size.n_x, 1))


def letter_back(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of rnn_step_backward, with gradients from later letters."""
    parameters, a_prev, x = letter(random, size)
    a, y = dinosaur.rnn_step_forward(parameters, a_prev, x)
    gradients = gradients_of(random, parameters, 1.0) | {"da_next": random.normal(size=a.shape)}
    return y - (np.arange(len(y)) == 1)[:, np.newaxis], gradients, parameters, x, a, a_prev


def name(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of rnn_forward."""
    return *letters(random, size), random.normal(size=(size.n_a, 1)), name_parameters(random, size)


def name_back(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of rnn_backward."""
    X, Y, a_prev, parameters = name(random, size)
    return X, Y, parameters, dinosaur.rnn_forward(X, Y, a_prev, parameters)[1]


def update(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of update_parameters."""
    parameters = name_parameters(random, size)
    return parameters, gradients_of(random, parameters, 1.0), 0.3


def clip(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of clip: some elements beyond both limits in every gradient."""
    gradients = gradients_of(random, name_parameters(random, size), 10.0)
    for gradient in gradients.values():
        gradient.flat[0], gradient.flat[1] = 30.0, -30.0
    return gradients, float(random.integers(3, 12))


def optimize(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of optimize: a name so long, and parameters so large, that clipping acts."""
    X, Y = letters(random, size._replace(T_x=60))
    return X, Y, random.normal(size=(size.n_a, 1)), name_parameters(random, size, 2.0), 0.05


def initial_loss(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of get_initial_loss."""
    return 20 + size.n_x, size.n_a


def smooth(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of smooth."""
    return float(random.uniform(20, 30)), float(random.uniform(5, 90))


def vocabulary() -> tuple[dict[int, str], dict[str, int]]:
    """Make ix_to_char and char_to_ix."""
    return dict(enumerate(CHARACTERS)), {character: index for index, character in enumerate(CHARACTERS)}


def written(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of get_sample and print_sample."""
    return letters(random, size)[1], vocabulary()[0]


def sample(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of sample; in the last case no newline is ever drawn."""
    parameters = name_parameters(random, size)
    parameters["by"][0] += 1 if size.T_x == size.T else -1e3
    return parameters, vocabulary()[1], int(random.integers(0, 1000))


def model(random: Random, size: Sizes) -> Arguments:
    """Draw the arguments of model: a few names, each learnt three times."""
    lines = ["".join(random.choice(list(CHARACTERS[1:]), 30)) for _ in range(size.n_a)]
    return lines, *vocabulary(), 3 * len(lines), size.n_a, 2, len(CHARACTERS)
