"""The network: one letter in, a probability for each letter to come next out.

a(t) = tanh(Wax x(t) + Waa a(t-1) + b)    y(t) = softmax(Wya a(t) + by)    loss = sum over t of -ln y(t)[Y(t)]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.steps.activations import softmax

States = dict[int, Floats]
"""Columns by time step; -1 is before the first."""


class Cache(NamedTuple):
    """What forward leaves for backward: probabilities, hidden states and inputs."""

    y_hat: States
    a: States
    x: States


def initialize_parameters(n_a: int, n_x: int, n_y: int) -> dict[str, Floats]:
    """Draw the parameters that `numpy.random.seed(1)` gives: normal weights times 0.01, and biases of zero.

    Parameters
    ----------
    n_a, n_x, n_y : int
        Hidden units, inputs, outputs.

    Returns
    -------
    dict of float64 arrays
        Wax, Waa, Wya, drawn in this order, b and by.

    Examples
    --------
    >>> initialize_parameters(1, 2, 1)["Wax"].round(6)
    array([[ 0.016243, -0.006118]])
    """
    random = np.random.RandomState(1)
    return {
        "Wax": random.randn(n_a, n_x) * 0.01,
        "Waa": random.randn(n_a, n_a) * 0.01,
        "Wya": random.randn(n_y, n_a) * 0.01,
        "b": np.zeros((n_a, 1)),
        "by": np.zeros((n_y, 1)),
    }


def rnn_step_forward(parameters: Parameters, a_prev: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
    """Read one letter.

    Parameters
    ----------
    parameters : dict of float arrays
        Wax, Waa, Wya, b, by.
    a_prev : float array [n_a, 1]
        Hidden state.
    x : float array [n_x, 1]
        The letter's one-hot vector, or zeros.

    Returns
    -------
    a_next : float64 array [n_a, 1]
    p_t : float64 array [n_y, 1]
        Probability of each letter to come next.

    Raises
    ------
    ValueError
        Where a parameter is missing or shapes do not fit.

    Examples
    --------
    >>> a_next, p_t = rnn_step_forward(initialize_parameters(2, 3, 3), np.zeros((2, 1)), np.zeros((3, 1)))
    >>> p_t.round(6).ravel()
    array([0.333333, 0.333333, 0.333333])
    """
    Wax, Waa, Wya, b, by = take_parameters(parameters)
    a_prev, x = floats("a_prev", a_prev, len(Waa), 1), floats("x", x, Wax.shape[1], 1)
    a_next = np.tanh(Wax @ x + Waa @ a_prev + b)
    return a_next, softmax(Wya @ a_next + by)


def rnn_step_backward(
    dy: ArrayLike, gradients: Gradients, parameters: Parameters, x: Floats, a: Floats, a_prev: Floats
) -> Gradients:
    """Take a gradient back through one letter, adding to what the letters after it gave.

        da = Wya^T dy + da_next    dz = da (1 - a^2)
        dWya += dy a^T    dby += dy    dWax += dz x^T    dWaa += dz a_prev^T    db += dz    da_next = Waa^T dz

    Parameters
    ----------
    dy : float array [n_y, 1]
        Gradient on the logits: y - one_hot(target).
    gradients : dict of float64 arrays
        dWax, dWaa, dWya, db, dby, which are added to in place, and da_next, which is replaced: the gradient on
        `a` from the letters after this one before the call, the gradient on `a_prev` after it.
    parameters : dict of float arrays
        Wax, Waa, Wya, b, by.
    x, a, a_prev : float arrays [n_x, 1], [n_a, 1], [n_a, 1]
        As `rnn_step_forward` took and gave them.

    Returns
    -------
    dict
        `gradients` itself.

    Raises
    ------
    ValueError
        Where a parameter or a gradient is missing or shapes do not fit; nothing is changed then.
    """
    Wax, Waa, Wya, _, _ = take_parameters(parameters)
    (n_a, n_x), n_y = Wax.shape, len(Wya)
    dy, x = floats("dy", dy, n_y, 1), floats("x", x, n_x, 1)
    a, a_prev = floats("a", a, n_a, 1), floats("a_prev", a_prev, n_a, 1)
    weights = {"dWax": (n_a, n_x), "dWaa": (n_a, n_a), "dWya": (n_y, n_a)}
    take(gradients, "gradients", **weights, db=(n_a, 1), dby=(n_y, 1), da_next=(n_a, 1))
    _step_backward(dy, gradients, Waa, Wya, x, a, a_prev)
    return gradients


def rnn_forward(
    X: Sequence[int | None],
    Y: Sequence[int],
    a_prev: ArrayLike,
    parameters: Parameters,
    vocab_size: int | None = None,
) -> tuple[float, Cache]:
    """Read a name, and say how surprising it was.

    Parameters
    ----------
    X : sequence of int or None, of length T
        Inputs; None is "no letter": zeros.
    Y : sequence of int, of length T
        The letter that should come next after each.
    a_prev : float array [n_a, 1]
        Hidden state before the name.
    parameters : dict of float arrays
        Wax, Waa, Wya, b, by.
    vocab_size : int, optional
        The number of letters, which the parameters say already.

    Returns
    -------
    loss : float
        Sum over the letters, in nats.
    cache : Cache
        (y_hat, a, x), dictionaries by time step; a[-1] is a copy of `a_prev`.

    Raises
    ------
    ValueError
        Where lengths or shapes do not fit, or a letter is outside the vocabulary.

    Examples
    --------
    >>> loss, (y_hat, a, x) = rnn_forward([None, 1], [1, 0], np.zeros((5, 1)), initialize_parameters(5, 3, 3))
    >>> round(loss, 3), len(y_hat), sorted(a)
    (2.197, 2, [-1, 0, 1])
    """
    Wax, Waa, Wya, b, by = take_parameters(parameters)
    (n_a, n_x), n_y = Wax.shape, len(Wya)
    if vocab_size not in (None, n_x):
        raise ValueError(f"vocab_size is {vocab_size}, expected {n_x} as parameters['Wax'] has columns")
    check_letters(X, Y, n_x, n_y)
    y_hat: States = {}
    a: States = {-1: floats("a_prev", a_prev, n_a, 1).copy()}
    x: States = {}
    loss = 0.0
    for t, (letter, target) in enumerate(zip(X, Y, strict=True)):
        x[t] = np.zeros((n_x, 1))
        if letter is not None:
            x[t][letter] = 1
        a[t] = np.tanh(Wax @ x[t] + Waa @ a[t - 1] + b)
        y_hat[t] = softmax(Wya @ a[t] + by)
        loss -= float(np.log(y_hat[t][target, 0]))
    return loss, Cache(y_hat, a, x)


def rnn_backward(
    X: Sequence[int | None], Y: Sequence[int], parameters: Parameters, cache: Cache
) -> tuple[Gradients, States]:
    """Take the gradient of the loss back through the whole name.

    Parameters
    ----------
    X, Y, parameters
        As `rnn_forward` took them.
    cache : Cache
        As `rnn_forward` gave it.

    Returns
    -------
    gradients : dict of float64 arrays
        dWax, dWaa, dWya, db, dby of their parameters' shapes, and da_next [n_a, 1], on the hidden state before
        the name.
    a : dict of float64 arrays
        Hidden states by time step, as in the cache.

    Raises
    ------
    ValueError
        Where lengths or shapes do not fit, or a letter is outside the vocabulary.
    """
    y_hat, a, x = cache
    Wax, Waa, Wya, b, by = take_parameters(parameters)
    check_letters(X, Y, Wax.shape[1], len(Wya))
    if len(y_hat) != len(X):
        raise ValueError(f"cache has {len(y_hat)} steps, expected {len(X)} as X has letters")
    names = {"dWax": Wax, "dWaa": Waa, "dWya": Wya, "db": b, "dby": by, "da_next": b}
    gradients = {name: np.zeros_like(parameter) for name, parameter in names.items()}
    for t in reversed(range(len(X))):
        dy = y_hat[t].copy()
        dy[Y[t]] -= 1
        _step_backward(dy, gradients, Waa, Wya, x[t], a[t], a[t - 1])
    return gradients, a


def _step_backward(
    dy: Floats, gradients: Gradients, Waa: Floats, Wya: Floats, x: Floats, a: Floats, a_prev: Floats
) -> None:
    """Add to the gradients as `rnn_step_backward` says."""
    dz = (Wya.T @ dy + gradients["da_next"]) * (1 - a**2)
    gradients["dWya"] += dy @ a.T
    gradients["dby"] += dy
    gradients["dWax"] += dz @ x.T
    gradients["dWaa"] += dz @ a_prev.T
    gradients["db"] += dz
    gradients["da_next"] = Waa.T @ dz


def take_parameters(parameters: Parameters) -> list[Floats]:
    """Take Wax, Waa, Wya, b and by, whose shapes fit each other."""
    Wax, Wya = take(parameters, Wax=(None, None), Wya=(None, None))
    (n_a, n_x), n_y = Wax.shape, len(Wya)
    return take(parameters, Wax=(n_a, n_x), Waa=(n_a, n_a), Wya=(n_y, n_a), b=(n_a, 1), by=(n_y, 1))


def check_letters(X: Sequence[int | None], Y: Sequence[int], n_x: int, n_y: int) -> None:
    """Check that X and Y are as long as each other, and hold indices of n_x and n_y letters; X may hold None."""
    if len(X) != len(Y):
        raise ValueError(f"Y has {len(Y)} letters, expected {len(X)} as X has")
    for name, letters, size in (("X", X, n_x), ("Y", Y, n_y)):
        for letter in letters:
            if letter is None and name == "X":
                continue
            if not isinstance(letter, int | np.integer):
                raise TypeError(f"{name} holds {letter!r}, expected indices of letters")
            if not 0 <= letter < size:
                raise ValueError(f"{name} holds {letter}, expected indices from 0 to {size - 1}")
