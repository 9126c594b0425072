"""The peer in JAX, the strongest on small models: whole loops (all tokens, all epochs) in one jit-compiled call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from benchmarks import filters_jax
from benchmarks.filters import filters, penalise
from benchmarks.peers import Naming, Training
from rnnfast import Sampler

Floats = npt.NDArray[Any]
Tokens = npt.NDArray[np.int32]
NAME = f"JAX {jax.__version__}"


def generators(
    parameters: dict[str, Floats], streams: int, length: int, sampler: Sampler
) -> dict[str, Callable[[Floats], Tokens]]:
    """One scan over all tokens, the draw inside."""
    table = _input_table(parameters)
    R, dense_W, dense_b = (jnp.asarray(parameters[n]) for n in ("layers.0.R", "dense.W", "dense.b"))
    H, V = dense_W.shape
    triangle = jnp.triu(jnp.ones((V, V), jnp.float32))

    def step(carry: Any, u: Any) -> Any:
        h, c, token, counts = carry
        h, c = _cell(table[token] + h @ R, c)
        logits = h @ dense_W + dense_b
        if sampler.has_penalties:
            logits = penalise(jnp.where, sampler, counts, logits)
        for keep in filters(sampler, filters_jax):
            logits = keep(logits)
        logits = logits * (1 / sampler.temperature)
        # sums by a product: XLA's cumsum takes several passes
        total = jnp.exp(logits - logits.max(axis=1, keepdims=True)) @ triangle
        token = (total <= u[:, None] * total[:, -1:]).sum(axis=1)
        if sampler.has_penalties:
            counts = counts + jax.nn.one_hot(token, V)
        return (h, c, token, counts), token

    @jax.jit
    def run(uniform: Any) -> Any:
        zeros = jnp.zeros((streams, H))
        start = zeros, zeros, jnp.full(streams, -1), jnp.zeros((streams, V))
        return jax.lax.scan(step, start, uniform)[1]

    return {"one jit": lambda uniform: np.asarray(run(uniform)).T}


def trainer(
    parameters: dict[str, Floats], training: Training, X: Tokens, Y: Tokens
) -> Callable[[], list[float]]:
    """All epochs, gradients and Adam in one compiled call."""
    batches = [(jnp.asarray(X[b].T), jnp.asarray(Y[b].T)) for b in training.batches()]

    def step(state: Any, batch: Any) -> Any:
        p, m, v, steps = state
        loss, g = jax.value_and_grad(_loss)(p, *batch)
        rate = training.rate / (1 + training.decay * steps)
        steps = steps + 1
        scaled = rate / (1 - 0.9**steps)
        correction = jnp.sqrt(1 - 0.999**steps)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        p = jax.tree.map(lambda p, m, v: p - scaled * m / (jnp.sqrt(v) / correction + 1e-8), p, m, v)
        return (p, m, v, steps), loss * batch[0].shape[1]

    def epoch(state: Any, _: None) -> Any:
        total = 0.0
        for batch in batches:
            state, loss = step(state, batch)
            total += loss
        return state, total / len(X)

    @jax.jit
    def run(state: Any) -> Any:
        return jax.lax.scan(epoch, state, None, length=training.epochs)

    p = {name: jnp.asarray(value) for name, value in parameters.items()}
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = p, zeros, zeros, jnp.float32(0)

    def train() -> list[float]:
        nonlocal state
        state, losses = run(state)
        return [float(loss) for loss in np.asarray(losses)]

    return train


def name_learner(parameters: dict[str, Floats], naming: Naming) -> Callable[[], Floats]:
    """All names in one compiled scan."""

    def loss_of(p: dict[str, Any], h: Any, X: Any, Y: Any) -> Any:
        table = jnp.vstack([p["W"], jnp.zeros_like(p["W"][:1])]) + p["b"]  # -1: the last row

        def step(h: Any, a: Any) -> Any:
            h = jnp.tanh(a + h @ p["R"])
            return h, h

        _, states = jax.lax.scan(step, h, table[X])
        log_p = jax.nn.log_softmax(states @ p["dense.W"] + p["dense.b"])
        right = jnp.take_along_axis(log_p, jnp.maximum(Y, 0)[:, None], axis=1)[:, 0]
        return -jnp.where(Y >= 0, right, 0).sum(), states[(Y >= 0).sum() - 1]

    def learn(state: Any, X: Any, Y: Any) -> Any:
        p, h = state
        (loss, h), g = jax.value_and_grad(loss_of, has_aux=True)(p, h, X, Y)
        p = jax.tree.map(lambda p, g: p - naming.rate * jnp.clip(g, -naming.limit, naming.limit), p, g)
        return (p, h), loss

    run = scan_over_names(learn, naming)
    state = {name: jnp.asarray(value) for name, value in parameters.items()}, jnp.zeros(naming.hidden_size)

    def train() -> Floats:
        nonlocal state
        state, losses = run(state)
        return np.asarray(losses)

    return train


def scan_over_names(learn: Callable[[Any, Any, Any], Any], naming: Naming) -> Callable[[Any], Any]:
    """One compiled call for all names: of a state, to the last state and the losses.

    `learn` takes a state, and a name's inputs and targets with -1 behind them up to a multiple of four letters: each
    such size is a branch of its own, since what is filled up takes as long as a letter.
    """
    sizes = [-(-len(name) // 4) * 4 for name in naming.inputs]
    branch_sizes = sorted(set(sizes))

    def filled(names: list[Tokens]) -> Any:
        rows = [np.pad(name, (0, branch_sizes[-1] - len(name)), constant_values=-1) for name in names]
        return jnp.asarray(np.stack(rows))

    def branch(size: int) -> Callable[[Any, Any, Any], Any]:
        return lambda state, X, Y: learn(state, X[:size], Y[:size])

    branches = [branch(size) for size in branch_sizes]
    which = jnp.asarray([branch_sizes.index(size) for size in sizes])
    names = which, filled(naming.inputs), filled(naming.targets)
    return jax.jit(
        lambda state: jax.lax.scan(
            lambda state, name: jax.lax.switch(name[0], branches, state, *name[1:]), state, names
        )
    )


def sequence(W: Floats, R: Floats, b: Floats, steps: int) -> Callable[[Floats], Floats]:
    """One scan in one compiled call."""
    w, r, bias = (jnp.asarray(a) for a in (W, R, b))
    run = jax.jit(lambda x: _layer(x @ w + bias, r))
    return lambda x: np.asarray(run(x))


def _cell(a: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = jnp.split(a, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _layer(a: Any, R: Any) -> Any:
    """Hidden states [T, N, H] for the input's part of the gates, a [T, N, 4H]."""

    def step(carry: Any, at: Any) -> Any:
        h, c = carry
        h, c = _cell(at + h @ R, c)
        return (h, c), h

    zeros = jnp.zeros((a.shape[1], R.shape[0]))
    return jax.lax.scan(step, (zeros, zeros), a)[1]


def _input_table(parameters: dict[str, Any]) -> Any:
    W = parameters["layers.0.W"]
    return jnp.vstack([W, jnp.zeros_like(W[:1])]) + parameters["layers.0.b"]  # -1: the last row


def _loss(p: dict[str, Any], X: Any, Y: Any) -> Any:
    h = _layer(_input_table(p)[X], p["layers.0.R"])
    for layer in range(1, sum(name.endswith(".R") for name in p)):
        W, R, b = (p[f"layers.{layer}.{name}"] for name in "WRb")
        h = _layer(h @ W + b, R)
    log_p = jax.nn.log_softmax(h @ p["dense.W"] + p["dense.b"])
    right = jnp.take_along_axis(log_p, jnp.maximum(Y, 0)[..., None], axis=-1)[..., 0]
    return -jnp.where(Y >= 0, right, 0).sum() / X.shape[1]
