"""The next-token language model: tokens -> stack of LSTM layers -> dense layer -> loss, or a draw.

Parameters are a dict as `initialise.parameters` makes it. Tokens are batch first, (N, T); -1 is no token: a
zero input, or a target that does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rnnfast.reference import dense, lstm
from rnnfast.reference._arrays import Floats, Integers, floats, tokens
from rnnfast.reference.loss import Reduction, accuracy, cross_entropy, reduction_divisor, row_losses, softmax
from rnnfast.reference.optimizer import (
    Adam,
    Optimizer,
    Parameters,
    clip_by_norm,
    clip_by_value,
    global_norm,
)
from rnnfast.reference.optimizer import State as OptimizerState
from rnnfast.reference.random import SAMPLING, permutation, uniform
from rnnfast.reference.sampling import draw

Prompt = Sequence[int] | Sequence[Sequence[int]] | Integers


class State(NamedTuple):
    """What the layers remember of N streams: h and c [L, N, H]."""

    h: Floats
    c: Floats


class Fit(NamedTuple):
    """What `fit` gives: new parameters, the optimiser's state, and the reduced loss of each epoch."""

    parameters: Parameters
    optimizer_state: OptimizerState
    losses: list[float]


class Generated(NamedTuple):
    """What `generate` gives: int32 tokens (N, length), state, and position [N], the tokens drawn so far."""

    tokens: NDArray[np.int32]
    state: State
    position: NDArray[np.uint64]


def num_layers(parameters: Mapping[str, Floats]) -> int:
    """L: how many `layers.l.R` there are."""
    return sum(name.startswith("layers.") and name.endswith(".R") for name in parameters)


def zero_state(parameters: Mapping[str, Floats], N: int) -> State:
    """Make the state before the first token of N streams."""
    shape = num_layers(parameters), N, parameters["layers.0.R"].shape[0]
    return State(np.zeros(shape), np.zeros(shape))


def forward(
    parameters: Mapping[str, Floats], X: ArrayLike, state: State | None = None
) -> tuple[Floats, State]:
    """Logits [T, N, V] after each token of X (N, T), and the state after the last; no `state` means zeros.

    >>> from rnnfast.reference import initialise
    >>> logits, state = forward(initialise.parameters(vocab_size=5, hidden_size=4), [[0, 1, 2], [3, 4, -1]])
    >>> logits.shape, state.h.shape
    ((3, 2, 5), (1, 2, 4))
    """
    layers = _forward_layers(parameters, X, state)
    logits = dense.forward(layers[-1].h[1:], parameters["dense.W"], parameters["dense.b"])
    return logits, State(np.stack([a.h[-1] for a in layers]), np.stack([a.c[-1] for a in layers]))


def predict(
    parameters: Mapping[str, Floats], X: ArrayLike, state: State | None = None
) -> tuple[Floats, State]:
    """Probabilities (N, T, V) of what follows each token of X (N, T), and the state after the last."""
    logits, state = forward(parameters, X, state)
    return softmax(logits).swapaxes(0, 1), state


def loss_and_gradients(
    parameters: Mapping[str, Floats], X: ArrayLike, Y: ArrayLike, reduction: Reduction = "token"
) -> tuple[float, Parameters]:
    """Give the reduced cross-entropy of targets Y after X, (N, T), and its gradient on each parameter."""
    layers = _forward_layers(parameters, X, None)
    h_top = layers[-1].h[1:]
    logits = dense.forward(h_top, parameters["dense.W"], parameters["dense.b"])
    loss, dlogits = cross_entropy(logits, np.transpose(Y), reduction)

    dh, dW, db = dense.backward(dlogits, h_top, parameters["dense.W"])
    gradients = {"dense.W": dW, "dense.b": db}
    for layer in reversed(range(len(layers))):
        x = np.transpose(X) if layer == 0 else layers[layer - 1].h[1:]
        W, R, _ = _weights(parameters, layer)
        dx, dW, dR, db, _, _ = lstm.backward(dh, x, *layers[layer], W, R)
        gradients |= {f"layers.{layer}.W": dW, f"layers.{layer}.R": dR, f"layers.{layer}.b": db}
        if dx is not None:
            dh = dx
    return loss, {name: gradients[name] for name in parameters}


def fit(
    parameters: Mapping[str, Floats],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    epochs: int,
    batch_size: int | None = None,
    optimizer: Optimizer | None = None,
    reduction: Reduction = "token",
    clip_value: float | None = None,
    clip_norm: float | None = None,
    keras_clip_norm: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    first_epoch: int = 0,
    optimizer_state: OptimizerState | None = None,
) -> Fit:
    """Train on samples X, Y (N, T).

    Each epoch goes over the samples in the order `random.permutation(N, seed, epoch)`, in batches of
    `batch_size`, the last one smaller if it must be. A gradient is clipped by value, then by norm. To go on
    where a fit ended, hand in its parameters and optimiser state, and `first_epoch` raised by its epochs: the
    result is that of one longer fit.

    Parameters
    ----------
    parameters : mapping of str to float array
        To begin with; they are not changed.
    X, Y : integer array (N, T)
        Inputs and targets.
    epochs : int
        How many times to go over the samples.
    batch_size : int, optional
        None: all samples.
    optimizer : SGD, RMSprop, Adam or AdamW, optional
        None: `Adam()`.
    reduction, clip_value, clip_norm, keras_clip_norm
        See `loss.cross_entropy`, `optimizer.clip_by_value` and `optimizer.clip_by_norm`.
    shuffle : bool
        False keeps the samples' order.
    seed, first_epoch : int
        What decides the order.
    optimizer_state : optimizer.State, optional
        None starts afresh.

    Returns
    -------
    Fit
        `losses[e]`: over the whole of epoch e, per target that counts ("token") or per sample ("sequence"),
        each batch measured before its update.

    Raises
    ------
    FloatingPointError
        Where a loss or gradient is not finite; names epoch and step, counted from 0.
    ValueError
        Where an option or a token is outside its range, or no target counts.

    Examples
    --------
    >>> from rnnfast.reference import initialise
    >>> X, Y = np.array([[0, 1, 2], [2, 0, 1]]), np.array([[1, 2, 0], [0, 1, 2]])
    >>> result = fit(initialise.parameters(3, 8), X, Y, epochs=40, optimizer=Adam(0.05))
    >>> result.losses[0] > 1 and result.losses[-1] < 0.1
    True
    """
    X, Y = _samples(parameters, X, Y)
    samples = len(X)
    batch = samples if batch_size is None else batch_size
    if epochs < 0 or batch < 1:
        raise ValueError(f"epochs is {epochs} and batch_size {batch}, expected at least 0 and at least 1")
    if not (Y >= 0).any():
        raise ValueError("Y has no target that counts: all are -1")
    optimizer = Adam() if optimizer is None else optimizer
    state = optimizer_state
    current = dict(parameters)
    losses = []
    for epoch in range(first_epoch, first_epoch + epochs):
        order = permutation(samples, seed, epoch) if shuffle else np.arange(samples)
        total = 0.0
        for step, first in enumerate(range(0, samples, batch)):
            chosen = order[first : first + batch]
            loss, gradients = loss_and_gradients(current, X[chosen], Y[chosen], reduction)
            if clip_value is not None:
                gradients = clip_by_value(gradients, clip_value)
            if not (np.isfinite(loss) and np.isfinite(global_norm(gradients))):
                raise FloatingPointError(
                    f"fit: the loss or gradient is not finite at epoch {epoch}, step {step}"
                )
            if clip_norm is not None:
                gradients, _ = clip_by_norm(gradients, clip_norm, keras_clip_norm)
            current, state = optimizer.update(current, gradients, state)
            total += loss * reduction_divisor(Y[chosen].T, reduction)
        losses.append(total / reduction_divisor(Y.T, reduction))
    return Fit(current, state or OptimizerState(), losses)


def evaluate(parameters: Mapping[str, Floats], X: ArrayLike, Y: ArrayLike) -> dict[str, float]:
    """Give `loss` (mean nats per target that counts), `perplexity`, `bits_per_token` and `accuracy`."""
    X, Y = _samples(parameters, X, Y)
    logits, _ = forward(parameters, X)
    loss = float(row_losses(logits, Y.T).sum()) / reduction_divisor(Y.T, "token")
    with np.errstate(over="ignore"):
        perplexity = float(np.exp(loss))
    return {
        "loss": loss,
        "perplexity": perplexity,
        "bits_per_token": loss / float(np.log(2)),
        "accuracy": accuracy(logits, Y.T),
    }


def generate(
    parameters: Mapping[str, Floats],
    length: int,
    *,
    prompt: Prompt | None = None,
    temperature: float = 1.0,
    greedy: bool = False,
    top_k: int | None = None,
    top_p: float | None = None,
    num_streams: int = 1,
    stop_token: int | None = None,
    seed: int = 0,
    initial_token: int = -1,
    state: State | None = None,
    position: ArrayLike | None = None,
    dtype: DTypeLike = np.float64,
) -> Generated:
    """Draw up to `length` tokens in each of N = `num_streams` streams, each token being the next input.

    Stream n draws its token number k (from `position[n]`) with the uniform number at (seed, n, k), so its
    tokens depend on no other stream. A stream ends after `length` tokens or at `stop_token`; its state is the
    one before its last token is read: to go on, give that token as the prompt.

    Parameters
    ----------
    parameters : mapping of str to float array
        The model's.
    length : int
        At least 0.
    prompt : integers, or one such list for each stream, optional
        Read before the first draw, instead of `initial_token`.
    temperature, greedy, top_k, top_p
        See `sampling.draw`.
    num_streams : int
        N.
    stop_token : int, optional
        The token that ends a stream; None: nothing does.
    seed : int
        In [0, 2^64).
    initial_token : int
        The first input of a stream without a prompt.
    state : State, optional
        Zero by default.
    position : integer array [N], optional
        Zero by default.
    dtype : float64 or float32
        In which tokens are drawn; the layers are float64 always.

    Returns
    -------
    Generated
        tokens int32 (N, length), -1 after a stop; the new state and position.

    Raises
    ------
    TypeError, ValueError
        Where an option is of another type or outside its range.

    Examples
    --------
    >>> from rnnfast.reference import initialise
    >>> result = generate(initialise.parameters(5, 4), 6, num_streams=2, seed=1)
    >>> result.tokens.shape, result.position
    ((2, 6), array([6, 6], dtype=uint64))
    """
    if length < 0 or num_streams < 0:
        raise ValueError(f"length is {length} and num_streams {num_streams}, expected at least 0")
    V, N = parameters["dense.b"].shape[0], num_streams
    tokens("initial_token", initial_token, V)
    prompts = _prompts(prompt, initial_token, N, V)
    h, c = (
        zero_state(parameters, N) if state is None else State(*(np.array(s, dtype=np.float64) for s in state))
    )
    positions = np.zeros(N, np.uint64) if position is None else np.array(position, dtype=np.uint64)
    drawn = np.full((N, length), -1, dtype=np.int32)
    for n in range(N if length else 0):
        own = State(h[:, n : n + 1], c[:, n : n + 1])
        read = prompts[n]
        for k in range(length):
            logits, own = forward(parameters, [read], own)
            u = uniform(seed, n, int(positions[n]), SAMPLING, dtype)
            token = draw(logits[-1, 0].astype(dtype), float(u), temperature, greedy, top_k, top_p)
            drawn[n, k] = token
            positions[n] += np.uint64(1)
            if token == stop_token:
                break
            read = np.array([token])
        h[:, n : n + 1], c[:, n : n + 1] = own
    return Generated(drawn, State(h, c), positions)


def _weights(parameters: Mapping[str, Floats], layer: int) -> tuple[Floats, Floats, Floats]:
    prefix = f"layers.{layer}."
    return parameters[prefix + "W"], parameters[prefix + "R"], parameters[prefix + "b"]


def _forward_layers(
    parameters: Mapping[str, Floats], X: ArrayLike, state: State | None
) -> list[lstm.Activations]:
    """Run the layers, the first of which reads the tokens and each other one the layer below."""
    X = tokens("X", X, parameters["layers.0.W"].shape[0], ndim=2)
    L, N, H = num_layers(parameters), X.shape[0], parameters["layers.0.R"].shape[0]
    h, c = zero_state(parameters, N) if state is None else state
    h, c = floats("state.h", h, L, N, H), floats("state.c", c, L, N, H)
    layers: list[lstm.Activations] = []
    for layer in range(L):
        x = X.T if layer == 0 else layers[-1].h[1:]
        layers.append(lstm.forward(x, *_weights(parameters, layer), h[layer], c[layer]))
    return layers


def _samples(parameters: Mapping[str, Floats], X: ArrayLike, Y: ArrayLike) -> tuple[Integers, Integers]:
    V = parameters["dense.b"].shape[0]
    X, Y = tokens("X", X, V, ndim=2), tokens("Y", Y, V, ndim=2)
    if X.shape != Y.shape or X.size == 0:
        raise ValueError(f"X and Y have shapes {X.shape} and {Y.shape}, expected the same, neither empty")
    return X, Y


def _prompts(prompt: Prompt | None, initial_token: int, N: int, V: int) -> list[Integers]:
    """Give what each of N streams reads first: its own prompt or the one for all, or `initial_token`."""
    given = [] if prompt is None else list(prompt)
    own = given if given and np.ndim(given[0]) == 1 else [given] * N
    if len(own) != N:
        raise ValueError(f"prompt holds {len(own)} prompts, expected num_streams = {N}, or one for all")
    return [tokens("prompt", one if len(one) else [initial_token], V, ndim=1) for one in own]
