"""The network: one letter in, a probability for each letter to come next out.

a(t) = tanh(Wax x(t) + Waa a(t-1) + b)    y(t) = softmax(Wya a(t) + by)    loss = sum over t of -ln y(t)[Y(t)]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnnfast import _core
from rnnfast.course.dinosaur.weights import Letters, Weights
from rnnfast.reference._arrays import Floats, Gradients, Parameters, floats, take
from rnnfast.reference.dinosaur.network import Cache, States, check_letters


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
    >>> from rnnfast.course.dinosaur import initialize_parameters
    >>> a_next, p_t = rnn_step_forward(initialize_parameters(2, 3, 3), np.zeros((2, 1)), np.zeros((3, 1)))
    >>> p_t.round(6).ravel()
    array([0.333333, 0.333333, 0.333333])
    """
    weights = Weights.of(parameters)
    n_x, n_a = weights.W.shape
    a_prev, x = floats("a_prev", a_prev, n_a, 1), floats("x", x, n_x, 1)
    a_next = weights.run(_row(x), a_prev.ravel())[1:]
    return a_next.T, _core.softmax(weights.logits(a_next)).T


def rnn_step_backward(
    dy: ArrayLike, gradients: Gradients, parameters: Parameters, x: Floats, a: Floats, a_prev: Floats
) -> Gradients:
    """Take a gradient back through one letter, adding to what the letters after it gave.

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
    weights = Weights.of(parameters)
    (n_x, n_a), n_y = weights.W.shape, len(weights.dense_b)
    dy, x = floats("dy", dy, n_y, 1), floats("x", x, n_x, 1)
    states = np.stack([floats("a_prev", a_prev, n_a, 1).ravel(), floats("a", a, n_a, 1).ravel()])
    shapes = {f"d{name}": array.shape for name, array in weights.parameters().items()}
    *_, da_next = take(gradients, "gradients", **shapes, da_next=(n_a, 1))

    added, da_prev = weights.run_back(_row(dy), _row(x), states, da_next.ravel())
    for name, gradient in added.parameters(prefix="d").items():
        gradients[name] += gradient
    gradients["da_next"] = da_prev[:, np.newaxis]
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
    >>> from rnnfast.course.dinosaur import initialize_parameters
    >>> loss, (y_hat, a, x) = rnn_forward([None, 1], [1, 0], np.zeros((5, 1)), initialize_parameters(5, 3, 3))
    >>> round(loss, 3), len(y_hat), sorted(a)
    (2.197, 2, [-1, 0, 1])
    """
    weights = Weights.of(parameters)
    (n_x, n_a), n_y = weights.W.shape, len(weights.dense_b)
    if vocab_size not in (None, n_x):
        raise ValueError(f"vocab_size is {vocab_size}, expected {n_x} as parameters['Wax'] has columns")
    check_letters(X, Y, n_x, n_y)
    a_prev = floats("a_prev", a_prev, n_a, 1)
    states = weights.run(tokens(X), a_prev.ravel())
    logits = weights.logits(states[1:])
    loss, _, _, _ = _core.cross_entropy(logits, tokens(Y), 1.0)
    one_hot = np.zeros((len(X), n_x))
    for t, letter in enumerate(X):
        one_hot[t, [] if letter is None else letter] = 1
    cache = Cache(_columns(_core.softmax(logits)), _columns(states, first=-1), _columns(one_hot))
    return loss, cache


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
    y_hat, a, _ = cache
    weights = Weights.of(parameters)
    (n_x, n_a), n_y = weights.W.shape, len(weights.dense_b)
    check_letters(X, Y, n_x, n_y)
    if len(y_hat) != len(X):
        raise ValueError(f"cache has {len(y_hat)} steps, expected {len(X)} as X has letters")
    steps = range(len(X))
    states = np.stack([floats(f"cache.a[{t}]", a[t], n_a, 1).ravel() for t in (-1, *steps)])
    dy = np.empty((len(X), n_y))
    for t in steps:
        dy[t] = floats(f"cache.y_hat[{t}]", y_hat[t], n_y, 1).ravel()
        dy[t, Y[t]] -= 1
    gradients, da_prev = weights.run_back(dy, tokens(X), states, np.zeros(n_a))
    return gradients.parameters(prefix="d") | {"da_next": da_prev[:, np.newaxis]}, a


def tokens(letters: Sequence[int | None]) -> Letters:
    """Give the engine's tokens [T]: -1 stands for None."""
    return np.array([-1 if letter is None else letter for letter in letters], dtype=np.int32)


def _row(column: Floats) -> Floats:
    """Turn a column [n, 1] into the one row of [1, n]."""
    return np.ascontiguousarray(column.T)


def _columns(rows: Floats, first: int = 0) -> States:
    """Give the rows [T, n] as columns [n, 1] by time step."""
    return {t: row[:, np.newaxis] for t, row in enumerate(rows, first)}
