"""Train the jazz exercise's model: 60 windows of 30 tokens, 64 units, 90 values, Adam; batches of 32 and of 60."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.harness import Peer, Row, compare
from benchmarks.peers import Peers
from rnnfast import Adam, LanguageModel
from rnnfast.reference import random

V, H, N, T = 90, 64, 60, 30
EPOCHS = 10
RATE, DECAY = 0.01, 0.01


def data() -> tuple[np.ndarray, np.ndarray]:
    """Windows of a random tune of 275 tokens, in the exercise's form: no first input, no last target."""
    generator = np.random.default_rng(0)
    tune = generator.integers(0, V, 275)
    windows = np.stack([tune[start : start + T] for start in generator.integers(0, 275 - T, N)]).astype(
        np.int32
    )
    X, Y = windows.copy(), np.roll(windows, -1, axis=1)
    X[:, 0] = -1
    Y[:, 1:] = np.where(np.arange(1, T) == T - 1, -1, Y[:, 1:])
    return X, Y


def train_peer(model: object, batch: int, epochs: int) -> list[float]:
    """Train in the order that `fit` takes; the loss of each epoch."""
    X, Y = data()
    losses = []
    for epoch in range(epochs):
        order = random.permutation(N, 0, epoch)
        batches = [order[first : first + batch] for first in range(0, N, batch)]
        losses.append(sum(model.step(X[b], Y[b]) * len(b) for b in batches) / N)  # type: ignore[attr-defined]
    return losses


def train_ours(batch: int, epochs: int) -> list[float]:
    """The same with rnnfast."""
    model = LanguageModel(V, H)
    optimizer = Adam(RATE, decay=DECAY)
    return model.fit(
        *data(), epochs=epochs, batch_size=batch, optimizer=optimizer, reduction="sequence"
    ).sequence_loss


def rows(peers: Peers) -> Iterator[Row]:
    """Compare with every peer that is installed; first the loss curves must agree within 1 %."""
    start = LanguageModel(V, H)
    for batch in (32, 60):
        for peer in peers.models(start, RATE, DECAY):
            np.testing.assert_allclose(
                train_ours(batch, EPOCHS), train_peer(peer.model, batch, EPOCHS), rtol=0.01
            )
            ours = Peer("rnnfast", lambda b=batch: train_ours(b, EPOCHS))
            theirs = Peer(peer.name, lambda p=peer, b=batch: train_peer(p.model, b, EPOCHS))
            yield compare(f"train jazz, batch {batch}", "epoch", EPOCHS, ours, theirs)
