"""Learning: one name a step, clipped gradients, and a report with new names from time to time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Gradients
from rnnfast.reference.dinosaur.names import get_sample, sample
from rnnfast.reference.dinosaur.network import initialize_parameters, rnn_backward, rnn_forward
from rnnfast.reference.dinosaur.plan import Plan, read_plan

LEARNING_RATE = 0.01
LIMIT = 5
"""Gradients are clipped to [-5, 5]."""


def get_initial_loss(vocab_size: int, seq_length: int) -> float:
    """Give the loss of guessing each of `seq_length` letters by chance, where the smoothed loss begins.

    >>> round(get_initial_loss(27, 7), 6)
    23.070858
    """
    if vocab_size < 1:
        raise ValueError(f"vocab_size is {vocab_size}, expected at least 1")
    return -math.log(1 / vocab_size) * seq_length


def smooth(loss: float, cur_loss: float) -> float:
    """Give 0.999 loss + 0.001 cur_loss.

    >>> smooth(20.0, 30.0)
    20.01
    """
    return loss * 0.999 + cur_loss * 0.001


def clip(gradients: Gradients, maxValue: float) -> Gradients:
    """Cut every gradient to [-maxValue, maxValue], in place.

    Parameters
    ----------
    gradients : dict of float arrays
        Changed, all of them.
    maxValue : float
        At least 0.

    Returns
    -------
    dict
        `gradients` itself.

    Raises
    ------
    TypeError, ValueError
        Where a gradient is no array of floats, or maxValue is no number of at least 0; nothing is changed then.

    Examples
    --------
    >>> gradients = {"db": np.array([[-7.0], [3.0]])}
    >>> clip(gradients, 5) is gradients
    True
    >>> gradients["db"]
    array([[-5.],
           [ 3.]])
    """
    if not maxValue >= 0:
        raise ValueError(f"maxValue is {maxValue}, expected at least 0")
    _check_changeable("gradients", gradients)
    for gradient in gradients.values():
        np.clip(gradient, -maxValue, maxValue, out=gradient)
    return gradients


def update_parameters(
    parameters: dict[str, Floats], gradients: Mapping[str, ArrayLike], lr: float
) -> dict[str, Floats]:
    """Go down the gradient: parameter -= lr * gradient, in place.

    Parameters
    ----------
    parameters : dict of float arrays
        Wax, Waa, Wya, b, by; changed.
    gradients : dict of float arrays
        dWax, dWaa, dWya, db, dby.
    lr : float
        Learning rate.

    Returns
    -------
    dict
        `parameters` itself.

    Raises
    ------
    TypeError, ValueError
        Where a parameter is no array of floats, or a gradient is missing or not of its parameter's shape;
        nothing is changed then.

    Examples
    --------
    >>> ones = {name: np.ones((1, 1)) for name in ("Wax", "Waa", "Wya", "b", "by")}
    >>> update_parameters(ones, {f"d{name}": np.ones((1, 1)) for name in ones}, 0.25)["by"]
    array([[0.75]])
    """
    names = ("Wax", "Waa", "Wya", "b", "by")
    _check_changeable("parameters", {name: parameters.get(name) for name in names})
    for name in names:
        shape = np.shape(gradients.get(f"d{name}", ()))
        if shape != parameters[name].shape:
            raise ValueError(f"gradients['d{name}'] has shape {shape}, expected {parameters[name].shape}")
    for name in names:
        parameters[name] -= lr * np.asarray(gradients[f"d{name}"])
    return parameters


def optimize(
    X: Sequence[int | None],
    Y: Sequence[int],
    a_prev: ArrayLike,
    parameters: dict[str, Floats],
    learning_rate: float = LEARNING_RATE,
) -> tuple[float, Gradients, Floats]:
    """Learn one name: forward, backward, clip to [-5, 5], update.

    Parameters
    ----------
    X, Y, a_prev
        As `rnn_forward` takes them.
    parameters : dict of float64 arrays
        Wax, Waa, Wya, b, by; changed.
    learning_rate : float

    Returns
    -------
    loss : float
        Of the name before the update, summed over its letters, in nats.
    gradients : dict of float64 arrays
        dWax, dWaa, dWya, db, dby, as they were clipped.
    a : float64 array [n_a, 1]
        Hidden state after the last letter.

    Raises
    ------
    TypeError, ValueError
        Where something does not fit; nothing is changed then.
    """
    loss, cache = rnn_forward(X, Y, a_prev, parameters)
    gradients, a = rnn_backward(X, Y, parameters, cache)
    del gradients["da_next"]  # of no parameter
    gradients = clip(gradients, LIMIT)
    update_parameters(parameters, gradients, learning_rate)
    return loss, gradients, a[len(X) - 1]


def model(
    data: str | Sequence[str], ix_to_char: Mapping[int, str], *arguments: Any, **named: Any
) -> dict[str, Floats] | tuple[dict[str, Floats], str]:
    r"""Train on names, and print new ones as it learns.

    The exercise has given this function several signatures; each of them works:

        model(data, ix_to_char, [char_to_ix,] num_iterations=35000, n_a=50, dino_names=7, vocab_size=27,
              verbose=False)

    The parameters are initialised, the names shuffled as `numpy.random.seed(0)` does; then each iteration
    learns the next name, from the hidden state that the name before it left (zeros at first), with a learning
    rate of 0.01. The loss printed is smoothed: it begins at dino_names ln(vocab_size), and each iteration
    changes it by a thousandth. A report, after the update of iteration 0 and then of every 2,000th (1,000th where
    data is a list), is the smoothed loss and `dino_names` names, drawn with the seeds 0, 1, ...

    Parameters
    ----------
    data : str or sequence of str
        The text, one name a line, which is lower-cased; or its lines. Spaces around a name are cut off.
    ix_to_char : dict of str
        Character of each index.
    char_to_ix : dict of int, optional
        Index of each character; by default the inverse of `ix_to_char`.
    num_iterations : int
        Names to learn.
    n_a : int
        Hidden units.
    dino_names : int
        Names to print at each report.
    vocab_size : int, optional
        Has to be the size of `ix_to_char`.
    verbose : bool
        Print the first example, and where the names begin anew.

    Returns
    -------
    parameters : dict of float64 arrays
        Wax, Waa, Wya, b, by.
    last_dino_name : str
        The last name printed, with its newline. Only where data is a list of lines, as in the exercise's newer
        version.

    Raises
    ------
    TypeError, ValueError
        Where data has no names or characters that are not in the vocabulary, the two dictionaries or
        `vocab_size` do not fit each other, or a number is out of range.

    Examples
    --------
    >>> parameters = model("ab", {0: "\n", 1: "a", 2: "b"}, num_iterations=1, n_a=4, dino_names=2)
    Iteration: 0, Loss: 2.198323
    <BLANKLINE>
    Aabbbb
    Aa
    <BLANKLINE>
    <BLANKLINE>
    """
    plan = read_plan(data, ix_to_char, *arguments, **named)
    settings = plan.settings
    parameters = initialize_parameters(settings.n_a, plan.vocab_size, plan.vocab_size)
    loss = get_initial_loss(plan.vocab_size, settings.dino_names)
    a_prev = np.zeros((settings.n_a, 1))
    last_name = ""
    for iteration in range(settings.num_iterations):
        if settings.verbose:
            print_example(plan, iteration)
        current, _, a_prev = optimize(*plan.example(iteration), a_prev, parameters)
        loss = smooth(loss, current)
        if iteration % plan.report_every == 0:
            seeds = range(settings.dino_names)
            samples = [sample(parameters, plan.char_to_ix, seed) for seed in seeds]
            last_name = print_report(plan, iteration, loss, samples)
    return (parameters, last_name) if plan.gives_last_name else parameters


def print_report(plan: Plan, iteration: int, loss: float, samples: Sequence[list[int]]) -> str:
    """Print the loss and the names of an iteration, and give the last of them."""
    print(f"Iteration: {iteration}, Loss: {loss:f}\n")
    name = ""
    for sample_ix in samples:
        name = get_sample(sample_ix, plan.ix_to_char)
        print(name.replace("\n", ""))
    print("\n")
    return name


def print_example(plan: Plan, iteration: int) -> None:
    """Print what `verbose` adds: the place at both ends of the names, and the first example itself."""
    number = len(plan.names)
    if iteration in (0, number - 1, number):
        print("j = ", iteration, "idx = ", iteration % number)
    if iteration == 0:
        X, Y = plan.example(0)
        print("single_example =", plan.names[0])
        print("single_example_chars", list(plan.names[0]))
        print("single_example_ix", Y[:-1])
        print(" X = ", X, "\n", "Y =       ", Y, "\n")


def _check_changeable(name: str, arrays: Mapping[str, object]) -> None:
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise TypeError(f"{name}[{key!r}] is {array!r}, expected an array of floats, which is changed")
