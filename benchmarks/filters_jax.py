"""What a sampler does to logits [N, V] before temperature and draw, in JAX: what a filter drops becomes -inf.

To be traced within one `jit`. Only the values are sorted, and the least value that stays is a threshold.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def top_n_sigma(n: float, logits: Any) -> Any:
    """Within n standard deviations of the largest."""
    least = logits.max(axis=1, keepdims=True) - n * logits.std(axis=1, keepdims=True)
    return jnp.where(logits >= least, logits, -jnp.inf)


def top_k(k: int, logits: Any) -> Any:
    """The k largest."""
    return jnp.where(logits >= jax.lax.top_k(logits, k)[0][:, -1:], logits, -jnp.inf)


def typical_p(share: float, logits: Any) -> Any:
    """Those of a surprise nearest to the entropy."""
    log_p = jax.nn.log_softmax(logits, axis=1)
    p = jnp.exp(log_p)
    distance = jnp.abs(log_p - (p * log_p).sum(axis=1, keepdims=True))
    ordered, p_ordered = jax.lax.sort((distance, p), dimension=1, num_keys=1)
    farthest = jnp.where(_before(p_ordered) < share, ordered, 0).max(axis=1, keepdims=True)
    return jnp.where(distance <= farthest, logits, -jnp.inf)


def top_p(share: float, logits: Any) -> Any:
    """The likeliest."""
    p = jax.nn.softmax(logits, axis=1)
    ordered = -jnp.sort(-p, axis=1)
    least = jnp.where(_before(ordered) < share, ordered, 1).min(axis=1, keepdims=True)
    return jnp.where(p >= least, logits, -jnp.inf)


def min_p(share: float, logits: Any) -> Any:
    """Those at least `share` times as likely as the likeliest."""
    return jnp.where(logits >= logits.max(axis=1, keepdims=True) + jnp.log(share), logits, -jnp.inf)


def _before(p: Any) -> Any:
    """Sums of what comes before, by a product: XLA's cumsum takes several passes."""
    return p @ jnp.triu(jnp.ones((p.shape[1],) * 2, p.dtype), 1)
